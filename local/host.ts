import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { QueueServiceClient } from "@azure/storage-queue";
import { type Binding, type FunctionsApp, loadApp } from "./host/functions-app.ts";
import { type HostLog, type HostLogSink, logToStandardError } from "./host/host-log.ts";
import { type HostSettings, readHostSettings } from "./host/host-settings.ts";
import { createHttpHost, type HttpFunction } from "./host/http-trigger.ts";
import { invoke, type TriggerInput } from "./host/invoke.ts";
import { queueServiceOf } from "./host/queue-connection.ts";
import { createQueueListener, type QueueListener } from "./host/queue-trigger.ts";
import type { People } from "./host/sign-in.ts";

export interface HostOptions {
  /** The folder of the app's package.json and host.json. */
  appDir: string;
  /** 0: any free port. */
  port?: number;
  /** The storage of all queue triggers, whatever connection they name; absent or empty: that of their connection. */
  storageConnectionString?: string;
  /** Added to `process.env` until the host closes, because the app reads its settings there. */
  env?: Readonly<Record<string, string>>;
  log?: HostLogSink;
  /** How long a message stays hidden before its lease is renewed. */
  queueLeaseSeconds?: number;
  /** The key that functions of level `function` require; absent: a new random one; `null`: none is required. */
  hostKey?: string | null;
  /** Turns App Service authentication on for these people, as in front of the host in Azure; absent: it is off. */
  people?: People;
}

/** One function as the app registered it. */
export interface Registration {
  name: string;
  trigger: "http" | "timer" | "queue";
  route?: string;
  methods?: readonly string[];
  authLevel?: string;
  schedule?: string;
  queueName?: string;
  connection?: string;
}

export interface Host {
  /** Without a slash at the end. */
  url: string;
  /** For the header `x-functions-key`, or percent-encoded for the query parameter `code`; `null`: none is required. */
  key: string | null;
  /** Sorted by name. */
  registrations: readonly Registration[];
  /** Runs a timer's function now, and again by its retry policy without the pauses; throws the last error. */
  fireTimer(name: string): Promise<void>;
  /**
   * Handles all visible messages, failed ones again, until none is left.
   * `waiting` is the number of messages that stay hidden for later.
   */
  drainQueues(): Promise<{ processed: number; waiting: number }>;
  /** From now on, looks for messages at this interval; absent: as often as the Functions host, less and less when idle. */
  pollQueues(everyMs?: number): void;
  /** Waits for running functions and frees the port. */
  close(): Promise<void>;
}

/**
 * A development host for a built Functions app: HTTP, timer and storage queue triggers in this process. Timers fire only
 * on `fireTimer`. If a file of the app throws while it loads, this rejects with that error; the Functions host answers 404
 * on every path instead.
 */
export async function startHost(options: HostOptions): Promise<Host> {
  const { appDir, env = {}, log: sink = logToStandardError } = options;
  const log: HostLog = (level, message, fields = {}) => sink({ level, source: "host", message, fields });
  const settings = readHostSettings(JSON.parse(readFileSync(join(appDir, "host.json"), "utf8")));
  const showRejection = (error: unknown) => log("critical", "A rejection was not handled", { error });
  process.on("unhandledRejection", showRejection);
  const restoreEnv = applyEnv(options.people ? { WEBSITE_AUTH_ENABLED: "True", ...env } : env);
  const leave = () => {
    process.off("unhandledRejection", showRejection);
    restoreEnv();
  };
  try {
    const app = await loadApp(appDir, log);
    try {
      const host = await runApp(app, options, settings, sink);
      return { ...host, close: () => host.close().finally(app.unload).finally(leave) };
    } catch (error) {
      app.unload();
      throw error;
    }
  } catch (error) {
    leave();
    throw error;
  }
}

async function runApp(
  app: FunctionsApp,
  options: HostOptions,
  settings: HostSettings,
  sink: HostLogSink,
): Promise<Host> {
  const run = (name: string, input: TriggerInput) => invoke(app, sink, name, input);
  const key = options.hostKey === undefined ? createKey() : options.hostKey;
  const registrations = readRegistrations(app);
  const server = createHttpHost(registrations.filter(isHttp), {
    routePrefix: settings.routePrefix,
    hostKey: key,
    people: options.people,
    run: (name, http) => run(name, { data: { http } }),
  });
  const listeners = await createListeners(registrations, options, settings.queues, run, app.log);
  server.listen(options.port ?? 7071, "127.0.0.1");
  await once(server, "listening");

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    key,
    registrations,
    fireTimer: async (name) => {
      checkTimer(registrations, name);
      const retries = app.functions.get(name)?.metadata.retryOptions?.maxRetryCount ?? 0;
      await runWithRetries(retries, () => run(name, { data: { json: JSON.stringify({ IsPastDue: false }) } }));
    },
    drainQueues: () => drainAll(listeners),
    pollQueues: (everyMs) => {
      for (const listener of listeners) listener.poll(everyMs);
    },
    close: async () => {
      const closed = once(server, "close");
      server.close();
      await Promise.all([closed, ...listeners.map((listener) => listener.stop())]);
    },
  };
}

