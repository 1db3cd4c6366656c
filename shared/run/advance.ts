import * as z from "zod/mini";
import type { Chain, DeliverMessage, NextStep, QueueMessage } from "../core/message.ts";
import { isRunId } from "../core/run-id.ts";
import { removalTest } from "../core/watchlist.ts";
import type { Ports } from "../ports.ts";
import { cancelAlerts } from "./alerts.ts";
import { deliver } from "./deliver.ts";
import { expire } from "./expire.ts";
import { nextRun } from "./next-run.ts";
import { readTenant } from "./read-tenant.ts";

// Well below host.json's functionTimeout: a step ends itself and continues with the next message; it is never cut off.
const stepMs = 20 * 60_000;

/**
 * Does what a queue message asks for, for as long as one step may take. What is not finished is queued again. A message of
 * another shape fails, and so ends up in the poison queue. `signal`: out of time.
 */
export async function advance(
  message: unknown,
  ports: Ports,
  signal: AbortSignal = AbortSignal.timeout(stepMs),
): Promise<void> {
  const asked = parse(message);
  const next = await step(asked, ports, signal);
  if (next) await ports.queue.send(next.message, next.seconds);
}

async function step(message: QueueMessage, ports: Ports, signal: AbortSignal): Promise<NextStep> {
  if ("deliver" in message) return deliverMails(message, ports);
  if (!("expire" in message)) return readTenant(message, ports, signal);
  const seconds = await expire(message.expire, ports, signal);
  return seconds === null ? null : { message, seconds };
}

/** How long after the next scheduled run a message still tries to send: by then that run has queued another. */
const takeOverMs = 26 * 3_600_000;

async function deliverMails(message: DeliverMessage, ports: Ports): Promise<NextStep> {
  const { deliver: chain, openedAt } = message;
  // Another process may have read a newer configuration, and committed a run of it.
  const watchlist = (await findWatchlist(chain, ports)) ?? (await findWatchlist(chain, ports, ports.now()));
  if (!watchlist) {
    ports.log("warn", "mails of an unknown watchlist not sent", { ...chain });
    if (removalTest(await ports.watchlists())(chain)) await cancelAlerts(chain, ports);
    return null;
  }
  const seconds = await deliver(chain, watchlist, ports);
  if (seconds === null) return null;
  const next = nextRun(ports.rules.schedule, new Date(openedAt));
  const isReplaced = next !== null && next.getTime() + takeOverMs < ports.now().getTime();
  return isReplaced ? null : { message, seconds };
}

async function findWatchlist({ tenant, watchlist }: Chain, { watchlists }: Ports, asOf?: Date) {
  const { list } = await watchlists(asOf);
  return list.find((one) => one.tenant === tenant && one.name === watchlist);
}

// Dates far from ours overflow the calendar when days are added, and would leave a row that no one can read.
const ourTimes = z.regex(/^2\d{3}-/);
const name = z.string().check(z.minLength(1), z.maxLength(100));
const chain = z.object({ tenant: name, watchlist: name });
const time = z.string().check(
  ourTimes,
  z.refine((text) => !Number.isNaN(Date.parse(text))),
);
const read = z.object({
  tenant: name,
  watchlist: z.optional(name),
  runId: z.string().check(ourTimes, z.refine(isRunId)),
  openedAt: time,
  without: z.optional(z.array(name)),
});
const day = z.string().check(z.regex(/^2\d{3}-\d{2}-\d{2}$/), z.refine(isRunId));
const expiry = z.object({ tenant: name, day });
const shape = z.union([z.object({ deliver: chain, openedAt: time }), z.object({ expire: expiry }), read]);

function parse(message: unknown): QueueMessage {
  const parsed = shape.safeParse(message);
  if (parsed.success) return parsed.data as QueueMessage;
  throw new Error(
    "The queue message asks for nothing that this app does: it needs a tenant, runId and openedAt, or deliver, or expire.",
    { cause: parsed.error },
  );
}
