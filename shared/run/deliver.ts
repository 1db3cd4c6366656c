import {
  claimed,
  covered,
  givenBack,
  lastDigest,
  type Mail,
  maySend,
  nextStep,
  type OutboxStep,
  refused,
  secondsUntilDue,
  sending,
  sendNumber,
  settled,
  undelivered,
  withoutDeadClaim,
} from "../core/mail.ts";
import type { Chain } from "../core/message.ts";
import type { Run, RunSummary } from "../core/run.ts";
import { isScheduled, type RunId } from "../core/run-id.ts";
import type { Watchlist } from "../core/watchlist.ts";
import { type OutgoingMail, type Ports, RowError, type Store, type StoredRun, TooLargeError } from "../ports.ts";
import { loadReport, loadSince, renderOptions, SnapshotGoneError } from "./load-report.ts";
import { refreshStatus } from "./status.ts";

// One message never keeps the function busy for long, however many mails a watchlist owes.
const deliveryMs = 5 * 60_000;
const maxSteps = 100;

/** Sends the mails that a watchlist's runs owe. Returns the seconds until another try, or `null` where nothing is owed. */
export async function deliver(chain: Chain, watchlist: Watchlist, ports: Ports): Promise<number | null> {
  const { store, now } = ports;
  const until = now().getTime() + deliveryMs;
  for (let steps = 0; ; steps++) {
    const runs = await store.listRuns(chain);
    const step = nextStep(runs, now());
    if (!step || step.type === "wait" || steps === maxSteps || now().getTime() >= until) {
      // Where nothing was to be done, a commit may have written the status from older runs.
      if (steps > 0 || !step) await refresh(chain, runs, ports);
      return secondsUntilNext(step);
    }
    if (step.type === "cover") await cover(step.run, step.by, ports);
    else await deliverOne(step.run, { watchlist, runs }, ports);
  }
}

function secondsUntilNext(step: OutboxStep<RunSummary> | null): number | null {
  if (!step) return null;
  return step.type === "wait" ? step.seconds : 1;
}

