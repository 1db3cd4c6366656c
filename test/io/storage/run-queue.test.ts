import { QueueClient } from "@azure/storage-queue";
import { afterAll, describe, expect, it } from "vitest";
import type { QueueMessage, ReadMessage } from "../../../shared/core/message.ts";
import { createRunQueue } from "../../../shared/io/storage/run-queue.ts";
import { emulator, uniqueName } from "../../support/azurite.ts";
import { type Fault, type FaultProxy, startFaultProxy } from "../../support/fault-proxy.ts";

const message: ReadMessage = {
  ...{ tenant: "home", watchlist: "Büro \u{1F600}", runId: "2026-11-23", openedAt: "2026-11-23T05:00:00.000Z" },
};

function client(queue: string): QueueClient {
  return new QueueClient(emulator().connectionString, queue);
}

async function receive(queue: string): Promise<unknown[]> {
  const { receivedMessageItems } = await client(queue).receiveMessages({ numberOfMessages: 32 });
  return receivedMessageItems.map(({ messageText }) => JSON.parse(Buffer.from(messageText, "base64").toString()));
}

describe("the run queue", () => {
  it("brings a message in the base64 that the Functions host expects", async () => {
    const queue = uniqueName("runs");
    await createRunQueue(emulator(), { queue }).send(message);
    const { receivedMessageItems } = await client(queue).receiveMessages();
    expect(receivedMessageItems[0]?.messageText).toMatch(/^[A-Za-z0-9+/]+=*$/);
    const text = Buffer.from(receivedMessageItems[0]?.messageText ?? "", "base64").toString("utf8");
    expect(JSON.parse(text)).toEqual(message);
  });

  const others: QueueMessage[] = [
    { tenant: "home", runId: "2026-11-23", openedAt: "2026-11-23T05:00:00.000Z" },
    { deliver: { tenant: "home", watchlist: "Büro" }, openedAt: "2026-11-23T05:00:00.000Z" },
    { expire: { tenant: "home", day: "2026-11-23" } },
  ];
  for (const other of others) {
    it(`brings ${JSON.stringify(other)}`, async () => {
      const queue = uniqueName("runs");
      await createRunQueue(emulator(), { queue }).send(other);
      expect(await receive(queue)).toEqual([other]);
    });
  }

  it("is called runs by default", async () => {
    const watchlist = crypto.randomUUID();
    await createRunQueue(emulator()).send({ ...message, watchlist });
    expect(await receive("runs")).toContainEqual({ ...message, watchlist });
  });

  it("is created when first needed, by many at once", async () => {
    const queue = uniqueName("runs");
    await Promise.all([1, 2, 3, 4].map(() => createRunQueue(emulator(), { queue }).send(message)));
    expect(await receive(queue)).toHaveLength(4);
  });

  const delays = [
    { asked: undefined, seconds: 0 },
    { asked: -5, seconds: 0 },
    { asked: 0.2, seconds: 1 },
    { asked: 300, seconds: 300 },
    { asked: 7 * 24 * 3600, seconds: 7 * 24 * 3600 },
    { asked: 1e9, seconds: 7 * 24 * 3600 },
  ];
  for (const { asked, seconds } of delays) {
    it(`hides a message for ${seconds} seconds when asked for ${asked}, and keeps it till it is handled`, async () => {
      const proxy = await startFaultProxy(emulator().connectionString, "Queue");
      const queue = uniqueName("runs");
      await createRunQueue(proxy.connection, { queue }).send(message, asked);
      await proxy.close();
      const sent = new URL(proxy.requests.at(-1)?.path ?? "", "http://queue").searchParams;
      expect(Object.fromEntries(sent)).toMatchObject({ visibilitytimeout: `${seconds}`, messagettl: "-1" });
      expect(await receive(queue)).toHaveLength(seconds === 0 ? 1 : 0);
      expect((await client(queue).getProperties()).approximateMessagesCount).toBe(1);
    });
  }

  it("counts the messages that the platform gave up on", async () => {
    const queue = uniqueName("runs");
    const poison = client(`${queue}-poison`);
    await poison.create();
    const runs = createRunQueue(emulator(), { queue });
    await runs.send(message);
    expect(await runs.countPoison()).toBe(0);
    await poison.sendMessage("what?");
    await poison.sendMessage("what?", { visibilityTimeout: 60 });
    expect(await runs.countPoison()).toBe(2);
  });

  it("counts none if the platform never created a queue for them", async () => {
    expect(await createRunQueue(emulator(), { queue: uniqueName("runs") }).countPoison()).toBe(0);
  });
});

describe.concurrent("a fault on the way to the queue", { timeout: 20_000 }, () => {
  const proxies: FaultProxy[] = [];
  afterAll(() => Promise.all(proxies.map((proxy) => proxy.close())));
  const patience = { tryMs: 500, tries: 3, retryMs: 1 };

  async function faulty(queue: string, faults: readonly Fault[], forever?: "forever") {
    const proxy = await startFaultProxy(emulator().connectionString, "Queue");
    proxies.push(proxy);
    const last = faults.at(-1);
    proxy.plan(...faults);
    if (forever && last) proxy.planForever(last);
    return { ...createRunQueue(proxy.connection, { queue, patience }), requests: proxy.requests };
  }

  async function madeQueue() {
    const queue = uniqueName("runs");
    await client(queue).create();
    return queue;
  }

  const passing: Record<string, Fault> = {
    "500": queueFault(500, "InternalError"),
    "503": queueFault(503, "ServerBusy"),
    "a reset": "reset",
    "no answer": "hang",
  };
  for (const [fault, fate] of Object.entries(passing)) {
    it(`of ${fault} is passed over, and the message is there once`, async () => {
      const queue = await madeQueue();
      await (await faulty(queue, [fate])).send(message);
      expect(await receive(queue)).toEqual([message]);
      expect(await (await faulty(queue, [fate])).countPoison()).toBe(0);
    });
  }

  for (const fate of ["reset after", "hang after"] as const) {
    it(`that hides an answer (${fate}) brings the message twice, which does no harm`, async () => {
      const queue = await madeQueue();
      await (await faulty(queue, [fate])).send(message);
      expect(await receive(queue)).toEqual([message, message]);
    });
  }

  it("of 503 for good fails with method, path and status after four calls", async () => {
    const queue = await madeQueue();
    const runs = await faulty(queue, [queueFault(503, "ServerBusy")], "forever");
    await expect(runs.send(message)).rejects.toThrow(
      `Azure Storage returned 503 ServerBusy for POST /${queue}/messages.`,
    );
    expect(runs.requests).toHaveLength(4);
  });

  it("of silence for good fails after three tries", async () => {
    const queue = await madeQueue();
    const runs = await faulty(queue, ["hang"], "forever");
    await expect(runs.countPoison()).rejects.toThrow(
      `Azure Storage did not answer GET /${queue}-poison?comp=metadata (ETIMEDOUT).`,
    );
    expect(runs.requests).toHaveLength(3);
  });

  it("of a missing right says what to check", async () => {
    const runs = await faulty("runs", [queueFault(403, "AuthorizationPermissionMismatch")]);
    await expect(runs.send(message)).rejects.toThrow(
      /returned 403 AuthorizationPermissionMismatch for POST .*Storage Queue Data Contributor/,
    );
  });
});

function queueFault(status: number, code: string): Fault {
  const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>As planned.</Message></Error>`;
  return { status, headers: { "content-type": "application/xml", "x-ms-error-code": code }, body };
}
