import { describe, expect, test } from "vitest";
import type { Mail } from "../../shared/core/mail.ts";
import { DefenderError, RowError } from "../../shared/ports.ts";
import { deliver } from "../../shared/run/deliver.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { mailLogs } from "../../shared/run/send-mail.ts";
import { aWatchlist, chainOf } from "../support/builders.ts";
import { askFor, Crash, crashingAt, handleAll } from "../support/drive.ts";
import { configured, type FakeWorld, fakeWorld } from "../support/fake-world.ts";

const windows10 = "microsoft-_-windows_10";
const failed = { status: "failed", reason: "SendGrid answered 503." } as const;
const forbidden = new DefenderError("Defender answered 403.", { permanent: true });
const item = (id: string, machineMissedOn: number) => ({ id, machineMissedOn, cveAddressed: 1 });

/** The days from one to another, each with its messages until the next. */
async function live(world: FakeWorld, days: Readonly<Record<string, readonly unknown[]>>): Promise<void> {
  for (const [date, items] of Object.entries(days)) {
    world.setClock(`${date}T05:00:00Z`);
    world.answers.set(windows10, items);
    await scheduleRuns(world.ports);
    await handleAll(world, Date.parse(`${date}T23:59:59Z`));
  }
}

async function mailOf({ ports }: FakeWorld, runId: string): Promise<Mail | undefined> {
  return (await ports.store.readRun(chainOf(), runId))?.run.mail;
}

async function setMail({ ports }: FakeWorld, runId: string, mail: Partial<Mail>): Promise<void> {
  const stored = await ports.store.readRun(chainOf(), runId);
  if (!stored) throw new Error(`No run ${runId}.`);
  await ports.store.updateMail(stored.run, stored.version, { ...stored.run.mail, ...mail });
}

const worse = aWatchlist({ heartbeatDay: "none" });
/** 16 November mails because it is the first, the 20th because something is new; nothing mails in between. */
const quietDays = {
  "2026-11-16": [item("1", 9), item("2", 50)],
  "2026-11-17": [item("1", 9)],
  "2026-11-18": [item("1", 4)],
};

describe("the digest before", () => {
  test("is the run of the last digest that was sent, whatever ran in between", async () => {
    const world = fakeWorld([worse]);
    await live(world, { ...quietDays, "2026-11-20": [item("1", 4), item("3", 7)] });
    expect(world.inbox.map(({ runId }) => runId)).toEqual(["2026-11-16", "2026-11-20"]);
    expect(await mailOf(world, "2026-11-16")).toMatchObject({ status: "sent", since: null });
    expect(await mailOf(world, "2026-11-17")).toEqual(expect.not.objectContaining({ since: expect.anything() }));
    expect(await mailOf(world, "2026-11-20")).toMatchObject({ status: "sent", since: "2026-11-16" });
    const { text = "" } = world.inbox[1] ?? {};
    expect(text).toContain("Better since the digest of 16 Nov: 1 KB. KB1 Windows 10: 4 machines (−5)");
    expect(text).toContain("Resolved since the digest of 16 Nov: 1 KB. KB2 Windows 10: was on 50 machines");
  });

  test("stays the one of the first claim, even if another digest was sent since", async () => {
    const world = fakeWorld([worse]);
    await live(world, quietDays);
    await setMail(world, "2026-11-18", { status: "refused", reason: "The from address is not verified." });
    world.outcomes.push(failed);
    world.setClock("2026-11-20T05:00:00Z");
    world.answers.set(windows10, [item("1", 4), item("3", 7)]);
    await scheduleRuns(world.ports);
    await handleAll(world, Date.parse("2026-11-20T05:00:30Z"));
    expect(await mailOf(world, "2026-11-20")).toMatchObject({ status: "pending", since: "2026-11-16" });
    await setMail(world, "2026-11-18", { status: "sent" });
    await handleAll(world, Date.parse("2026-11-20T23:59:59Z"));
    expect(await mailOf(world, "2026-11-20")).toMatchObject({ status: "sent", attempts: 2, since: "2026-11-16" });
    expect(world.inbox.at(-1)?.text).toContain("since the digest of 16 Nov");
  });

  test("is none for a digest that was first tried when there was none", async () => {
    const world = fakeWorld([worse]);
    world.outcomes.push(failed);
    world.setClock("2026-11-16T05:00:00Z");
    await scheduleRuns(world.ports);
    await handleAll(world, Date.parse("2026-11-16T05:00:30Z"));
    expect(await mailOf(world, "2026-11-16")).toMatchObject({ status: "pending", since: null });
    await handleAll(world, Date.parse("2026-11-16T23:59:59Z"));
    expect(await mailOf(world, "2026-11-16")).toMatchObject({ status: "sent", attempts: 2, since: null });
  });

  test("is none of a run asked for, and none for a run asked for", async () => {
    const world = fakeWorld([worse]);
    await live(world, quietDays);
    const asked = { watchlist: "default", runId: "2026-11-18T10:00Z", openedAt: "2026-11-18T10:00:00.000Z" };
    world.setClock(asked.openedAt);
    await askFor(world, { ...asked, mail: true });
    await handleAll(world, Date.parse("2026-11-18T23:59:59Z"));
    expect(world.inbox.at(-1)?.runId).toBe(asked.runId);
    expect(world.inbox.at(-1)?.text).not.toMatch(/since the digest/i);
    expect(await mailOf(world, asked.runId)).toMatchObject({ status: "sent", since: null });
    await live(world, { "2026-11-20": [item("1", 4), item("3", 7)] });
    expect(await mailOf(world, "2026-11-20")).toMatchObject({ since: "2026-11-16" });
    expect(world.inbox.at(-1)?.text).toContain("since the digest of 16 Nov");
  });
});

