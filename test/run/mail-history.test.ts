import fc from "fast-check";
import { expect, test } from "vitest";
import { addDays } from "../../shared/core/day.ts";
import { isGivenUp, withoutDeadClaim } from "../../shared/core/mail.ts";
import { readMissingKbs } from "../../shared/core/missing-kb.ts";
import { closeRun, lastComparison, type Outcome } from "../../shared/core/run.ts";
import type { RunId } from "../../shared/core/run-id.ts";
import { takeSnapshot } from "../../shared/core/snapshot.ts";
import { summarize } from "../../shared/core/watchlist-status.ts";
import { serveCancelMail, serveResend } from "../../shared/http/resend.ts";
import type { OutgoingMail } from "../../shared/ports.ts";
import { chainEnd } from "../../shared/run/chain.ts";
import { deliver } from "../../shared/run/deliver.ts";
import { ask, request } from "../support/ask.ts";
import { aWatchlist, chainOf, eachOf } from "../support/builders.ts";
import { type CrashPoint, crashingAt } from "../support/drive.ts";
import { type FakeWorld, fakeWorld } from "../support/fake-world.ts";
import { expectEveryDigestComplete, isSentInTurn, scheduledRuns, shownBy, worseThan } from "../support/readers.ts";

const softwareIds = ["microsoft-_-windows_10", "microsoft-_-windows_11"];
const watchlist = aWatchlist({ softwareIds, mailWhen: "worse", heartbeatDay: "none" });
const chain = chainOf();

/** By product: machines by KB, or a read that fails. */
type Answers = (Readonly<Record<string, number>> | null)[];
type Deed =
  | { type: "deliver" }
  | { type: "crash"; at: CrashPoint }
  /** The process is frozen at a call for so many minutes, while another delivers. */
  | { type: "freeze"; at: CrashPoint; minutes: number }
  | { type: "resend" | "cancel"; back: number };
interface Day {
  answers: Answers;
  outcomes: FakeWorld["outcomes"];
  deeds: Deed[];
}

const estate = fc.dictionary(fc.constantFrom("1", "2", "3"), fc.integer({ min: 1, max: 9 }), { maxKeys: 3 });
const answer = fc.oneof({ weight: 6, arbitrary: estate }, { weight: 1, arbitrary: fc.constant(null) });
const outcome: fc.Arbitrary<FakeWorld["outcomes"][number]> = fc.oneof(
  { weight: 2, arbitrary: fc.constant({ status: "sent", messageId: "1" } as const) },
  { weight: 2, arbitrary: fc.constant({ status: "refused", reason: "Not verified." } as const) },
  { weight: 2, arbitrary: fc.boolean().map((isAccount) => ({ status: "failed", reason: "503.", isAccount }) as const) },
  { weight: 2, arbitrary: fc.boolean().map((arrives) => ({ status: "unknown", reason: "Reset.", arrives }) as const) },
);
const point = fc.record({ call: fc.integer({ min: 1, max: 25 }), after: fc.boolean() });
const back = fc.integer({ min: 0, max: 2 });
const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ type: "deliver" } as const) },
  { weight: 3, arbitrary: point.map((at) => ({ type: "crash", at }) as const) },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant("freeze" as const), at: point, minutes: fc.constantFrom(4, 6, 11) }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom("resend" as const, "cancel" as const), back }) },
);
const day: fc.Arbitrary<Day> = fc.record({
  answers: fc.tuple(answer, answer),
  outcomes: fc.array(outcome, { maxLength: 4 }),
  deeds: fc.array(deed, { maxLength: 5 }),
});

test("every change for the worse is in a mail that was sent or in one that is open, and no mail has unexplained copies", {
  timeout: 240_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(day, { minLength: 2, maxLength: 7 }), async (days) => {
      const world = fakeWorld([watchlist]);
      const doubts = countDoubts(world);
      for (const [index, each] of days.entries()) {
        await live(world, doubts, addDays("2026-11-02", index), each);
        await expectNothingForgotten(world);
      }
      // A day on which all goes well and something is new, so that a digest certainly comes.
      const last = {
        answers: [{ "9": 1 }, {}],
        outcomes: [],
        deeds: [{ type: "deliver" }, { type: "deliver" }],
      } as const;
      await live(world, doubts, addDays("2026-11-02", days.length), {
        ...last,
        answers: [...last.answers],
        outcomes: [],
        deeds: [...last.deeds],
      });
      await expectEveryDigestComplete(world.ports.store, world.inbox);
      expectCopiesExplained(world, doubts);
    }),
    { numRuns: 150 },
  );
});

/** How many copies of each run's mail may have arrived without the app's knowing, and how often it began anew. */
interface Doubts {
  unknown: Map<RunId, number>;
  begun: Map<RunId, number>;
}

function countDoubts(world: FakeWorld): Doubts {
  const doubts: Doubts = { unknown: new Map(), begun: new Map() };
  const { store, mailer } = world.ports;
  const { updateMail } = store;
  store.updateMail = async (run, version, mail) => {
    const before = (await store.readRun(run, run.runId))?.run.mail;
    const isWritten = await updateMail(run, version, mail);
    if (isWritten && mail.status === "pending" && before && isGivenUp(before)) add(doubts.begun, run.runId);
    return isWritten;
  };
  const { send } = mailer;
  mailer.send = async (mail) => {
    const outcome = await send(mail);
    if (outcome.status === "unknown") add(doubts.unknown, runOf(mail));
    return outcome;
  };
  return doubts;
}

function add(counts: Map<RunId, number>, runId: RunId): void {
  counts.set(runId, (counts.get(runId) ?? 0) + 1);
}

