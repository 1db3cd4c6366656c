import type { RunId } from "./run-id.ts";

export const mailStatuses = ["none", "pending", "claimed", "sending", "sent", "refused", "cancelled"] as const;

/**
 * The outbox half of a run: `none`, or `pending → claimed → sending → sent`. `claimed`: a process composes it; nothing was
 * sent. `sending`: it may have left. `refused`: it is not tried again by itself. `cancelled`: a person or a newer digest
 * took its place.
 */
export interface Mail {
  status: (typeof mailStatuses)[number];
  /** When it took this status, ISO 8601 in UTC. */
  at: string;
  /** Sends begun so far. */
  attempts: number;
  /** Sends of which nobody knows whether they arrived. */
  unknownOutcomes: number;
  /** Processes that died while they composed it. */
  crashes?: number;
  /** Why it was refused or cancelled, or why the last try failed. */
  reason?: string;
  /** Whether the last try failed because of the mail account, not because of this mail. */
  isAccountTrouble?: boolean;
  /** When a pending mail may be tried again, ISO 8601 in UTC; absent: now. */
  retryAt?: string;
  /** The run of the last digest before this one, fixed at the first claim; `null` where there was none. */
  since?: RunId | null;
  /** Sent again because a person asked for it: it is not the last digest of any later one. */
  isResent?: boolean;
}

/** Whether it was sent in its turn; one that was sent again later is not what its readers saw last. */
export function isSentInTurn({ status, isResent }: Mail): boolean {
  return status === "sent" && !isResent;
}
