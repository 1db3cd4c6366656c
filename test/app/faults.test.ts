import { inspect } from "node:util";
import { TableClient } from "@azure/data-tables";
import { QueueServiceClient } from "@azure/storage-queue";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import type { DefenderKb } from "../../local/estate.ts";
import { type Host, startHost } from "../../local/host.ts";
import type { InboxFault } from "../../local/inbox.ts";
import { playDay } from "../../local/play.ts";
import { type LocalWorld, startWorld } from "../../local/world.ts";
import { keepLogBook } from "../support/host-log-book.ts";

// A day takes a while on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

const [edge, windows10, windows11] = ["microsoft-_-edge", "microsoft-_-windows_10", "microsoft-_-windows_11"] as const;
const softwareIds = [edge, windows10, windows11];

/** What Defender lists; a product that is not named misses one KB. */
const lists = new Map<string, readonly DefenderKb[]>();
let machines = 100;
let day = "2026-11-23";
let world: LocalWorld;
let host: Host;
let queues: QueueServiceClient;
const book = keepLogBook();

beforeAll(async () => {
  world = await startWorld({
    estate: {
      software: (id) => ({
        ...{ id, name: id, vendor: "microsoft", weaknesses: 0, publicExploit: false, activeAlert: false },
        ...{ installedMachines: 300, exposedMachines: 0, impactScore: 0 },
      }),
      missingKbs: (id) => lists.get(id) ?? [aDefenderKb("5066835", machines)],
      trouble: () => ({ statuses: [], allDay: false }),
    },
  });
  host = await startHost({
    appDir: process.cwd(),
    port: 0,
    hostKey: null,
    storageConnectionString: world.storageConnectionString,
    env: { ...world.settings, SOFTWARE_IDS: softwareIds.join(","), HEARTBEAT_DAY: "none" },
    log: book.sink,
  });
  queues = QueueServiceClient.fromConnectionString(world.storageConnectionString);
  await playDay(host, world, day);
}, 60_000);

beforeEach(() => {
  for (const softwareId of softwareIds) world.tenant.setFault(softwareId, null);
  lists.clear();
  nextDay();
});

afterAll(async () => {
  await host?.close();
  await world?.close();
});

/** Each test has days of its own, on which a KB got worse, so that there is a mail. */
function nextDay(): void {
  machines += 1;
  day = new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);
}

function aDefenderKb(id: string, machineMissedOn: number): DefenderKb {
  return { id, name: "November 2026 Security Updates", productsNames: [], url: null, machineMissedOn, cveAddressed: 1 };
}

/** Puts a message into the queue as its sender wrote it. */
async function post(text: string): Promise<void> {
  await queues.getQueueClient("runs").sendMessage(text);
}

const base64 = (text: string) => Buffer.from(text).toString("base64");
const message = () => ({ tenant: "home", watchlist: "default", runId: day, openedAt: `${day}T05:00:00.000Z` });
const mailsOf = (runId: string) => world.inbox.mails.filter(({ customArgs }) => customArgs.run_id === runId);

/** Handles what is in the queue, again and again as the platform brings back what failed. */
async function handleTillGivenUp(): Promise<void> {
  for (let minute = 0; (await host.drainQueues()).waiting > 0; minute += 2) {
    await world.turnTo(new Date(Date.parse(`${day}T05:00:00Z`) + minute * 60_000));
  }
}

/** What health says late in the day, or at another time; it looks once a minute only. */
async function reasons(at = `${day}T22:00:00Z`): Promise<string[]> {
  await world.turnTo(new Date(at));
  const answer = await fetch(`${host.url}/api/reasons`);
  return ((await answer.json()) as { reasons: string[] }).reasons;
}

async function totalsOf(runId: string): Promise<Record<string, number>> {
  const answer = await fetch(`${host.url}/api/report?run=${runId}&format=json`);
  return ((await answer.json()) as { totals: Record<string, number> }).totals;
}

