import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** How the endpoint answers; the next request meets what stands here. */
export interface IdentityBehaviour {
  /** The app roles of a token, by the resource it is for; other resources are unknown to this tenant. */
  resources: Readonly<Record<string, readonly string[]>>;
  /** Client ids of user-assigned identities; a request without one is for the system-assigned identity. */
  clientIds: readonly string[];
  /** How long a token is good for; about 24 hours in Azure. */
  lifetimeSeconds: number;
  fault: IdentityFault | null;
}

export interface IdentityEndpointOptions extends Partial<IdentityBehaviour> {
  now: () => Date;
  tenantId?: string;
  /** 0, the default, takes a free one. */
  port?: number;
}

/** `down`: the connection breaks. A delay comes before the proper answer. A status comes instead of it. */
export type IdentityFault = "down" | { delayMs: number } | { status: number; message?: string };

/** A token that was handed out; the token itself is not kept. */
export interface IssuedToken {
  resource: string;
  /** `null` for the system-assigned identity. */
  clientId: string | null;
  issuedAt: Date;
  expiresAt: Date;
}

export interface IdentityEndpoint {
  /** For `IDENTITY_ENDPOINT`. */
  url: string;
  /** The secret for `IDENTITY_HEADER`. */
  header: string;
  issued: readonly IssuedToken[];
  /** To be changed at any time. */
  behaviour: IdentityBehaviour;
  close(): Promise<void>;
}

/** What the reporter needs tokens for: storage, and Defender of the public cloud. */
export const reporterResources: Readonly<Record<string, readonly string[]>> = {
  "https://storage.azure.com": [],
  "https://api.securitycenter.microsoft.com": ["Software.Read.All"],
};

const apiVersion = "2019-08-01";
const homeTenantId = "11111111-1111-4111-8111-111111111111";

/**
 * The App Service endpoint for managed identities. The identity library reads its address once per process, so a
 * process should know one endpoint alone. Its tokens are unsigned: whoever checks signatures refuses them,
 * the storage emulator and the simulated tenant do not.
 */
export async function startIdentityEndpoint(options: IdentityEndpointOptions): Promise<IdentityEndpoint> {
  const header = randomUUID();
  const tenantId = options.tenantId ?? homeTenantId;
  const behaviour: IdentityBehaviour = {
    resources: options.resources ?? reporterResources,
    clientIds: options.clientIds ?? [],
    lifetimeSeconds: options.lifetimeSeconds ?? 86_400,
    fault: options.fault ?? null,
  };
  const issued: IssuedToken[] = [];

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const { fault } = behaviour;
    if (fault === "down") return void response.socket?.resetAndDestroy();
    if (fault && "status" in fault) {
      return write(response, refuse(fault.status, fault.message ?? "The identity service cannot answer."));
    }
    if (fault) await sleep(fault.delayMs, undefined, { ref: false });
    const asked = readRequest(request, header, behaviour);
    if ("status" in asked) return write(response, asked);
    const token = timesOf(asked, options.now(), behaviour.lifetimeSeconds);
    issued.push(token);
    write(response, grant(token, behaviour.resources[token.resource] ?? [], tenantId));
  };

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });

  return {
    url: `${await listen(server, options.port ?? 0)}/msi/token`,
    header,
    issued,
    behaviour,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function listen(server: Server, port: number): Promise<string> {
  await once(server.listen(port, "127.0.0.1"), "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface TokenAnswer {
  status: number;
  body: unknown;
}

function write(response: ServerResponse, { status, body }: TokenAnswer): void {
  response
    .writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" })
    .end(JSON.stringify(body));
}

function refuse(status: number, message: string): TokenAnswer {
  return { status, body: { statusCode: status, message } };
}

type Asked = Pick<IssuedToken, "resource" | "clientId">;

function readRequest(
  request: IncomingMessage,
  header: string,
  { resources, clientIds }: IdentityBehaviour,
): Asked | TokenAnswer {
  const url = new URL(request.url ?? "/", "http://identity");
  if (url.pathname !== "/msi/token" || request.method !== "GET") return refuse(404, "Tokens come from GET /msi/token.");
  if (request.headers["x-identity-header"] !== header) {
    return refuse(401, "The header X-IDENTITY-HEADER must hold the value of IDENTITY_HEADER.");
  }
  if (url.searchParams.get("api-version") !== apiVersion) return refuse(400, `api-version must be ${apiVersion}.`);
  const resource = (url.searchParams.get("resource") ?? "").replace(/\/+$/, "");
  if (!Object.hasOwn(resources, resource)) {
    return refuse(400, `AADSTS500011: The resource principal named ${resource} was not found in the tenant.`);
  }
  const clientId = url.searchParams.get("client_id");
  if (clientId !== null && !clientIds.includes(clientId)) {
    return refuse(400, `No user-assigned identity with the client id ${clientId} belongs to this app.`);
  }
  return { resource, clientId };
}

function timesOf(asked: Asked, now: Date, lifetimeSeconds: number): IssuedToken {
  // Tokens count in whole seconds.
  const seconds = Math.floor(now.getTime() / 1_000);
  return {
    ...asked,
    issuedAt: new Date(seconds * 1_000),
    expiresAt: new Date((seconds + lifetimeSeconds) * 1_000),
  };
}

function grant(token: IssuedToken, roles: readonly string[], tenantId: string): TokenAnswer {
  const { resource, clientId, issuedAt, expiresAt } = token;
  const claims = {
    aud: resource,
    iss: `https://sts.windows.net/${tenantId}/`,
    iat: seconds(issuedAt),
    nbf: seconds(issuedAt),
    exp: seconds(expiresAt),
    appid: clientId ?? "system-assigned",
    idtyp: "app",
    roles,
    tid: tenantId,
    ver: "1.0",
  };
  const body = {
    access_token: unsigned(claims),
    // As text, the way App Service gives it.
    expires_on: String(seconds(expiresAt)),
    resource,
    token_type: "Bearer",
    client_id: claims.appid,
  };
  return { status: 200, body };
}

function seconds(instant: Date): number {
  return instant.getTime() / 1_000;
}

function unsigned(claims: object): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  return `${encode({ alg: "none", typ: "JWT" })}.${encode(claims)}.`;
}
