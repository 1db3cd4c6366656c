import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** How the endpoint answers from the next request on. */
export interface IdentityBehaviour {
  /** The app roles of a token by the resource it is for; this tenant has no other resources. */
  resources: Readonly<Record<string, readonly string[]>>;
  /** Client ids of the user-assigned identities; a request without a client id is for the system-assigned identity. */
  clientIds: readonly string[];
  /** How long a token is valid; about 24 hours in Azure. */
  lifetimeSeconds: number;
  /** `down`: the connection breaks. */
  fault: "down" | null;
}

export interface IdentityEndpointOptions {
  now: () => Date;
  tenantId?: string;
}

/** An issued token, without the token itself. */
export interface IssuedToken {
  resource: string;
  /** `null`: the system-assigned identity. */
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
  /** May be changed at any time. */
  behaviour: IdentityBehaviour;
  close(): Promise<void>;
}

/** What the reporter needs tokens for: storage, and Defender of the public cloud. */
export const reporterResources: Readonly<Record<string, readonly string[]>> = {
  "https://storage.azure.com": [],
  "https://communication.azure.com": [],
  "https://api.securitycenter.microsoft.com": ["Software.Read.All"],
};

const apiVersion = "2019-08-01";
const homeTenantId = "11111111-1111-4111-8111-111111111111";

/**
 * The App Service endpoint for managed identities. The identity library reads its address once per process, so use only
 * one in a process. Its tokens are unsigned; the storage emulator and the simulated tenant accept them, because neither
 * checks signatures.
 */
export async function startIdentityEndpoint(options: IdentityEndpointOptions): Promise<IdentityEndpoint> {
  const header = randomUUID();
  const tenantId = options.tenantId ?? homeTenantId;
  const behaviour: IdentityBehaviour = {
    resources: reporterResources,
    clientIds: [],
    lifetimeSeconds: 86_400,
    fault: null,
  };
  const issued: IssuedToken[] = [];

  const answer = (request: IncomingMessage, response: ServerResponse) => {
    if (behaviour.fault === "down") return void response.socket?.resetAndDestroy();
    const asked = readRequest(request, header, behaviour);
    if ("status" in asked) return write(response, asked);
    const token = timesOf(asked, options.now(), behaviour.lifetimeSeconds);
    issued.push(token);
    write(response, grant(token, behaviour.resources[token.resource] ?? [], tenantId));
  };

  const server = createServer(answer);

  return {
    url: `${await listen(server)}/msi/token`,
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

async function listen(server: Server): Promise<string> {
  await once(server.listen(0, "127.0.0.1"), "listening");
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
  if (url.pathname !== "/msi/token" || request.method !== "GET") return refuse(404, "Get tokens with GET /msi/token.");
  if (request.headers["x-identity-header"] !== header) {
    return refuse(401, "The header X-IDENTITY-HEADER must be the value of IDENTITY_HEADER.");
  }
  if (url.searchParams.get("api-version") !== apiVersion) return refuse(400, `api-version must be ${apiVersion}.`);
  const resource = (url.searchParams.get("resource") ?? "").replace(/\/+$/, "");
  if (!Object.hasOwn(resources, resource)) {
    return refuse(400, `AADSTS500011: The resource principal named ${resource} was not found in the tenant.`);
  }
  const clientId = url.searchParams.get("client_id");
  if (clientId !== null && !clientIds.includes(clientId)) {
    return refuse(400, `This app has no user-assigned identity with the client id ${clientId}.`);
  }
  return { resource, clientId };
}

function timesOf(asked: Asked, now: Date, lifetimeSeconds: number): IssuedToken {
  // Tokens carry whole seconds.
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
    // Text, as in App Service.
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