describe("what a digest shows since the one before", () => {
  const gone = (text = "") => text.replace(/\s+/g, " ");
  const { softwareIds: _, ...rest } = worse;
  const other = "microsoft-_-sql_server_2019";
  const two = { ...rest, softwareIds: [windows10, other] };

  test("is what can be read again, also where no run passed in between", async () => {
    const world = fakeWorld([two]);
    world.answers.set(other, [item("8", 6)]);
    await live(world, { "2026-11-16": [item("1", 9)] });
    world.answers.set(other, forbidden);
    await live(world, { "2026-11-17": [item("1", 9)] });
    expect(world.inbox.at(-1)?.subject).toBe("SQL Server 2019 could not be read; nothing else got worse");
    world.answers.set(other, [item("8", 6)]);
    await live(world, { "2026-11-18": [item("1", 12)] });
    expect(world.inbox.at(-1)?.subject).toBe("Worse: KB1, Windows 10, 12 machines (+3)");
    expect(gone(world.inbox.at(-1)?.text)).toContain(
      "KB1 got worse in Windows 10: 12 machines (+3). SQL Server 2019 can be read again.",
    );
    expect(gone(world.inbox.at(-1)?.text)).toContain(`CAN BE READ AGAIN: 1 PRODUCT - ${other}: 1 KB missing`);
  });

  test("is what rose below the thresholds, and what came and went", async () => {
    const thresholds = { minMachines: 5, minPercent: 0, minCves: 1 };
    const world = fakeWorld([{ ...worse, thresholds, mailWhen: "worse", heartbeatDay: "Friday" }]);
    await live(world, {
      "2026-11-16": [item("1", 9), item("2", 5)],
      "2026-11-17": [item("1", 11), item("2", 5)],
    });
    // New on a day whose digest was refused.
    world.outcomes.push({ status: "refused", reason: "The from address is not verified." });
    await live(world, { "2026-11-18": [item("1", 11), item("2", 5), item("3", 1)] });
    world.outcomes.push({ status: "refused", reason: "The from address is not verified." });
    await live(world, { "2026-11-19": [item("1", 11), item("2", 5)], "2026-11-20": [item("1", 12), item("2", 5)] });
    expect(world.inbox.map(({ runId }) => runId)).toEqual(["2026-11-16", "2026-11-20"]);
    expect(gone(world.inbox.at(-1)?.text)).toContain(
      "Since the digest of 16 Nov. 1 KB rose below the thresholds; 1 came and went.",
    );
    expect(world.inbox.at(-1)?.text).toContain("Nothing got worse: 2 KBs are missing.");
  });

  test("is what was first read in between, even if it cannot be read now, but not what came back to the list", async () => {
    const third = "microsoft-_-edge";
    const world = fakeWorld([{ ...two, softwareIds: [windows10, third] }]);
    world.answers.set(third, [item("7", 2)]);
    await live(world, { "2026-11-16": [item("1", 9)] });
    world.ports.watchlists = configured([{ ...two, softwareIds: [windows10] }]);
    await live(world, { "2026-11-17": [item("1", 10)] });
    // Announced, but its digest was refused.
    world.ports.watchlists = configured([{ ...two, softwareIds: [windows10, third, other] }]);
    world.answers.set(other, [item("8", 6)]);
    world.outcomes.push({ status: "refused", reason: "The from address is not verified." });
    await live(world, { "2026-11-18": [item("1", 10)] });
    world.answers.set(other, forbidden);
    await live(world, { "2026-11-19": [item("1", 10)] });
    const text = gone(world.inbox.at(-1)?.text);
    expect(world.inbox.map(({ runId }) => runId)).toEqual(["2026-11-16", "2026-11-17", "2026-11-19"]);
    expect(text).toContain(`NOW WATCHED SINCE THE DIGEST OF 17 NOV: 1 PRODUCT - ${other}: 1 KB missing when last read`);
  });
});

