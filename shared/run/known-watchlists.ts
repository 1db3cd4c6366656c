import pMap from "p-map";
import type { ExploitedAlert } from "../core/alert.ts";
import { daysBetween, type RunDate } from "../core/day.ts";
import { cancelled, isOwed } from "../core/mail.ts";
import type { Chain } from "../core/message.ts";
import { graceDays } from "../core/retention.ts";
import type { Run, RunSummary } from "../core/run.ts";
import { isScheduled } from "../core/run-id.ts";
import { removalTest } from "../core/watchlist.ts";
import { summarize, type WatchlistStatus } from "../core/watchlist-status.ts";
import { type Ports, RowError } from "../ports.ts";
import { noteAwaited, refreshStatus } from "./status.ts";
import { unlessDamaged } from "./unless-damaged.ts";

const concurrency = 8;

/** Why a watchlist's mails are cancelled that nobody reads any more. */
export const removedReason = "The watchlist was removed.";

/** A configured watchlist, or one that left a status. */
export interface Known {
  chain: Chain;
  /** What is configured. */
  softwareIds: readonly string[];
  status: WatchlistStatus | undefined;
  /** `unclear`: it is not among the configured ones, but it may be what is wrong with the configuration. */
  state: "configured" | "removed" | "unclear";
}

/** The watchlists of a tenant that are configured, and those that were. */
export async function knownWatchlists(tenant: string, { store, watchlists }: Ports): Promise<Known[]> {
  const all = await watchlists();
  const statuses = (await store.listStatuses()).filter((status) => status.tenant === tenant);
  const byName = new Map(statuses.map((status) => [nameOf(status), status]));
  const configured = all.list
    .filter((watchlist) => watchlist.tenant === tenant)
    .map(({ name, softwareIds }): Known => {
      const chain = { tenant, watchlist: name };
      return { chain, softwareIds, status: byName.get(nameOf(chain)), state: "configured" };
    });
  const names = new Set(configured.map(({ chain }) => nameOf(chain)));
  const isRemoved = removalTest(all);
  const others = statuses
    .filter((status) => !names.has(nameOf(status)))
    .map((status): Known => {
      const state = isRemoved(status) ? "removed" : "unclear";
      return { chain: { tenant, watchlist: status.watchlist }, softwareIds: [], status, state };
    });
  return [...configured, ...others];
}

/** No two watchlists differ in capitals alone. */
function nameOf({ watchlist }: Pick<Chain, "watchlist">): string {
  return watchlist.toLowerCase();
}

/** Notes that a watchlist was removed, or is configured again; false if neither is new. */
export async function noteState({ chain, status, state }: Known, day: RunDate, ports: Ports): Promise<boolean> {
  if (!status) return false;
  const isRemoved = status.removedOn !== null;
  if (state === "removed" && !isRemoved) {
    await ports.store.saveStatus({ ...status, removedOn: day });
    ports.log("warn", "watchlist removed", { ...chain });
    return true;
  }
  if (state !== "configured" || !isRemoved) return false;
  await noteAwaited(chain, status, ports);
  return true;
}

/** Whether a watchlist was removed so long ago that nothing waits for it to come back. */
export function isLetGo({ state, status }: Known, day: RunDate): boolean {
  return state === "removed" && !!status?.removedOn && daysBetween(status.removedOn, day) >= graceDays;
}

/** Writes a watchlist's status again, in case the process that should have written it crashed. */
export async function refresh(
  { chain, state, status }: Known,
  { runs, alerts }: { runs: readonly RunSummary[]; alerts: readonly ExploitedAlert[] },
  read: readonly Run[],
  ports: Ports,
): Promise<void> {
  const lastId = runs.findLast(({ runId }) => isScheduled(runId))?.runId;
  const last = read.find(({ runId }) => runId === lastId) ?? null;
  const isWaiting = status?.awaitedSince !== undefined && status.latest?.runId === lastId;
  // Nothing is new, or the last run cannot be read.
  if (state === "unclear" || runs.length === 0 || isWaiting || last?.runId !== lastId) return;
  if (state === "configured") await refreshStatus(chain, { runs, last, alerts }, ports);
  else await ports.store.saveStatus({ ...summarize(chain, runs, last, alerts), removedOn: status?.removedOn ?? null });
}

/** The runs after the mails that they owe, or that were refused, were cancelled. */
export function cancelMails(
  chain: Chain,
  runs: readonly RunSummary[],
  { store, now }: Pick<Ports, "store" | "now">,
): Promise<RunSummary[]> {
  return pMap(
    runs,
    async (run) => {
      if (!isOwed(run.mail) && run.mail.status !== "refused") return run;
      const mail = cancelled(run.mail, now(), removedReason);
      const stored = await unlessDamaged(store.readRun(chain, run.runId));
      // A row that is damaged owes nothing any more.
      if (!stored || stored instanceof RowError) return { ...run, mail };
      return (await store.updateMail({ ...chain, runId: run.runId }, stored.version, mail)) ? { ...run, mail } : run;
    },
    { concurrency },
  );
}
