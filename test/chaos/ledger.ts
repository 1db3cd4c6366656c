import { expect } from "vitest";
import type { ReceivedMail } from "../../local/inbox/mail.ts";
import type { Comparison } from "../../shared/core/comparison.ts";
import type { Run, RunSummary } from "../../shared/core/run.ts";
import { isScheduled } from "../../shared/core/run-id.ts";
import type { Snapshot } from "../../shared/core/snapshot.ts";
import { homeTenant } from "../../shared/core/watchlist.ts";
import { readCsv } from "../support/read-csv.ts";
import type { Outcome } from "./killable-app.ts";
import { type ChaosWorld, contentOf, runOf, watchlists } from "./world.ts";

/** A committed run as it was first seen, with the snapshots that it names. */
interface Entry {
  run: Run;
  snapshots: ReadonlyMap<string, Snapshot>;
}

/** Why a mail may have come twice: what kept the app from recording that it was sent. */
export interface Doubts {
  killed: number;
  answerLost: number;
  storageFailed: number;
}

/** What was seen from outside, to be compared with the app's own rows. */
export interface Ledger {
  /** Call this after every command: it checks what changed. */
  look(outcome: Outcome, storageRestarted: boolean): Promise<void>;
  /** Checks everything that must hold once the faults are over. */
  audit(): Promise<void>;
  /** By watchlist and run. */
  runs: ReadonlyMap<string, Entry>;
  doubts: Readonly<Doubts>;
  /** Runs whose message the host gave up on. */
  givenUp(): string[];
}

export function keepLedger(world: ChaosWorld): Ledger {
  const runs = new Map<string, Entry>();
  const opened = new Set<string>();
  const doubtful = new Map<string, number>();
  const doubts = { killed: 0, answerLost: 0, storageFailed: 0 };
  let mailsSeen = 0;
  let lostSeen = 0;

  const messagesOf = (queue: string) =>
    [...world.gate.messages.values()].filter((message) => message.queue === queue).map(({ text }) => nameOf(text));
  const isDone = (name: string) =>
    runs.has(name) || (isScheduledName(name) ? isOvertaken(name, runs) : isForgotten(name, world.now()));

  async function look(outcome: Outcome, storageRestarted: boolean): Promise<void> {
    await world.quiet();
    for (const { name } of watchlists) {
      for (const summary of await world.store().listRuns(name)) await enter(summary);
    }
    const arrived = world.inbox.mails.slice(mailsSeen);
    mailsSeen += arrived.length;
    const answersLost = total(world.lost) - lostSeen;
    lostSeen += answersLost;
    for (const mail of arrived) await weigh(mail, outcome, answersLost, storageRestarted);
    for (const message of [...messagesOf("runs"), ...messagesOf("runs-poison")]) opened.add(message);
    expectNothingLost();
  }

  async function enter(summary: RunSummary): Promise<void> {
    const name = `${summary.watchlist} ${summary.runId}`;
    const known = runs.get(name);
    if (known) return expect(summary.totals, `the totals of ${name}`).toEqual(known.run.totals);
    const stored = await world.store().readRun(summary.watchlist, summary.runId);
    if (!stored) throw new Error(`The run ${name} was listed but does not exist.`);
    const snapshots = new Map<string, Snapshot>();
    for (const { softwareId, previous, current } of stored.run.comparisons) {
      for (const runId of new Set([previous, current].filter((id) => id !== null))) {
        snapshots.set(`${softwareId} ${runId}`, await readSnapshot(softwareId, runId));
      }
    }
    const entry = { run: stored.run, snapshots };
    expectComplete(entry, world.answers);
    runs.set(name, entry);
  }

  async function readSnapshot(softwareId: string, runId: string): Promise<Snapshot> {
    const snapshot = await world.store().readSnapshot({ tenant: homeTenant, softwareId, runId });
    if (!snapshot) throw new Error(`A run names the snapshot of ${softwareId} in ${runId}, which does not exist.`);
    return snapshot;
  }

  /** A mail may come again only if something kept the app from recording that it was sent. */
  async function weigh(mail: ReceivedMail, outcome: Outcome, answersLost: number, restarted: boolean): Promise<void> {
    const name = runOf(mail.request);
    const [watchlist = "", runId = ""] = name.split(" ");
    const stored = await world.store().readRun(watchlist, runId);
    const status = stored?.run.mail.status ?? "not committed";
    expect(["sending", "sent"], `the mail status of ${name}, whose mail arrived`).toContain(status);
    if (status === "sent") return;
    doubtful.set(name, (doubtful.get(name) ?? 0) + 1);
    if (outcome.killed) doubts.killed += 1;
    else if (answersLost > 0) doubts.answerLost += 1;
    else if (restarted || outcome.failed.length > 0) doubts.storageFailed += 1;
    else throw new Error(`The mail of ${name} was sent, and nothing kept the app from recording it.`);
  }

  /** A run that was opened and is neither committed nor overtaken has a message that will continue it. */
  function expectNothingLost(): void {
    const waiting = new Set([...messagesOf("runs"), ...messagesOf("runs-poison")]);
    const lost = [...opened].filter((name) => !isDone(name) && !waiting.has(name));
    expect(lost, "runs that no message will continue").toEqual([]);
  }

  async function audit(): Promise<void> {
    const givenUp = new Set(messagesOf("runs-poison"));
    expect(messagesOf("runs"), "messages left after the faults").toEqual([]);
    expect([...opened].filter((name) => !isDone(name) && !givenUp.has(name))).toEqual([]);
    // A run that the host gave up on is overtaken by the next scheduled one.
    expect([...givenUp].filter((name) => isScheduledName(name) && !isDone(name))).toEqual([]);
    for (const { name } of watchlists) expectChain(name, runs);
    for (const entry of runs.values()) expectMailed(entry, world.inbox.mails, doubtful);
    await expectUnchanged();
    expect([...world.gate.writes].filter(([, times]) => times > 1)).toEqual([]);
  }

  /** Rows that still exist are as they were first seen. */
  async function expectUnchanged(): Promise<void> {
    for (const { name } of watchlists) {
      for (const { runId, mail } of await world.store().listRuns(name)) {
        expect(["none", "sent"], `the mail of ${name} ${runId}`).toContain(mail.status);
        const entry = runs.get(`${name} ${runId}`);
        for (const snapshot of entry?.snapshots.values() ?? []) {
          expect(await readSnapshot(snapshot.softwareId, snapshot.runId)).toEqual(snapshot);
        }
      }
    }
  }

  return { look, audit, runs, doubts, givenUp: () => messagesOf("runs-poison") };
}

