import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addDays } from "../../shared/core/day.ts";
import {
  claimed,
  covered,
  givenBack,
  lastDigest,
  type Mail,
  mailStatuses,
  maySend,
  nextStep,
  resent,
  type SendOutcome,
  secondsUntilDue,
  sending,
  sendNumber,
  settled,
  undelivered,
  withoutDeadClaim,
} from "../../shared/core/mail.ts";

const at = "2026-11-23T05:00:00.000Z";
const pending: Mail = { status: "pending", at, attempts: 0, unknownOutcomes: 0 };
const minute = (minutes: number) => new Date(Date.parse(at) + minutes * 60_000);
const aRun = (runId: string, mail: Partial<Mail> = {}) => ({ runId, mail: { ...pending, ...mail } });

describe("when something is due", () => {
  test.each<[string, Partial<Mail>, number, number | null]>([
    ["a pending mail: now", {}, 0, 0],
    ["until its next try", { retryAt: minute(4).toISOString() }, 1, 180],
    ["after that: now", { retryAt: minute(4).toISOString() }, 5, 0],
    ["at most a day, whatever the clock did", { retryAt: minute(90_000).toISOString() }, 0, 86_400],
    ["claimed: ten minutes", { status: "claimed" }, 4, 360],
    ["sending: ten minutes", { status: "sending" }, 9, 60],
    ["a dead claim: now", { status: "claimed" }, 10, 0],
    ["a claim from the future: ten minutes", { status: "sending" }, -90, 600],
    ["sent: never", { status: "sent" }, 0, null],
    ["refused: never", { status: "refused" }, 0, null],
    ["cancelled: never", { status: "cancelled" }, 0, null],
    ["none: never", { status: "none" }, 0, null],
  ])("%s", (_, mail, minutes, seconds) => {
    expect(secondsUntilDue({ ...pending, ...mail }, minute(minutes))).toBe(seconds);
  });
});

describe("a process that dies", () => {
  test("leaves the mail alone for ten minutes", () => {
    const claim = claimed(pending, null, minute(0));
    expect(withoutDeadClaim(claim, minute(9.99))).toBe(claim);
  });

  test("while it composes is a failed try, and the third is the end", () => {
    let mail = pending;
    for (const crashes of [1, 2]) {
      mail = withoutDeadClaim(claimed(mail, "2026-11-20", minute(0)), minute(10));
      expect(mail).toMatchObject({
        status: "pending",
        attempts: crashes,
        crashes,
        unknownOutcomes: 0,
        since: "2026-11-20",
      });
      expect(secondsUntilDue(mail, minute(10))).toBe(0);
    }
    mail = withoutDeadClaim(claimed(mail, "2026-11-22", minute(0)), minute(10));
    expect(mail).toMatchObject({
      ...{ status: "refused", crashes: 3, since: "2026-11-20" },
      reason: "The app stopped three times while composing it.",
    });
  });

  test("while it sends is an unknown outcome, and the third is the end", () => {
    let mail: Mail = { ...pending };
    for (const unknownOutcomes of [1, 2, 3]) {
      mail = withoutDeadClaim(sending(claimed(mail, null, minute(0)), minute(0)), minute(10));
      expect(mail).toMatchObject({ status: unknownOutcomes < 3 ? "pending" : "refused", unknownOutcomes });
    }
    expect(mail.reason).toBe("The app stopped while sending it. It may have arrived.");
    expect(mail.crashes).toBeUndefined();
  });
});

describe("a claim", () => {
  test("fixes the last digest once, and may send for five minutes", () => {
    const first = claimed({ ...pending, retryAt: at }, null, minute(1));
    expect(first).toEqual({ ...pending, status: "claimed", at: minute(1).toISOString(), attempts: 1, since: null });
    expect(claimed(givenBack(first, minute(2)), "2026-11-20", minute(3))).toMatchObject({ attempts: 1, since: null });
    const leaving = sending(first, minute(2));
    expect([maySend(leaving, minute(7)), maySend(leaving, minute(7.01))]).toEqual([true, false]);
  });
});

