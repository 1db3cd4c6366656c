import type { Chain } from "../core/message.ts";
import { isScheduled, onDemandRunId, type RunId } from "../core/run-id.ts";
import type { Ports } from "../ports.ts";

const hourMs = 3_600_000;
/** Runs asked for that mail, in an hour and for a watchlist: more would flood its readers. */
export const mailsPerHour = 4;

/**
 * `finished`: the run of this minute is committed without the mail asked for. `limited`: as many runs that mail were asked for
 * as an hour allows.
 */
export type Started =
  | { status: "started"; runId: RunId }
  | { status: "finished"; runId: RunId }
  | { status: "limited"; retryAfterSeconds: number };

/** Starts a run on demand. Started again within the minute, it is the same run, which mails if either was to. */
export async function startRun(chain: Chain, mail: boolean, ports: Ports): Promise<Started> {
  const { store, queue, now, log } = ports;
  const openedAt = now();
  const run = { ...chain, runId: onDemandRunId(openedAt) };
  const finished = await finishedRun(run, mail, ports);
  if (finished) return finished;
  const retryAfterSeconds = mail ? await secondsUntilMail(run, ports) : 0;
  if (retryAfterSeconds > 0) return { status: "limited", retryAfterSeconds };
  await store.addRequest({ ...run, openedAt: openedAt.toISOString(), mail });
  // It may have been committed since, by a reader that did not see this request.
  const overtaken = await finishedRun(run, mail, ports);
  if (overtaken) {
    await store.deleteRequest(run);
    return overtaken;
  }
  await queue.send({ ...run, openedAt: openedAt.toISOString() });
  log("info", "run asked for", { ...chain, run: run.runId, mail });
  return { status: "started", runId: run.runId };
}

type AskedRun = Chain & { runId: RunId };

/** What there is of a run that is committed already; `null`: it is not. */
async function finishedRun(run: AskedRun, mail: boolean, { store }: Ports): Promise<Started | null> {
  const committed = await store.readRun(run, run.runId);
  if (!committed) return null;
  const isRefused = mail && committed.run.mail.status === "none";
  return { status: isRefused ? "finished" : "started", runId: run.runId };
}

/** Seconds until a watchlist may be asked for one more run that mails; 0: now. */
async function secondsUntilMail(run: AskedRun, { store, now }: Ports): Promise<number> {
  const hourAgo = new Date(now().getTime() - hourMs);
  const [runs, requests] = await Promise.all([
    store.listRuns(run, onDemandRunId(hourAgo)),
    store.listRequests(run.tenant),
  ]);
  const mailed = runs.filter(({ runId, mail }) => !isScheduled(runId) && mail.status !== "none");
  const waiting = requests.filter((request) => request.mail && !request.dropped && isOf(request, run));
  // A run is a request, too, until it is deleted after the commit.
  const opened = new Map([...mailed, ...waiting].map(({ runId, openedAt }) => [runId, Date.parse(openedAt)]));
  opened.delete(run.runId);
  const times = [...opened.values()].filter((at) => at > hourAgo.getTime()).sort((a, b) => a - b);
  const freed = times.at(-mailsPerHour);
  return freed === undefined ? 0 : Math.max(1, Math.ceil((freed - hourAgo.getTime()) / 1000));
}

function isOf(one: Chain, { watchlist }: Chain): boolean {
  return one.watchlist.toLowerCase() === watchlist.toLowerCase();
}
