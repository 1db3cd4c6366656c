import type { Mail, Run, RunMessage, RunSummary } from "../core/run.ts";
import { isScheduled } from "../core/run-id.ts";
import type { Watchlist } from "../core/watchlist.ts";
import type { OutgoingMail, Ports, SendOutcome } from "../ports.ts";
import { isFresh, lastDigest, secondsUntilOwed } from "./chain.ts";
import { loadReport, loadSince, renderOptions } from "./load-report.ts";
import type { HeldSnapshots } from "./snapshots.ts";

/** After this many sends of unknown outcome it gives up: each of them may have reached its readers. */
const maxUnknownOutcomes = 3;
const maxBackoffSeconds = 6 * 3600;

/** Sends the mails that a watchlist's runs owe, oldest first. Returns the seconds until another try, or `null`. */
export async function deliver(
  message: RunMessage,
  watchlist: Watchlist,
  ports: Ports,
  held?: HeldSnapshots,
): Promise<number | null> {
  const { store, now } = ports;
  let runs = await store.listRuns(watchlist.name);
  let isStale = false;
  for (const summary of runs) {
    const owed = secondsUntilOwed(summary, now());
    if (owed === null) continue;
    // Mails sent by this very loop count too.
    if (isStale) runs = await store.listRuns(watchlist.name);
    const since = lastDigest(runs, summary.runId);
    const again = owed > 0 ? owed : await deliverOne(summary, { watchlist, since, held }, ports);
    isStale = true;
    // Later mails wait, so that mails arrive in the order of their runs. After a day this message stops trying, because
    // the next scheduled run's message has taken over.
    if (again !== null) return isFresh(message, now()) ? Math.ceil(again) : null;
  }
  return null;
}

/** Whose mail is sent, and what it is composed from besides its run. */
interface Delivery {
  watchlist: Watchlist;
  /** The run of the last digest; a claim fixes it, so that a retry sends the same mail. */
  since: RunSummary | null;
  held: HeldSnapshots | undefined;
}

/** Claims one owed mail and sends it. Returns the seconds until another try, or `null` if none is needed. */
async function deliverOne(summary: RunSummary, delivery: Delivery, ports: Ports): Promise<number | null> {
  const { store, mailer, now, log } = ports;
  const stored = await store.readRun(summary.watchlist, summary.runId);
  const owed = stored && secondsUntilOwed(stored.run, now());
  if (!stored || owed !== 0) return owed;
  const { run } = stored;
  // Render first: only the send itself may happen between claim and outcome.
  const since = await sinceOf(run, delivery, ports);
  const outgoing = await compose(run, { ...delivery, since }, ports);
  const claim: Mail = {
    ...run.mail,
    status: "sending",
    at: now().toISOString(),
    attempts: run.mail.attempts + 1,
    since: since?.runId ?? null,
  };
  // Another process claimed it first, and may crash: look again when its claim has expired.
  if (!(await store.updateMail(run, stored.version, claim))) return secondsUntilOwed({ mail: claim }, now());
  const outcome = await mailer.send(outgoing);
  const mail = settle(claim, outcome, now());
  log(mail.status === "sent" ? "info" : "error", mailLogs[mail.status], {
    ...{ watchlist: run.watchlist, run: run.runId, attempts: mail.attempts, ...outcome },
  });
  await keepOutcome(run, claim, mail, ports);
  if (mail.status === "pending") return Math.min(maxBackoffSeconds, 60 * 2 ** Math.min(mail.attempts, 10));
  return secondsUntilOwed({ mail }, now());
}

/** The log text for each status that a mail can get; alerts search for these texts. */
export const mailLogs = {
  none: "mail not owed",
  pending: "mail not sent, will retry",
  sending: "mail of unknown outcome",
  sent: "mail sent",
  refused: "mail refused",
} as const satisfies Record<Mail["status"], string>;

/** The last digest before a run: what its first claim fixed, or the one sent last. */
async function sinceOf(
  { mail, watchlist, runId }: Run,
  { since }: Delivery,
  { store }: Ports,
): Promise<RunSummary | null> {
  if (!isScheduled(runId) || mail.since === null) return null;
  if (mail.since === undefined || mail.since === since?.runId) return since;
  return (await store.readRun(watchlist, mail.since))?.run ?? null;
}

async function compose(run: Run, { watchlist, since, held }: Delivery, ports: Ports): Promise<OutgoingMail> {
  const report = await loadReport(run, ports, { held });
  const changes = since && (await loadSince(report, since, ports, held));
  const { renderDigest } = await import("../render/digest/digest.ts");
  const digest = await renderDigest(report, renderOptions(ports, watchlist), changes);
  return { watchlist: run.watchlist, runId: run.runId, to: watchlist.mailTo, ...digest };
}

function settle(claim: Mail, outcome: SendOutcome, now: Date): Mail {
  const { reason: _earlier, ...mail } = { ...claim, at: now.toISOString() };
  if (outcome.status === "sent") return { ...mail, status: "sent" };
  if (outcome.status === "refused") return { ...mail, status: "refused", reason: outcome.reason };
  if (outcome.status === "failed") return { ...mail, status: "pending", reason: outcome.reason };
  const unknownOutcomes = mail.unknownOutcomes + 1;
  const status = unknownOutcomes < maxUnknownOutcomes ? "sending" : "refused";
  const reason = `${outcome.reason} It may have arrived anyway.`;
  return { ...mail, status, unknownOutcomes, reason };
}

/** Replaces our own claim with the outcome, however often the row changes meanwhile. */
async function keepOutcome(run: RunSummary, claim: Mail, mail: Mail, { store, log }: Ports): Promise<void> {
  for (let tries = 0; tries < 10; tries++) {
    const stored = await store.readRun(run.watchlist, run.runId);
    const ours = stored?.run.mail;
    if (!stored || ours?.status !== "sending" || ours.attempts !== claim.attempts) break;
    if (await store.updateMail(run, stored.version, mail)) return;
  }
  log("error", "mail outcome not saved: another process took over the claim", {
    watchlist: run.watchlist,
    run: run.runId,
  });
}