describe("a send", () => {
  const leaving = (attempts: number): Mail => ({ ...pending, status: "sending", attempts });
  const failed = { status: "failed", reason: "503." } as const;
  const pause = (attempts: number, outcome: SendOutcome = failed) => {
    return secondsUntilDue(settled(leaving(attempts), outcome, at, minute(0)), minute(0));
  };

  test("that failed is tried again after 1, 2, 4 … minutes, at most six hours, and not before the mailer allows it", () => {
    expect([1, 2, 3, 4, 9, 10, 400].map((attempts) => (pause(attempts) ?? 0) / 60)).toEqual([
      1, 2, 4, 8, 256, 360, 360,
    ]);
    expect(pause(1, { ...failed, retryAfterSeconds: 3_600 })).toBe(3_600);
    expect(pause(5, { ...failed, retryAfterSeconds: 10 })).toBe(16 * 60);
    expect(pause(1, { ...failed, retryAfterSeconds: 10 ** 9 })).toBe(86_400);
  });

  const dayMinutes = 24 * 60;
  test.each<[number, number, SendOutcome, Mail["status"]]>([
    [11, 3, failed, "pending"],
    [12, 1.9, failed, "pending"],
    [12, 2, failed, "refused"],
    [99, 9, { ...failed, isAccount: true }, "pending"],
  ])("number %i that failed %d days after the run (%o) is %s", (attempts, days, outcome, status) => {
    const mail = settled(leaving(attempts), outcome, at, minute(days * dayMinutes));
    expect(mail.status).toBe(status);
    expect(mail.isAccountTrouble).toBe("isAccount" in outcome ? true : undefined);
  });

  test("leaves no trace of an earlier failure", () => {
    const earlier: Mail = { ...leaving(3), reason: "503.", isAccountTrouble: true, crashes: 1 };
    const sent = settled(earlier, { status: "sent", messageId: "1" }, at, minute(1));
    expect(sent).toEqual({ ...pending, status: "sent", at: minute(1).toISOString(), attempts: 3, crashes: 1 });
    const refused = settled(earlier, { status: "refused", reason: "400." }, at, minute(1));
    expect(refused).toEqual({ ...sent, status: "refused", reason: "400." });
  });

  test("always ends: every history of outcomes but account trouble", () => {
    const outcome = fc.constantFrom<SendOutcome>(failed, { status: "unknown", reason: "Reset." });
    fc.assert(
      fc.property(fc.array(outcome, { minLength: 40, maxLength: 40 }), (outcomes) => {
        let [mail, now] = [pending, minute(0)];
        for (const each of outcomes) {
          if (secondsUntilDue(mail, now) === null) break;
          now = new Date(now.getTime() + (secondsUntilDue(mail, now) ?? 0) * 1000);
          mail = settled(sending(claimed(mail, null, now), now), each, at, now);
        }
        expect(mail.status).toBe("refused");
        expect(mail.unknownOutcomes).toBeLessThanOrEqual(3);
      }),
    );
  });
});

describe("the number of a send", () => {
  const leaving = (mail: Mail) => sending(claimed(mail, null, minute(0)), minute(0), true);
  const lost: SendOutcome = { status: "unknown", reason: "Reset." };

  test("stays the same until its outcome is known, whatever dies meanwhile", () => {
    const crashed = withoutDeadClaim(leaving(pending), minute(10));
    const composing = withoutDeadClaim(claimed(crashed, null, minute(20)), minute(30));
    const unanswered = settled(leaving(composing), lost, at, minute(40));
    const back = givenBack(leaving(unanswered), minute(60));
    expect([pending, crashed, composing, unanswered, back].map(sendNumber)).toEqual([1, 1, 1, 1, 1]);
  });

  test("is another one after a send that was not accepted, and after a person asks for it again", () => {
    const failed = settled(leaving(pending), { status: "failed", reason: "503." }, at, minute(1));
    const refused = settled(leaving(failed), { status: "refused", reason: "400." }, at, minute(2));
    const again = resent(refused, minute(3));
    const twice = resent(settled(leaving(again), { status: "refused", reason: "400." }, at, minute(4)), minute(5));
    expect([pending, failed, again, twice].map(sendNumber)).toEqual([1, 2, 3, 4]);
  });
});

