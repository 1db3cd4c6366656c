import { AsyncLocalStorage } from "node:async_hooks";
import { globSync, readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type HostLog, logStandardError } from "./host-log.ts";

/** The shape in which host and worker exchange values; one of the members is set. */
export interface RpcTypedData {
  string?: string;
  json?: string;
  bytes?: Uint8Array;
  int?: number;
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
}

/** A trigger, an input or an output with its settings as the app wrote them. */
export interface Binding {
  type: string;
  [setting: string]: unknown;
}

interface FunctionMetadata {
  name: string;
  bindings: Record<string, Binding>;
  /** The library's form of an app's `retry`; -1 is for ever. */
  retryOptions?: { maxRetryCount?: number };
}

type FunctionCallback = (...args: unknown[]) => unknown;

/** The library's part in one invocation. */
export interface InvocationModel {
  getArguments(): Promise<{ context: unknown; inputs: unknown[] }>;
  invokeFunction(context: unknown, inputs: unknown[], handler: FunctionCallback): Promise<unknown>;
  getResponse(context: unknown, result: unknown): Promise<{ returnValue?: RpcTypedData | null }>;
}

interface ProgrammingModel {
  getInvocationModel(coreContext: unknown): InvocationModel;
}

/** A loaded app: what it registered, and the library that it brought. */
export interface FunctionsApp {
  functions: Map<string, { metadata: FunctionMetadata; callback: FunctionCallback }>;
  model: ProgrammingModel | null;
  started: boolean;
  log: HostLog;
  /** Stops resolving modules for this app. */
  unload(): void;
}

// Which app is calling: while it loads and while one of its functions runs. All apps share one core module, because Node
// keeps a file that was loaded by `require` for the life of the process.
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
  log(level: Parameters<HostLog>[0], _category: string, message: string) {
    running.getStore()?.log(level, message);
  },
};

function callingApp(): FunctionsApp {
  const app = running.getStore();
  if (!app) throw new Error("The Functions library was called outside the app's start and its functions.");
  return app;
}

/** Calls of `work` to the Functions library are the app's. */
export function runIn<T>(app: FunctionsApp, work: () => T): T {
  return running.run(app, work);
}

let appsLoaded = 0;

/**
 * Loads the files that package.json's `main` names, one after the other, as the Functions worker does.
 * Each call loads them anew; an error that a file throws ends the start.
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
      logStandardError(error instanceof Error ? String(error.stack) : String(error), app.log);
      throw error;
    }
  }
  if (!app.model) throw new Error(`No file of the app in ${appDir} registers a function with @azure/functions.`);
  app.started = true;
}

function entryFiles(appDir: string): string[] {
  const { main } = JSON.parse(readFileSync(join(appDir, "package.json"), "utf8"));
  const files = typeof main === "string" ? globSync(main, { cwd: appDir }).sort() : [];
  if (files.length === 0) {
    throw new Error(
      `No file in ${appDir} matches "main" of package.json (${JSON.stringify(main)}). Build the app first.`,
    );
  }
  return files.map((file) => join(appDir, file));
}

// Under a test runner, `import` in this file is the runner's own and would rewrite the built files.
async function nativeImport(): Promise<(url: string) => Promise<unknown>> {
  const source = "data:text/javascript,export const importNatively = (url) => import(url)";
  const { importNatively } = await import(/* @vite-ignore */ source);
  return importNatively;
}
