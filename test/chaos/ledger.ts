import { expect } from "vitest";
import type { Comparison } from "../../shared/core/comparison.ts";
import type { Mail } from "../../shared/core/mail.ts";
import type { Chain, QueueMessage } from "../../shared/core/message.ts";
import type { Run, RunSummary } from "../../shared/core/run.ts";
import { isScheduled, type RunId } from "../../shared/core/run-id.ts";
import type { Snapshot } from "../../shared/core/snapshot.ts";
import { contentOf } from "./estate.ts";
import type { Ask, Outcome } from "./killable-app.ts";
import { allChains, configuredOf, productsOf, sameChain, tenants } from "./watchlists.ts";
import { type ChaosWorld, nameOf } from "./world.ts";

/** A committed run as it was first seen, with the snapshots that it names and that existed then. */
export interface Entry {
  run: Run;
  snapshots: ReadonlyMap<string, Snapshot>;
  /** As it was last seen. */
  mail: Mail;
}

/** What happened since the last look. */
export interface Happening {
  outcomes: readonly Outcome[];
  /** What people asked for, also where the answer never came. */
  asked: readonly Ask[];
  /** Whether a process was killed, or is or was frozen. */
  isStruck: boolean;
  /** Whether a frozen process went on. */
  isThawed: boolean;
  isStorageRestarted: boolean;
}

/** The runs as seen from outside, to be compared with the app's own rows. */
export interface Ledger {
  /** Checks what changed since the last look. */
  look(happening: Happening): Promise<void>;
  /** Checks everything that must hold once the faults are over. */
  audit(): Promise<void>;
  /** By `nameOf`. */
  runs: ReadonlyMap<string, Entry>;
  /** Notes that a person deleted a snapshot. */
  forget(snapshot: Pick<Snapshot, "tenant" | "softwareId" | "runId">): void;
  /** Whether a person deleted a snapshot that the run names. */
  isDamaged(entry: Entry): boolean;
  /** Runs whose message the host gave up on. */
  givenUp(): string[];
}

const queues = ["runs", "runs-poison"];

