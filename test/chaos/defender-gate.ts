import { homeTenant } from "../../shared/core/watchlist.ts";
import { forward } from "../support/fault-proxy.ts";
import { startHttpServer } from "../support/http-server.ts";

/** One process's way to Defender, which leads each call to the tenant of its token. */
export interface DefenderGate {
  url: string;
  /** How many calls the tenants refused because their quota was used up. */
  throttled(): number;
  /** Resolves once no request is in flight. */
  quiet(): Promise<void>;
  close(): Promise<void>;
}

/** `reach` says whether the process was killed there: then nothing more happens. */
export async function openDefenderGate(
  urlOf: (tenant: string) => string,
  reach: (when: "before" | "after") => boolean,
): Promise<DefenderGate> {
  let throttled = 0;
  const inFlight = new Set<Promise<unknown>>();
  const server = await startHttpServer(async (request, response) => {
    server.requests.length = 0;
    const leave = () => void response.socket?.resetAndDestroy();
    if (reach("before")) return void leave();
    const work = forward(`${urlOf(tenantOf(request.headers.authorization))}${request.path}`, request).catch(() => null);
    inFlight.add(work);
    const answer = await work.finally(() => inFlight.delete(work));
    if (!answer || reach("after")) return void leave();
    if (answer.status === 429 && String(answer.body).includes("Too many requests.")) throttled += 1;
    return answer;
  });
  return {
    url: server.url,
    throttled: () => throttled,
    quiet: async () => {
      while (inFlight.size > 0) await Promise.allSettled(inFlight);
    },
    close: server.close,
  };
}

const tokenTenants: Readonly<Record<string, string>> = { "11111111-1111-4111-8111-111111111111": homeTenant };

/** A token for a tenant: an unsigned JWT. */
export function tokenFor(tenant: string, audience: string, expiresAt: number): string {
  const tid = Object.keys(tokenTenants).find((id) => tokenTenants[id] === tenant) ?? tenant;
  const claims = { aud: audience, exp: expiresAt / 1_000, tid, appid: "reporter", roles: ["Software.Read.All"] };
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none" })}.${part(claims)}.`;
}

function tenantOf(authorization = ""): string {
  const { tid } = JSON.parse(Buffer.from(authorization.split(".")[1] ?? "", "base64url").toString("utf8"));
  return tokenTenants[tid] ?? tid;
}
