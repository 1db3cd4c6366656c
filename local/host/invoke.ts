import { randomUUID } from "node:crypto";
import { type FunctionsApp, type RpcTypedData, runIn } from "./functions-app.ts";
import type { HostLogLevel, HostLogSink } from "./host-log.ts";

/** What a trigger passes to its function. */
export interface TriggerInput {
  data: RpcTypedData;
  metadata?: Record<string, RpcTypedData>;
}

/** Runs one function once, as the Functions worker does; an error is logged and rethrown. */
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
  if (!registered || !app.model) throw new Error(`There is no function '${name}'.`);
  const { metadata, callback } = registered;
  const invocationId = randomUUID();
  const about = { functionName: name, invocationId };
  const coreContext = {
    invocationId,
    metadata,
    request: requestOf(invocationId, metadata.bindings, input),
    log: (level: HostLogLevel, category: "user" | "system", message: string) =>
      sink({ level, source: category === "user" ? "function" : "host", message, ...about }),
  };
  const started = performance.now();
  const report = (level: HostLogLevel, message: string, fields: Record<string, unknown>) =>
    sink({ level, source: "host", message, ...about, fields });
  report("debug", "Executing", {});
  try {
    const model = app.model.getInvocationModel(coreContext);
    const { context, inputs } = await model.getArguments();
    const result = await model.invokeFunction(context, inputs, callback);
    const { returnValue } = await model.getResponse(context, result);
    report("debug", "Executed (Succeeded)", { milliseconds: Math.round(performance.now() - started) });
    return returnValue ?? null;
  } catch (error) {
    report("error", "Executed (Failed)", { milliseconds: Math.round(performance.now() - started), error });
    throw error;
  }
}

function requestOf(invocationId: string, bindings: Record<string, { type: string }>, input: TriggerInput): unknown {
  const trigger = Object.keys(bindings).find((key) => bindings[key]?.type.endsWith("Trigger"));
  return {
    invocationId,
    inputData: [{ name: trigger, data: input.data }],
    triggerMetadata: input.metadata ?? {},
  };
}