const day = (date: string, time = "05:00:00") => Date.parse(`2026-11-${date}T${time}Z`);
const refused = { status: "refused", reason: "The sender is not verified." } as const;

/** The run of a day, with its mail pending. */
async function commit(world: FakeWorld, date: string, items: readonly unknown[]): Promise<void> {
  world.setClock(day(date));
  world.answers.set(windows10, items);
  await scheduleRuns(world.ports);
  const { waiting } = world.ports.queue;
  const { advance } = await import("../../shared/run/advance.ts");
  for (const { message } of waiting.splice(0)) if (!("deliver" in message)) await advance(message, world.ports);
  waiting.splice(0);
}

const send = (world: FakeWorld, ports = world.ports) => deliver(chainOf(), worse, ports);

describe("a mail that cannot be composed", () => {
  const broken: [string, (world: FakeWorld) => void, string][] = [
    [
      "because a snapshot is gone",
      ({ ports }) => void ports.store.deleteSnapshot({ tenant: "home", softwareId: windows10, runId: "2026-11-17" }),
      "The snapshot of microsoft-_-windows_10 from 2026-11-17 is no longer kept (RETENTION_DAYS).",
    ],
    [
      "because a row is damaged",
      ({ ports }) => {
        ports.store.readSnapshots = async () => {
          throw new RowError("Row (a, b) of table Snapshots is damaged and cannot be read.");
        };
      },
      "Row (a, b) of table Snapshots is damaged and cannot be read.",
    ],
    [
      "because of an exception nobody thought of",
      ({ ports }) => {
        Object.defineProperty(ports.rules, "portalUrl", {
          get: () => {
            throw new TypeError("x is not a function");
          },
        });
      },
      "The app failed to compose it: TypeError: x is not a function.",
    ],
  ];

  test.each(broken)("%s is refused with its reason, and logged with its cause", async (_, breakIt, reason) => {
    const world = fakeWorld([worse]);
    await live(world, { "2026-11-16": [item("1", 9)] });
    await commit(world, "17", [item("1", 9), item("2", 3)]);
    breakIt(world);
    expect(await send(world)).toBeNull();
    expect(await mailOf(world, "2026-11-17")).toMatchObject({ status: "refused", reason });
    const line = world.logs.find(({ message }) => message === mailLogs.refused);
    expect(line).toMatchObject({
      level: "error",
      fields: { run: "2026-11-17", error: expect.stringContaining("Error") },
    });
  });

  test("does not keep back the mails behind it, and the next digest names it and says what it held", async () => {
    const world = fakeWorld([worse]);
    await live(world, { "2026-11-16": [item("1", 9)] });
    await commit(world, "17", [item("1", 9), item("2", 3)]);
    const { readSnapshots } = world.ports.store;
    world.ports.store.readSnapshots = async () => {
      throw new RowError("It is damaged.");
    };
    await send(world);
    world.ports.store.readSnapshots = readSnapshots;
    await live(world, { "2026-11-18": [item("1", 9), item("2", 3)] });
    const [, mail] = world.inbox;
    expect(mail).toMatchObject({
      runId: "2026-11-18",
      subject: "New since 16 Nov: KB2, Windows 10, 3 machines; 2 KBs missing",
    });
    expect(mail?.text).toContain("Since the digest of 16 Nov: KB2 is new in Windows 10, on 3 machines.");
    for (const body of [mail?.text, mail?.html]) {
      expect(body).toMatch(/new since the digest of 16 nov: 1 kb/i);
      expect(body).toContain("The digest of 17 Nov was not delivered: It is damaged.");
    }
  });

  test("is not refused where storage does not answer: the queue tries again", async () => {
    const world = fakeWorld([worse]);
    await commit(world, "16", [item("1", 9)]);
    const { readSnapshots } = world.ports.store;
    world.ports.store.readSnapshots = async () => {
      throw new Error("Azure Storage did not answer.");
    };
    await expect(send(world)).rejects.toThrow("Azure Storage did not answer.");
    expect(await mailOf(world, "2026-11-16")).toMatchObject({ status: "pending", attempts: 0, since: null });
    world.ports.store.readSnapshots = readSnapshots;
    expect(await send(world)).toBeNull();
    expect(await mailOf(world, "2026-11-16")).toMatchObject({ status: "sent", attempts: 1 });
  });
});

