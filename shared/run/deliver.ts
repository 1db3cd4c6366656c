import { type AlertStep, type ExploitedAlert, nextAlertStep } from "../core/alert.ts";
import {
  covered,
  lastDigest,
  nextStep,
  type OutboxStep,
  sendNumber,
  undelivered,
  withoutDeadClaim,
} from "../core/mail.ts";
import type { Chain } from "../core/message.ts";
import type { Run, RunSummary } from "../core/run.ts";
import { isScheduled, type RunId } from "../core/run-id.ts";
import type { Watchlist } from "../core/watchlist.ts";
import { type OutgoingMail, type Ports, RowError } from "../ports.ts";
import { alertLetter, cancelAlert } from "./alerts.ts";
import { loadReport, loadSince, renderOptions } from "./load-report.ts";
import { fieldsOf, type Letter, mailLogs, sendLetter } from "./send-mail.ts";
import { refreshStatus } from "./status.ts";
import { unlessDamaged } from "./unless-damaged.ts";

// One message never keeps the function busy for long, however many mails a watchlist owes.
const deliveryMs = 5 * 60_000;
const maxSteps = 100;

/** Whose mails are sent, and what there is of it before one is. */
interface Delivery {
  watchlist: Watchlist;
  runs: readonly RunSummary[];
  alerts: readonly ExploitedAlert[];
}

/** Sends the mails that a watchlist owes. Returns the seconds until another try, or `null` where nothing is owed. */
export async function deliver(chain: Chain, watchlist: Watchlist, ports: Ports): Promise<number | null> {
  const { store, now } = ports;
  const until = now().getTime() + deliveryMs;
  for (let steps = 0; ; steps++) {
    const [runs, listed] = await Promise.all([store.listRuns(chain), unlessDamaged(store.listAlerts(chain))]);
    const delivery = { watchlist, runs, alerts: listed instanceof RowError ? [] : listed };
    const step = nextOf(delivery, now());
    if (!step || step.type === "wait" || steps === maxSteps || now().getTime() >= until) {
      // Where nothing was to be done, a commit may have written the status from older runs.
      if (steps > 0 || !step) await refresh(chain, delivery, ports);
      // Only now: digests do not depend on it. The message ends in the poison queue, where health finds it.
      if (!step && listed instanceof RowError) throw listed;
      return secondsUntilNext(step);
    }
    await take(step, delivery, ports);
  }
}

type Step = AlertStep | OutboxStep<RunSummary>;

/** What can be done now, alerts first; else the shortest wait. */
function nextOf({ watchlist, runs, alerts }: Delivery, now: Date): Step | null {
  const steps = [nextAlertStep(alerts, watchlist, now), nextStep(runs, now)].filter((step) => step !== null);
  const [first = null] = steps.toSorted((a, b) => secondsOf(a) - secondsOf(b));
  return first;
}

function secondsOf(step: Step): number {
  return step.type === "wait" ? step.seconds : 0;
}

function secondsUntilNext(step: Step | null): number | null {
  return step && Math.max(1, secondsOf(step));
}

async function take(step: Exclude<Step, { type: "wait" }>, delivery: Delivery, ports: Ports): Promise<void> {
  switch (step.type) {
    case "cover":
      return cover(step.run, step.by, ports);
    case "send":
      return sendLetter(digestLetter(step.run, delivery, ports), ports);
    case "cancel-alert":
      return cancelAlert(step.alert, step.reason, ports);
    case "send-alert":
      return sendLetter(alertLetter(step.alert, delivery.watchlist, ports), ports);
  }
}

// The copy of the overview is repaired by the next commit and by expiry.
async function refresh(chain: Chain, { runs, alerts }: Delivery, ports: Ports): Promise<void> {
  try {
    const last = runs.findLast(({ runId }) => isScheduled(runId));
    const stored = last && (await ports.store.readRun(chain, last.runId));
    await refreshStatus(chain, { runs, last: stored?.run ?? null, alerts }, ports);
  } catch (error) {
    ports.log("error", "status not refreshed after a delivery", { ...chain, reason: String(error) });
  }
}

async function cover(summary: RunSummary, by: RunId, { store, now, log }: Ports): Promise<void> {
  const stored = await store.readRun(summary, summary.runId);
  if (!stored) return;
  const mail = withoutDeadClaim(stored.run.mail, now());
  if (mail.status !== "pending" || mail.unknownOutcomes > 0) return;
  const cancelled = covered(mail, by, now());
  if (await store.updateMail(summary, stored.version, cancelled))
    log("info", mailLogs.cancelled, fieldsOf({ named: namesOf(summary) }, cancelled));
}

function digestLetter(summary: RunSummary, delivery: Delivery, { store }: Ports): Letter<Run> {
  const { runId, committedAt } = summary;
  return {
    named: namesOf(summary),
    owedSince: committedAt,
    since: isScheduled(runId) ? (lastDigest(delivery.runs, runId)?.runId ?? null) : null,
    async read() {
      const stored = await store.readRun(summary, runId);
      return stored && { row: stored.run, version: stored.version };
    },
    save: (version, mail) => store.updateMail(summary, version, mail),
    compose: (run, ports) => compose(run, delivery, ports),
  };
}

function namesOf({ tenant, watchlist, runId }: RunSummary): Letter<Run>["named"] {
  return { tenant, watchlist, run: runId };
}

async function compose(run: Run, { watchlist, runs }: Delivery, ports: Ports): Promise<OutgoingMail> {
  const { tenant, runId, mail } = run;
  const report = await loadReport(run, ports);
  const since = runs.find((earlier) => earlier.runId === mail.since);
  const changes = since ? await loadSince(report, since, ports) : null;
  const { renderDigest } = await import("../render/digest/digest.ts");
  const missed = isScheduled(runId) ? undelivered(runs, since?.runId ?? null, runId) : undefined;
  const digest = await renderDigest(report, renderOptions(ports, watchlist), changes, missed);
  const { mailTo: to, mailTogether: together } = watchlist;
  const isRepeat = mail.unknownOutcomes > 0;
  return { tenant, watchlist: run.watchlist, runId, sendKey: sendKey(run), isRepeat, to, together, ...digest };
}

// With the time of the commit, because emptied storage begins again with the same runs.
function sendKey({ tenant, watchlist, runId, committedAt, mail }: Run): string {
  return JSON.stringify([tenant, watchlist, runId, committedAt, sendNumber(mail)]);
}
