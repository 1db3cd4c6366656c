import { addDays, calendarDay, type RunDate } from "../core/day.ts";
import type { Chain } from "../core/message.ts";
import type { Run, RunSummary } from "../core/run.ts";
import type { RunId } from "../core/run-id.ts";
import { inOrderOfOpening, isOpenedBefore, isPastRetention, latestRun } from "../core/run-list.ts";
import { chainOf, type Watchlist } from "../core/watchlist.ts";
import type { Ports } from "../ports.ts";
import { formatRun, many } from "../render/words.ts";
import { noWatchlist, type RequestPorts } from "./caller.ts";
import { badParameter, Problem } from "./problem.ts";

/** The runs of a watchlist, read once and only if they are needed. */
export interface WatchlistRuns {
  chain: Chain;
  list: () => Promise<readonly RunSummary[]>;
}

/** The watchlist of that name, in any case, if the caller may read it; without a name the only one. */
export async function findWatchlist(
  name: string | undefined,
  { watchlists, caller }: Pick<RequestPorts, "watchlists" | "caller">,
): Promise<Watchlist> {
  const { list } = await watchlists();
  if (list.length === 0) throw noWatchlist(caller);
  const [only, ...others] = list;
  const wanted = name?.toLowerCase();
  const found = wanted ? list.find((one) => one.name.toLowerCase() === wanted) : others.length === 0 && only;
  if (found) return found;
  const detail = wanted
    ? "There is no watchlist of that name."
    : 'There are several watchlists: name one in "watchlist".';
  throw badParameter(
    "watchlist",
    detail,
    list.map((one) => one.name),
  );
}

/** The runs of a watchlist. */
export function runsOf(watchlist: Watchlist, { store }: Pick<Ports, "store">): WatchlistRuns {
  const chain = chainOf(watchlist);
  let listed: Promise<readonly RunSummary[]> | undefined;
  return { chain, list: () => (listed ??= store.listRuns(chain)) };
}

/** The runs of a watchlist that belong to these days, the last one included, in the order in which they were opened. */
export async function runsOfDays(
  chain: Chain,
  { from, to }: { from?: RunDate | undefined; to?: RunDate | undefined },
  store: Ports["store"],
): Promise<RunSummary[]> {
  // The id of a run asked for has the day in UTC, which may be the one before. There is none before the year 0.
  const first = from && from > "0000-01-01" ? addDays(from, -1) : undefined;
  const listed = await store.listRuns(chain, first);
  return inOrderOfOpening(listed.filter(({ day }) => (!from || day >= from) && (!to || day <= to)));
}

/** The committed run of an id, or the latest; `null` if there is none yet. */
export async function findRun(
  asked: "latest" | RunId,
  { chain, list }: WatchlistRuns,
  { store, rules, now }: Pick<Ports, "store" | "rules" | "now">,
): Promise<Run | null> {
  const runId = asked === "latest" ? latestRun(await list())?.runId : asked;
  const stored = runId ? await store.readRun(chain, runId) : null;
  if (stored || asked === "latest") return stored?.run ?? null;
  const where = "GET /api/history lists the reports that exist.";
  if (isPastRetention(asked, calendarDay(now(), rules.timeZone), rules)) {
    const kept = `Reports are kept for ${many(rules.retentionDays, "day")} (RETENTION_DAYS).`;
    throw noLongerKept(`The report of ${asked} is no longer kept. ${kept} ${where}`);
  }
  throw new Problem(404, "No such report", `There is no report for ${asked}. ${where}`);
}

/** The earlier run to compare a run with. */
export async function findFrom(
  asked: "latest" | RunId,
  run: Run,
  runs: WatchlistRuns,
  ports: Pick<Ports, "store" | "rules" | "now">,
): Promise<Run> {
  const from = await findRun(asked, runs, ports);
  if (!from) throw noReportYet(run.watchlist);
  if (from.runId === run.runId) {
    throw badParameter("from", '"from" and "run" name the same run. Compare two different ones.');
  }
  if (isOpenedBefore(from, run)) return from;
  throw backwards(from, run, await runs.list());
}

const mostNamed = 50;

function backwards(from: Run, run: Run, runs: readonly RunSummary[]): Problem {
  const earlier = inOrderOfOpening(runs).filter((one) => isOpenedBefore(one, run));
  const ids = earlier.map(({ runId }) => runId).reverse();
  const shown = formatRun(run.runId, run.rules.timeZone);
  const others = ids[0] ? `"from" can be a run before ${shown}, such as ${ids[0]}.` : `No run before ${shown} exists.`;
  const swapped = `To see what changed between the two, ask for run=${from.runId}&from=${run.runId}.`;
  const detail = `Comparisons go forward in time, but ${from.runId} is later than ${run.runId}. ${others} ${swapped}`;
  return badParameter("from", detail, ids.slice(0, mostNamed));
}

/** What was reported once and has been deleted since. */
export function noLongerKept(detail: string): Problem {
  return new Problem(410, "Report no longer kept", detail);
}

/** The watchlist has no committed run. */
export function noReportYet(watchlist: string): Problem {
  const detail =
    'There is no report yet. Wait for the next scheduled run, or start one: POST /api/runs {"watchlist": …}.';
  return new Problem(404, "No report yet", detail, { watchlist });
}
