/** Who may sign in: the app roles of each person by their bearer token. */
export type People = Readonly<Record<string, readonly string[]>>;

type Headers = Record<string, string>;

// As in infra/reporter.bicep.
const excludedPaths = ["/api/health"];

/**
 * The headers that App Service authentication hands on: only its own say who calls. `null`: nobody is signed in on a path
 * where somebody must be.
 */
export function afterSignIn(headers: Headers, path: string, people: People): Headers | null {
  const outside = Object.entries(headers).filter(([name]) => !/^x-ms-(client-principal|token-)/i.test(name));
  const rest: Headers = Object.fromEntries(outside);
  const person = /^Bearer (\S+)$/.exec(rest.authorization ?? "")?.[1] ?? "";
  const roles = Object.hasOwn(people, person) ? people[person] : undefined;
  if (roles) return { ...rest, ...principalHeaders(person, roles) };
  return excludedPaths.includes(path) ? rest : null;
}

function principalHeaders(person: string, roles: readonly string[]): Headers {
  const principal = {
    auth_typ: "aad",
    claims: [
      { typ: "preferred_username", val: `${person}@contoso.example` },
      ...roles.map((val) => ({ typ: "roles", val })),
    ],
    name_typ: "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    role_typ: "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
  };
  return {
    "x-ms-client-principal": Buffer.from(JSON.stringify(principal)).toString("base64"),
    "x-ms-client-principal-name": `${person}@contoso.example`,
    "x-ms-client-principal-idp": "aad",
  };
}
