import { afterEach, describe, expect, test } from "vitest";
import { grantAppRoles, graphHosts, MayNotGrantError } from "../../scripts/app-roles.ts";
import { type Handler, type HttpServer, type ScriptedAnswer, startHttpServer } from "../support/http-server.ts";

const defender = {
  id: "resource-id",
  appRoles: [
    { id: "role-software", value: "Software.Read.All", allowedMemberTypes: ["Application"] },
    { id: "role-machine", value: "Machine.Read.All", allowedMemberTypes: ["Application"] },
    { id: "scope-software", value: "Software.Read", allowedMemberTypes: ["User"] },
  ],
};

interface Tenant {
  /** Ids of the roles that the identity has. */
  held: string[];
  mayGrant: boolean;
  /** How many answers say that the identity does not exist yet. */
  unknownFor: number;
  /** What the first POSTs get instead of an answer. */
  refusals: ScriptedAnswer[];
  /** POSTs that are refused take effect all the same. */
  landsAnyway: boolean;
  hasDefender: boolean;
}

function refusal(status: number, code: string, message: string): ScriptedAnswer {
  return { status, body: { error: { code, message } } };
}

const unknownReference = refusal(400, "Request_BadRequest", "Not a valid reference update.");
const existing = refusal(400, "Request_BadRequest", "Permission being assigned already exists on the object");
const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0);

let graph: HttpServer;
const said: string[] = [];
const pauses: number[] = [];

afterEach(async () => {
  said.length = 0;
  pauses.length = 0;
  await graph.close();
});

function tenant(parts: Partial<Tenant> = {}): Handler {
  const usual = { held: [], mayGrant: true, unknownFor: 0, refusals: [], landsAnyway: false, hasDefender: true };
  const state = { ...usual, ...parts };
  const calls: Record<string, (body: string) => ScriptedAnswer> = {
    "GET /v1.0/servicePrincipals": () => ({ body: { value: state.hasDefender ? [defender] : [] } }),
    "GET /v1.0/servicePrincipals/identity/appRoleAssignments": () => {
      if (state.unknownFor-- > 0) return { status: 404, body: { error: { code: "Request_ResourceNotFound" } } };
      return { body: { value: state.held.map((appRoleId) => ({ appRoleId, resourceId: defender.id })) } };
    },
    "POST /v1.0/servicePrincipals/resource-id/appRoleAssignedTo": (body) => {
      if (!state.mayGrant) return { status: 403, body: { error: { code: "Authorization_RequestDenied" } } };
      const { appRoleId } = JSON.parse(body);
      const refusal = state.refusals.shift();
      if (refusal && !state.landsAnyway) return refusal;
      if (state.held.includes(appRoleId)) return existing;
      state.held.push(appRoleId);
      if (refusal) return refusal;
      return { status: 201, body: JSON.parse(body) };
    },
  };
  return ({ method, path, headers, body }) => {
    if (headers.authorization !== "Bearer person") return { status: 401 };
    return calls[`${method} ${path.split("?")[0]}`]?.(body) ?? { status: 400 };
  };
}

async function grant(handler: Handler, roles = ["Software.Read.All"]): Promise<void> {
  graph = await startHttpServer(handler);
  const log = (line: string) => void said.push(line);
  const pause = async (ms: number) => void pauses.push(ms);
  await grantAppRoles({ graph: graph.url, token: "person", principalId: "identity", roles, log, pause });
}

const posts = () => graph.requests.filter(({ method }) => method === "POST").map(({ body }) => JSON.parse(body));

