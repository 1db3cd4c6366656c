import { randomUUID } from "node:crypto";
import { ManagedIdentityCredential } from "@azure/identity";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import {
  type IdentityBehaviour,
  type IdentityEndpoint,
  reporterResources,
  startIdentityEndpoint,
} from "../../local/identity-endpoint.ts";

const storage = "https://storage.azure.com";
const defender = "https://api.securitycenter.microsoft.com";
const tenantId = "22222222-2222-4222-8222-222222222222";
let endpoint: IdentityEndpoint;

// The identity library reads the address of its endpoint once per process.
beforeAll(async () => {
  endpoint = await startIdentityEndpoint({ now: () => new Date(), tenantId });
  vi.stubEnv("IDENTITY_ENDPOINT", endpoint.url);
  vi.stubEnv("IDENTITY_HEADER", endpoint.header);
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await endpoint.close();
});

/** An identity of its own for each test, because the library keeps tokens for the life of the process. */
function behave(behaviour: Partial<IdentityBehaviour> = {}): string {
  const clientId = randomUUID();
  const normal = { resources: reporterResources, clientIds: [clientId], lifetimeSeconds: 86_400, fault: null };
  Object.assign(endpoint.behaviour, normal, behaviour);
  return clientId;
}

const issuedTo = (clientId: string | null) => endpoint.issued.filter((token) => token.clientId === clientId);

function credential(id?: string): ManagedIdentityCredential {
  const retryOptions = { maxRetries: 0 };
  return id
    ? new ManagedIdentityCredential({ clientId: id, retryOptions })
    : new ManagedIdentityCredential({ retryOptions });
}

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
}

function ask({ url, header }: IdentityEndpoint, query: Record<string, string>, headers: Record<string, string> = {}) {
  const search = new URLSearchParams({ "api-version": "2019-08-01", resource: storage, ...query });
  return fetch(`${url}?${search}`, { headers: { "X-IDENTITY-HEADER": header, ...headers } });
}

describe("the real credential", () => {
  test("gets a token for storage, as the system-assigned identity, valid for a day", async () => {
    behave();
    const before = Math.floor(Date.now() / 1_000);
    const { token, expiresOnTimestamp } = await credential().getToken(`${storage}/.default`);
    const after = Math.floor(Date.now() / 1_000);

    expect(token).toMatch(/^[\w-]+\.[\w-]+\.$/);
    const claims = claimsOf(token);
    expect(claims).toMatchObject({ aud: storage, iss: `https://sts.windows.net/${tenantId}/`, roles: [] });
    expect(claims.iat).toBeGreaterThanOrEqual(before);
    expect(claims.iat).toBeLessThanOrEqual(after);
    expect(claims.nbf).toBe(claims.iat);
    expect(Number(claims.exp) - Number(claims.iat)).toBe(24 * 60 * 60);
    // The library counts the whole seconds that are left from its own clock.
    expect(Math.abs(expiresOnTimestamp / 1_000 - Number(claims.exp))).toBeLessThanOrEqual(1);
    expect(issuedTo(null)).toMatchObject([{ resource: storage }]);
  });

  test("gets the app roles of the resource it asks for, and no others", async () => {
    const roles = ["Software.Read.All", "Machine.Read.All"];
    const id = behave({ resources: { [storage]: [], [defender]: roles } });
    const forDefender = await credential(id).getToken(`${defender}/.default`);
    const forStorage = await credential(id).getToken(`${storage}/.default`);

    expect(claimsOf(forDefender.token)).toMatchObject({ aud: defender, roles });
    expect(claimsOf(forStorage.token)).toMatchObject({ aud: storage, roles: [] });
    expect(issuedTo(id)).toMatchObject([{ resource: defender }, { resource: storage }]);
  });

  test("keeps a token that is valid for a day, without a role granted meanwhile", async () => {
    const id = behave({ resources: { [defender]: [] } });
    await credential(id).getToken(`${defender}/.default`);
    endpoint.behaviour.resources = { [defender]: ["Software.Read.All"] };
    const { token } = await credential(id).getToken(`${defender}/.default`);

    expect(claimsOf(token).roles).toEqual([]);
    expect(issuedTo(id)).toHaveLength(1);
  });

  test("asks again for a short-lived token, and gets the roles of that moment", async () => {
    const id = behave({ resources: { [defender]: [] }, lifetimeSeconds: 60 });
    await credential(id).getToken(`${defender}/.default`);
    endpoint.behaviour.resources = { [defender]: ["Software.Read.All"] };
    const { token } = await credential(id).getToken(`${defender}/.default`);

    expect(claimsOf(token).roles).toEqual(["Software.Read.All"]);
    expect(issuedTo(id).map(({ issuedAt, expiresAt }) => expiresAt.getTime() - issuedAt.getTime())).toEqual([
      60_000, 60_000,
    ]);
  });

  test("learns which resource is unknown", async () => {
    const graph = credential(behave()).getToken("https://graph.microsoft.com/.default");
    await expect(graph).rejects.toThrow(/AADSTS500011.*https:\/\/graph\.microsoft\.com/);
  });

  test("learns that an identity does not belong to the app", async () => {
    const id = behave({ clientIds: [randomUUID()] });
    await expect(credential(id).getToken(`${storage}/.default`)).rejects.toThrow(`client id ${id}`);
    expect(issuedTo(id)).toEqual([]);
  });
});

