import type { RunId } from "./run-id.ts";

/** Read what is due in a tenant: all its watchlists' runs of a day, or with `watchlist` that one's run. */
export interface ReadMessage {
  tenant: string;
  watchlist?: string;
  runId: RunId;
  /** ISO 8601 in UTC. */
  openedAt: string;
  /** Watchlists whose run goes on with a message of its own. */
  without?: readonly string[];
}

/** Send the mails that a watchlist's runs and alerts owe. */
export interface DeliverMessage {
  deliver: Chain;
  /** When it was queued first, ISO 8601 in UTC. */
  openedAt: string;
}

/** Delete what a tenant no longer needs, on a day in the reports' time zone. */
export interface ExpireMessage {
  expire: { tenant: string; day: string };
}

/** What the queue holds. */
export type QueueMessage = ReadMessage | DeliverMessage | ExpireMessage;

/** How a message goes on, and in how many seconds; `null`: it is done. */
export type NextStep = { message: QueueMessage; seconds: number } | null;

/**
 * Whose runs they are: a watchlist of a tenant. A name that is used again for another tenant is another chain, so that
 * nothing of the first reaches the readers of the second.
 */
export interface Chain {
  tenant: string;
  watchlist: string;
}

/** Equal for equal chains, however the watchlist's name is capitalized. */
export function chainKey({ tenant, watchlist }: Chain): string {
  return JSON.stringify([tenant, watchlist.toLowerCase()]);
}