describe("granting app roles", () => {
  test("assigns the role of Defender's application to the identity", async () => {
    await grant(tenant());
    expect(posts()).toEqual([{ principalId: "identity", resourceId: "resource-id", appRoleId: "role-software" }]);
    expect(graph.requests[0]?.path).toContain("fc780465-2017-40d4-a0c5-307022471b92");
    expect(said).toEqual(["Software.Read.All: granted"]);
  });

  test("grants more roles and leaves those that are granted already", async () => {
    await grant(tenant({ held: ["role-software"] }), ["Software.Read.All", "Machine.Read.All"]);
    expect(posts().map(({ appRoleId }) => appRoleId)).toEqual(["role-machine"]);
    expect(said).toEqual(["Software.Read.All: granted already", "Machine.Read.All: granted"]);
  });

  test("waits for an identity that was created a moment ago", async () => {
    await grant(tenant({ unknownFor: 3 }));
    expect(posts()).toHaveLength(1);
    expect(said).toEqual([
      "Microsoft Graph does not know the identity yet (404). Trying again in 2 s.",
      "Microsoft Graph does not know the identity yet (404). Trying again in 5 s.",
      "Microsoft Graph does not know the identity yet (404). Trying again in 10 s.",
      "Software.Read.All: granted",
    ]);
  });

  test.each([
    [
      "404",
      refusal(404, "Request_ResourceNotFound", "Resource 'identity' does not exist."),
      "does not know the identity",
    ],
    ["400 about a reference", unknownReference, "does not know the identity yet (400)"],
    ["500", refusal(500, "InternalServerError", ""), "failed (500)"],
    ["503", { status: 503, body: "<html>" }, "failed (503)"],
    ["429", { status: 429 }, "asks for a pause (429)"],
  ])("tries the assignment again after %s, and says so", async (_, answer, words) => {
    await grant(tenant({ refusals: [answer, answer] }));
    expect(posts()).toHaveLength(3);
    expect(pauses).toEqual([2_000, 5_000]);
    expect(said[0]).toContain(words);
    expect(said.at(-1)).toBe("Software.Read.All: granted");
  });

  test("waits as long as Graph asks", async () => {
    await grant(tenant({ refusals: [{ status: 429, headers: { "retry-after": "37" } }] }));
    expect(pauses).toEqual([37_000]);
    expect(said[0]).toContain("in 37 s");
  });

  test("takes an assignment that landed although its answer was an error for what it is", async () => {
    await grant(tenant({ refusals: [{ status: 504 }], landsAnyway: true }));
    expect(posts()).toHaveLength(2);
    expect(said.at(-1)).toBe("Software.Read.All: granted");
  });

  test("gives up after five minutes in all, over all roles, and says what to do", async () => {
    const refusals = [...Array(5).fill({ status: 503 }), ...Array(100).fill(unknownReference)];
    const both = grant(tenant({ refusals }), ["Software.Read.All", "Machine.Read.All"]);
    await expect(both).rejects.toThrow(/answered 400 to POST .*Not a valid reference update.*`npm run grant` again/);
    expect(sum(pauses)).toBeGreaterThan(4.5 * 60_000);
    expect(sum(pauses)).toBeLessThanOrEqual(5 * 60_000);
  });

  test("does not wait for a pause that is longer than it would wait in all", async () => {
    const hour = { status: 429, headers: { "retry-after": "3600" } };
    await expect(grant(tenant({ refusals: [hour] }))).rejects.toThrow("429");
    expect(pauses).toEqual([]);
  });

  test("prints the command for someone who may grant, if the caller may not", async () => {
    const refused = await grant(tenant({ mayGrant: false })).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(MayNotGrantError);
    const [command = ""] = (refused as MayNotGrantError).commands;
    expect(command).toContain(`--url ${graph.url}/v1.0/servicePrincipals/resource-id/appRoleAssignedTo`);
    const [, body = ""] = /--body '(.*)'$/.exec(command) ?? [];
    expect(JSON.parse(body)).toEqual({
      principalId: "identity",
      resourceId: "resource-id",
      appRoleId: "role-software",
    });
    expect(command).not.toContain("person");
  });

  test("says so if the tenant has no Defender", async () => {
    await expect(grant(tenant({ hasDefender: false }))).rejects.toThrow("DEFENDER_CLOUD");
  });

  test("lists the roles of the application if the wanted one does not exist", async () => {
    await expect(grant(tenant(), ["Software.Read"])).rejects.toThrow(/Software\.Read\.All, Machine\.Read\.All/);
  });

  test("gives up at once on an answer that waiting does not change", async () => {
    await expect(grant(() => ({ status: 401, body: "expired" }))).rejects.toThrow("401");
    expect(graph.requests).toHaveLength(1);
  });

  test("gives up at once on an assignment that is wrong in itself", async () => {
    const wrong = refusal(400, "Request_BadRequest", "Permission being assigned was not found on application");
    await expect(grant(tenant({ refusals: [wrong] }))).rejects.toThrow(/was not found on application.*\.$/);
    expect([posts().length, pauses]).toEqual([1, []]);
  });
});

test("every cloud that the app knows has a Graph host", async () => {
  const { clouds } = await import("../../shared/settings/clouds.ts");
  expect(Object.keys(graphHosts)).toEqual(Object.keys(clouds));
});
