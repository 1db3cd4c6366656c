import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { QueueServiceClient } from "@azure/storage-queue";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { type Azurite, startAzurite } from "../../local/azurite.ts";
import { logStandardError } from "../../local/host/host-log.ts";
import { readHostSettings } from "../../local/host/host-settings.ts";
import { pauseAfter } from "../../local/host/queue-trigger.ts";
import { parseRoute } from "../../local/host/route.ts";
import { type HostOptions, startHost } from "../../local/host.ts";
import { buildToyApp, type ToyApp } from "../support/build-toy-app.ts";
import { keepLogBook, type LogBook } from "../support/host-log-book.ts";

// On a busy machine the emulator alone takes seconds to start.
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

  test("receive method, address, parameters, query, headers and body", async () => {
    const { url } = await start(web);
    const response = await fetch(`${url}/api/echo/one/two?x=1&y=a%20b`, {
      method: "POST",
      headers: { "X-Custom": "yes" },
      body: "straße",
    });
    expect(response.status).toBe(202);
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
    ["a%20b/%C3%A9", { first: "a b", second: "é" }],
    ["one/2026-11-23T10%3A17Z", { first: "one", second: "2026-11-23T10:17Z" }],
    ["a%2Fb/c%2fd", { first: "a%2Fb", second: "c%2fd" }],
    ["a+b/%FF", { first: "a+b", second: "%FF" }],
    ["one/two/", { first: "one", second: "two" }],
  ])("read the path %s as %o", async (path, params) => {
    const { url } = await start(web);
    const response = await fetch(`${url}/api/echo/${path}`);
    expect(await response.json()).toMatchObject({ params });
  });

  test("are found whatever the case of the route's words", async () => {
    const { url } = await start(web);
    const response = await fetch(`${url}/API/Echo/One/Two`);
    expect(await response.json()).toMatchObject({ params: { first: "One", second: "Two" } });
  });

  test.each(["runs/{id?}", "runs/{id:int}", "files/{*path}"])("cannot have the route %s here, and say so", (route) => {
    expect(() => parseRoute(route)).toThrow(`The development host cannot match the route '${route}'.`);
  });

  test("see a repeated query name once, in any case, with its values joined", async () => {
    const { url } = await start(web);
    const response = await fetch(`${url}/api/echo/one/two?Id=1&id=2&other=3`);
    expect(await response.json()).toMatchObject({ query: { Id: "1,2", other: "3" } });
  });

  test("receive and return bytes unchanged", async () => {
    const { url } = await start(web);
    const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => index % 251);
    const response = await fetch(`${url}/api/reverse`, { method: "POST", body: bytes });
    const answer = new Uint8Array(await response.arrayBuffer());
    expect(response.headers.get("content-type")).toBe("application/octet-stream");
    expect(Buffer.compare(answer, bytes.toReversed())).toBe(0);
  });

  test("receive no body that was sent in chunks, only its header", async () => {
    const { url } = await start(web);
    const sent = { body: new Blob(["straße"]).stream(), duplex: "half" } as const;
    const response = await fetch(`${url}/api/echo/one/two`, { method: "POST", ...sent });
    expect(await response.json()).toMatchObject({ headers: { "transfer-encoding": "chunked" }, body: "" });
  });

  test("that return nothing answer 204", async () => {
    const { url } = await start(web);
    expect((await fetch(`${url}/api/nothing`)).status).toBe(204);
  });

  test("that throw answer 500 with an empty body; the log has the error", async () => {
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
    ["GET", "/echo/one/two"],
    ["GET", "/api/echo"],
    ["GET", "/api/echo/one"],
    ["GET", "/api/echo/one/two/three"],
    ["GET", "/api//echo/one/two"],
    // The Functions host never answers 405, and GET does not imply HEAD.
    ["DELETE", "/api/echo/one/two"],
    ["HEAD", "/api/echo/one/two"],
  ])("are not found at %s %s", async (method, path) => {
    const { url } = await start(web);
    expect((await fetch(`${url}${path}`, { method })).status).toBe(404);
  });

  test("of level function require the host key in the query or a header; anonymous ones do not", async () => {
    const { url } = await start(web, { hostKey: "the-key" });
    const statusOf = async (path: string, headers: Record<string, string> = {}) =>
      (await fetch(`${url}${path}`, { headers })).status;
    expect(await statusOf("/api/locked")).toBe(401);
    expect(await statusOf("/api/locked?code=other")).toBe(401);
    expect(await statusOf("/api/locked", { "x-functions-key": "other" })).toBe(401);
    expect(await statusOf("/api/locked?code=the-key")).toBe(200);
    expect(await statusOf("/api/locked", { "x-functions-key": "the-key" })).toBe(200);
    expect(await statusOf("/api/echo/one/two")).toBe(202);
  });

  test("get their caller from the platform's sign-in alone where it is on", async () => {
    const { url } = await start(web, { people: { anna: ["Runs.Start"] } });
    const forged = {
      "X-MS-CLIENT-PRINCIPAL": "forged",
      "X-MS-CLIENT-PRINCIPAL-ID": "1",
      "X-MS-TOKEN-AAD-ID-TOKEN": "2",
    };
    const callAs = (token: string) =>
      fetch(`${url}/api/echo/one/two`, { method: "POST", headers: { ...forged, Authorization: token } });
    for (const token of ["", "Bearer", "Bearer toString", "Bearer Anna", "anna"]) {
      expect((await callAs(token)).status).toBe(401);
    }
    const { headers } = (await (await callAs("Bearer anna")).json()) as { headers: Record<string, string> };
    expect(Object.keys(headers).filter((name) => name.startsWith("x-ms-"))).toEqual([
      ...["x-ms-client-principal", "x-ms-client-principal-idp", "x-ms-client-principal-name"],
    ]);
    expect(JSON.parse(Buffer.from(headers["x-ms-client-principal"] ?? "", "base64").toString())).toMatchObject({
      auth_typ: "aad",
      claims: expect.arrayContaining([{ typ: "roles", val: "Runs.Start" }]),
    });
    // A path without sign-in: the function is not there, but the platform lets the call through.
    expect((await fetch(`${url}/api/health`)).status).toBe(404);
  });

  test("require a new random key where none is given", async () => {
    const [{ url, key }, other] = [await start(web), await start(web)];
    expect((await fetch(`${url}/api/locked`)).status).toBe(401);
    expect((await fetch(`${url}/api/locked?code=${encodeURIComponent(other.key ?? "")}`)).status).toBe(401);
    expect((await fetch(`${url}/api/locked?code=${encodeURIComponent(key ?? "")}`)).status).toBe(200);
    expect((await fetch(`${url}/api/locked`, { headers: { "x-functions-key": key ?? "" } })).status).toBe(200);
  });

  test("are all open if keys are switched off", async () => {
    const { url } = await start(web, { hostKey: null });
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

  test("follow host.json's route prefix", async () => {
    const { url } = await start(await build(["web"], { extensions: { http: { routePrefix: "" } } }));
    expect((await fetch(`${url}/echo/one/two`)).status).toBe(202);
  });
});