export function keepLedger(world: ChaosWorld): Ledger {
  const runs = new Map<string, Entry>();
  /** Names of opened runs. */
  const opened = new Set<string>();
  const seenMessages = new Set<string>();
  /** Opened runs of watchlists that were not configured at some time since. */
  const dropped = new Set<string>();
  /** Requests that were answered with 202, and whether they mail. */
  const wishes = new Map<string, boolean>();
  const forgotten = new Set<string>();

  function isDeleted(key: Pick<Snapshot, "tenant" | "softwareId" | "runId">): boolean {
    return forgotten.has(JSON.stringify(pickKey(key)));
  }

  let changesSeen = -1;
  function hasChanged(): boolean {
    const isSeen = changesSeen === world.record.changes;
    changesSeen = world.record.changes;
    return !isSeen;
  }

  const messagesIn = (...names: readonly string[]): QueueMessage[] =>
    [...world.record.messages.values()]
      .filter(({ queue }) => names.includes(queue))
      .map(({ text }) => JSON.parse(text));

  function isDone(name: string): boolean {
    const { tenant, watchlist, runId } = partsOf(name);
    if (runs.has(name) || dropped.has(name)) return true;
    // A run on demand is given up after a day; the id leaves out its seconds.
    if (!isScheduled(runId)) return world.now() - Date.parse(runId) > 86_400_000 - 60_000;
    return [...runs.values()].some(
      ({ run }) => sameChain(run, { tenant, watchlist }) && isScheduled(run.runId) && run.runId > runId,
    );
  }

  async function look({ outcomes }: Happening): Promise<void> {
    const configured = configuredOf(world.ownership);
    for (const chain of hasChanged() ? allChains : []) {
      const listed = await world.store().listRuns(chain);
      for (const summary of listed) await enter(summary, listed);
    }
    noteOpened(configured, outcomes);
    const requests = await noteRequests();
    for (const name of opened)
      if (!isDone(name) && !configured.some((chain) => sameChain(chain, partsOf(name)))) dropped.add(name);
    const waiting = messagesIn(...queues);
    expectNothingLost(waiting, requests);
    expectMailsContinue(waiting, requests, configured);
  }

  /** The runs that people asked for and that are not committed. */
  async function noteRequests(): Promise<ReadonlySet<string>> {
    const requests = (await Promise.all(tenants.map((tenant) => world.store().listRequests(tenant)))).flat();
    for (const request of requests) {
      opened.add(nameOf(request));
      if (request.dropped) dropped.add(nameOf(request));
    }
    return new Set(requests.map(nameOf));
  }

  function noteOpened(configured: readonly Chain[], outcomes: readonly Outcome[]): void {
    for (const [id, { queue, text }] of world.record.messages) {
      if (seenMessages.has(id) || !queues.includes(queue)) continue;
      seenMessages.add(id);
      for (const name of openedBy(JSON.parse(text), configured)) opened.add(name);
    }
    for (const { ask, status, text } of outcomes.flatMap(({ answers }) => answers))
      if (ask.method === "POST" && ask.path === "runs" && status === 202) noteAsked(ask, JSON.parse(text), configured);
  }

  function noteAsked(
    { body }: Ask,
    { watchlist, runId }: { watchlist: string; runId: string },
    configured: readonly Chain[],
  ): void {
    const chain = configured.find((one) => one.watchlist === watchlist);
    if (!chain) throw new Error(`A run of ${watchlist}, which is not configured, was started.`);
    const name = nameOf({ ...chain, runId });
    opened.add(name);
    wishes.set(name, (wishes.get(name) ?? false) || (body as { mail: boolean }).mail);
  }

  async function enter(summary: RunSummary, listed: readonly RunSummary[]): Promise<void> {
    const name = nameOf(summary);
    const known = runs.get(name);
    if (known) {
      known.mail = summary.mail;
      return expect(summary.totals, `the totals of ${name}`).toEqual(known.run.totals);
    }
    const stored = await world.store().readRun(summary, summary.runId);
    if (!stored) throw new Error(`The run ${name} was listed but does not exist.`);
    const { run } = stored;
    const snapshots = new Map<string, Snapshot>();
    for (const { softwareId, previous, current } of run.comparisons) {
      for (const runId of new Set([previous, current].filter((id) => id !== null))) {
        const snapshot = await readSnapshot({ tenant: run.tenant, softwareId, runId });
        if (snapshot) snapshots.set(`${softwareId} ${runId}`, snapshot);
      }
    }
    const entry = { run, snapshots, mail: summary.mail };
    expectInChain(run, listed);
    expectComplete(entry, world.answers);
    runs.set(name, entry);
  }

  /** A snapshot that a run names; `null` if a person deleted it. */
  async function readSnapshot(key: Pick<Snapshot, "tenant" | "softwareId" | "runId">): Promise<Snapshot | null> {
    const snapshot = await world.store().readSnapshot(key);
    if (!snapshot && !isDeleted(key))
      throw new Error(`A run names the snapshot of ${key.softwareId} in ${key.runId}, which does not exist.`);
    return snapshot;
  }

  /** Each run compares with exactly what the scheduled run before it reported. */
  function expectInChain(run: Run, listed: readonly RunSummary[]): void {
    const name = nameOf(run);
    const scheduled = listed.filter(({ runId }) => isScheduled(runId));
    if (isScheduled(run.runId)) {
      const before = scheduled.findLast(({ runId }) => runId < run.runId)?.runId ?? null;
      expect(run.previousRunId, `the run before ${name}`).toBe(before);
    }
    const before = run.previousRunId && runs.get(nameOf({ ...run, runId: run.previousRunId }))?.run;
    expect(run.comparisons.map(({ softwareId }) => softwareId).toSorted()).toEqual(productsOf(run).toSorted());
    for (const comparison of run.comparisons) {
      const last = before
        ? before.comparisons.find(({ softwareId }) => softwareId === comparison.softwareId)
        : undefined;
      expectCompared(run, comparison, last?.current ?? null);
    }
  }

  function expectCompared(run: Run, { softwareId, previous, current }: Comparison, reported: RunId | null): void {
    const name = `${nameOf(run)} of ${softwareId}`;
    const isForgotten = reported !== null && isDeleted({ tenant: run.tenant, softwareId, runId: reported });
    // Where that was deleted, with the snapshot before it, unless it was read again for another watchlist's run of the day.
    if (isForgotten) expect((previous ?? "") <= reported, `whether ${name} compares with no newer one`).toBe(true);
    else expect(previous, `what ${name} compares with`).toBe(reported);
    expect([run.runId, previous]).toContain(current);
    const isFailed = run.failures.some((failure) => failure.softwareId === softwareId);
    expect(isFailed, `whether ${name} failed`).toBe(current !== run.runId);
  }

  /** A run that was opened and is neither committed nor overtaken nor dropped has what will continue it. */
  function expectNothingLost(waiting: readonly QueueMessage[], requests: ReadonlySet<string>): void {
    const isContinued = (name: string) =>
      isScheduled(partsOf(name).runId) ? waiting.some((message) => covers(message, name)) : requests.has(name);
    const lost = [...opened].filter((name) => !isDone(name) && !isContinued(name));
    expect(lost, "runs that nothing will continue").toEqual([]);
  }

  /** A mail that is owed has a message that will send it, or whose run's end will ask for that. */
  function expectMailsContinue(
    waiting: readonly QueueMessage[],
    requests: ReadonlySet<string>,
    configured: readonly Chain[],
  ): void {
    const stranded = [...runs].filter(([name, { run, mail }]) => {
      // A mail sent again on request is repeated by the person whose request got no answer.
      if (!isOwed(mail) || mail.isResent || !configured.some((chain) => sameChain(chain, run))) return false;
      const isDelivered = waiting.some((message) => "deliver" in message && sameChain(message.deliver, run));
      if (isDelivered || requests.has(name) || waiting.some((message) => covers(message, name))) return false;
      // Messages of a watchlist that is not configured are dropped; its next run takes its mails up again.
      return !wasAway(run, mail);
    });
    const names = stranded.map(([name]) => name);
    expect(names, "mails that no message will send").toEqual([]);
  }

  const awaySince = new Map<string, number>();
  function wasAway(chain: Chain, { at }: Mail): boolean {
    return (awaySince.get(JSON.stringify([chain.tenant, chain.watchlist])) ?? 0) > Date.parse(at);
  }

  async function audit(): Promise<void> {
    const givenUp = messagesIn("runs-poison");
    expect(messagesIn("runs"), "messages left after the faults").toEqual([]);
    const isGivenUp = (name: string) => givenUp.some((message) => covers(message, name));
    expect(
      [...opened].filter((name) => !isDone(name) && (isScheduled(partsOf(name).runId) || !isGivenUp(name))),
    ).toEqual([]);
    for (const [name, wantsMail] of wishes)
      if (wantsMail) expect(runs.get(name)?.mail.status, `the mail asked for with ${name}`).not.toBe("none");
    for (const [key, times] of world.record.writes) expect(times, `writes of the snapshot ${key}`).toBe(1);
    for (const entry of runs.values()) await expectUnchanged(entry);
  }

  /** Rows that still exist are as they were first seen. */
  async function expectUnchanged({ run, snapshots }: Entry): Promise<void> {
    if (!(await world.store().readRun(run, run.runId))) return;
    for (const snapshot of snapshots.values()) {
      const now = await readSnapshot(snapshot);
      // What was deleted may have been read again for another watchlist's run of the day.
      if (now && !isDeleted(snapshot)) expect(now).toEqual(snapshot);
    }
  }

  return {
    async look(happening) {
      const configured = configuredOf(world.ownership);
      for (const chain of allChains)
        if (!configured.some((one) => sameChain(one, chain)))
          awaySince.set(JSON.stringify([chain.tenant, chain.watchlist]), world.now());
      await look(happening);
    },
    audit,
    runs,
    forget: (snapshot) => void forgotten.add(JSON.stringify(pickKey(snapshot))),
    isDamaged: ({ snapshots }) => [...snapshots.values()].some(isDeleted),
    givenUp: () => messagesIn("runs-poison").map((message) => JSON.stringify(message)),
  };
}

