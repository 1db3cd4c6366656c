import type { ConfiguredWatchlists } from "../core/configuration.ts";
import type { Watchlist } from "../core/watchlist.ts";
import type { Ports } from "../ports.ts";
import { Problem } from "./problem.ts";
import type { HttpRequest } from "./response.ts";

/** The app roles in Entra ID that do not belong to a watchlist. */
export const appRoles = { readAll: "Reports.Read.All", start: "Runs.Start" } as const;

/** Who calls. */
export interface Caller {
  /** Their app roles; `null`: the caller has a function key, which allows everything. */
  roles: ReadonlySet<string> | null;
}

/** Ports that show an endpoint no more than its caller may read. */
export interface RequestPorts extends Ports {
  caller: Caller;
  /** All watchlists, for what depends on others: how long a tenant takes to read. None of them may be shown. */
  everyWatchlist: Ports["watchlists"];
}

/**
 * Who calls, as the platform says. App Service authentication removes this header from calls that come from outside, and the
 * app does not start with `AUTH=entra` where that is off (settings/sign-in.ts). So the header can be trusted.
 */
export function callerOf(headers: HttpRequest["headers"], auth: "key" | "entra"): Caller {
  return { roles: auth === "key" ? null : rolesIn(headers.get("x-ms-client-principal") ?? "") };
}

/** The same ports with the watchlists that a caller may read. */
export function portsOf(caller: Caller, ports: Ports): RequestPorts {
  const watchlists: Ports["watchlists"] = async (asOf) => readable(await ports.watchlists(asOf), caller);
  return { ...ports, caller, watchlists, everyWatchlist: ports.watchlists };
}

function readable(configured: ConfiguredWatchlists, caller: Caller): ConfiguredWatchlists {
  if (readsEverything(caller)) return configured;
  return { list: configured.list.filter((watchlist) => mayRead(watchlist, caller)), faults: [] };
}

/** Whether a caller may read a configured watchlist. */
export function mayRead({ readerRole }: Pick<Watchlist, "readerRole">, caller: Caller): boolean {
  return readsEverything(caller) || readerRole === null || caller.roles?.has(readerRole) === true;
}

/** Whether a caller may also read what has no known role: removed watchlists and faulty entries. */
export function readsEverything({ roles }: Caller): boolean {
  return roles === null || roles.has(appRoles.readAll);
}

/** Whether a caller may start runs, send and cancel mails, and try other settings. */
export function mayStart({ roles }: Caller): boolean {
  return roles === null || roles.has(appRoles.start);
}

/** Refuses a caller who may not. */
export function requireStart(caller: Caller): void {
  if (mayStart(caller)) return;
  throw new Problem(
    403,
    "Not allowed",
    `Starting runs, sending or cancelling their mails, and trying other settings needs the app role ${appRoles.start}. ${whoAssigns}`,
  );
}

/** For a caller to whom no watchlist is shown. */
export function noWatchlist(caller: Caller): Problem {
  if (readsEverything(caller)) {
    return new Problem(503, "No watchlists", "There are no watchlists now. GET /api/reasons says why.");
  }
  return new Problem(403, "Not allowed", `You may not read any watchlist. ${whoAssigns}`);
}

const whoAssigns =
  "An owner of the app in Entra ID, or a Cloud Application Administrator, can assign you a role: Enterprise applications > Users and groups.";

function rolesIn(header: string): ReadonlySet<string> {
  const { auth_typ, role_typ, claims } = parse(header);
  if (auth_typ !== "aad" || !Array.isArray(claims)) return new Set();
  const roles = claims.filter((claim) => claim?.typ === "roles" || (claim?.typ && claim.typ === role_typ));
  return new Set(roles.map(({ val }) => val).filter((val) => typeof val === "string"));
}

/** The platform's `{auth_typ, claims: [{typ, val}], name_typ, role_typ}`; empty if it is anything else. */
function parse(header: string): Readonly<Record<string, unknown>> {
  // Node would also decode two headers joined by a comma.
  if (!/^[A-Za-z0-9+/]+=*$/.test(header)) return {};
  try {
    return Object(JSON.parse(Buffer.from(header, "base64").toString("utf8")));
  } catch {
    return {};
  }
}
