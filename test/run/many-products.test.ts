import { expect, onTestFinished, test } from "vitest";
import { startTenant, type TenantCall } from "../../local/simulated-tenant.ts";
import { addDays } from "../../shared/core/day.ts";
import type { KbEntry, RowKind } from "../../shared/core/row.ts";
import { createDefender } from "../../shared/io/defender/defender.ts";
import { loadReport } from "../../shared/run/load-report.ts";
import { createDice } from "../chaos/dice.ts";
import { createSimStore } from "../sim/store.ts";
import { aWatchlist, chainOf } from "../support/builders.ts";
import { handleAll } from "../support/drive.ts";
import { fakeWorld } from "../support/fake-world.ts";
import { createRestlessInventory, type ListFault, type RestlessInventory } from "../support/restless-inventory.ts";

// MANY_PRODUCTS_SEEDS plays others: their number, or a list such as 4,9.
const asked = process.env.MANY_PRODUCTS_SEEDS ?? "1";
const seeds = asked.includes(",")
  ? asked.split(",").map(Number)
  : Array.from({ length: Number(asked) }, (_, n) => n + 1);
const days = 60;
const first = "2026-10-01";
const size = { microsoft: 600, others: 2_400 };

const defenderAudience = "https://api.securitycenter.microsoft.com";
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const claims = { aud: defenderAudience, exp: 9e12, roles: ["Software.Read.All"], tid: "home" };
const token = { token: `${part({ alg: "none" })}.${part(claims)}.`, expiresOnTimestamp: Number.POSITIVE_INFINITY };

/** The simulated tenant of an inventory, and the app with a watchlist of all of Microsoft's products. */
async function start(inventory: RestlessInventory) {
  const world = fakeWorld([aWatchlist({ softwareIds: [], vendor: "microsoft", heartbeatDay: "none" })]);
  const { ports } = world;
  ports.store = createSimStore();
  const many = { callsPerMinute: 1e6, callsPerHour: 1e6 };
  const now = () => ports.now().getTime();
  const tenant = await startTenant({ estate: inventory.estate, now, ...many, pageSize: 1_000 });
  onTestFinished(tenant.close);
  ports.defender = createDefender({
    ...{ ...many, now, baseUrl: tenant.url, scope: "s", credential: () => ({ getToken: async () => token }) },
    timing: { retries: [0, 0], notFoundPauses: [0, 0, 0], throttle: 1 },
  });
  return { world, tenant };
}

type Started = Awaited<ReturnType<typeof start>>;
type Ran = Awaited<ReturnType<typeof runDay>>;
type Lived = ReturnType<RestlessInventory["live"]>;

/** Runs a day's scheduled run, and gives what it reports, mails and calls. */
async function runDay({ world, tenant }: Started, runId: string, fault: ListFault) {
  const { ports } = world;
  tenant.setFault("", fault === "error" ? { kind: "answer", status: 500 } : null);
  const opened = Date.parse(`${runId}T05:00:00Z`);
  world.setClock(opened);
  const [before, mailed] = [tenant.calls.length, world.inbox.length];
  await ports.queue.send({ tenant: "home", runId, openedAt: new Date(opened).toISOString() });
  await handleAll(world, opened + 20 * 3_600_000);
  const stored = await ports.store.readRun(chainOf(), runId);
  if (!stored) throw new Error(`${runId} was not committed`);
  const report = await loadReport(stored.run, ports);
  return {
    entries: report.rows.flatMap(({ id, entries }) => entries.map((entry) => ({ kb: id, ...entry }))),
    calls: tenant.calls.slice(before),
    mails: world.inbox.length - mailed,
    waited: (Date.parse(stored.run.committedAt) - opened) / 60_000,
  };
}