describe("a queue message", () => {
  test("that is delivered three times at once makes one run and one mail", async () => {
    await world.turnTo(new Date(`${day}T05:00:00Z`));
    for (let copies = 0; copies < 3; copies++) await post(base64(JSON.stringify(message())));
    await handleTillGivenUp();
    expect(mailsOf(day)).toHaveLength(1);
    expect(await reasons()).toEqual([]);
  });

  test("that is delivered again after its run is done changes nothing", async () => {
    await playDay(host, world, day);
    const answered = world.tenant.calls.length;
    await post(base64(JSON.stringify(message())));
    await handleTillGivenUp();
    expect(mailsOf(day)).toHaveLength(1);
    expect(world.tenant.calls).toHaveLength(answered);
  });

  test("that does not name a run ends in the poison queue, which health reports, and delays no run", {
    timeout: 60_000,
  }, async () => {
    const texts = [
      "a run, please",
      ...["a run, please", "[]", "null", '{"watchlist":"default"}'].map(base64),
      ...[{ runId: "2026-02-30" }, { openedAt: "yesterday" }, { watchlist: "" }, { watchlist: 7 }].map((fault) =>
        base64(JSON.stringify({ ...message(), ...fault })),
      ),
    ];
    await world.turnTo(new Date(`${day}T05:00:00Z`));
    for (const text of texts) await post(text);
    await playDay(host, world, day);
    expect(mailsOf(day)).toHaveLength(1);
    expect(await reasons()).toEqual(["About 9 messages in the queue runs-poison failed for good."]);
    expect((await fetch(`${host.url}/api/health`)).status).toBe(503);
    const { receivedMessageItems } = await queues
      .getQueueClient("runs-poison")
      .receiveMessages({ numberOfMessages: 32 });
    expect(receivedMessageItems.map(({ messageText }) => messageText).toSorted()).toEqual(texts.toSorted());
    await queues.getQueueClient("runs-poison").clearMessages();
    expect(await reasons(`${day}T22:02:00Z`)).toEqual([]);
  });

  test("of a watchlist that is no longer configured is dropped silently", async () => {
    await world.turnTo(new Date(`${day}T05:00:00Z`));
    await post(base64(JSON.stringify({ ...message(), watchlist: "gone" })));
    expect(await host.drainQueues()).toEqual({ processed: 1, waiting: 0 });
    expect(mailsOf(day)).toEqual([]);
  });
});

describe("what a person must fix", () => {
  const refusal = (status: number, code: string, text: string) =>
    ({ kind: "answer", status, body: { error: { code, message: text, target: "0" } } }) as const;

  test.each([
    ["a missing role", refusal(403, "Forbidden", "Missing application roles."), "Grant it with `npm run grant`"],
    [
      "a licence",
      refusal(401, "Unauthorized", "No Tvm license"),
      "active licence that includes Defender Vulnerability",
    ],
    ["a disabled feature", refusal(403, "DisabledFeature", "Off."), "Turn on Defender Vulnerability Management"],
    ["a wrong request", refusal(400, "BadRequest", "No."), "Check that the id is one of Defender's"],
  ])("%s is in the mail with what to do, and resolves nothing", async (_, fault, advice) => {
    world.tenant.setFault(windows11, fault);
    await playDay(host, world, day);
    const [mail] = mailsOf(day);
    const text = mail?.text?.replace(/\s+/g, " ");
    expect(text).toContain(windows11);
    expect(text).toContain(advice);
    expect(text).not.toMatch(/\bresolved: /i);
    await expectNothingResolved(day, 2);
  });

  test("a product with more KBs than fit into a snapshot could not be read, and the others are read", async () => {
    const many = Array.from({ length: 10_000 }, (_, index) => aDefenderKb(`${5_100_000 + index}`, 1));
    lists.set(edge, many);
    await playDay(host, world, day);
    const text = mailsOf(day)[0]?.text?.replace(/\s+/g, " ");
    expect(text).toContain("The product's 10000 missing KBs do not fit into one snapshot");
    await expectNothingResolved(day, 2);
  });

  test("an address that SendGrid refuses is reported by health until the next digest, which says so, is sent", async () => {
    const refused = day;
    world.inbox.faults.push({
      status: 400,
      errors: [{ message: "Does not contain a valid address.", field: "personalizations.0.to", help: null }],
    });
    await playDay(host, world, day);
    expect(await reasons()).toEqual([
      expect.stringMatching(`the digest of ${refused} was refused\\..*not contain a valid address.*MAIL_TO`),
    ]);
    nextDay();
    await playDay(host, world, day);
    expect(await reasons()).toEqual([]);
  });

  async function expectNothingResolved(runId: string, read: number): Promise<void> {
    const notRead = softwareIds.length - read;
    expect(await totalsOf(runId)).toMatchObject({ read, notRead, resolved: 0, improved: 0 });
  }
});

