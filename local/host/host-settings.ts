import * as z from "zod/mini";
import type { QueueSettings } from "./queue-trigger.ts";

/** The parts of host.json that the development host follows. */
export interface HostSettings {
  routePrefix: string;
  queues: QueueSettings;
}

const timeSpan = z.string().check(z.regex(/^\d{1,2}:\d{2}:\d{2}$/, "a time span such as 00:05:00"));

const hostJson = z.looseObject({
  version: z.literal("2.0"),
  extensions: z.optional(
    z.looseObject({
      http: z.optional(z.looseObject({ routePrefix: z.optional(z.string()) })),
      queues: z.optional(
        z.looseObject({
          messageEncoding: z.optional(z.literal("base64")),
          maxPollingInterval: z.optional(timeSpan),
          batchSize: z.optional(z.int().check(z.minimum(1), z.maximum(32))),
          newBatchThreshold: z.optional(z.int().check(z.minimum(0))),
          visibilityTimeout: z.optional(timeSpan),
          maxDequeueCount: z.optional(z.int().check(z.minimum(1))),
        }),
      ),
    }),
  ),
});

/** Reads host.json with the Functions host's defaults. */
export function readHostSettings(value: unknown): HostSettings {
  const parsed = hostJson.safeParse(value);
  if (!parsed.success) throw new Error(`host.json: ${z.prettifyError(parsed.error)}`);
  const { http = {}, queues = {} } = parsed.data.extensions ?? {};
  const batchSize = queues.batchSize ?? 16;
  return {
    routePrefix: http.routePrefix ?? "api",
    queues: {
      maxPollingInterval: secondsOf(queues.maxPollingInterval ?? "00:01:00"),
      batchSize,
      newBatchThreshold: queues.newBatchThreshold ?? Math.floor(batchSize / 2),
      visibilityTimeout: secondsOf(queues.visibilityTimeout ?? "00:00:00"),
      maxDequeueCount: queues.maxDequeueCount ?? 5,
    },
  };
}

function secondsOf(span: string): number {
  const [hours = 0, minutes = 0, seconds = 0] = span.split(":").map(Number);
  return (hours * 60 + minutes) * 60 + seconds;
}
