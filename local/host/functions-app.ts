import { AsyncLocalStorage } from "node:async_hooks";
import { globSync, readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { HostLog } from "./host-log.ts";
import type { readRetryPolicy } from "./retry.ts";

/** The shape in which host and worker hand values over; one of the members is set. */
export interface RpcTypedData {
  string?: string;
  json?: string;
  bytes?: Uint8Array;
  int?: number;
  double?: number;
  http?: RpcHttp;
}

export interface RpcNullableString {
  value: string;
}

export interface RpcHttp {
  url?: string;
  method?: string;
  nullableHeaders?: Record<string, RpcNullableString>;
  nullableQuery?: Record<string, RpcNullableString>;
  nullableParams?: Record<string, RpcNullableString>;
  body?: RpcTypedData | null;
  statusCode?: string;
  headers?: Record<string, string>;
  cookies?: RpcHttpCookie[];
}

export interface RpcHttpCookie {
  name: string;
  value: string;
  domain?: { value: string };
  path?: { value: string };
  expires?: { value: { seconds: number } };
  secure?: { value: boolean };
  httpOnly?: { value: boolean };
  /** `none` says nothing, `explicitNone` says None. */
  sameSite?: "none" | "lax" | "strict" | "explicitNone";
  maxAge?: { value: number };
}

/** A trigger, an input or an output with its settings as the app wrote them. */
export interface Binding {
  type: string;
  direction: "in" | "out";
  [setting: string]: unknown;
}

interface FunctionMetadata {
  name: string;
  bindings: Record<string, Binding>;
  retryOptions?: Parameters<typeof readRetryPolicy>[0];
}

type FunctionCallback = (...args: unknown[]) => unknown;
type HookCallback = (context: Record<string, unknown>) => unknown;

/** What the library tells of one invocation and does for it. */
export interface InvocationModel {
  getArguments(): Promise<{ context: unknown; inputs: unknown[] }>;
  invokeFunction(context: unknown, inputs: unknown[], handler: FunctionCallback): Promise<unknown>;
  getResponse(context: unknown, result: unknown): Promise<{ returnValue?: RpcTypedData | null }>;
}

interface ProgrammingModel {
  getInvocationModel(coreContext: unknown): InvocationModel;
  getCapabilities(capabilities: Record<string, string>): Promise<Record<string, string>>;
}

/** A loaded app: what it registered, and the library that it brought. */
export interface FunctionsApp {
  functions: Map<string, { metadata: FunctionMetadata; callback: FunctionCallback }>;
  hooks: Map<string, HookCallback[]>;
  model: ProgrammingModel | null;
  started: boolean;
  log: HostLog;
  /** Ends what keeps the app apart from other apps in this process. */
  unload(): void;
}

// Which app is calling: while it loads and while one of its functions runs. Apps share one core module, for Node
// keeps what `require` gave a file for the whole life of the process.
const running = new AsyncLocalStorage<FunctionsApp>();

const coreName = "@azure/functions-core";
const coreUrl = "development-host:functions-core";
const coreKey = Symbol.for(coreUrl);

const functionsCore = {
  version: "3.13.0",
  hostVersion: "4.1044.0",
  registerFunction(metadata: FunctionMetadata, callback: FunctionCallback) {
    const app = callingApp();
    if (app.started) throw new Error("A function can only be registered during app startup.");
    if (app.functions.has(metadata.name)) throw new Error(`Two functions are named '${metadata.name}'.`);
    app.functions.set(metadata.name, { metadata, callback });
    return { dispose: () => app.functions.delete(metadata.name) };
  },
  setProgrammingModel(model: ProgrammingModel) {
    callingApp().model = model;
  },
  getProgrammingModel: () => callingApp().model,
  registerHook(name: string, callback: HookCallback) {
    const { hooks } = callingApp();
    hooks.set(name, [...(hooks.get(name) ?? []), callback]);
    const others = () => (hooks.get(name) ?? []).filter((other) => other !== callback);
    return { dispose: () => hooks.set(name, others()) };
  },
  log(level: Parameters<HostLog>[0], _category: string, message: string) {
    running.getStore()?.log(level, message);
  },
};

function callingApp(): FunctionsApp {
  const app = running.getStore();
  if (!app) throw new Error("The Functions library was called outside of the app's start and of its functions.");
  return app;
}

/** Whatever `work` calls in the Functions library is the app's. */
export function runIn<T>(app: FunctionsApp, work: () => T): T {
  return running.run(app, work);
}

let appsLoaded = 0;

/**
 * Loads the files that package.json's `main` names, one after the other, as the Functions worker does.
 * Every call loads them anew; a file that throws ends the start with its own error.
 */
export async function loadApp(appDir: string, log: HostLog): Promise<FunctionsApp> {
  appsLoaded += 1;
  const tag = `?app=${appsLoaded}`;
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      if (specifier === coreName) return { url: coreUrl, format: "commonjs", shortCircuit: true };
      const resolved = next(specifier, context);
      // What a file of the app imports, at the start or later, belongs to the same app.
      const own = context.parentURL?.endsWith(tag) && context.conditions.includes("import");
      return own && isAppFile(resolved.url) ? { ...resolved, url: resolved.url + tag } : resolved;
    },
    load(url, context, next) {
      if (url !== coreUrl) return next(url, context);
      const source = `module.exports = globalThis[Symbol.for(${JSON.stringify(coreUrl)})];`;
      return { format: "commonjs", source, shortCircuit: true };
    },
  });
  Object.assign(globalThis, { [coreKey]: functionsCore });
  const app: FunctionsApp = {
    functions: new Map(),
    hooks: new Map(),
    model: null,
    started: false,
    log,
    unload: () => hooks.deregister(),
  };
  try {
    await runIn(app, () => loadFiles(app, appDir, tag));
    return app;
  } catch (error) {
    app.unload();
    throw error;
  }
}

