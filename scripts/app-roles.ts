import { setTimeout as sleep } from "node:timers/promises";

/** Where Microsoft Graph lives, by the names of DEFENDER_CLOUD. */
export const graphHosts: Readonly<Record<string, string>> = {
  public: "https://graph.microsoft.com",
  gcc: "https://graph.microsoft.com",
  "gcc-high": "https://graph.microsoft.us",
  dod: "https://dod-graph.microsoft.us",
};

export interface Grant {
  /** Without a trailing slash. */
  graph: string;
  token: string;
  /** Object id of the app's identity. */
  principalId: string;
  /** App roles of WindowsDefenderATP by their values, such as `Software.Read.All`. */
  roles: readonly string[];
  log: (line: string) => void;
  pause?: (ms: number) => Promise<unknown>;
}

/** The signed-in person may not grant; `commands` are for someone who may. */
export class MayNotGrantError extends Error {
  readonly commands: readonly string[];

  constructor(commands: readonly string[]) {
    super(
      "You may not grant app roles. Send these commands to a Privileged Role Administrator, and continue when they have run them.",
    );
    this.name = "MayNotGrantError";
    this.commands = commands;
  }
}

// The application of Defender for Endpoint's API, the same in every tenant.
const defenderAppId = "fc780465-2017-40d4-a0c5-307022471b92";

// A new identity is not known everywhere at once, which usually takes seconds and at times minutes.
const patienceMs = 5 * 60_000;
const pausesMs = [2_000, 5_000, 10_000, 15_000];

/** One grant with what is left of its patience. */
interface Session extends Grant {
  leftMs: number;
}

interface Answer {
  status: number;
  text: string;
  /** Undefined: not said. */
  retryAfterMs: number | undefined;
}

interface Resource {
  id: string;
  appRoles: readonly { id: string; value: string; allowedMemberTypes: readonly string[] }[];
}

/** Grants the roles that the identity does not have yet. Waits five minutes at most for what may pass. */
export async function grantAppRoles(options: Grant): Promise<void> {
  const grant: Session = { ...options, leftMs: patienceMs };
  const resource = await findDefender(grant);
  const held = await rolesHeld(grant, resource);
  const lines: string[] = [];
  for (const role of grant.roles) {
    const appRoleId = roleId(resource, role);
    if (held.has(appRoleId)) grant.log(`${role}: granted already`);
    else if (await assign(grant, resource, appRoleId)) grant.log(`${role}: granted`);
    else lines.push(commandFor(grant, resource, appRoleId));
  }
  if (lines.length > 0) throw new MayNotGrantError(lines);
}

async function findDefender(grant: Session): Promise<Resource> {
  const query = new URLSearchParams({ $filter: `appId eq '${defenderAppId}'`, $select: "id,appRoles" });
  const { value } = await ask<{ value: Resource[] }>(grant, `/servicePrincipals?${query}`);
  const [resource] = value;
  if (resource) return resource;
  throw new Error(
    "This tenant has no application WindowsDefenderATP. Check that Defender for Endpoint is set up in this tenant, and that DEFENDER_CLOUD is right.",
  );
}

async function rolesHeld(grant: Session, resource: Resource): Promise<Set<string>> {
  const path = `/servicePrincipals/${encodeURIComponent(grant.principalId)}/appRoleAssignments`;
  const { value } = await ask<{ value: { resourceId: string; appRoleId: string }[] }>(grant, path);
  return new Set(value.filter(({ resourceId }) => resourceId === resource.id).map(({ appRoleId }) => appRoleId));
}

function roleId({ appRoles }: Resource, role: string): string {
  const offered = appRoles.filter(({ allowedMemberTypes }) => allowedMemberTypes.includes("Application"));
  const found = offered.find(({ value }) => value === role);
  if (found) return found.id;
  throw new Error(
    `WindowsDefenderATP has no app role ${role}. It has: ${offered.map(({ value }) => value).join(", ")}.`,
  );
}

/** False if the signed-in person may not. */
async function assign(grant: Session, resource: Resource, appRoleId: string): Promise<boolean> {
  const body = { principalId: grant.principalId, resourceId: resource.id, appRoleId };
  const answer = await send(grant, `/servicePrincipals/${resource.id}/appRoleAssignedTo`, body);
  // An earlier try of which the answer was lost may have granted it.
  if (isOk(answer) || (answer.status === 400 && /already exists/i.test(answer.text))) return true;
  if (answer.status === 403) return false;
  throw faultOf(answer, "POST appRoleAssignedTo");
}

function commandFor({ graph, principalId }: Grant, resource: Resource, appRoleId: string): string {
  const body = JSON.stringify({ principalId, resourceId: resource.id, appRoleId });
  return `az rest --method POST --url ${graph}/v1.0/servicePrincipals/${resource.id}/appRoleAssignedTo --headers Content-Type=application/json --body '${body}'`;
}

async function ask<T>(grant: Session, path: string): Promise<T> {
  const answer = await send(grant, path);
  if (isOk(answer)) return JSON.parse(answer.text) as T;
  throw faultOf(answer, `GET ${path.split("?")[0]}`);
}

/** The first answer that waiting does not change, or the last one. */
async function send(grant: Session, path: string, body?: object): Promise<Answer> {
  for (let tries = 0; ; tries++) {
    const answer = await call(grant, path, body);
    const reason = mayPass(answer);
    const pauseMs = answer.retryAfterMs ?? pausesMs[tries] ?? 15_000;
    if (reason === undefined || pauseMs > grant.leftMs) return answer;
    grant.leftMs -= pauseMs;
    grant.log(`Microsoft Graph ${reason} (${answer.status}). Trying again in ${Math.ceil(pauseMs / 1_000)} s.`);
    await (grant.pause ?? sleep)(pauseMs);
  }
}

/** Why a later try may get another answer; undefined if it will not. */
function mayPass({ status, text }: Answer): string | undefined {
  // To a POST it says 400 "Not a valid reference update" about an identity that it does not know.
  if (status === 404 || (status === 400 && /reference/i.test(text))) return "does not know the identity yet";
  if (status === 429) return "asks for a pause";
  return status >= 500 ? "failed" : undefined;
}

async function call({ graph, token }: Grant, path: string, body?: object): Promise<Answer> {
  const response = await fetch(`${graph}/v1.0${path}`, {
    ...(body && { method: "POST", body: JSON.stringify(body) }),
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    redirect: "error",
    signal: AbortSignal.timeout(30_000),
  });
  const seconds = Number(response.headers.get("Retry-After") ?? Number.NaN);
  const retryAfterMs = seconds > 0 ? seconds * 1_000 : undefined;
  return { status: response.status, text: await response.text(), retryAfterMs };
}

function isOk({ status }: Answer): boolean {
  return status >= 200 && status < 300;
}

function faultOf(answer: Answer, what: string): Error {
  const later = mayPass(answer) ? " Waiting did not help. Run `npm run grant` again in some minutes." : "";
  return new Error(`Microsoft Graph answered ${answer.status} to ${what}: ${answer.text.slice(0, 300)}.${later}`);
}
