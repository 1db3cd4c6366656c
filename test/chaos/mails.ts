import { expect } from "vitest";
import type { ReceivedMail } from "../../local/inbox/mail.ts";
import type { Mail } from "../../shared/core/mail.ts";
import { chainKey } from "../../shared/core/message.ts";
import { isScheduled } from "../../shared/core/run-id.ts";
import { readCsv } from "../support/read-csv.ts";
import { foreignKbs } from "./estate.ts";
import { type Entry, type Happening, type Ledger, worseIn } from "./ledger.ts";
import { configuredOf, sameChain, tenantOfReader } from "./watchlists.ts";
import { type ChaosWorld, nameOf, runOf } from "./world.ts";

/** Why a mail may have come twice: what kept the app from recording that it was sent. */
export interface Doubts {
  struck: number;
  answerLost: number;
  storageFailed: number;
}

/** The mails as their readers got them, to be compared with the app's own rows. */
export interface MailLedger {
  /** Call this after the ledger of runs has looked. */
  look(happening: Happening): Promise<void>;
  audit(): Promise<void>;
  doubts: Readonly<Doubts>;
  /** Sends that reached their readers, each with its copies. */
  sends(): number;
  /** Sends of mails that had reached their readers already. */
  seconds(): number;
  /** By what became of the mails. */
  fates(): Readonly<Record<string, number>>;
}

/** Each copy after the first is the price of a send of which nobody knew whether it arrived; this many are the end. */
const mostCopies = 3;

