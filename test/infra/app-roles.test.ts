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
  hasDefender: boolean;
}

let graph: HttpServer;
const said: string[] = [];

afterEach(async () => {
  said.length = 0;
  await graph.close();
});

function tenant(parts: Partial<Tenant> = {}): Handler {
  const state = { held: [], mayGrant: true, unknownFor: 0, hasDefender: true, ...parts };
  const calls: Record<string, (body: string) => ScriptedAnswer> = {
    "GET /v1.0/servicePrincipals": () => ({ body: { value: state.hasDefender ? [defender] : [] } }),
    "GET /v1.0/servicePrincipals/identity/appRoleAssignments": () => {
      if (state.unknownFor-- > 0) return { status: 404, body: { error: { code: "Request_ResourceNotFound" } } };
      return { body: { value: state.held.map((appRoleId) => ({ appRoleId, resourceId: defender.id })) } };
    },
    "POST /v1.0/servicePrincipals/resource-id/appRoleAssignedTo": (body) => {
      if (!state.mayGrant) return { status: 403, body: { error: { code: "Authorization_RequestDenied" } } };
      state.held.push(JSON.parse(body).appRoleId);
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
  await grantAppRoles({ graph: graph.url, token: "person", principalId: "identity", roles, log, pauseMs: 1 });
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
});

test("every cloud that the app knows has a Graph host", async () => {
  const { clouds } = await import("../../shared/settings/clouds.ts");
  expect(Object.keys(graphHosts)).toEqual(Object.keys(clouds));
});