describe("a host", () => {
  test("lists what the app registered", async () => {
    const app = await build(["tick", "work", "web"]);
    const { registrations } = await start(app, { storageConnectionString: "UseDevelopmentStorage=true" });
    expect(registrations).toHaveLength(10);
    expect(registrations).toEqual(
      expect.arrayContaining([
        {
          ...{ name: "echo", trigger: "http", route: "echo/{first}/{second}" },
          ...{ methods: ["GET", "POST"], authLevel: "anonymous" },
        },
        { name: "locked", trigger: "http", route: "locked", methods: ["GET"], authLevel: "function" },
        { name: "tick", trigger: "timer", schedule: "0 0 5 * * *" },
        { name: "work", trigger: "queue", queueName: "work", connection: "TOY_STORAGE" },
      ]),
    );
  });

  test("does not start if a file of the app throws, and rejects with that error", async () => {
    const app = await build(["broken", "web"]);
    await expect(start(app)).rejects.toThrow(/^TOY_SETTING is missing: set it to any text\.$/);
    expect(await start(app, { env: { TOY_SETTING: "x" } })).toBeDefined();
  });

  test.each([
    ["information", "one line\nwithout such a word"],
    ["error", "An Error happened"],
    ["error", "it failed"],
    ["error", "SEVERE"],
    ["warning", "an error, or a warning"],
  ])("logs what an app writes to standard error line by line as %s: %s", (level, text) => {
    logStandardError(text, (logged, message) => book.sink({ level: logged, source: "host", message }));
    expect(book.entries).toEqual(text.split("\n").map((message) => ({ level, source: "host", message })));
  });

  test("logs why an app could not load as the app's standard error", async () => {
    await expect(start(await build(["broken"]))).rejects.toThrow();
    const errors = book.entries.filter(({ level }) => level === "error");
    expect(errors.map(({ message }) => message)).toEqual(["Error: TOY_SETTING is missing: set it to any text."]);
  });

  test("does not start an app that is not built", async () => {
    await expect(start(await build([]))).rejects.toThrow(/Build the app first/);
  });

  test("does not start on a taken port", async () => {
    const app = await build(["web"]);
    const { url } = await start(app);
    await expect(start(app, { port: Number(new URL(url).port) })).rejects.toThrow(/EADDRINUSE/);
  });

  test("listens on loopback only", async () => {
    const { url } = await start(await build(["web"]));
    expect(new URL(url).hostname).toBe("127.0.0.1");
  });

  test("loads an app anew each time, with one state for all its files and none shared with another host", async () => {
    const app = await build(["web", "tick"]);
    const [one, other] = [await start(app), await start(app)];
    await one.fireTimer("tick");
    await one.fireTimer("tick");
    await other.fireTimer("tick");
    expect(await (await fetch(`${one.url}/api/calls`)).text()).toBe("2");
    expect(await (await fetch(`${other.url}/api/calls`)).text()).toBe("1");
  });

  test("restores the environment and frees its port when it closes", async () => {
    const app = await build(["web"]);
    const host = await startHost({ appDir: app.dir, port: 0, log: book.sink, env: { TOY_SETTING: "x" } });
    expect(process.env.TOY_SETTING).toBe("x");
    await fetch(`${host.url}/api/calls`);
    await host.close();
    expect(process.env.TOY_SETTING).toBeUndefined();
    await expect(fetch(`${host.url}/api/calls`)).rejects.toThrow();
  });

  test("logs an unhandled rejection", async () => {
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
  test("that fails runs again by its retry policy, then throws the last error", async () => {
    const host = await start(await build(["tick"]), { env: { TICK_FAILS: "yes" } });
    await expect(host.fireTimer("tick")).rejects.toThrow("tick 3 failed");
    expect(book.said()).toEqual(["tick 1", "tick 2", "tick 3"]);
  });

  test("that does not exist is an error that names the timers", async () => {
    const host = await start(await build(["tick"]));
    await expect(host.fireTimer("tock")).rejects.toThrow("There is no timer 'tock'. The app's timers: tick.");
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
  const said = () => book.said().map((line) => JSON.parse(line));

  async function poisoned(): Promise<string[]> {
    const queue = queues.getQueueClient("work-poison");
    if (!(await queue.exists())) return [];
    const { peekedMessageItems } = await queue.peekMessages({ numberOfMessages: 32 });
    return peekedMessageItems.map(({ messageText }) => Buffer.from(messageText, "base64").toString());
  }

  test("receives the message, parsed if it is JSON, with its metadata", async () => {
    const host = await work();
    const { messageId } = await send(JSON.stringify({ Watchlist: "default", nested: { RunId: "2026-11-23" } }));
    await send("plain words");
    expect(await host.drainQueues()).toEqual({ processed: 2, waiting: 0 });
    expect(said()).toEqual(
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

  test("that throws receives its message again, until it goes unchanged to the poison queue", async () => {
    const host = await work();
    await send("fail");
    expect(await host.drainQueues()).toEqual({ processed: 5, waiting: 0 });
    expect(said().map(({ dequeueCount }) => dequeueCount)).toEqual([1, 2, 3, 4, 5]);
    expect(await poisoned()).toEqual(["fail"]);
    expect(book.entries.filter(({ message }) => message === "Executed (Failed)")).toHaveLength(5);
  });

  test("that throws once has its message deleted after it succeeds", async () => {
    const host = await work();
    await send("fail once");
    expect(await host.drainQueues()).toEqual({ processed: 2, waiting: 0 });
    expect(await poisoned()).toEqual([]);
  });

  test("waits as long as host.json says before it receives a message again", async () => {
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

  test("receives a delayed message when it is due", async () => {
    const host = await work();
    await send("later", 600);
    expect(await host.drainQueues()).toEqual({ processed: 0, waiting: 1 });
    await azurite.turnClock(new Date(Date.now() + 601_000));
    expect(await host.drainQueues()).toEqual({ processed: 1, waiting: 0 });
    expect(said()).toMatchObject([{ message: "later" }]);
  });

  test("never receives a message that is not base64; it goes straight to the poison queue", async () => {
    const host = await work();
    await queues.getQueueClient("work").sendMessage("{ not base64 }");
    expect(await host.drainQueues()).toEqual({ processed: 1, waiting: 0 });
    expect(book.said()).toEqual([]);
    expect((await queues.getQueueClient("work-poison").peekMessages()).peekedMessageItems).toMatchObject([
      { messageText: "{ not base64 }" },
    ]);
  });

  test("does not run for a message whose last try never finished", async () => {
    const app = await build(["work"], { extensions: { queues: { maxDequeueCount: 1 } } });
    const host = await work({}, app);
    await send("killer");
    // Takes the message and dies.
    await queues.getQueueClient("work").receiveMessages({ visibilityTimeout: 600 });
    await azurite.turnClock(new Date(Date.now() + 601_000));
    await host.drainQueues();
    expect(book.said()).toEqual([]);
    expect(await poisoned()).toEqual(["killer"]);
  });

  test("keeps its message hidden while it runs", async () => {
    const gate = openGate();
    const host = await work({ queueLeaseSeconds: 2 });
    await send("hold");
    const drained = host.drainQueues();
    await book.until(({ message }) => message === "A message's lease was renewed", 3);
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
    // Enough time for a host that would fetch more.
    for (let look = 0; look < 10; look += 1) await queues.getQueueClient("work").getProperties();
    gate.open();
    expect(await drained).toEqual({ processed: 5, waiting: 0 });
    expect(book.said().filter((line) => / at once/.test(line))).not.toContain("3 at once");
  });

  test("runs by polling", async () => {
    const host = await work();
    host.pollQueues(10);
    await send("found");
    await book.until(({ message }) => message.includes("found"));
  });

  test("is polled less and less while its queue is empty, up to what host.json allows", () => {
    const pauses = [0, 1, 2, 8, 9, 100].map((looks) => pauseAfter(looks, { maxPollingInterval: 30 }));
    expect(pauses).toEqual([100, 200, 400, 25_600, 30_000, 30_000]);
    const looks = [{}, { maxPollingInterval: "00:00:30" }].map(
      (queues) => readHostSettings({ version: "2.0", extensions: { queues } }).queues.maxPollingInterval,
    );
    expect(looks).toEqual([60, 30]);
  });

  test("runs by polling as the Functions host does", async () => {
    const host = await work();
    host.pollQueues();
    for (const text of ["first", "second"]) {
      await send(text);
      await book.until(({ message }) => message.includes(text));
    }
  });

  test("has nothing to do if its queue does not exist", async () => {
    await queues.deleteQueue("work");
    const host = await work();
    expect(await host.drainQueues()).toEqual({ processed: 0, waiting: 0 });
  });

  test("uses the storage that its connection's settings name", async () => {
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
      "The function 'work' cannot start: There is no storage account: set TOY_STORAGE or TOY_STORAGE__queueServiceUri.",
    );
  });
});

function openGate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  Reflect.set(globalThis, "toyGate", promise);
  return { open: resolve };
}