export function keepMailLedger(world: ChaosWorld, { runs, isDamaged }: Ledger): MailLedger {
  /** The copies of each send, by the run's name. */
  const sent = new Map<string, Map<string, ReceivedMail[]>>();
  /** Sends whose outcome the app could not record. */
  const doubtful = new Map<string, number>();
  /** How often a person asked for a mail again. */
  const rounds = new Map<string, number>();
  const lastSeen = new Map<string, Mail>();
  const doubts = { struck: 0, answerLost: 0, storageFailed: 0 };
  let [mailsSeen, lostSeen, storageFaultsSeen] = [0, 0, 0];

  async function look(happening: Happening): Promise<void> {
    noteRounds();
    const arrived = world.mails.slice(mailsSeen);
    mailsSeen += arrived.length;
    const answersLost = total(world.lost) - lostSeen;
    lostSeen += answersLost;
    const storageFaults = world.faults.storage - storageFaultsSeen;
    storageFaultsSeen += storageFaults;
    const isStorageTrouble =
      happening.isStorageRestarted || storageFaults > 0 || happening.outcomes.some(({ failed }) => failed.length > 0);
    const names = new Set<string>();
    for (const mail of arrived) {
      expectForItsReader(mail);
      const name = runOf(mail.request);
      const sends = sent.get(name) ?? new Map<string, ReceivedMail[]>();
      sent.set(name, sends);
      if (!sends.has(mail.messageId)) names.add(name);
      sends.set(mail.messageId, [...(sends.get(mail.messageId) ?? []), mail]);
    }
    for (const name of names) weigh(name, happening.isStruck, answersLost > 0, isStorageTrouble);
    for (const [name, sends] of sent) expectNotTooMany(name, sends.size);
  }

  function noteRounds(): void {
    for (const [name, { mail }] of runs) {
      const before = lastSeen.get(name);
      const wasGivenUp = before?.status === "refused" || before?.status === "cancelled";
      if (wasGivenUp && mail.isResent && mail.at !== before.at) rounds.set(name, (rounds.get(name) ?? 0) + 1);
      lastSeen.set(name, mail);
    }
  }

  /** A mail may come again only if something kept the app from recording that it was sent. */
  function weigh(name: string, isStruck: boolean, isAnswerLost: boolean, isStorageTrouble: boolean): void {
    const status = runs.get(name)?.mail.status ?? "not committed";
    expect(["none", "claimed", "not committed"], `the status of ${name}, whose mail arrived`).not.toContain(status);
    if (status === "sent") return;
    doubtful.set(name, (doubtful.get(name) ?? 0) + 1);
    if (isStruck) doubts.struck += 1;
    else if (isAnswerLost) doubts.answerLost += 1;
    else if (isStorageTrouble) doubts.storageFailed += 1;
    else throw new Error(`The mail of ${name} was sent, it is ${status}, and nothing kept the app from recording it.`);
  }

  function expectNotTooMany(name: string, copies: number): void {
    const begun = 1 + (rounds.get(name) ?? 0);
    expect(copies, `sends of the mail of ${name}`).toBeLessThanOrEqual(begun + (doubtful.get(name) ?? 0));
    expect(copies, `sends of the mail of ${name}`).toBeLessThanOrEqual(begun * mostCopies);
  }

  async function audit(): Promise<void> {
    const configured = configuredOf(world.ownership);
    const statuses = new Map((await world.store().listStatuses()).map((status) => [chainKey(status), status]));
    for (const entry of runs.values()) {
      const { run } = entry;
      const isConfigured = configured.some((chain) => sameChain(chain, run));
      const status = statuses.get(chainKey(run));
      // Nothing leads to a removed watchlist any more whose status a person deleted.
      const isHidden = !isConfigured && !status && world.deletedStatuses.has(chainKey(run));
      const isNamed = isHidden || (status?.open.some(({ runId }) => runId === run.runId) ?? false);
      expectFate(entry, isNamed, isConfigured);
    }
    for (const name of sent.keys()) expect(runs.has(name), `whether there is a run ${name}`).toBe(true);
  }

  function expectFate(entry: Entry, isNamed: boolean, isConfigured: boolean): void {
    const { status } = entry.mail;
    const name = nameOf(entry.run);
    const own = [...(sent.get(name)?.values() ?? [])];
    expectTrue(entry, own);
    if (status === "none") expect(own.length, `sends of ${name}`).toBe(0);
    else if (status === "sent") expect(own.length, `sends of ${name}`).toBeGreaterThan(0);
    else if (status === "refused" || status === "cancelled") expectCovered(entry, isNamed, isConfigured);
    // Nobody sends what a removed watchlist owes; health names it until it is cancelled.
    else expect([isConfigured, isNamed], `whether ${name} is configured, and named by health`).toEqual([false, true]);
  }

  /** Each send says what got worse in the run, and each reader got one copy of it. */
  function expectTrue(entry: Entry, sends: readonly (readonly ReceivedMail[])[]): void {
    const name = nameOf(entry.run);
    const worse = worseIn(entry);
    if (isScheduled(entry.run.runId) && worse.length > 0)
      expect(entry.run.mail.status, `the mail of ${name}`).not.toBe("none");
    for (const copies of sends) {
      const readers = copies.flatMap(({ to }) => to.map(({ email }) => email));
      expect(new Set(readers).size, `readers of ${name}`).toBe(readers.length);
      for (const mail of isDamaged(entry) ? [] : copies)
        expect(worseOf(mail), `what the mail of ${name} reports as worse`).toEqual(worse);
    }
  }

  /** What a digest that was not sent held is in a later one that was, or health names it, or a person wanted it so. */
  function expectCovered({ run, mail }: Entry, isNamed: boolean, isConfigured: boolean): void {
    const name = nameOf(run);
    const reason = mail.reason ?? "";
    if (/on request|was removed/.test(reason)) return;
    const later = [...runs.values()].filter((other) => isLaterDigest(other, run));
    const covering = later.filter((other) => (other.mail.since ?? "") < run.runId);
    if (mail.status === "cancelled") {
      expect(isScheduled(run.runId), `whether ${name}, which was covered, is scheduled`).toBe(true);
      const isOver = covering.length > 0 || (!isConfigured && later.length === 0);
      expect(isOver, `whether a sent digest covers ${name}: ${reason}`).toBe(true);
      return;
    }
    const after = isScheduled(run.runId) ? covering : later;
    expect(isNamed || after.length > 0, `whether a digest covers ${name}, or health names it: ${reason}`).toBe(true);
    if (isScheduled(run.runId) && !rounds.has(name)) expectNamed(name, covering);
  }

  /** The next digest says of one that was refused that it was not delivered. */
  function expectNamed(name: string, covering: readonly Entry[]): void {
    const [first] = covering.toSorted((a, b) => (a.run.runId < b.run.runId ? -1 : 1));
    const copies = first ? [...(sent.get(nameOf(first.run))?.values() ?? [])].flat() : [];
    for (const { text } of copies)
      expect(text, `the digest after ${name}`).toMatch(/not\s+delivered|may\s+not\s+have\s+arrived/);
  }

  function fates(): Record<string, number> {
    const found: Record<string, number> = {};
    for (const { mail } of runs.values()) found[mail.status] = (found[mail.status] ?? 0) + 1;
    return found;
  }

  const sends = () => [...sent.values()].reduce((sum, { size }) => sum + size, 0);
  return { look, audit, doubts, fates, sends, seconds: () => sends() - sent.size };
}

/** Whether a run's digest was sent in its turn, after another run of the same watchlist. */
function isLaterDigest({ run, mail }: Entry, than: Entry["run"]): boolean {
  const isLater = sameChain(run, than) && isScheduled(run.runId) && run.openedAt > than.openedAt;
  return isLater && mail.status === "sent" && !mail.isResent;
}

/** No reader gets a mail about another tenant, or one that holds its figures. */
function expectForItsReader({ customArgs, to, subject, text, html, attachments, request }: ReceivedMail): void {
  const name = runOf(request);
  const { tenant = "" } = customArgs;
  for (const { email } of to) expect(tenantOfReader(email), `the tenant of ${email}, who got ${name}`).toBe(tenant);
  const files = attachments.map(({ content }) => content.toString("utf8"));
  expect(foreignKbs([subject, text, html, ...files].join("\n"), tenant), `KBs in ${name} of another tenant`).toEqual(
    [],
  );
}

function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
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