/** As long as those of Azure, and like them with characters that an address must encode. */
function createKey(): string {
  return `${randomBytes(39).toString("base64url")}==`;
}

function applyEnv(env: Readonly<Record<string, string>>): () => void {
  const before = Object.keys(env).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, env);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
}

function readRegistrations(app: FunctionsApp): Registration[] {
  const registrations = [...app.functions.values()].map(({ metadata }) => {
    const bindings = Object.values(metadata.bindings);
    const trigger = bindings.find(({ type }) => type.endsWith("Trigger"));
    const others = bindings.filter((binding) => binding !== trigger && binding.type !== "http");
    const registration = trigger && readTrigger(metadata.name, trigger);
    if (!registration || others.length > 0) {
      const types = bindings.map(({ type }) => type).join(", ");
      throw functionError(metadata.name, `The development host does not support all of its bindings: ${types}.`);
    }
    return registration;
  });
  return registrations.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function readTrigger(name: string, trigger: Binding): Registration | null {
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  switch (trigger.type) {
    case "httpTrigger":
      return {
        name,
        trigger: "http",
        route: text(trigger.route) || name,
        methods: methodsOf(trigger.methods),
        authLevel: text(trigger.authLevel) || "anonymous",
      };
    case "timerTrigger":
      return { name, trigger: "timer", schedule: text(trigger.schedule) };
    case "queueTrigger":
      return { name, trigger: "queue", queueName: text(trigger.queueName), connection: text(trigger.connection) };
    default:
      return null;
  }
}

function methodsOf(methods: unknown): string[] {
  return Array.isArray(methods) ? methods.map((method) => String(method).toUpperCase()) : [];
}

function isHttp(registration: Registration): registration is Registration & HttpFunction {
  return registration.trigger === "http";
}

function checkTimer(registrations: readonly Registration[], name: string): void {
  const timers = registrations.filter(({ trigger }) => trigger === "timer").map((timer) => timer.name);
  if (!timers.includes(name)) throw new Error(`There is no timer '${name}'. The app's timers: ${timers.join(", ")}.`);
}

/** Runs until it succeeds or has been retried this often; then throws the last error. */
async function runWithRetries(retries: number, run: () => Promise<unknown>): Promise<void> {
  for (let left = retries; ; left -= 1) {
    try {
      await run();
      return;
    } catch (error) {
      if (left <= 0) throw error;
    }
  }
}

async function createListeners(
  registrations: readonly Registration[],
  options: HostOptions,
  settings: HostSettings["queues"],
  run: (name: string, input: TriggerInput) => Promise<unknown>,
  log: HostLog,
): Promise<QueueListener[]> {
  const triggers = registrations.filter(({ trigger }) => trigger === "queue");
  const listeners = triggers.map(async ({ name, queueName = "", connection = "" }) =>
    createQueueListener({
      service: await connectQueues(name, connection, options.storageConnectionString),
      queueName,
      settings,
      leaseSeconds: options.queueLeaseSeconds ?? 600,
      run: (input) => run(name, input),
      log,
    }),
  );
  return Promise.all(listeners);
}

async function connectQueues(name: string, connection: string, given: string | undefined): Promise<QueueServiceClient> {
  try {
    return given ? QueueServiceClient.fromConnectionString(given) : await queueServiceOf(connection, process.env);
  } catch (cause) {
    throw functionError(name, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

/** A function that this host cannot start. */
function functionError(name: string, reason: string, cause?: unknown): Error {
  return new Error(`The function '${name}' cannot start: ${reason}`, { cause });
}

async function drainAll(listeners: readonly QueueListener[]): Promise<{ processed: number; waiting: number }> {
  const processed = await Promise.all(listeners.map((listener) => listener.drain()));
  const waiting = await Promise.all(listeners.map((listener) => listener.count()));
  return { processed: sum(processed), waiting: sum(waiting) };
}

function sum(counts: readonly number[]): number {
  return counts.reduce((all, count) => all + count, 0);
}
