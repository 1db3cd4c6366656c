import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { QueueServiceClient } from "@azure/storage-queue";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { type Azurite, startAzurite } from "../../local/azurite.ts";
import { restoreClock, turnClock } from "../../local/clock.ts";
import { type HostOptions, startHost } from "../../local/host.ts";
import { buildToyApp, type ToyApp } from "../support/build-toy-app.ts";
import { keepLogBook, type LogBook } from "../support/host-log-book.ts";

// The emulator alone takes seconds to start where the machine is busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let book: LogBook;
beforeEach(() => {
  book = keepLogBook();
});

async function start(app: ToyApp, options: Partial<HostOptions> = {}) {
  const host = await startHost({ appDir: app.dir, port: 0, log: book.sink, ...options });
  onTestFinished(host.close);
  return host;
}

async function build(files: readonly string[], hostJson?: object) {
  const app = await buildToyApp(files, hostJson);
  onTestFinished(() => app[Symbol.asyncDispose]());
  return app;
}

describe("HTTP functions", () => {
  let web: ToyApp;
  beforeAll(async () => {
    web = await buildToyApp(["web"]);
  });
  afterAll(() => web[Symbol.asyncDispose]());

  test("are handed method, address, parameters, query, headers and body", async () => {
    const { url } = await start(web);
    const response = await fetch(`${url}/api/echo/one/two?x=1&y=a%20b`, {
      method: "POST",
      headers: { "X-Custom": "yes" },
      body: "straße",
    });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toMatchObject({
      method: "POST",
      url: `${url}/api/echo/one/two?x=1&y=a%20b`,
      params: { first: "one", second: "two" },
      query: { x: "1", y: "a b" },
      headers: { "x-custom": "yes", "content-type": "text/plain;charset=UTF-8" },
      body: "straße",
    });
  });

  test.each([
    ["one", { first: "one" }],
    ["a%20b/%C3%A9", { first: "a b", second: "é" }],
    ["2026-11-23T10%3A17Z", { first: "2026-11-23T10:17Z" }],
    ["a%2Fb/c%2fd", { first: "a%2Fb", second: "c%2fd" }],
    ["a+b/%FF", { first: "a+b", second: "%FF" }],
    ["one/two/", { first: "one", second: "two" }],
  ])("read the path %s as %o", async (path, params) => {
    const { url } = await start(web);
    const response = await fetch(`${url}/api/echo/${path}`);
    expect(await response.json()).toMatchObject({ params });
  });

  test("are found whatever the case of the route's words, the exact route first", async () => {
    const { url } = await start(web);
    expect(await (await fetch(`${url}/API/Echo/exact`)).text()).toBe("the exact one");
    expect(await (await fetch(`${url}/api/echo/exactly`)).json()).toMatchObject({ params: { first: "exactly" } });
  });

  test("see a repeated query name once, its values joined, whatever its case", async () => {
    const { url } = await start(web);
    const response = await fetch(`${url}/api/echo/x?Id=1&id=2&other=3`);
    expect(await response.json()).toMatchObject({ query: { Id: "1,2", other: "3" } });
  });

  test("take and give bytes as they are", async () => {
    const { url } = await start(web);
    const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => index % 251);
    const response = await fetch(`${url}/api/reverse`, { method: "POST", body: bytes });
    const answer = new Uint8Array(await response.arrayBuffer());
    expect(response.headers.get("content-type")).toBe("application/octet-stream");
    expect(Buffer.compare(answer, bytes.toReversed())).toBe(0);
  });

  test("may answer with a stream", async () => {
    const { url } = await start(web);
    const response = await fetch(`${url}/api/stream`);
    const lines = (await response.text()).trimEnd().split("\n");
    expect(response.headers.get("content-type")).toBe("text/csv");
    expect(lines).toHaveLength(1000);
    expect(lines.at(-1)).toBe("row 999");
  });

  test("set status, headers and cookies", async () => {
    const { url } = await start(web);
    const response = await fetch(`${url}/api/headers`);
    expect(response.status).toBe(202);
    expect(response.headers.get("location")).toBe("/api/runs/default/2026-11-23");
    expect(response.headers.getSetCookie()).toEqual([
      "plain=a%20b",
      "full=x; max-age=60; path=/; secure; samesite=strict; httponly",
    ]);
  });

  test("that return nothing answer 204", async () => {
    const { url } = await start(web);
    expect((await fetch(`${url}/api/nothing`)).status).toBe(204);
  });

  test("that throw answer 500 without a word; the log has the error", async () => {
    const { url } = await start(web);
    const response = await fetch(`${url}/api/fails`);
    expect(response.status).toBe(500);
    expect(await response.text()).toBe("");
    const failed = book.entries.find(({ level }) => level === "error");
    expect(failed).toMatchObject({ functionName: "fails", fields: { error: new Error("the secret reason") } });
  });

  test.each([
    ["GET", "/api/unknown"],
    ["GET", "/"],
    ["GET", "/echo/one"],
    ["GET", "/api/echo"],
    ["GET", "/api/echo/one/two/three"],
    ["GET", "/api//echo/one"],
    // The Functions host knows no 405, nor does GET imply HEAD.
    ["DELETE", "/api/echo/one"],
    ["HEAD", "/api/echo/one"],
  ])("are not found at %s %s", async (method, path) => {
    const { url } = await start(web);
    expect((await fetch(`${url}${path}`, { method })).status).toBe(404);
  });

  test("of level function ask for the host key in the query or a header; anonymous ones do not", async () => {
    const { url } = await start(web, { hostKey: "the-key" });
    const statusOf = async (path: string, headers: Record<string, string> = {}) =>
      (await fetch(`${url}${path}`, { headers })).status;
    expect(await statusOf("/api/locked")).toBe(401);
    expect(await statusOf("/api/locked?code=other")).toBe(401);
    expect(await statusOf("/api/locked", { "x-functions-key": "other" })).toBe(401);
    expect(await statusOf("/api/locked?code=the-key")).toBe(200);
    expect(await statusOf("/api/locked", { "x-functions-key": "the-key" })).toBe(200);
    expect(await statusOf("/api/echo/one")).toBe(200);
  });

  test("are all open where the host has no key", async () => {
    const { url } = await start(web);
    expect(await (await fetch(`${url}/api/locked`)).text()).toBe("open");
  });

  test("log to the sink with their level, name and invocation", async () => {
    const { url } = await start(web);
    await fetch(`${url}/api/chatty`);
    const entries = book.entries.filter(({ source }) => source === "function");
    expect(entries).toEqual([
      expect.objectContaining({ level: "warning", functionName: "chatty", message: "it is { warm: true }" }),
      expect.objectContaining({ level: "debug", functionName: "chatty", message: "a detail" }),
    ]);
    expect(entries[0]?.invocationId).toMatch(/^[0-9a-f-]{36}$/);
    expect(entries[1]?.invocationId).toBe(entries[0]?.invocationId);
  });

  test("follow host.json's route prefix and custom headers", async () => {
    const app = await build(["web"], {
      extensions: { http: { routePrefix: "", customHeaders: { "X-Content-Type-Options": "nosniff" } } },
    });
    const { url } = await start(app);
    const response = await fetch(`${url}/echo/one`);
    expect(response.status).toBe(200);
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  });

  test("pass through the app's own hooks", async () => {
    const { url } = await start(await build(["hooks"]));
    await fetch(`${url}/api/hooked`);
    expect(book.said()).toEqual(["after hooked: no error"]);
  });
});

