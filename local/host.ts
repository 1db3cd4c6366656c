import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { QueueServiceClient } from "@azure/storage-queue";
import { type Binding, callHooks, type FunctionsApp, loadApp, runIn } from "./host/functions-app.ts";
import { type HostLog, type HostLogSink, logToStandardError } from "./host/host-log.ts";
import { type HostSettings, readHostSettings } from "./host/host-settings.ts";
import { createHttpHost, type HttpFunction } from "./host/http-trigger.ts";
import { invoke, type TriggerInput } from "./host/invoke.ts";
import { queueServiceOf } from "./host/queue-connection.ts";
import { createQueueListener, type QueueListener } from "./host/queue-trigger.ts";
import { readRetryPolicy, runWithRetries } from "./host/retry.ts";
import { createTimer, functionError, resolveSettings, type Timer, type TimerFiring } from "./host/timer-trigger.ts";

export type { HostLogEntry, HostLogSink } from "./host/host-log.ts";

export interface HostOptions {
  /** The folder of the app's package.json and host.json. */
  appDir: string;
  /** 0: any free port. */
  port?: number;
  /** Where queue triggers look, whatever connection they name; absent or empty: where the settings of that name lead. */
  storageConnectionString?: string;
  /** Put into `process.env` until the host closes, for apps read their settings there. */
  env?: Readonly<Record<string, string>>;
  log?: HostLogSink;
  /** False: timers fire when `fireTimer` is called and at no other time. */
  fireTimers?: boolean;
  /** How often queues are looked into; absent: by `drainQueues` alone. */
  queuePollMs?: number;
  /** How long a message stays hidden before it is renewed. */
  queueLeaseSeconds?: number;
  /** What functions of level `function` ask for; absent: no keys are asked for. */
  hostKey?: string;
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
  /** In the order of names. */
  registrations: readonly Registration[];
  /** Runs a timer's function now, and again by its retry policy, without the waits; throws what it threw last. */
  fireTimer(name: string, firing?: TimerFiring): Promise<void>;
  /** Runs a queue's function on a message that is in no queue; throws what it throws. */
  invokeQueue(name: string, message: unknown, metadata?: { dequeueCount?: number }): Promise<void>;
  /**
   * Runs all messages that are visible, again where they fail, until none is.
   * `waiting` is what stays in the queues, hidden till later.
   */
  drainQueues(): Promise<{ processed: number; waiting: number }>;
  /** Waits for the functions that run and frees the port. */
  close(): Promise<void>;
}

/**
 * A development host for a built Functions app: it plays HTTP, timer and storage queue triggers in this process.
 * An app whose files throw while they load rejects with that error.
 */
export async function startHost(options: HostOptions): Promise<Host> {
  const { appDir, env = {}, log: sink = logToStandardError } = options;
  const log: HostLog = (level, message, fields = {}) => sink({ level, source: "host", message, fields });
  const settings = readHostSettings(JSON.parse(readFileSync(join(appDir, "host.json"), "utf8")));
  const showRejection = (error: unknown) => log("critical", "A rejection was not handled", { error });
  process.on("unhandledRejection", showRejection);
  const restoreEnv = applyEnv(env);
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
  const registrations = readRegistrations(app);
  const server = createHttpHost(registrations.filter(isHttp), {
    ...settings.http,
    hostKey: options.hostKey,
    run: (name, http, traceParent) => run(name, { data: { http }, traceParent }),
  });
  const timers = registrations.filter(isTimer).map((timer) => createTimer(timer, process.env));
  const listeners = await createListeners(registrations, options, settings.queues, run, app.log);
  server.listen(options.port ?? 7071, "127.0.0.1");
  await once(server, "listening");

  const fire = (timer: Timer, firing: TimerFiring, wait: (ms: number) => Promise<unknown>) => {
    const input = timer.input(firing);
    const policy = readRetryPolicy(app.functions.get(timer.name)?.metadata.retryOptions);
    return runWithRetries(policy, wait, (retryContext) => run(timer.name, { ...input, retryContext }));
  };
  const pause = (ms: number) => sleep(ms, undefined, { ref: false });
  if (options.fireTimers) for (const timer of timers) timer.start(() => fire(timer, {}, pause));
  if (options.queuePollMs !== undefined) for (const listener of listeners) listener.poll(options.queuePollMs);

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    registrations,
    fireTimer: async (name, firing = {}) => fire(findTimer(timers, name), firing, () => Promise.resolve()),
    invokeQueue: async (name, message, metadata = {}) => {
      await run(name, queueInput(message, metadata.dequeueCount ?? 1));
    },
    drainQueues: () => drainAll(listeners),
    close: async () => {
      for (const timer of timers) timer.stop();
      const closed = once(server, "close");
      server.close();
      await Promise.all([closed, ...listeners.map((listener) => listener.stop())]);
      await runIn(app, () => callHooks(app, "appTerminate", { hookData: {} }));
    },
  };
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
    const bindings = Object.entries(metadata.bindings);
    const extra = bindings.filter(([, { type }]) => !type.endsWith("Trigger") && type !== "http");
    const trigger = bindings.find(([, { type }]) => type.endsWith("Trigger"))?.[1];
    const registration = trigger && readTrigger(metadata.name, trigger);
    if (!registration || extra.length > 0) {
      const types = bindings.map(([, { type }]) => type).join(", ");
      throw functionError(metadata.name, `the development host does not play all of ${types}.`);
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
      return {
        name,
        trigger: "queue",
        queueName: text(trigger.queueName),
        connection: text(trigger.connection) || "AzureWebJobsStorage",
      };
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

function isTimer(registration: Registration): registration is Registration & { schedule: string } {
  return registration.trigger === "timer";
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
      queueName: resolveName(name, queueName),
      settings,
      leaseSeconds: options.queueLeaseSeconds ?? 600,
      run: (input) => run(name, input),
      log,
    }),
  );
  return Promise.all(listeners);
}

function resolveName(functionName: string, queueName: string): string {
  try {
    return resolveSettings(queueName, process.env);
  } catch (cause) {
    throw functionError(functionName, cause);
  }
}

async function connectQueues(name: string, connection: string, given: string | undefined): Promise<QueueServiceClient> {
  try {
    return given ? QueueServiceClient.fromConnectionString(given) : await queueServiceOf(connection, process.env);
  } catch (cause) {
    throw functionError(name, cause);
  }
}

function findTimer(timers: readonly Timer[], name: string): Timer {
  const timer = timers.find((each) => each.name === name);
  if (!timer) throw new Error(`No timer is named '${name}'; there are: ${timers.map((each) => each.name).join(", ")}.`);
  return timer;
}

function queueInput(message: unknown, dequeueCount: number): TriggerInput {
  const text = typeof message === "string" ? message : JSON.stringify(message);
  return {
    data: { string: text },
    metadata: { QueueTrigger: { string: text }, DequeueCount: { int: dequeueCount }, Id: { string: "invoked" } },
  };
}

// A function may put messages into a queue that was found empty before it.
async function drainAll(listeners: readonly QueueListener[]): Promise<{ processed: number; waiting: number }> {
  let processed = 0;
  for (;;) {
    const round = await Promise.all(listeners.map((listener) => listener.drain()));
    const count = round.reduce((sum, each) => sum + each, 0);
    processed += count;
    if (count === 0) break;
  }
  const counts = await Promise.all(listeners.map((listener) => listener.count()));
  return { processed, waiting: counts.reduce((sum, each) => sum + each, 0) };
}