function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

function nameOf(message: string): string {
  const { watchlist, runId } = JSON.parse(message);
  return `${watchlist} ${runId}`;
}

function isScheduledName(name: string): boolean {
  return isScheduled(name.split(" ")[1] ?? "");
}

function isOvertaken(name: string, runs: ReadonlyMap<string, Entry>): boolean {
  const [watchlist, runId = ""] = name.split(" ");
  return [...runs.values()].some(
    ({ run }) => run.watchlist === watchlist && isScheduled(run.runId) && run.runId > runId,
  );
}

/** A run on demand is given up after a day; the id leaves out its seconds. */
function isForgotten(name: string, now: number): boolean {
  return now - Date.parse(name.split(" ")[1] ?? "") > 86_400_000 - 60_000;
}

/** Each run compares with exactly what the scheduled run before it reported. */
function expectChain(watchlist: string, runs: ReadonlyMap<string, Entry>): void {
  const own = [...runs.values()].map(({ run }) => run).filter((run) => run.watchlist === watchlist);
  const scheduled = own.filter(({ runId }) => isScheduled(runId)).toSorted((a, b) => (a.runId < b.runId ? -1 : 1));
  for (const [index, run] of scheduled.entries()) {
    expect(run.previousRunId, `the run before ${watchlist} ${run.runId}`).toBe(scheduled[index - 1]?.runId ?? null);
  }
  for (const run of own) {
    const before = scheduled.find(({ runId }) => runId === run.previousRunId);
    expect(run.comparisons.map(({ softwareId }) => softwareId).toSorted()).toEqual(
      watchlists.find(({ name }) => name === watchlist)?.softwareIds.toSorted(),
    );
    for (const { softwareId, previous, current } of run.comparisons) {
      const reported = before?.comparisons.find((comparison) => comparison.softwareId === softwareId)?.current ?? null;
      expect(previous, `what ${watchlist} ${run.runId} compares ${softwareId} with`).toBe(reported);
      expect([run.runId, previous]).toContain(current);
      const failed = run.failures.some((failure) => failure.softwareId === softwareId);
      expect(failed, `whether ${watchlist} ${run.runId} reports that ${softwareId} failed`).toBe(current !== run.runId);
    }
  }
}

