import { randomBytes, randomUUID } from "node:crypto";
import { callHooks, type FunctionsApp, type InvocationModel, type RpcTypedData, runIn } from "./functions-app.ts";
import type { HostLogLevel, HostLogSink } from "./host-log.ts";
import type { RetryContext } from "./retry.ts";

/** What a trigger hands to its function. */
export interface TriggerInput {
  data: RpcTypedData;
  metadata?: Record<string, RpcTypedData>;
  /** A W3C trace parent; one is made up where there is none. */
  traceParent?: string | undefined;
  retryContext?: RetryContext | undefined;
}

/** Runs one function once, as the Functions worker does; what it throws is logged and thrown on. */
export function invoke(
  app: FunctionsApp,
  sink: HostLogSink,
  name: string,
  input: TriggerInput,
): Promise<RpcTypedData | null> {
  return runIn(app, () => invokeInApp(app, sink, name, input));
}

async function invokeInApp(
  app: FunctionsApp,
  sink: HostLogSink,
  name: string,
  input: TriggerInput,
): Promise<RpcTypedData | null> {
  const registered = app.functions.get(name);
  if (!registered || !app.model) throw new Error(`No function is named '${name}'.`);
  const { metadata, callback } = registered;
  const invocationId = randomUUID();
  const about = { functionName: name, invocationId };
  const coreContext: CoreContext = {
    invocationId,
    metadata,
    request: requestOf(invocationId, metadata.bindings, input),
    state: undefined,
    log: (level, category, message) =>
      sink({ level, source: category === "user" ? "function" : "host", message, ...about }),
  };
  const started = performance.now();
  const tell = (level: HostLogLevel, message: string, fields: Record<string, unknown>) =>
    sink({ level, source: "host", message, ...about, fields });
  tell("debug", "Executing", {});
  try {
    const value = await runModel(app, app.model.getInvocationModel(coreContext), coreContext, callback);
    tell("debug", "Executed (Succeeded)", { milliseconds: Math.round(performance.now() - started) });
    return value;
  } catch (error) {
    tell("error", "Executed (Failed)", { milliseconds: Math.round(performance.now() - started), error });
    throw error;
  }
}

interface CoreContext {
  invocationId: string;
  metadata: unknown;
  request: unknown;
  state: "preInvocationHooks" | "postInvocationHooks" | "invocation" | undefined;
  log(level: HostLogLevel, category: "user" | "system", message: string): void;
}

function requestOf(invocationId: string, bindings: Record<string, { type: string }>, input: TriggerInput): unknown {
  const trigger = Object.keys(bindings).find((key) => bindings[key]?.type.endsWith("Trigger"));
  const traceParent = input.traceParent ?? `00-${randomBytes(16).toString("hex")}-${randomBytes(8).toString("hex")}-01`;
  return {
    invocationId,
    inputData: [{ name: trigger, data: input.data }],
    triggerMetadata: input.metadata ?? {},
    retryContext: input.retryContext,
    traceContext: { traceParent, traceState: "", attributes: {} },
  };
}

async function runModel(
  app: FunctionsApp,
  model: InvocationModel,
  coreContext: CoreContext,
  functionCallback: (...args: unknown[]) => unknown,
): Promise<RpcTypedData | null> {
  const { context, inputs } = await model.getArguments();
  const before = { hookData: {}, functionCallback, inputs, invocationContext: context };
  coreContext.state = "preInvocationHooks";
  await callHooks(app, "preInvocation", before);
  coreContext.state = "invocation";
  const after: AfterInvocation = { hookData: before.hookData, inputs: before.inputs, invocationContext: context };
  try {
    after.result = await model.invokeFunction(context, before.inputs, before.functionCallback);
  } catch (error) {
    after.error = error;
  }
  coreContext.state = "postInvocationHooks";
  await callHooks(app, "postInvocation", after);
  // A hook may put an error in place of the result, or take it away.
  if (after.error !== undefined && after.error !== null) throw after.error;
  const response = await model.getResponse(context, after.result);
  return response.returnValue ?? null;
}

interface AfterInvocation extends Record<string, unknown> {
  result?: unknown;
  error?: unknown;
}