describe("a process that is frozen", () => {
  /** Freezes once when the mail has been noted as `status`, and wakes after `minutes`. */
  function freezeAt(
    world: FakeWorld,
    status: Mail["status"],
    minutes: number,
    meanwhile = async () => {},
  ): FakeWorld["ports"] {
    let isDone = false;
    const store = {
      ...world.ports.store,
      updateMail: async (...args: Parameters<FakeWorld["ports"]["store"]["updateMail"]>) => {
        const isWritten = await world.ports.store.updateMail(...args);
        if (args[2].status === status && !isDone) {
          isDone = true;
          world.setClock(world.ports.now().getTime() + minutes * 60_000);
          await meanwhile();
        }
        return isWritten;
      },
    };
    return { ...world.ports, store };
  }

  test("for minutes before the send gives the mail back and sends nothing", async () => {
    const world = fakeWorld([worse]);
    await commit(world, "16", [item("1", 9)]);
    expect(await send(world, freezeAt(world, "sending", 6))).toBe(1);
    expect(world.inbox).toEqual([]);
    expect(await mailOf(world, "2026-11-16")).toMatchObject({ status: "pending", attempts: 0, unknownOutcomes: 0 });
    await send(world);
    expect(await mailOf(world, "2026-11-16")).toMatchObject({ status: "sent", attempts: 1, unknownOutcomes: 0 });
  });

  test.each(["claimed", "sending"] as const)(
    "when the mail is %s does not send what another has sent",
    async (status) => {
      const world = fakeWorld([worse]);
      await commit(world, "16", [item("1", 9)]);
      const frozen = freezeAt(world, status, 11, async () => {
        expect(await send(world)).toBeNull();
        expect(world.inbox).toHaveLength(1);
      });
      await send(world, frozen);
      expect(world.inbox).toHaveLength(1);
      expect((await mailOf(world, "2026-11-16"))?.status).toBe("sent");
    },
  );
});