/**
 * A snapshot has one complete answer that Defender gave since the run's day began, and besides only KBs of such answers: what
 * either of two reads lists is listed.
 */
function expectComplete({ run, snapshots }: Entry, answers: ChaosWorld["answers"]): void {
  const since = Date.parse(run.runId.slice(0, 10));
  for (const { softwareId, current } of run.comparisons) {
    if (current !== run.runId) continue;
    const given = [...(answers.get(softwareId) ?? [])]
      .filter(([, at]) => at >= since)
      .map(([content]) => kbsOf(content));
    const stored = new Set(kbsOf(contentOf(snapshots.get(`${softwareId} ${current}`)?.missingKbs ?? [])));
    const isPartOf = (answer: readonly string[]) => answer.every((kb) => stored.has(kb));
    expect(given.some(isPartOf), `whether ${softwareId} has one answer of Defender in ${current}`).toBe(true);
    expect(given.flat(), `what Defender answered of ${softwareId} by ${current}`).toEqual(
      expect.arrayContaining([...stored]),
    );
  }
}

/** The KBs of a `contentOf`, each as text. */
function kbsOf(content: string): string[] {
  return (JSON.parse(content) as unknown[]).map((kb) => JSON.stringify(kb));
}

function expectMailed(
  { run, snapshots }: Entry,
  mails: readonly ReceivedMail[],
  doubtful: ReadonlyMap<string, number>,
) {
  const name = `${run.watchlist} ${run.runId}`;
  const own = mails.filter((mail) => runOf(mail.request) === name);
  const worse = run.comparisons.flatMap((comparison) => worseIn(comparison, snapshots)).toSorted();
  if (isScheduled(run.runId) && worse.length > 0) expect(run.mail.status, `the mail of ${name}`).not.toBe("none");
  if (run.mail.status === "none") expect(own, `mails of ${name}`).toEqual([]);
  else expect(own.length, `mails of ${name}`).toBeGreaterThan(0);
  expect(own.length, `mails of ${name}`).toBeLessThanOrEqual(1 + (doubtful.get(name) ?? 0));
  for (const mail of own) expect(worseOf(mail), `what the mail of ${name} reports as worse`).toEqual(worse);
}

/** KBs that are new, or have more machines or CVEs than in the snapshot reported before. */
function worseIn({ softwareId, previous, current }: Comparison, snapshots: Entry["snapshots"]): string[] {
  if (previous === null || current === null) return [];
  const before = new Map(snapshots.get(`${softwareId} ${previous}`)?.missingKbs.map((kb) => [kb.id, kb]));
  const now = snapshots.get(`${softwareId} ${current}`)?.missingKbs ?? [];
  return now
    .filter((kb) => {
      const then = before.get(kb.id);
      const rose = (name: "machineMissedOn" | "cveAddressed") => (kb[name] ?? 0) > (then?.[name] ?? 0);
      return !then || rose("machineMissedOn") || rose("cveAddressed");
    })
    .map((kb) => `${softwareId} ${kb.id} ${kb.machineMissedOn} ${kb.cveAddressed}`);
}

/** What a mail's attached list calls worse, in the form of `worseIn`. */
function worseOf({ attachments }: ReceivedMail): string[] {
  const [head = [], ...lines] = readCsv((attachments[0]?.content.toString("utf8") ?? "").replace("\ufeff", ""));
  const rows = lines.map((line) => Object.fromEntries(line.map((cell, index) => [head[index], cell])));
  return rows
    .filter(({ change = "" }) => ["new", "worsened", "returned", "more-cves"].includes(change))
    .map((row) => `${row.softwareId} ${row.id} ${row.machineMissedOn} ${row.cveAddressed}`)
    .toSorted();
}
