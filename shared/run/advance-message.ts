import * as z from "zod/mini";
import { isRunId } from "../core/run-id.ts";
import type { Ports } from "../ports.ts";
import { advance } from "./advance.ts";

// Well below host.json's functionTimeout: a step ends by itself and goes on in the next message, never cut off.
const stepMs = 20 * 60_000;

// Far from our times, sums of days leave the calendar: such a run would be a row that fails whoever reads it.
const ourTimes = z.regex(/^2\d{3}-/);

const shape = z.object({
  watchlist: z.string().check(z.minLength(1), z.maxLength(100)),
  runId: z.string().check(ourTimes, z.refine(isRunId)),
  openedAt: z.string().check(
    ourTimes,
    z.refine((text) => !Number.isNaN(Date.parse(text))),
  ),
  mail: z.optional(z.boolean()),
});

/** Advances the run that a queue message names. A message of another shape fails, and so ends up among the poison. */
export async function advanceMessage(message: unknown, ports: Ports, signal?: AbortSignal): Promise<void> {
  const parsed = shape.safeParse(message);
  if (!parsed.success) {
    throw new Error("The queue message is no run: it needs watchlist, runId and openedAt.", { cause: parsed.error });
  }
  const { mail, ...run } = parsed.data;
  await advance({ ...run, ...(mail !== undefined && { mail }) }, ports, signal ?? AbortSignal.timeout(stepMs));
}