describe("a process that crashes", () => {
  /** Tries again and again, each time ten minutes after a crash. */
  async function crashAgain(world: FakeWorld, times: number, ports: () => FakeWorld["ports"]): Promise<void> {
    for (let crash = 0; crash < times; crash++) {
      await expect(send(world, ports())).rejects.toBeInstanceOf(Crash);
      world.setClock(world.ports.now().getTime() + 10 * 60_000);
    }
  }

  const dead = async () => {
    throw new Crash();
  };

  test("right after each send sends three copies and no more", async () => {
    const world = fakeWorld([worse]);
    await commit(world, "16", [item("1", 9)]);
    const send1 = world.ports.mailer.send;
    const mailer = { send: async (mail: Parameters<typeof send1>[0]) => send1(mail).then(dead) };
    await crashAgain(world, 3, () => ({ ...world.ports, mailer }));
    expect(await send(world)).toBeNull();
    expect(world.inbox).toHaveLength(3);
    expect(await mailOf(world, "2026-11-16")).toMatchObject({
      ...{ status: "refused", unknownOutcomes: 3, attempts: 3 },
      reason: "The app stopped while sending it. It may have arrived.",
    });
    await live(world, { "2026-11-17": [item("1", 9)] });
    expect(world.inbox.at(-1)).toMatchObject({ runId: "2026-11-17" });
    expect(world.inbox.at(-1)?.text).toContain("The digest of 16 Nov may not have arrived.");
  });

  test("while it composes is tried three times, then refused, and nothing was sent", async () => {
    const world = fakeWorld([worse]);
    await commit(world, "16", [item("1", 9)]);
    // As a process does that runs out of memory: it does not give the mail back.
    const frozenStore = () => {
      const { store } = world.ports;
      let isDead = false;
      return new Proxy(store, {
        get:
          (target, name, receiver) =>
          async (...args: unknown[]) => {
            if (name === "readSnapshots") isDead = true;
            if (isDead) return dead();
            return Reflect.get(target, name, receiver).apply(target, args);
          },
      });
    };
    await crashAgain(world, 3, () => ({ ...world.ports, store: frozenStore() }));
    expect(await send(world)).toBeNull();
    expect(await mailOf(world, "2026-11-16")).toMatchObject({
      ...{ status: "refused", crashes: 3, unknownOutcomes: 0 },
      reason: "The app stopped three times while composing it.",
    });
    expect(world.inbox).toEqual([]);
  });

  test("at any call sends at most one copy more, and another process sends the mail", async () => {
    for (let call = 1; call < 40; call++) {
      for (const after of [false, true]) {
        const world = fakeWorld([worse]);
        await commit(world, "16", [item("1", 9)]);
        const isOver = await send(world, crashingAt({ call, after }, world.ports) as FakeWorld["ports"]).then(
          () => true,
          () => false,
        );
        world.setClock(day("16", "05:10:00"));
        expect(await send(world)).toBeNull();
        const mail = await mailOf(world, "2026-11-16");
        expect(mail?.status).toBe("sent");
        expect(world.inbox.length).toBeGreaterThanOrEqual(1);
        expect(world.inbox.length).toBeLessThanOrEqual(1 + (mail?.unknownOutcomes ?? 0));
        if (isOver) return;
      }
    }
    throw new Error("It never came to an end.");
  });
});