describe("a service that can be asked what became of a send", () => {
  const leaving = (mail: Mail) => sending(claimed(mail, null, minute(0)), minute(0), true);

  /** The mail after so many sends of unknown outcome. */
  function unanswered(times: number, outcome: Omit<SendOutcome & { status: "unknown" }, "status">): Mail {
    let mail = pending;
    for (let n = 0; n < times; n++) mail = settled(leaving(mail), { status: "unknown", ...outcome }, at, minute(0));
    return mail;
  }

  test("is asked twelve times, not three, because asking makes no copy", () => {
    expect(unanswered(11, { reason: "Reset." })).toMatchObject({ status: "pending", unknownOutcomes: 11 });
    const reason = "Reset. It may have arrived.";
    expect(unanswered(12, { reason: "Reset." })).toMatchObject({ status: "refused", unknownOutcomes: 12, reason });
    const crashed = withoutDeadClaim(leaving(unanswered(2, { reason: "Reset." })), minute(10));
    expect(crashed).toMatchObject({ status: "pending", unknownOutcomes: 3 });
  });

  test("is asked for as long as it does not let the app in, and not before it allows to", () => {
    const shut = unanswered(40, { reason: "403.", isAccount: true, retryAfterSeconds: 40_000 });
    expect(shut).toMatchObject({ status: "pending", isAccountTrouble: true });
    expect(secondsUntilDue(shut, minute(0))).toBe(40_000);
  });

  test.each<[SendOutcome & { reason: string }]>([
    [{ status: "failed", reason: "Dropped." }],
    [{ status: "refused", reason: "Suppressed." }],
  ])("clears up earlier doubts with %o", (outcome) => {
    const doubtful = leaving(unanswered(2, { reason: "Reset." }));
    expect(settled(doubtful, outcome, at, minute(1))).toMatchObject({ unknownOutcomes: 0, reason: outcome.reason });
    const unasked = sending(doubtful, minute(0));
    expect(settled(unasked, outcome, at, minute(1))).toMatchObject({ unknownOutcomes: 2 });
  });
});