// The copy of the overview is repaired by the next commit and by expiry.
async function refresh(chain: Chain, runs: readonly RunSummary[], ports: Ports): Promise<void> {
  try {
    const last = runs.findLast(({ runId }) => isScheduled(runId));
    const stored = last && (await ports.store.readRun(chain, last.runId));
    await refreshStatus(chain, { runs, last: stored?.run ?? null }, ports);
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
    log("info", mailLogs.cancelled, fieldsOf(summary, cancelled));
}

/** Whose mails are sent, and the runs as they are before this one's is. */
interface Delivery {
  watchlist: Watchlist;
  runs: readonly RunSummary[];
}

/** Claims one owed mail and sends it. */
async function deliverOne(summary: RunSummary, delivery: Delivery, ports: Ports): Promise<void> {
  const { store, now, log } = ports;
  const stored = await store.readRun(summary, summary.runId);
  // Another process may have been faster.
  if (!stored || secondsUntilDue(stored.run.mail, now()) !== 0) return;
  const { run } = stored;
  const mail = withoutDeadClaim(run.mail, now());
  if (mail.status === "refused") {
    if (await store.updateMail(run, stored.version, mail)) log("error", mailLogs.refused, fieldsOf(run, mail));
    return;
  }
  if (mail !== run.mail) log("error", mailLogs[run.mail.status], fieldsOf(run, mail));
  const since = isScheduled(run.runId) ? (lastDigest(delivery.runs, run.runId)?.runId ?? null) : null;
  const claim = claimed(mail, since, now());
  if (await store.updateMail(run, stored.version, claim)) await sendClaimed({ ...run, mail: claim }, delivery, ports);
}

/** Composes and sends a mail that this process has claimed. */
async function sendClaimed(run: Run, delivery: Delivery, ports: Ports): Promise<void> {
  const { mailer, now, log } = ports;
  const outgoing = await composeOrRefuse(run, delivery, ports);
  if (!outgoing) return;
  const leaving = sending(run.mail, now(), mailer.canAsk === true);
  if (!(await replaceMail(run, leaving, ports))) return;
  const held = { ...run, mail: leaving };
  // A process that was frozen until now must not send what another sends: nothing is awaited between this and the send.
  if (!maySend(leaving, now())) {
    log("warn", "mail given back: too late to send it", fieldsOf(run, leaving));
    await replaceMail(held, givenBack(leaving, now()), ports);
    return;
  }
  const outcome = await mailer.send(outgoing);
  const mail = settled(leaving, outcome, run.committedAt, now());
  const isUnknown = outcome.status === "unknown" && mail.status === "pending";
  const text = isUnknown ? mailLogs.sending : mailLogs[mail.status];
  log(mail.status === "sent" ? "info" : "error", text, { ...outcome, ...fieldsOf(run, mail) });
  if (!(await replaceMail(held, mail, ports)))
    log("error", "mail outcome not saved: another process took over the claim", fieldsOf(run, mail));
}

/** The log text for each status that a mail can get; alerts search for these texts. */
export const mailLogs = {
  none: "mail not owed",
  pending: "mail not sent, will retry",
  claimed: "mail not composed, will retry",
  sending: "mail of unknown outcome",
  sent: "mail sent",
  refused: "mail refused",
  cancelled: "mail cancelled",
} as const satisfies Record<Mail["status"], string>;

function fieldsOf({ tenant, watchlist, runId }: RunSummary, { attempts, reason }: Mail) {
  return { tenant, watchlist, run: runId, attempts, ...(reason !== undefined && { reason }) };
}

/** The mail, or `null` if it cannot be composed and is refused. Where storage fails, it is given back and the error thrown. */
async function composeOrRefuse(run: Run, delivery: Delivery, ports: Ports): Promise<OutgoingMail | null> {
  const { now, log } = ports;
  const watched = watch(ports.store);
  try {
    return await compose(run, delivery, { ...ports, store: watched.store });
  } catch (error) {
    if (watched.hasFailedWith(error)) {
      await replaceMail(run, givenBack(run.mail, now()), ports).catch((also) => {
        log("error", "mail not given back", { ...fieldsOf(run, run.mail), reason: String(also) });
      });
      throw error;
    }
    const mail = refused(run.mail, reasonOf(error), now());
    log("error", mailLogs.refused, { ...fieldsOf(run, mail), error: error instanceof Error ? error.stack : error });
    await replaceMail(run, mail, ports);
    return null;
  }
}

function reasonOf(error: unknown): string {
  const isForPeople = error instanceof RowError || error instanceof SnapshotGoneError || error instanceof TooLargeError;
  return isForPeople ? error.message : `The app failed to compose it: ${String(error)}.`;
}

/** The same store, and whether an error is trouble of storage itself and not of a row: that passes. */
function watch(store: Store): { store: Store; hasFailedWith: (error: unknown) => boolean } {
  const failures = new Set<unknown>();
  const watched = new Proxy(store, {
    get(target, name, receiver) {
      const method: unknown = Reflect.get(target, name, receiver);
      if (typeof method !== "function") return method;
      return async (...args: unknown[]) => {
        try {
          return await method.apply(target, args);
        } catch (error) {
          if (!(error instanceof RowError)) failures.add(error);
          throw error;
        }
      };
    },
  });
  return { store: watched, hasFailedWith: (error) => failures.has(error) };
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

/** Replaces the mail that this process holds, however often the rest of the row changes meanwhile; false if it no longer holds it. */
async function replaceMail(run: Run, mail: Mail, { store }: Ports): Promise<boolean> {
  for (let tries = 0; tries < 10; tries++) {
    const stored: StoredRun | null = await store.readRun(run, run.runId);
    if (!stored || !isSameClaim(stored.run.mail, run.mail)) return false;
    if (await store.updateMail(run, stored.version, mail)) return true;
  }
  return false;
}

function isSameClaim(a: Mail, b: Mail): boolean {
  return a.status === b.status && a.at === b.at && a.attempts === b.attempts;
}