describe("a host", () => {
  test("tells what the app registered", async () => {
    const app = await build(["tick", "work", "hooks"]);
    const env = { TICK_SCHEDULE: "0 0 5 * * *" };
    const { registrations } = await start(app, { env, storageConnectionString: "UseDevelopmentStorage=true" });
    expect(registrations).toEqual([
      { name: "hooked", trigger: "http", route: "hooked", methods: ["GET"], authLevel: "anonymous" },
      { name: "tick", trigger: "timer", schedule: "%TICK_SCHEDULE%" },
      { name: "work", trigger: "queue", queueName: "work", connection: "TOY_STORAGE" },
    ]);
  });

  test("does not start where a file of the app throws, and rejects with that very error", async () => {
    const app = await build(["broken", "web"]);
    await expect(start(app)).rejects.toThrow(/^TOY_SETTING is missing: set it to any text\.$/);
    expect(await start(app, { env: { TOY_SETTING: "x" } })).toBeDefined();
  });

  test("does not start on a timer whose schedule is a setting that is absent", async () => {
    const app = await build(["tick"]);
    await expect(start(app)).rejects.toThrow(
      "The 'tick' function is in error: '%TICK_SCHEDULE%' does not resolve to a value.",
    );
  });

  test.each(["nonsense", "0 0 25 * * *", "0 0 5 * *  * *", "*/0 * * * * *"])(
    "does not start on the schedule %s",
    async (schedule) => {
      const app = await build(["tick"]);
      await expect(start(app, { env: { TICK_SCHEDULE: schedule } })).rejects.toThrow(
        `The 'tick' function is in error: The schedule expression '${schedule}' was not recognized`,
      );
    },
  );

  test("does not start on an app that is not built", async () => {
    await expect(start(await build([]))).rejects.toThrow(/Build the app first/);
  });

  test("does not start on a port that is taken", async () => {
    const app = await build(["hooks"]);
    const { url } = await start(app);
    await expect(start(app, { port: Number(new URL(url).port) })).rejects.toThrow(/EADDRINUSE/);
  });

  test("listens on loopback alone", async () => {
    const { url } = await start(await build(["hooks"]));
    expect(new URL(url).hostname).toBe("127.0.0.1");
  });

  test("loads an app anew each time, one state for all its files and none shared with another host", async () => {
    const app = await build(["web", "tick"]);
    const env = { TICK_SCHEDULE: "0 0 5 * * *" };
    const [one, other] = [await start(app, { env }), await start(app, { env })];
    await one.fireTimer("tick");
    await one.fireTimer("tick");
    await other.fireTimer("tick");
    expect(await (await fetch(`${one.url}/api/calls`)).text()).toBe("2");
    expect(await (await fetch(`${other.url}/api/calls`)).text()).toBe("1");
  });

  test("takes its settings back and frees its port when it closes", async () => {
    const app = await build(["hooks"]);
    const host = await startHost({ appDir: app.dir, port: 0, log: book.sink, env: { TOY_SETTING: "x" } });
    expect(process.env.TOY_SETTING).toBe("x");
    await fetch(`${host.url}/api/hooked`);
    await host.close();
    expect(process.env.TOY_SETTING).toBeUndefined();
    await expect(fetch(`${host.url}/api/hooked`)).rejects.toThrow();
  });

  test("shows a rejection that nobody handled", async () => {
    const app = await build(["web"]);
    const script = `
      const { startHost } = await import(${JSON.stringify(new URL("../../local/host.ts", import.meta.url).href)});
      const host = await startHost({ appDir: process.argv[1], port: 0 });
      await fetch(host.url + "/api/careless");
      await host.close();`;
    const args = ["--input-type=module", "--eval", script, app.dir];
    const cwd = fileURLToPath(new URL("../..", import.meta.url));
    const { stderr } = await promisify(execFile)(process.execPath, args, { cwd });
    expect(stderr).toMatch(/^critical host: A rejection was not handled: Error: nobody waits for this/);
  });
});

