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
  /** Between tries, because a new identity is not known everywhere at once. */
  pauseMs?: number;
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
const tries = 12;

interface Resource {
  id: string;
  appRoles: readonly { id: string; value: string; allowedMemberTypes: readonly string[] }[];
}

/** Grants the roles that the identity does not have yet. */
export async function grantAppRoles(grant: Grant): Promise<void> {
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

async function findDefender(grant: Grant): Promise<Resource> {
  const query = new URLSearchParams({ $filter: `appId eq '${defenderAppId}'`, $select: "id,appRoles" });
  const { value } = await ask<{ value: Resource[] }>(grant, `/servicePrincipals?${query}`);
  const [resource] = value;
  if (resource) return resource;
  throw new Error(
    "This tenant has no application WindowsDefenderATP. Check that Defender for Endpoint is set up in this tenant, and that DEFENDER_CLOUD is right.",
  );
}

async function rolesHeld(grant: Grant, resource: Resource): Promise<Set<string>> {
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
async function assign(grant: Grant, resource: Resource, appRoleId: string): Promise<boolean> {
  const body = JSON.stringify({ principalId: grant.principalId, resourceId: resource.id, appRoleId });
  const response = await call(grant, `/servicePrincipals/${resource.id}/appRoleAssignedTo`, { method: "POST", body });
  if (response.ok) return true;
  if (response.status === 403) return false;
  throw await faultOf(response, "POST appRoleAssignedTo");
}

function commandFor({ graph, principalId }: Grant, resource: Resource, appRoleId: string): string {
  const body = JSON.stringify({ principalId, resourceId: resource.id, appRoleId });
  return `az rest --method POST --url ${graph}/v1.0/servicePrincipals/${resource.id}/appRoleAssignedTo --headers Content-Type=application/json --body '${body}'`;
}

async function ask<T>(grant: Grant, path: string): Promise<T> {
  for (let left = tries; ; left--) {
    const response = await call(grant, path);
    if (response.ok) return (await response.json()) as T;
    const mayPass = response.status === 404 || response.status === 429 || response.status >= 500;
    if (!mayPass || left === 1) throw await faultOf(response, `GET ${path.split("?")[0]}`);
    await sleep(grant.pauseMs ?? 5_000);
  }
}

function call({ graph, token }: Grant, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  return fetch(`${graph}/v1.0${path}`, { ...init, headers, redirect: "error", signal: AbortSignal.timeout(30_000) });
}

async function faultOf(response: Response, what: string): Promise<Error> {
  const text = await response.text();
  return new Error(`Microsoft Graph answered ${response.status} to ${what}: ${text.slice(0, 300)}`);
}
