import { describe, expect, test } from "vitest";
import type { Mail } from "../../shared/core/run.ts";
import { DefenderError } from "../../shared/ports.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { aWatchlist } from "../support/builders.ts";
import { handleAll } from "../support/drive.ts";
import { type FakeWorld, fakeWorld } from "../support/fake-world.ts";

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
  return (await ports.store.readRun("default", runId))?.run.mail;
}

async function setMail({ ports }: FakeWorld, runId: string, mail: Partial<Mail>): Promise<void> {
  const stored = await ports.store.readRun("default", runId);
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
    expect(text).toContain("BETTER SINCE THE DIGEST OF 16 NOV: 1 KB\nKB1 Windows 10: 4 machines (−5)");
    expect(text).toContain("RESOLVED SINCE THE DIGEST OF 16 NOV: 1 KB\nKB2 Windows 10: was on 50 machines");
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
    expect(world.inbox.at(-1)?.text).toContain("SINCE THE DIGEST OF 16 NOV");
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

  test("may be one that the same message sent", async () => {
    const world = fakeWorld([aWatchlist({ mailWhen: "always" })]);
    world.outcomes.push(...Array.from({ length: 60 }, () => failed));
    await live(world, { "2026-11-16": [], "2026-11-17": [] });
    expect(world.inbox).toEqual([]);
    world.outcomes.length = 0;
    await live(world, { "2026-11-18": [] });
    expect(world.inbox.map(({ runId }) => runId)).toEqual(["2026-11-16", "2026-11-17", "2026-11-18"]);
    expect(await mailOf(world, "2026-11-16")).toMatchObject({ since: null });
    expect(await mailOf(world, "2026-11-17")).toMatchObject({ since: "2026-11-16" });
    expect(await mailOf(world, "2026-11-18")).toMatchObject({ since: "2026-11-17" });
    expect(world.inbox[2]?.text).not.toMatch(/since the digest/i);
  });

  test("is none of a run asked for, and none for a run asked for", async () => {
    const world = fakeWorld([worse]);
    await live(world, quietDays);
    const asked = { watchlist: "default", runId: "2026-11-18T10:00Z", openedAt: "2026-11-18T10:00:00.000Z" };
    world.setClock(asked.openedAt);
    await world.ports.queue.send({ ...asked, mail: true });
    await handleAll(world, Date.parse("2026-11-18T23:59:59Z"));
    expect(world.inbox.at(-1)?.runId).toBe(asked.runId);
    expect(world.inbox.at(-1)?.text).not.toMatch(/since the digest/i);
    expect(await mailOf(world, asked.runId)).toMatchObject({ status: "sent", since: null });
    await live(world, { "2026-11-20": [item("1", 4), item("3", 7)] });
    expect(await mailOf(world, "2026-11-20")).toMatchObject({ since: "2026-11-16" });
    expect(world.inbox.at(-1)?.text).toContain("SINCE THE DIGEST OF 16 NOV");
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
      "MEANWHILE Since the digest of 16 Nov: 1 KB rose below the thresholds; 1 came and went.",
    );
    expect(world.inbox.at(-1)?.text).toContain("Nothing got worse: 2 KBs are missing.");
  });

  test("is what was first read in between, even if it cannot be read now, but not what came back to the list", async () => {
    const third = "microsoft-_-edge";
    const world = fakeWorld([{ ...two, softwareIds: [windows10, third] }]);
    world.answers.set(third, [item("7", 2)]);
    await live(world, { "2026-11-16": [item("1", 9)] });
    world.ports.watchlists = [{ ...two, softwareIds: [windows10] }];
    await live(world, { "2026-11-17": [item("1", 10)] });
    // Announced, but its digest was refused.
    world.ports.watchlists = [{ ...two, softwareIds: [windows10, third, other] }];
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