describe("a list that Defender empties", () => {
  /** A day on which the product misses two KBs, and one on which Defender lists none and gives this for the product. */
  async function emptyOvernight(status: number, facts: object): Promise<string> {
    lists.set(windows11, [aDefenderKb("5041585", 240), aDefenderKb("5041592", 120)]);
    await playDay(host, world, day);
    nextDay();
    world.tenant.setFault(windows11, ({ url }, response) => {
      const [code, body] = url?.endsWith("/getmissingkbs") ? [200, { value: [] }] : [status, facts];
      response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
    await playDay(host, world, day);
    return mailsOf(day)[0]?.text?.replace(/\s+/g, " ") ?? "";
  }

  test("of a product without weaknesses is reported as resolved, KB by KB", async () => {
    const text = await emptyOvernight(200, { weaknesses: 0 });
    expect(text).toMatch(/ Resolved: 2 KBs\. KB5041585 [^;]*; KB5041592 /);
    expect(text).not.toContain("COULD NOT BE READ");
    expect(await totalsOf(day)).toMatchObject({ resolved: 2, read: 3, notRead: 0, missingKbs: 1 });
  });

  test.each([
    ["with 41 weaknesses", 200, { weaknesses: 41 }, "still counts open weaknesses"],
    ["that Defender no longer knows", 404, { error: { code: "ResourceNotFound" } }, "does not find the product itself"],
  ])("of a product %s resolves nothing, and the product is named as not read", async (_, status, facts, why) => {
    const text = await emptyOvernight(status, facts);
    expect(text).toMatch(new RegExp(`! COULD NOT BE READ: 1 PRODUCT .*${why}.* - ${windows11}`));
    expect(text).not.toMatch(/\bresolved: /i);
    expect(await totalsOf(day)).toMatchObject({ resolved: 0, read: 2, notRead: 1, missingKbs: 3 });
  });
});

describe("SendGrid's passing faults", () => {
  const anHourAhead = () => String(Date.parse(`${day}T06:00:00Z`) / 1_000);

  test.each<[string, () => InboxFault]>([
    ["a rate limit for an hour", () => ({ status: 429, headers: { "X-RateLimit-Reset": anHourAhead() } })],
    ["an outage", () => ({ status: 503 })],
    ["a connection that broke before the mail was taken", () => ({ kept: false, connection: "reset" })],
  ])("%s delays the mail, and it arrives once", async (_, fault) => {
    world.inbox.faults.push(fault());
    await playDay(host, world, day);
    expect(mailsOf(day)).toHaveLength(1);
    expect(await reasons()).toEqual([]);
  });

  test("an answer that was lost after the mail was accepted costs a second mail, and no third", async () => {
    world.inbox.faults.push({ kept: true, connection: "reset" });
    await playDay(host, world, day);
    expect(mailsOf(day)).toHaveLength(2);
    expect(await reasons()).toEqual([]);
  });
});

test("a row that a newer version wrote stops the runs and stays as it is; log, health and report say to upgrade", async () => {
  await playDay(host, world, day);
  const newest = { partitionKey: "home|default", rowKey: day };
  const local = { allowInsecureConnection: true };
  const runs = TableClient.fromConnectionString(world.storageConnectionString, "Runs", local);
  const rows = () => Array.fromAsync(runs.listEntities());
  await runs.updateEntity({ ...newest, schemaVersion: 2 }, "Merge");
  onTestFinished(async () => {
    await runs.updateEntity({ ...newest, schemaVersion: 1 }, "Merge");
    await queues.getQueueClient("runs").clearMessages();
  });
  const before = await rows();
  const logged = book.entries.length;

  nextDay();
  await world.turnTo(new Date(`${day}T05:00:00Z`));
  await host.fireTimer("schedule-runs");
  await host.drainQueues();

  expect(await rows()).toEqual(before);
  expect(mailsOf(day)).toEqual([]);
  const refusal = new RegExp(`${newest.rowKey}.* was written by a newer version of this app\\. Upgrade the app`);
  expect(inspect(book.entries.slice(logged), { depth: 10 })).toMatch(refusal);
  expect(await reasons()).toEqual([
    expect.stringContaining(`the last scheduled run is ${newest.rowKey}; the next was due`),
  ]);
  const report = await fetch(`${host.url}/api/report`);
  expect([report.status, report.headers.get("content-type")]).toEqual([500, expect.stringContaining("problem+json")]);
  expect(await report.json()).toMatchObject({ status: 500, detail: expect.stringMatching(refusal) });
});