describe("a fault", () => {
  test("breaks the connection until it is ended", async () => {
    const id = behave({ fault: "down" });
    await expect(credential(id).getToken(`${storage}/.default`)).rejects.toThrow(/network/i);
    expect(issuedTo(id)).toEqual([]);

    endpoint.behaviour.fault = null;
    expect(claimsOf((await credential(id).getToken(`${storage}/.default`)).token)).toMatchObject({ appid: id });
  });
});

describe("the protocol", () => {
  test("follows the clock that it was given", async () => {
    const now = () => new Date("2026-11-23T05:00:00.900Z");
    const frozen = await startIdentityEndpoint({ now });
    frozen.behaviour.lifetimeSeconds = 3_600;
    const answer = (await (await ask(frozen, {})).json()) as Record<string, string>;
    await frozen.close();

    expect(answer).toMatchObject({ expires_on: "1795413600", resource: storage, token_type: "Bearer" });
    expect(claimsOf(answer.access_token ?? "")).toMatchObject({ iat: 1795410000, exp: 1795413600 });
    expect(frozen.issued).toEqual([
      {
        resource: storage,
        clientId: null,
        issuedAt: new Date("2026-11-23T05:00:00Z"),
        expiresAt: new Date("2026-11-23T06:00:00Z"),
      },
    ]);
  });

  test("ignores slashes at the end of a resource", async () => {
    behave();
    expect(await (await ask(endpoint, { resource: `${storage}//` })).json()).toMatchObject({ resource: storage });
  });

  test.each([
    ["a request without the secret", {}, { "X-IDENTITY-HEADER": "" }, 401],
    ["a wrong secret", {}, { "X-IDENTITY-HEADER": randomUUID() }, 401],
    ["another version", { "api-version": "2017-09-01" }, {}, 400],
    ["an empty resource", { resource: "" }, {}, 400],
    ["an unknown resource", { resource: "https://vault.azure.net" }, {}, 400],
    ["a resource named like a property of every object", { resource: "constructor" }, {}, 400],
    ["an unknown identity", { client_id: "x" }, {}, 400],
    ["an empty identity", { client_id: "" }, {}, 400],
  ])("%s is refused", async (_, query, headers, status) => {
    behave();
    const before = endpoint.issued.length;
    const response = await ask(endpoint, query, headers);

    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({ statusCode: status, message: expect.any(String) });
    expect(endpoint.issued).toHaveLength(before);
  });

  test("other addresses and methods do not exist", async () => {
    behave();
    const headers = { "X-IDENTITY-HEADER": endpoint.header };
    expect((await fetch(endpoint.url.replace("/msi/token", "/"), { headers })).status).toBe(404);
    expect((await fetch(endpoint.url, { method: "POST", headers })).status).toBe(404);
  });

  test("every endpoint has its own secret and listens on 127.0.0.1", async () => {
    const other = await startIdentityEndpoint({ now: () => new Date() });
    await other.close();
    expect(other.header).not.toBe(endpoint.header);
    expect(new URL(endpoint.url).hostname).toBe("127.0.0.1");
  });
});