function isAppFile(url: string): boolean {
  return url.startsWith("file:") && !url.includes("/node_modules/");
}

async function loadFiles(app: FunctionsApp, appDir: string, tag: string): Promise<void> {
  const importNatively = await nativeImport();
  for (const file of entryFiles(appDir)) {
    try {
      await importNatively(pathToFileURL(file).href + tag);
    } catch (error) {
      app.log("debug", "Worker was unable to load an entry point", { file });
      throw error;
    }
  }
  if (!app.model) throw new Error(`No file of the app in ${appDir} uses @azure/functions, or none calls app.`);
  const capabilities = await app.model.getCapabilities({});
  if (capabilities.HttpUri) throw new Error("The development host does not play enableHttpStream; leave it off.");
  await callHooks(app, "appStart", { hookData: {} });
  app.started = true;
}

function entryFiles(appDir: string): string[] {
  const { main } = JSON.parse(readFileSync(join(appDir, "package.json"), "utf8"));
  const files = typeof main === "string" ? globSync(main, { cwd: appDir }).sort() : [];
  if (files.length === 0) {
    throw new Error(`package.json's "main" names no file in ${appDir}: ${JSON.stringify(main)}. Build the app first.`);
  }
  return files.map((file) => join(appDir, file));
}

// Under a test runner `import` in this file is the runner's own, which would rewrite the built files.
async function nativeImport(): Promise<(url: string) => Promise<unknown>> {
  const source = "data:text/javascript,export const importNatively = (url) => import(url)";
  const { importNatively } = await import(/* @vite-ignore */ source);
  return importNatively;
}

/** Calls the app's hooks of one kind in turn; they see and may change the same context. */
export async function callHooks(app: FunctionsApp, name: string, context: Record<string, unknown>): Promise<void> {
  for (const hook of app.hooks.get(name) ?? []) await hook(context);
}
