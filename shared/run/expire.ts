import pMap from "p-map";
import { addDays, calendarDay, type RunDate } from "../core/day.ts";
import type { ExpireMessage } from "../core/message.ts";
import type { RunId } from "../core/run-id.ts";
import { isPastRetention } from "../core/run-list.ts";
import type { Bookmark, Ports, ProductKey } from "../ports.ts";
import { type ExpiryPlan, planExpiry } from "./plan-expiry.ts";

const concurrency = 8;

/**
 * Deletes what a tenant no longer needs, once a day. Snapshots go before the runs that lead to them, so that after a crash both
 * are found again. Returns the seconds until the next step, or `null` if there is none. `signal`: out of time.
 */
export async function expire(
  { tenant, day: asked }: ExpireMessage["expire"],
  ports: Ports,
  signal: AbortSignal,
): Promise<number | null> {
  const { store, rules, now, log } = ports;
  const today = calendarDay(now(), rules.timeZone);
  // All steps count from the same day, and never from one that is yet to come.
  const day = asked < today ? asked : today;
  const bookmark = await store.readBookmark(tenant);
  if (bookmark && (bookmark.day > day || (bookmark.day === day && bookmark.isDone))) return null;
  const since = addDays(day, -rules.retentionDays);
  const plan = await planExpiry({ tenant, day, since }, ports);
  let after = bookmark?.day === day ? bookmark.after : undefined;
  let [runs, snapshots, isDone] = [0, 0, true];
  for await (const deleted of deleteAll({ tenant, day, after }, plan, ports)) {
    runs += deleted.runs;
    snapshots += deleted.snapshots;
    after = deleted.after ?? after;
    isDone = !signal.aborted;
    if (!isDone) break;
  }
  if (runs + snapshots > 0) log("info", "runs expired", { tenant, runs, snapshots, before: since });
  await saveBookmark(tenant, { day, isDone, ...(!isDone && after !== undefined && { after }) }, store);
  return isDone ? null : 1;
}

/** One piece of the work that a step may end after. */
interface Deleted {
  runs: number;
  snapshots: number;
  /** The last product that is done. */
  after?: string | undefined;
}

async function* deleteAll(
  { tenant, day, after = "" }: { tenant: string; day: RunDate; after: string | undefined },
  { products, watchlists }: ExpiryPlan,
  ports: Ports,
): AsyncGenerator<Deleted> {
  const left = [...products].filter(([softwareId]) => softwareId > after).sort(([a], [b]) => (a < b ? -1 : 1));
  for (let first = 0; first < left.length; first += concurrency) {
    const some = left.slice(first, first + concurrency);
    const counts = await pMap(some, ([softwareId, needed]) => {
      return deleteSnapshots({ tenant, softwareId }, needed, day, ports);
    });
    yield { runs: 0, snapshots: counts.reduce((sum, count) => sum + count, 0), after: some.at(-1)?.[0] };
  }
  const { store } = ports;
  for (const { chain, expired, alerts, isOver } of watchlists) {
    await pMap(alerts, (alert) => store.deleteAlert(alert), { concurrency });
    if (!isOver && expired.length === 0) continue;
    await pMap(expired, ({ runId }) => store.deleteRun({ ...chain, runId }), { concurrency });
    if (isOver) {
      await store.deleteBeginning(chain);
      await store.deleteStatus(chain);
    }
    yield { runs: expired.length, snapshots: 0 };
  }
}

/** Deletes a product's old snapshots that no kept run needs, also those of runs that never committed; returns how many. */
async function deleteSnapshots(
  product: ProductKey,
  needed: ReadonlySet<RunId>,
  day: RunDate,
  { store, rules }: Ports,
): Promise<number> {
  // In UTC, a run asked for may be a day later than in the reports' time zone.
  const runIds = await store.listSnapshotIds(product, addDays(day, 1 - rules.retentionDays));
  const doomed = runIds.filter((runId) => isPastRetention(runId, day, rules) && !needed.has(runId));
  for (const runId of doomed) await store.deleteSnapshot({ ...product, runId });
  return doomed.length;
}

/** A step that was overtaken by a newer day leaves that day's bookmark alone. */
async function saveBookmark(tenant: string, bookmark: Bookmark, store: Ports["store"]): Promise<void> {
  const stored = await store.readBookmark(tenant);
  if (!stored || stored.day <= bookmark.day) await store.saveBookmark(tenant, bookmark);
}