describe("a send that fails", () => {
  const monthLater = Date.parse("2026-12-20T00:00:00Z");

  /** Delivers as the queue does, until nothing is owed or the month is over; the pauses in minutes. */
  async function pauses(world: FakeWorld): Promise<number[]> {
    const waited: number[] = [];
    for (;;) {
      const seconds = await send(world);
      if (seconds === null) return waited;
      waited.push(seconds / 60);
      world.setClock(world.ports.now().getTime() + seconds * 1000);
      if (world.ports.now().getTime() > monthLater) return waited;
    }
  }

  test("is tried again after growing pauses, and ends after twelve tries and two days", async () => {
    const world = fakeWorld([worse]);
    await commit(world, "16", [item("1", 9)]);
    world.outcomes.push(...Array.from({ length: 200 }, () => failed));
    const waited = await pauses(world);
    expect(waited.slice(0, 10)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 360]);
    const mail = await mailOf(world, "2026-11-16");
    expect(mail).toMatchObject({ status: "refused", attempts: waited.length + 1 });
    expect(mail?.reason).toBe(`Given up after ${mail?.attempts} tries: SendGrid answered 503.`);
    expect(mail?.attempts).toBeGreaterThanOrEqual(12);
    const days = (Date.parse(mail?.at ?? "") - day("16")) / 86_400_000;
    expect(days).toBeGreaterThanOrEqual(2);
    expect(days).toBeLessThan(2.5);
  });

  test("because of the account never ends by itself, and says so", async () => {
    const world = fakeWorld([worse]);
    await commit(world, "16", [item("1", 9)]);
    world.outcomes.push(...Array.from({ length: 500 }, () => ({ ...failed, isAccount: true })));
    expect((await pauses(world)).at(-1)).toBe(360);
    expect(await mailOf(world, "2026-11-16")).toMatchObject({
      status: "pending",
      isAccountTrouble: true,
      reason: failed.reason,
    });
    world.outcomes.length = 0;
    expect(await pauses(world)).toEqual([]);
    expect(await mailOf(world, "2026-11-16")).toMatchObject({ status: "sent" });
    expect(await mailOf(world, "2026-11-16")).not.toHaveProperty("isAccountTrouble");
  });

  test("waits for as long as the mailer says", async () => {
    const world = fakeWorld([worse]);
    await commit(world, "16", [item("1", 9)]);
    world.outcomes.push({ ...failed, retryAfterSeconds: 1_000 });
    expect(await send(world)).toBe(1_000);
    world.setClock(day("16", "05:16:39"));
    expect(await send(world)).toBe(1);
    expect(world.inbox).toEqual([]);
  });

  test("of a mail asked for does not keep back the digest", async () => {
    const world = fakeWorld([worse]);
    world.outcomes.push(failed);
    world.setClock(day("16", "04:00:00"));
    await askFor(world, {
      watchlist: "default",
      runId: "2026-11-16T04:00Z",
      openedAt: "2026-11-16T04:00:00.000Z",
      mail: true,
    });
    await handleAll(world, day("16", "04:00:30"));
    expect((await mailOf(world, "2026-11-16T04:00Z"))?.status).toBe("pending");
    await commit(world, "16", [item("1", 9)]);
    world.outcomes.push(failed);
    await send(world);
    expect(world.inbox.map(({ runId }) => runId)).toEqual(["2026-11-16"]);
  });
});

test("a message that finds nothing to send writes the watchlist's status again, which a commit may have made of older runs", async () => {
  const world = fakeWorld([worse]);
  await live(world, { "2026-11-16": [item("1", 9)] });
  const [known] = await world.ports.store.listStatuses();
  if (!known) throw new Error("There is no status.");
  await world.ports.store.saveStatus({ ...known, lastDigest: null });
  expect(await deliver(chainOf(), worse, world.ports)).toBeNull();
  expect(await world.ports.store.listStatuses()).toEqual([known]);
});