function pickKey({ tenant, softwareId, runId }: Pick<Snapshot, "tenant" | "softwareId" | "runId">) {
  return { tenant, softwareId, runId };
}

function partsOf(name: string): Chain & { runId: string } {
  const [tenant = "", watchlist = "", runId = ""] = name.split(" ");
  return { tenant, watchlist, runId };
}

/** The runs that a message opens. */
function openedBy(message: QueueMessage, configured: readonly Chain[]): string[] {
  if (!("runId" in message)) return [];
  const { tenant, watchlist, runId } = message;
  if (watchlist !== undefined) return [nameOf({ tenant, watchlist, runId })];
  return configured.filter((chain) => chain.tenant === tenant).map((chain) => nameOf({ ...chain, runId }));
}

/** Whether a message will continue a scheduled run. */
function covers(message: QueueMessage, name: string): boolean {
  if (!("runId" in message)) return false;
  const { tenant, watchlist, runId } = partsOf(name);
  return message.tenant === tenant && message.runId === runId && (message.watchlist ?? watchlist) === watchlist;
}

function isOwed({ status }: Mail): boolean {
  return status === "pending" || status === "claimed" || status === "sending";
}

/**
 * A snapshot has one complete answer that Defender gave since the run's day began, and besides only KBs of such answers: what
 * either of two reads lists is listed.
 */
function expectComplete({ run, snapshots }: Entry, answers: ChaosWorld["answers"]): void {
  const since = Date.parse(run.runId.slice(0, 10));
  for (const { softwareId, current } of run.comparisons) {
    const snapshot = snapshots.get(`${softwareId} ${current}`);
    if (current !== run.runId || !snapshot) continue;
    const given = [...(answers.get(`${run.tenant} ${softwareId}`) ?? [])]
      .filter(([, at]) => at >= since)
      .map(([content]) => kbsOf(content));
    const stored = new Set(kbsOf(contentOf(snapshot.missingKbs)));
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

/** KBs that a run reports as new, or with more machines or CVEs than in the snapshot reported before. */
export function worseIn({ run, snapshots }: Entry): string[] {
  return run.comparisons.flatMap((comparison) => worseOf(comparison, snapshots)).toSorted();
}

function worseOf({ softwareId, previous, current, lateBaseline }: Comparison, snapshots: Entry["snapshots"]): string[] {
  if (previous === null || current === null || lateBaseline) return [];
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