describe("a timer", () => {
  let ticking: ToyApp;
  beforeAll(async () => {
    ticking = await buildToyApp(["tick"]);
  });
  afterAll(() => ticking[Symbol.asyncDispose]());
  afterEach(restoreClock);

  test("is told its schedule when it fires", async () => {
    turnClock(new Date("2026-11-23T05:00:00Z"));
    const host = await start(ticking, { env: { TICK_SCHEDULE: "0 0 5 * * 1-5" } });
    await host.fireTimer("tick");
    await host.fireTimer("tick", { isPastDue: true, scheduleStatus: { last: "2026-11-20T05:00:00.000Z" } });
    const [first, second] = book.said().map((line) => JSON.parse(line).timer);
    expect(first).toMatchObject({
      schedule: { adjustForDST: true },
      scheduleStatus: { last: "0001-01-01T00:00:00+00:00", next: "2026-11-24T05:00:00.000+00:00" },
      isPastDue: false,
    });
    expect(second).toMatchObject({ scheduleStatus: { last: "2026-11-20T05:00:00.000+00:00" }, isPastDue: true });
  });

  test.each([
    ["0 0 5 * * *", "2026-11-23T04:59:00Z", "2026-11-23T05:00:00.000+00:00"],
    ["30 10/20 6-8 * * *", "2026-11-23T06:10:31Z", "2026-11-23T06:30:30.000+00:00"],
    ["0 0 9 * * Mon,Thu", "2026-11-23T09:00:01Z", "2026-11-26T09:00:00.000+00:00"],
    // The 13th and a Friday, not either.
    ["0 0 0 13 * 5", "2026-11-14T00:00:00Z", "2027-08-13T00:00:00.000+00:00"],
  ])("with the schedule %s at %s is next due at %s", async (schedule, now, expected) => {
    turnClock(new Date(now));
    const host = await start(ticking, { env: { TICK_SCHEDULE: schedule } });
    await host.fireTimer("tick");
    expect(book.said().map((line) => JSON.parse(line).timer.scheduleStatus.next)).toEqual([expected]);
  });

  test("that fails runs again by its retry policy, and what it threw last is thrown", async () => {
    const host = await start(ticking, { env: { TICK_SCHEDULE: "0 0 5 * * *", TICK_FAILS: "yes" } });
    await expect(host.fireTimer("tick")).rejects.toThrow("tick 3 failed");
    expect(book.said().map((line) => JSON.parse(line).retry)).toEqual([0, 1, 2]);
  });

  test("that is not there is told with the names there are", async () => {
    const host = await start(ticking, { env: { TICK_SCHEDULE: "0 0 5 * * *" } });
    await expect(host.fireTimer("tock")).rejects.toThrow("No timer is named 'tock'; there are: tick.");
  });

  test("fires by its schedule, in UTC, where the host is to", async () => {
    turnClock(new Date("2026-11-23T04:59:59.900Z"));
    await start(ticking, { env: { TICK_SCHEDULE: "0 0 5 * * *" }, fireTimers: true });
    await book.until(({ source }) => source === "function");
    expect(new Date().toISOString().slice(0, 16)).toBe("2026-11-23T05:00");
    expect(book.said()).toHaveLength(1);
  });
});