/** Checks what is said of each KB of each product against what the organisation really has. */
function createAudit(inventory: RestlessInventory) {
  /** KBs that were released for products which the list had already: they are news. */
  const news = new Set<string>();
  const faults = { falselyResolved: [] as string[], falselyNew: [] as string[], missed: [] as string[] };
  const counts = { new: 0, resolved: 0, baseline: 0 };
  const checks: Partial<Record<RowKind, (name: string, entry: KbEntry & { kb: string }) => void>> = {
    resolved(name, { softwareId, kb }) {
      counts.resolved += 1;
      // Only what is installed under this id and no longer misses the KB is resolved.
      if (inventory.kbsOf(softwareId)?.has(kb) !== false) faults.falselyResolved.push(name);
    },
    new(name) {
      counts.new += 1;
      if (!news.delete(name)) faults.falselyNew.push(name);
    },
    baseline(name, { softwareId }) {
      counts.baseline += 1;
      // The first list within a week of first sight is a baseline, and a list may have failed for days before that.
      if (news.delete(name) && inventory.ageOf(softwareId) > 14) faults.missed.push(name);
    },
  };
  return {
    ...{ faults, counts },
    note: (released: readonly string[]) => released.forEach((one) => void news.add(one)),
    look(entries: readonly (KbEntry & { kb: string })[]): void {
      for (const entry of entries) checks[entry.kind]?.(`${entry.softwareId} ${entry.kb}`, entry);
    },
  };
}

/** Plays sixty days of an organisation with 3,000 products whose list fails at times. */
async function play(seed: number) {
  const inventory = createRestlessInventory(size, createDice(seed));
  const started = await start(inventory);
  const audit = createAudit(inventory);
  const happened = { released: 0, renamed: 0, removed: 0, faultyLists: 0, mails: 0 };
  const found = { floods: [] as string[], needlessWaits: [] as string[] };
  const calls = { list: 0, kbs: 0, product: 0, mostInADay: 0, mostNeedless: 0 };
  const count = (lived: Lived, { mails, calls: made }: Ran, day: number) => {
    for (const what of ["released", "renamed", "removed"] as const) happened[what] += lived[what].length;
    if (isFaulty(lived)) happened.faultyLists += 1;
    happened.mails += mails;
    for (const call of made) calls[kindOf(call)] += 1;
    if (day === 0) return;
    calls.mostInADay = Math.max(calls.mostInADay, made.length);
    const answered = made.filter((call) => kindOf(call) === "kbs" && call.status === 200).length;
    if (!isFaulty(lived)) calls.mostNeedless = Math.max(calls.mostNeedless, answered - inventory.countOpen());
  };
  let unknown = 0;
  for (let day = 0; day < days; day++) {
    const runId = addDays(first, day);
    const lived: Lived = day === 0 ? { released: [], renamed: [], removed: [], fault: "none" } : inventory.live();
    audit.note(lived.released);
    const ran = await runDay(started, runId, lived.fault);
    audit.look(ran.entries);
    count(lived, ran, day);
    const isNews = day === 0 || ran.entries.some(({ kind }) => kind === "new");
    if (ran.mails > (isNews ? 1 : 0)) found.floods.push(runId);
    // Until the next good list nobody knows whether a product that answers 404 was removed.
    unknown += lived.removed.length + lived.renamed.length;
    if (!isFaulty(lived)) unknown = 0;
    if (ran.waited > 0 && unknown === 0) found.needlessWaits.push(runId);
  }
  return { ...audit, happened, calls, found };
}

function isFaulty({ fault }: Lived): boolean {
  return fault !== "none" && fault !== "duplicates";
}

function kindOf({ softwareId, path }: TenantCall): "list" | "kbs" | "product" {
  if (softwareId === "") return "list";
  return path.endsWith("/getmissingkbs") ? "kbs" : "product";
}

test.each(seeds)(
  "sixty days of 3,000 products, seed %i: nothing is falsely resolved, and no digest comes without news",
  {
    timeout: 300_000,
  },
  async (seed) => {
    const { faults, counts, happened, calls, found } = await play(seed);
    if (process.env.MANY_PRODUCTS_SEEDS) process.stdout.write(`${JSON.stringify({ seed, counts, happened, calls })}\n`);
    expect(faults).toEqual({ falselyResolved: [], falselyNew: [], missed: [] });
    expect(found).toEqual({ floods: [], needlessWaits: [] });
    for (const what of ["released", "renamed", "removed", "faultyLists"] as const) {
      expect([what, happened[what] > 3]).toEqual([what, true]);
    }
    // Three pages a day, or three tries where it fails.
    expect(calls.list).toBeLessThanOrEqual(3 * days);
    // With a list only what has weaknesses is read, once. Two KBs a day are patched: each costs a second read, and another
    // where it was the last one. A first sight may cost one more.
    expect(calls.mostNeedless).toBeLessThanOrEqual(10);
    // Without one, everything of the last run is read, and for two hours what answers 404: less than an hour's quota.
    expect(calls.mostInADay).toBeLessThanOrEqual(1_500);
  },
);
