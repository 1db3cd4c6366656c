import pMap from "p-map";
import { readsPerProduct, walkSeconds } from "../core/deadline.ts";
import { isFound } from "../core/found-products.ts";
import { readProducts } from "../core/product-list.ts";
import { homeTenant, type Watchlist } from "../core/watchlist.ts";
import type { Calling, Ports, ProductFacts } from "../ports.ts";
import { count, listed, many } from "../render/words.ts";
import { nextRun } from "../run/next-run.ts";
import { outsidePermit } from "../run/reserve.ts";
import { type Finding, type Probes, tried } from "./finding.ts";

const neededRole = "Software.Read.All";
const concurrency = 8;
/** Azure cuts a request off after 230 seconds. */
const readMs = 120_000;
/** Products read of a tenant, so that the examination leaves its calls to the runs. */
const mostReads = 10;

/** A tenant and its watchlists. */
interface Examined {
  tenant: string;
  watchlists: readonly Watchlist[];
}

/** Checks each tenant: its token, how long its products take to read, and some of them. */
export async function examineTenants(list: readonly Watchlist[], ports: Ports, probes: Probes): Promise<Finding[]> {
  const tenants = [...Map.groupBy(list, ({ tenant }) => tenant)].map(([tenant, watchlists]) => ({
    tenant,
    watchlists,
  }));
  const signal = AbortSignal.timeout(readMs);
  const groups = await pMap(
    tenants,
    async (examined) => {
      const token = await tried(`token${ofTenant(examined.tenant)}`, () => tryToken(examined.tenant, probes));
      const reads = await examineReads(examined, token.status === "ok", { ports, signal });
      const list = await examineList(examined, token.status === "ok", { ports, signal });
      return [token, await examineWalk(examined, ports), ...list, ...reads];
    },
    { concurrency },
  );
  return groups.flat();
}

function ofTenant(tenant: string): string {
  return tenant === homeTenant ? "" : ` of tenant ${tenant}`;
}

async function tryToken(tenant: string, probes: Probes): Promise<string> {
  const asked = `The token was requested for ${probes.defenderScope}. If the tenant is in another cloud, change DEFENDER_CLOUD.`;
  const token = await probes.defenderToken(tenant).catch((cause: Error) => {
    throw new Error(`${cause.message} ${consentAdvice(tenant, cause, probes) ?? asked}`, { cause });
  });
  const { roles, identity } = readClaims(token);
  if (roles.includes(neededRole)) return `The identity ${identity} has ${roles.join(", ")}.`;
  const held = roles.length > 0 ? `only ${roles.join(", ")}` : "no app role";
  const url = probes.consentUrl(tenant);
  const grant = url ? `Let an administrator of the tenant consent again: ${url}` : 'Grant it with "npm run grant".';
  throw new Error(
    `The identity ${identity} has ${held} but needs ${neededRole} of WindowsDefenderATP. ${grant} A token without the role can stay cached for up to 24 hours.`,
  );
}

// The app has no service principal in the tenant, or nobody has consented to what it asks for.
const notConsented = /AADSTS(700016|7000229|65001|650052|650057)\b/;

/** Where an administrator can consent, if that is what the tenant's refusal is about. */
function consentAdvice(tenant: string, { message }: Error, { consentUrl }: Probes): string | null {
  const url = notConsented.test(message) ? consentUrl(tenant) : null;
  return url && `An administrator of the tenant can consent at ${url}`;
}