describe("the outbox", () => {
  test("sends the mails of scheduled runs in order, and covers those that were certainly not sent", () => {
    const runs = [
      aRun("2026-11-20"),
      aRun("2026-11-21", { unknownOutcomes: 1 }),
      aRun("2026-11-22"),
      aRun("2026-11-23"),
    ];
    expect(nextStep(runs, minute(0))).toEqual({ type: "cover", run: runs[0], by: "2026-11-23" });
    const [, one, two, three] = runs;
    if (!one || !two || !three) throw new Error("there are four");
    expect(nextStep([one, two, three], minute(0))).toEqual({ type: "cover", run: two, by: "2026-11-23" });
    expect(nextStep([one, three], minute(0))).toEqual({ type: "send", run: one });
    const later = { ...one, mail: { ...one.mail, retryAt: minute(3).toISOString() } };
    expect(nextStep([later, three], minute(0))).toEqual({ type: "wait", seconds: 180 });
    expect(nextStep([three], minute(0))).toEqual({ type: "send", run: three });
    expect(nextStep([aRun("2026-11-23", { status: "sent" })], minute(0))).toBeNull();
  });

  test("covers a mail whose composing process died, and waits for one that is at work", () => {
    const runs = [aRun("2026-11-22", { status: "claimed" }), aRun("2026-11-23")];
    expect(nextStep(runs, minute(5))).toEqual({ type: "wait", seconds: 300 });
    expect(nextStep(runs, minute(10))).toMatchObject({ type: "cover", by: "2026-11-23" });
    const died = [aRun("2026-11-22", { status: "sending" }), aRun("2026-11-23")];
    expect(nextStep(died, minute(10))).toEqual({ type: "send", run: died[0] });
  });

  test("lets mails asked for and mails sent again neither wait nor cover", () => {
    const later = { retryAt: minute(3).toISOString() };
    const asked = aRun("2026-11-22T10:17Z", later);
    const again = aRun("2026-11-21", { ...later, isResent: true });
    const digest = aRun("2026-11-23");
    expect(nextStep([again, asked, digest], minute(0))).toEqual({ type: "send", run: digest });
    expect(nextStep([again, asked], minute(0))).toEqual({ type: "wait", seconds: 180 });
    const newest = aRun("2026-11-24T10:17Z");
    expect(nextStep([aRun("2026-11-23", later), newest], minute(0))).toEqual({ type: "send", run: newest });
  });

  test("is empty after as many steps as there are mails, whatever they are", () => {
    const mail = fc.record({
      status: fc.constantFrom(...mailStatuses),
      unknownOutcomes: fc.nat(2),
      isResent: fc.boolean(),
      isAsked: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(mail, { maxLength: 8 }), (mails) => {
        const runs = mails.map(({ isAsked, ...mail }, index) => {
          return aRun(`${addDays("2026-11-01", index)}${isAsked ? "T10:00Z" : ""}`, mail);
        });
        const left = workOff(runs);
        expect(nextStep(left, minute(10))).toBeNull();
        // What was covered, a later digest brought.
        const sent = left.filter((run, index) => run.mail.status === "sent" && runs[index]?.mail.status !== "sent");
        for (const { runId, mail } of left.filter(({ mail }) => mail.reason)) {
          expect(sent.some((later) => later.runId > runId && mail.reason?.includes(later.runId))).toBe(true);
        }
      }),
    );
  });

  /** The same runs after one step for each of them at most; each send arrives. */
  function workOff(runs: ReturnType<typeof aRun>[]): ReturnType<typeof aRun>[] {
    let left = runs;
    for (const _ of runs) {
      const step = nextStep(left, minute(10));
      if (!step || step.type === "wait") return left;
      const { run } = step;
      const mail =
        step.type === "cover" ? covered(run.mail, step.by, minute(10)) : { ...run.mail, status: "sent" as const };
      left = left.map((other) => (other === run ? { ...run, mail } : other));
    }
    return left;
  }

  test("sends again what begins anew, with the last digest of its first claim", () => {
    const mail: Mail = {
      ...pending,
      status: "refused",
      attempts: 14,
      unknownOutcomes: 3,
      crashes: 2,
      since: null,
      reason: "400.",
    };
    const anew = { ...pending, at: minute(1).toISOString(), since: null, isResent: true };
    expect(resent(mail, minute(1))).toEqual({ ...anew, failedSends: 1 });
  });
});

describe("the last digest", () => {
  test("is the last scheduled one that was sent in its turn", () => {
    const runs = [
      aRun("2026-11-20", { status: "sent" }),
      aRun("2026-11-21", { status: "sent", isResent: true }),
      aRun("2026-11-22T10:17Z", { status: "sent" }),
      aRun("2026-11-22", { status: "refused" }),
      aRun("2026-11-23", { status: "sent" }),
    ];
    expect(lastDigest(runs, "2026-11-23")?.runId).toBe("2026-11-20");
    expect(lastDigest(runs, "2026-11-24")?.runId).toBe("2026-11-23");
    expect(lastDigest(runs, "2026-11-20")).toBeNull();
  });

  test("leaves those refused since then to be named, three at most", () => {
    const refused = (runId: string, unknownOutcomes = 0) =>
      aRun(runId, { status: "refused", reason: "400.", unknownOutcomes });
    const runs = [
      refused("2026-11-18"),
      refused("2026-11-20"),
      refused("2026-11-20T10:17Z"),
      aRun("2026-11-21", { status: "cancelled" }),
      refused("2026-11-22", 2),
      refused("2026-11-23"),
      refused("2026-11-24"),
      refused("2026-11-25"),
    ];
    expect(undelivered(runs, "2026-11-19", "2026-11-25")).toEqual({
      digests: [
        { runId: "2026-11-20", reason: "400.", mayHaveArrived: false },
        { runId: "2026-11-22", reason: "400.", mayHaveArrived: true },
        { runId: "2026-11-23", reason: "400.", mayHaveArrived: false },
      ],
      more: 1,
      isFirst: false,
    });
    const first = undelivered(runs, null, "2026-11-19");
    expect(first).toMatchObject({ digests: [{ runId: "2026-11-18" }], isFirst: true });
    expect(undelivered(runs, "2026-11-24", "2026-11-25")).toEqual({ digests: [], more: 0, isFirst: false });
  });
});