async function live(world: FakeWorld, doubts: Doubts, date: string, { answers, outcomes, deeds }: Day): Promise<void> {
  world.setClock(`${date}T05:00:00Z`);
  await commit(world, date, answers);
  world.outcomes.splice(0, world.outcomes.length, ...outcomes);
  for (const deed of deeds) {
    await act(world, deed, doubts);
    pass(world, 8);
  }
}

function pass({ ports, setClock }: FakeWorld, minutes: number): void {
  setClock(ports.now().getTime() + minutes * 60_000);
}

async function act(world: FakeWorld, deed: Deed, { unknown }: Doubts): Promise<void> {
  const { ports, inbox } = world;
  if (deed.type === "deliver") await deliver(chain, watchlist, ports);
  else if (deed.type === "freeze") await deliver(chain, watchlist, freezingAt(deed.at, world, deed.minutes, unknown));
  else if (deed.type === "crash") {
    const before = inbox.length;
    await deliver(chain, watchlist, crashingAt(deed.at, ports)).catch(() => {});
    for (const mail of inbox.slice(before)) add(unknown, runOf(mail));
  } else {
    const serve = deed.type === "resend" ? serveResend : serveCancelMail;
    await ask(await mailRequest(world, deed), (asked) => serve(asked, ports));
  }
}

async function mailRequest({ ports }: FakeWorld, { back }: { back: number }) {
  const runs = await ports.store.listRuns(chain);
  const runId = runs.at(-1 - back)?.runId ?? "2026-11-02";
  return request({}, { method: "POST", params: { watchlist: "default", runId } });
}

/**
 * The same ports, except that at one call time passes and another process delivers. A mail that had begun to leave by then may
 * arrive twice: nothing is between the last look at the clock and the send.
 */
function freezingAt(
  { call, after }: CrashPoint,
  world: FakeWorld,
  minutes: number,
  unknown: Doubts["unknown"],
): FakeWorld["ports"] {
  const { ports } = world;
  let calls = 0;
  const freeze = async () => {
    pass(world, minutes);
    await deliver(chain, watchlist, ports);
  };
  const wrap = <T extends object>(neighbour: T): T =>
    new Proxy(neighbour, {
      get:
        (target, name, receiver) =>
        async (...args: unknown[]) => {
          const isNow = ++calls === call;
          if (name === "send" && calls <= call) add(unknown, runOf(args[0] as OutgoingMail));
          if (isNow && !after) await freeze();
          const method = Reflect.get(target, name, receiver) as (...args: unknown[]) => unknown;
          const result = await method.apply(target, args);
          if (isNow && after) await freeze();
          return result;
        },
    });
  return { ...ports, store: wrap(ports.store), mailer: wrap(ports.mailer) };
}

async function commit({ ports }: FakeWorld, runId: RunId, answers: Answers): Promise<void> {
  const { store, now, rules } = ports;
  const { last, isDigestOwed } = await chainEnd(store, chain);
  const openedAt = now().toISOString();
  const opening = {
    ...{ watchlist, runId, day: runId, openedAt, committedAt: openedAt, last: last?.run ?? null, isDigestOwed },
    ...{ timeZone: "UTC", retentionDays: rules.retentionDays },
  };
  const outcomes = softwareIds.map(async (softwareId, index): Promise<Outcome> => {
    const key = { tenant: "home", softwareId, runId };
    const compared = lastComparison(last?.run ?? null, softwareId)?.current ?? null;
    const previous = compared ? await store.readSnapshot({ ...key, runId: compared }) : null;
    const listed = answers[index];
    if (!listed) return { softwareId, previous, current: null };
    const items = Object.entries(listed).map(([id, machineMissedOn]) => ({ id, machineMissedOn, cveAddressed: 1 }));
    const current = takeSnapshot(
      { ...key, day: runId, openedAt },
      readMissingKbs(items),
      await store.latestSnapshot(key),
    );
    await store.addSnapshot(current);
    return { softwareId, previous, current };
  });
  const run = await closeRun(opening, eachOf(await Promise.all(outcomes)));
  expect(await store.commitRun(run, last)).toBe(true);
}

/** What is worse than readers last saw is owed, refused, or was taken in hand by a person. */
async function expectNothingForgotten(world: FakeWorld): Promise<void> {
  const { store } = world.ports;
  const runs = await scheduledRuns(store);
  const newest = runs.at(-1);
  const digest = runs.findLastIndex(isSentInTurn);
  const last = runs[digest];
  if (!newest || !last) return;
  const since = runs.slice(digest + 1);
  const isByHand = since.some(({ mail }) => mail.isResent || mail.reason === "It was cancelled on request.");
  if (isByHand || worseThan(await shownBy(store, last), await shownBy(store, newest)).length === 0) return;
  expect(summarize(chain, runs, newest).open).not.toEqual([]);
  expect(since.map(({ mail }) => withoutDeadClaim(mail, world.ports.now()).status)).toEqual(
    expect.arrayContaining([expect.stringMatching(/^(pending|claimed|sending|refused)$/)]),
  );
}

/** The run that a mail reports: here all are digests. */
function runOf({ runId = "" }: OutgoingMail): string {
  return runId;
}

/** Three copies at most each time a mail begins, and each beyond the first because nobody knew whether one had arrived. */
function expectCopiesExplained({ inbox }: FakeWorld, { unknown, begun }: Doubts): void {
  for (const [runId, copies] of Map.groupBy(inbox, runOf)) {
    const beginnings = 1 + (begun.get(runId) ?? 0);
    expect(copies.length).toBeLessThanOrEqual(3 * beginnings);
    expect(copies.length).toBeLessThanOrEqual(beginnings + (unknown.get(runId) ?? 0));
  }
}