/** The roles and the identity in a token. A person's token has delegated permissions in one text instead of roles. */
function readClaims(token: string): { roles: string[]; identity: string } {
  const claims = parseJson(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
  const roles = Array.isArray(claims.roles) ? claims.roles.filter((role) => typeof role === "string") : [];
  const delegated = typeof claims.scp === "string" ? claims.scp.split(" ") : [];
  // A person with this permission can read what the app can.
  const own = delegated.some((scope) => scope === "Software.Read" || scope === "user_impersonation");
  return { roles: own ? [...roles, neededRole] : roles, identity: String(claims.appid ?? claims.azp ?? "unknown") };
}

function parseJson(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

/** How long a day's products take to read, and whether that is before the next run. */
async function examineWalk({ tenant, watchlists }: Examined, ports: Ports): Promise<Finding> {
  const { rules, now } = ports;
  const products = (await productsOf({ tenant, watchlists }, ports)).size;
  const seconds = walkSeconds(products, rules);
  const gap = shortestGap(rules.schedule, now());
  const quota = `Defender allows ${count(rules.callsPerMinute)} a minute and ${count(rules.callsPerHour)} an hour`;
  const longest = walkSeconds(products * readsPerProduct, rules);
  const takes = `Reading ${many(products, "product")} takes ${duration(seconds)}: ${many(products, "call")}, of which ${quota}. A product from which KBs vanish is read twice, so a run can take ${atMost(longest)}.`;
  const check = `walk${ofTenant(tenant)}`;
  if (gap === null || seconds <= gap) return { check, status: "ok", detail: takes };
  const advice = "Take products off the watchlists, or run less often (REPORT_SCHEDULE).";
  return { check, status: "fault", detail: `${takes} The next run is due after ${duration(gap)}. ${advice}` };
}

/** The products that the watchlists name, and those that they find in the stored list. */
async function productsOf({ tenant, watchlists }: Examined, { store }: Ports): Promise<ReadonlySet<string>> {
  const finding = watchlists.filter(({ vendor }) => vendor !== null);
  const list = finding.length > 0 ? await store.readProductList(tenant) : null;
  const open = (list?.products ?? []).filter(({ weaknesses }) => weaknesses !== 0).map(({ softwareId }) => softwareId);
  const found = open.filter((softwareId) => finding.some((watchlist) => isFound(watchlist, softwareId)));
  return new Set([...watchlists.flatMap(({ softwareIds }) => softwareIds), ...found]);
}

/** Reads the list of products in a tenant whose watchlists find some in it. */
async function examineList(
  { tenant, watchlists }: Examined,
  isOk: boolean,
  { ports, signal }: { ports: Ports; signal: AbortSignal },
): Promise<Finding[]> {
  if (watchlists.every(({ vendor }) => vendor === null)) return [];
  const check = `product list${ofTenant(tenant)}`;
  if (!isOk) return [{ check, status: "skipped", detail: "Skipped, because the token check failed." }];
  const read = async () => {
    const permit = outsidePermit(tenant, ports);
    const products = readProducts(await ports.defender.listSoftware(tenant, { signal, permit }));
    if (products.length === 0)
      throw new Error(
        "Defender's list of products is empty. Is the tenant licensed for Defender Vulnerability Management?",
      );
    return `Defender lists ${many(products.length, "product")}.`;
  };
  return [await tried(check, read)];
}

const gapsLookedAt = 14;

/** The seconds between the two scheduled runs that are closest to each other; `null` where there are not two. */
function shortestGap(schedule: string, now: Date): number | null {
  const gaps: number[] = [];
  let run = nextRun(schedule, now);
  while (run && gaps.length < gapsLookedAt) {
    const next = nextRun(schedule, run);
    if (next) gaps.push((next.getTime() - run.getTime()) / 1000);
    run = next;
  }
  return gaps.length > 0 ? Math.min(...gaps) : null;
}

/** `less than a minute`, `12 minutes`, `3 hours and 5 minutes`. */
function duration(seconds: number): string {
  if (seconds < 60) return "less than a minute";
  const minutes = Math.round(seconds / 60);
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  return listed([...(hours > 0 ? [many(hours, "hour")] : []), ...(rest > 0 ? [many(rest, "minute")] : [])]);
}

function atMost(seconds: number): string {
  return seconds < 60 ? "a little longer" : `up to ${duration(seconds)}`;
}

/** Reads the first product of each watchlist, of some where there are many. */
async function examineReads(
  { tenant, watchlists }: Examined,
  isOk: boolean,
  reads: { ports: Ports; signal: AbortSignal },
): Promise<Finding[]> {
  const firsts = new Set(watchlists.map(({ softwareIds }) => softwareIds[0]).filter((id) => id !== undefined));
  const calling = { signal: reads.signal, permit: outsidePermit(tenant, reads.ports) };
  return pMap(
    [...firsts].slice(0, mostReads),
    async (id): Promise<Finding> => {
      const check = `read of ${id}${ofTenant(tenant)}`;
      if (!isOk) return { check, status: "skipped", detail: "Skipped, because the token check failed." };
      const finding = await tried(check, () => tryRead({ tenant, softwareId: id }, calling, reads.ports));
      const isLate = finding.status === "fault" && reads.signal.aborted;
      return isLate ? { check, status: "skipped", detail: late } : finding;
    },
    { concurrency },
  );
}

const late = "Skipped, because the examination of all products took two minutes.";

async function tryRead(
  { tenant, softwareId }: { tenant: string; softwareId: string },
  calling: Calling,
  { defender }: Ports,
): Promise<string> {
  const items = await defender.getMissingKbs(tenant, softwareId, calling);
  if (items.length > 0) return `Defender lists ${many(items.length, "missing KB")}.`;
  const product = await defender.getSoftware(tenant, softwareId, calling);
  if (product) return `Defender lists no missing KBs and ${weaknessesOf(product)}.`;
  throw new Error(
    "Defender does not know this product. Look up its id in Defender's software inventory (GET /api/Software) and correct the watchlist.",
  );
}

function weaknessesOf({ weaknesses }: ProductFacts): string {
  return weaknesses === null ? "an unknown number of weaknesses" : many(weaknesses, "weakness", "weaknesses");
}
