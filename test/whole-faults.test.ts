import { QueueServiceClient } from "@azure/storage-queue";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { DefenderKb } from "../local/estate.ts";
import { type Host, startHost } from "../local/host.ts";
import { playDay } from "../local/play.ts";
import { type LocalWorld, startWorld } from "../local/world.ts";

// A day through the whole app takes its time on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

const [edge, windows10, windows11] = ["microsoft-_-edge", "microsoft-_-windows_10", "microsoft-_-windows_11"] as const;
const softwareIds = [edge, windows10, windows11];

/** What Defender lists; a software that is not named misses one KB. */
const lists = new Map<string, readonly DefenderKb[]>();
let machines = 100;
let day = "2026-11-23";
let world: LocalWorld;
let host: Host;
let queues: QueueServiceClient;

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
    storageConnectionString: world.storageConnectionString,
    env: { ...world.settings, SOFTWARE_IDS: softwareIds.join(","), HEARTBEAT_DAY: "none" },
    log: () => {},
  });
  queues = QueueServiceClient.fromConnectionString(world.storageConnectionString);
  await playDay(host, world, day);
}, 60_000);

beforeEach(() => {
  for (const softwareId of softwareIds) world.tenant.setFault(softwareId, null);
  lists.clear();
  // Each test is a day of its own on which the KB got worse, so that there is a mail.
  machines += 1;
  day = new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);
});

afterAll(async () => {
  await host?.close();
  await world?.close();
});

function aDefenderKb(id: string, machineMissedOn: number): DefenderKb {
  return { id, name: "November 2026 Security Updates", productsNames: [], url: null, machineMissedOn, cveAddressed: 1 };
}

/** Puts a message into the queue as its sender wrote it. */
async function post(text: string): Promise<void> {
  await queues.getQueueClient("runs").sendMessage(text);
}

const base64 = (text: string) => Buffer.from(text).toString("base64");
const message = () => ({ watchlist: "default", runId: day, openedAt: `${day}T05:00:00.000Z` });
const mailsOf = (runId: string) => world.inbox.mails.filter(({ customArgs }) => customArgs.run_id === runId);

/** Handles what is in the queue, and again each time the platform would bring back what failed. */
async function handleTillGivenUp(): Promise<void> {
  for (let minute = 0; (await host.drainQueues()).waiting > 0; minute += 2) {
    await world.turnTo(new Date(Date.parse(`${day}T05:00:00Z`) + minute * 60_000));
  }
}

async function reasons(): Promise<string[]> {
  const answer = await fetch(`${host.url}/api/health/reasons`);
  return ((await answer.json()) as { reasons: string[] }).reasons;
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

  test("that is no run ends among the poison, which health tells, and holds up no run", {
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
    expect(await reasons()).toEqual(["About 9 messages failed for good and lie in the queue runs-poison."]);
    expect((await fetch(`${host.url}/api/health`)).status).toBe(503);
    const { receivedMessageItems } = await queues
      .getQueueClient("runs-poison")
      .receiveMessages({ numberOfMessages: 32 });
    expect(receivedMessageItems.map(({ messageText }) => messageText).toSorted()).toEqual(texts.toSorted());
    await queues.getQueueClient("runs-poison").clearMessages();
    expect(await reasons()).toEqual([]);
  });

  test("of a watchlist that is configured no more is dropped without a word to anyone", async () => {
    await world.turnTo(new Date(`${day}T05:00:00Z`));
    await post(base64(JSON.stringify({ ...message(), watchlist: "gone" })));
    expect(await host.drainQueues()).toEqual({ processed: 1, waiting: 0 });
    expect(mailsOf(day)).toEqual([]);
  });
});

describe("what a person must mend", () => {
  const refusal = (status: number, code: string, text: string) =>
    ({ kind: "answer", status, body: { error: { code, message: text, target: "0" } } }) as const;

  test.each([
    ["a missing role", refusal(403, "Forbidden", "Missing application roles."), "grant it"],
    [
      "a licence",
      refusal(401, "Unauthorized", "No Tvm license"),
      "active licence that includes Defender Vulnerability",
    ],
    ["a disabled feature", refusal(403, "DisabledFeature", "Off."), "turn on Defender Vulnerability Management"],
    ["a wrong request", refusal(400, "BadRequest", "No."), "check that the software id is one of Defender's"],
  ])("%s is told in the mail with what to do, and resolves nothing", async (_, fault, advice) => {
    world.tenant.setFault(windows11, fault);
    await playDay(host, world, day);
    const [mail] = mailsOf(day);
    const text = mail?.text?.replace(/\s+/g, " ");
    expect(text).toContain(windows11);
    expect(text).toContain(advice);
    expect(text).not.toContain("RESOLVED");
    await expectWhole(day, 2);
  });

  test("a software with more KBs than a snapshot holds is told as not measured, and the others are measured", async () => {
    const many = Array.from({ length: 10_000 }, (_, index) => aDefenderKb(`${5_100_000 + index}`, 1));
    lists.set(edge, many);
    await playDay(host, world, day);
    const text = mailsOf(day)[0]?.text?.replace(/\s+/g, " ");
    expect(text).toContain("Its 10000 missing KBs do not fit one snapshot");
    await expectWhole(day, 2);
  });

  test("a sender that SendGrid does not know is told by health until a mail goes out again", async () => {
    world.inbox.faults.push({
      status: 403,
      errors: [{ message: "Not a verified sender.", field: "from", help: null }],
    });
    await playDay(host, world, day);
    expect(await reasons()).toEqual([expect.stringMatching(/the mail of .* was refused\..*MAIL_FROM is a verified/)]);
    machines += 1;
    day = new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);
    await playDay(host, world, day);
    expect(await reasons()).toEqual([]);
  });

  async function expectWhole(runId: string, measured: number): Promise<void> {
    const answer = await fetch(`${host.url}/api/report?run=${runId}&format=json`);
    const { totals } = (await answer.json()) as { totals: Record<string, number> };
    expect(totals).toMatchObject({ measured, notMeasured: softwareIds.length - measured, resolved: 0, improved: 0 });
  }
});

describe("SendGrid's passing faults", () => {
  test.each([
    ["a rate limit", { status: 429, headers: { "X-RateLimit-Reset": "1795428000" } }],
    ["an outage", { status: 503 }],
    ["a connection that broke before the mail was taken", { kept: false, connection: "reset" }],
  ] as const)("%s delays the mail, and it arrives once", async (_, fault) => {
    world.inbox.faults.push(fault);
    await playDay(host, world, day);
    expect(mailsOf(day)).toHaveLength(1);
    expect(await reasons()).toEqual([]);
  });

  test("an answer that was lost after the mail was taken costs a second mail, and no third", async () => {
    world.inbox.faults.push({ kept: true, connection: "reset" });
    await playDay(host, world, day);
    expect(mailsOf(day)).toHaveLength(2);
    expect(await reasons()).toEqual([]);
  });
});