describe("a queue function", () => {
  let azurite: Azurite;
  let queues: QueueServiceClient;
  let working: ToyApp;
  beforeAll(async () => {
    [azurite, working] = await Promise.all([startAzurite(), buildToyApp(["work"])]);
    queues = QueueServiceClient.fromConnectionString(azurite.connectionString);
  });
  afterAll(async () => {
    await azurite.close();
    await working[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    await queues.createQueue("work");
  });
  afterEach(async () => {
    await azurite.restoreClock();
    for (const queue of ["work", "work-poison"]) await queues.getQueueClient(queue).deleteIfExists();
  });

  const work = (options: Partial<HostOptions> = {}, app = working) =>
    start(app, { storageConnectionString: azurite.connectionString, ...options });
  const send = (text: string, delaySeconds = 0) =>
    queues
      .getQueueClient("work")
      .sendMessage(Buffer.from(text).toString("base64"), { visibilityTimeout: delaySeconds });
  const heard = () => book.said().map((line) => JSON.parse(line));

  async function poisoned(): Promise<string[]> {
    const queue = queues.getQueueClient("work-poison");
    if (!(await queue.exists())) return [];
    const { peekedMessageItems } = await queue.peekMessages({ numberOfMessages: 32 });
    return peekedMessageItems.map(({ messageText }) => Buffer.from(messageText, "base64").toString());
  }

  test("gets the message, parsed where it is JSON, with what is known of it", async () => {
    const host = await work();
    const { messageId } = await send(JSON.stringify({ Watchlist: "default", nested: { RunId: "2026-11-23" } }));
    await send("plain words");
    expect(await host.drainQueues()).toEqual({ processed: 2, waiting: 0 });
    expect(heard()).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          message: { Watchlist: "default", nested: { RunId: "2026-11-23" } },
          dequeueCount: 1,
          id: messageId,
          insertionTime: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T/),
        }),
        expect.objectContaining({ message: "plain words" }),
      ]),
    );
  });

  test("that throws gets its message again, then it goes to the poison queue as it was", async () => {
    const host = await work();
    await send("fail");
    expect(await host.drainQueues()).toEqual({ processed: 5, waiting: 0 });
    expect(heard().map(({ dequeueCount }) => dequeueCount)).toEqual([1, 2, 3, 4, 5]);
    expect(await poisoned()).toEqual(["fail"]);
    expect(book.entries.filter(({ message }) => message === "Executed (Failed)")).toHaveLength(5);
  });

  test("that throws once has its message deleted after it succeeded", async () => {
    const host = await work();
    await send("fail once");
    expect(await host.drainQueues()).toEqual({ processed: 2, waiting: 0 });
    expect(await poisoned()).toEqual([]);
  });

  test("waits as long as host.json says before it gets a message again", async () => {
    const app = await build(["work"], {
      extensions: { queues: { maxDequeueCount: 2, visibilityTimeout: "00:05:00" } },
    });
    const host = await work({}, app);
    await send("fail");
    expect(await host.drainQueues()).toEqual({ processed: 1, waiting: 1 });
    await azurite.turnClock(new Date(Date.now() + 5 * 60_000));
    expect(await host.drainQueues()).toEqual({ processed: 1, waiting: 0 });
    expect(await poisoned()).toEqual(["fail"]);
  });

  test("gets a delayed message when its time has come", async () => {
    const host = await work();
    await send("later", 600);
    expect(await host.drainQueues()).toEqual({ processed: 0, waiting: 1 });
    await azurite.turnClock(new Date(Date.now() + 601_000));
    expect(await host.drainQueues()).toEqual({ processed: 1, waiting: 0 });
    expect(heard()).toMatchObject([{ message: "later" }]);
  });

  test("never sees a message that is not base64; it goes to the poison queue at once", async () => {
    const host = await work();
    await queues.getQueueClient("work").sendMessage("{ not base64 }");
    expect(await host.drainQueues()).toEqual({ processed: 1, waiting: 0 });
    expect(book.said()).toEqual([]);
    expect((await queues.getQueueClient("work-poison").peekMessages()).peekedMessageItems).toMatchObject([
      { messageText: "{ not base64 }" },
    ]);
  });

  test("gets plain text where host.json's encoding is none", async () => {
    const host = await work({}, await build(["work"], { extensions: { queues: { messageEncoding: "none" } } }));
    await queues.getQueueClient("work").sendMessage('{"plain":true}');
    await host.drainQueues();
    expect(heard()).toMatchObject([{ message: { plain: true } }]);
  });

  test("does not run for a message whose runs never came to an end", async () => {
    const app = await build(["work"], { extensions: { queues: { maxDequeueCount: 1 } } });
    const host = await work({}, app);
    await send("killer");
    // As a host that died over it.
    await queues.getQueueClient("work").receiveMessages({ visibilityTimeout: 600 });
    await azurite.turnClock(new Date(Date.now() + 601_000));
    await host.drainQueues();
    expect(book.said()).toEqual([]);
    expect(await poisoned()).toEqual(["killer"]);
  });

  test("keeps its message hidden for as long as it runs", async () => {
    const gate = openGate();
    const host = await work({ queueLeaseSeconds: 2 });
    await send("hold");
    const drained = host.drainQueues();
    await book.until(({ message }) => message === "A message stays hidden", 3);
    const { receivedMessageItems } = await queues.getQueueClient("work").receiveMessages();
    gate.open();
    expect(receivedMessageItems).toEqual([]);
    expect(await drained).toEqual({ processed: 1, waiting: 0 });
  });

  test("runs for as many messages at once as host.json allows", async () => {
    const gate = openGate();
    const app = await build(["work"], { extensions: { queues: { batchSize: 2, newBatchThreshold: 0 } } });
    const host = await work({}, app);
    for (let count = 0; count < 5; count += 1) await send("hold");
    const drained = host.drainQueues();
    await book.until(({ message }) => message === "2 at once");
    // Time enough for a host that would fetch more.
    for (let look = 0; look < 10; look += 1) await queues.getQueueClient("work").getProperties();
    gate.open();
    expect(await drained).toEqual({ processed: 5, waiting: 0 });
    expect(book.said().filter((line) => / at once/.test(line))).not.toContain("3 at once");
  });

  test("is drained of what another queue's function sends it", async () => {
    const host = await start(await build(["relay", "work"]), { env: { TOY_STORAGE: azurite.connectionString } });
    const relay = queues.getQueueClient("relay");
    await relay.create();
    onTestFinished(async () => void (await relay.delete()));
    await relay.sendMessage(Buffer.from("passed on").toString("base64"));
    expect(await host.drainQueues()).toEqual({ processed: 2, waiting: 0 });
    expect(heard()).toMatchObject([{ message: "passed on" }]);
  });

  test("is run by polling where the host is to poll", async () => {
    await work({ queuePollMs: 10 });
    await send("found");
    await book.until(({ message }) => message.includes("found"));
  });

  test("can be run without a queue, and then throws what it throws", async () => {
    const host = await work();
    await host.invokeQueue("work", { any: "thing" });
    await expect(host.invokeQueue("work", "fail", { dequeueCount: 5 })).rejects.toThrow("told to fail");
    expect(heard()).toMatchObject([{ message: { any: "thing" } }, { message: "fail", dequeueCount: 5 }]);
  });

  test("has nothing to do where its queue does not exist", async () => {
    await queues.deleteQueue("work");
    const host = await work();
    expect(await host.drainQueues()).toEqual({ processed: 0, waiting: 0 });
  });

  test("looks where the settings of its connection lead", async () => {
    const host = await start(working, { env: { TOY_STORAGE: azurite.connectionString } });
    await send("found");
    expect(await host.drainQueues()).toEqual({ processed: 1, waiting: 0 });
  });

  test("may connect with an identity", async () => {
    const env = {
      TOY_STORAGE__queueServiceUri: "https://127.0.0.1:1/account",
      TOY_STORAGE__credential: "managedidentity",
    };
    expect(await start(working, { env })).toBeDefined();
  });

  test("does not start without a storage account", async () => {
    await expect(start(working)).rejects.toThrow(
      "The 'work' function is in error: Storage account connection string 'TOY_STORAGE' does not exist.",
    );
  });
});

function openGate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  Reflect.set(globalThis, "toyGate", promise);
  return { open: resolve };
}