describe("a newer digest", () => {
  test("takes the place of earlier ones that were certainly not sent, and says all that they held", async () => {
    const world = fakeWorld([worse]);
    await live(world, { "2026-11-16": [item("1", 9), item("2", 50)] });
    world.outcomes.push(failed);
    await commit(world, "17", [item("1", 20), item("2", 50), item("3", 4)]);
    await send(world);
    await commit(world, "18", [item("1", 20), item("3", 4), item("4", 5)]);
    expect(await send(world)).toBeNull();
    expect(await mailOf(world, "2026-11-17")).toMatchObject({
      ...{ status: "cancelled", reason: "The digest of 2026-11-18 says it too." },
    });
    expect(world.inbox.map(({ runId }) => runId)).toEqual(["2026-11-16", "2026-11-18"]);
    expect(await mailOf(world, "2026-11-18")).toMatchObject({ status: "sent", since: "2026-11-16" });
    const text = world.inbox[1]?.text ?? "";
    // The report itself: against the run of the 17th.
    expect(text).toMatch(/^NEW: 1 KB/m);
    expect(text).toContain("KB2 Windows 10: was on 50 machines");
    // Against the digest of the 16th.
    expect(text).toMatch(/^NEW SINCE THE DIGEST OF 16 NOV: 1 KB(?:.*\n)+?KB3/m);
    expect(text).toMatch(/^WORSE SINCE THE DIGEST OF 16 NOV: 1 KB(?:.*\n)+?KB1/m);
    expect(text).toContain("20 (+11)");
    expect(text).not.toMatch(/not delivered/i);
  });

  test("that is the first to be sent at all names every product, whatever became of the earlier ones", async () => {
    const world = fakeWorld([worse]);
    const unauthorized = {
      status: "failed",
      isAccount: true,
      reason: "SendGrid does not accept the key (401).",
    } as const;
    world.outcomes.push(...Array.from({ length: 90 }, () => unauthorized));
    const steady = [item("1", 9), item("2", 50)];
    await live(world, { "2026-11-16": [item("1", 9)], "2026-11-17": steady, "2026-11-18": steady });
    expect(world.inbox).toEqual([]);
    expect(await mailOf(world, "2026-11-16")).toMatchObject({ status: "cancelled" });
    expect(await mailOf(world, "2026-11-17")).toMatchObject({ status: "pending", isAccountTrouble: true });
    world.outcomes.length = 0;
    await live(world, { "2026-11-19": [...steady, item("3", 1)] });
    const [first, second] = world.inbox;
    expect(world.inbox.map(({ runId }) => runId)).toEqual(["2026-11-17", "2026-11-19"]);
    expect(first?.text).toMatch(/^NEW: 1 KB/m);
    expect(first?.text).toMatch(/^ALL THAT IS MISSING: 1 PRODUCT\n(?:.*\n)+?- microsoft-_-windows_10: 2 KBs missing$/m);
    expect(second?.text).not.toMatch(/all that is missing/i);
  });

  test("waits for an earlier one that may have been sent", async () => {
    const world = fakeWorld([worse]);
    await live(world, { "2026-11-16": [item("1", 9)] });
    world.outcomes.push({ status: "unknown", reason: "SendGrid did not answer." });
    await commit(world, "17", [item("1", 9), item("3", 4)]);
    expect(await send(world)).toBe(600);
    world.outcomes.push({ status: "unknown", reason: "SendGrid did not answer." });
    await commit(world, "18", [item("1", 9), item("3", 4), item("4", 5)]);
    await send(world);
    expect(world.inbox.map(({ runId }) => runId)).toEqual(["2026-11-16"]);
    expect(await mailOf(world, "2026-11-18")).toMatchObject({ status: "pending", attempts: 0 });
    world.setClock(day("18", "06:00:00"));
    await send(world);
    expect(world.inbox.map(({ runId }) => runId)).toEqual(["2026-11-16", "2026-11-17", "2026-11-18"]);
    expect(await mailOf(world, "2026-11-18")).toMatchObject({ since: "2026-11-17" });
  });

  test("names at most three that were refused", async () => {
    const world = fakeWorld([worse]);
    await live(world, { "2026-11-16": [item("1", 1)] });
    world.outcomes.push(refused, refused, refused, refused, refused);
    const days = ["17", "18", "19", "20", "21", "22"].map((date, index) => [`2026-11-${date}`, [item("1", index + 2)]]);
    await live(world, Object.fromEntries(days));
    const text = (world.inbox[1]?.text ?? "").replace(/\s+/g, " ");
    expect(world.inbox[1]?.runId).toBe("2026-11-22");
    expect(text).toContain(
      "NOT DELIVERED: 5 DIGESTS The digest of 17 Nov was not delivered: The sender is not verified.",
    );
    expect(text).toContain("The digest of 19 Nov was not delivered: The sender is not verified. And 2 more.");
    expect(text).not.toContain("The digest of 20 Nov");
  });

  test("of a run asked for covers none and is not covered", async () => {
    const world = fakeWorld([worse]);
    await live(world, { "2026-11-16": [] });
    world.outcomes.push(failed);
    await commit(world, "17", [item("3", 4)]);
    await send(world);
    const asked = {
      watchlist: "default",
      runId: "2026-11-17T05:01Z",
      openedAt: "2026-11-17T05:01:00.000Z",
      mail: true,
    };
    world.setClock(asked.openedAt);
    world.outcomes.push(failed, failed);
    await askFor(world, asked);
    await handleAll(world, day("17", "05:01:30"));
    const statuses = async () => [
      (await mailOf(world, "2026-11-17"))?.status,
      (await mailOf(world, asked.runId))?.status,
    ];
    expect(await statuses()).toEqual(["pending", "pending"]);
    world.outcomes.push(failed);
    await commit(world, "18", [item("3", 4), item("4", 1)]);
    await send(world);
    expect(await statuses()).toEqual(["cancelled", "pending"]);
    world.setClock(day("18", "07:00:00"));
    await send(world);
    expect(await statuses()).toEqual(["cancelled", "sent"]);
  });
});
