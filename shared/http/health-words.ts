import type { Listing } from "../core/product-list.ts";
import type { Trouble } from "../core/trouble.ts";
import { homeTenant } from "../core/watchlist.ts";
import { lastingMisses } from "../core/watchlist-status.ts";
import type { WatchlistFault } from "../ports.ts";
import { listFailureWords } from "../render/list-words.ts";
import { many } from "../render/words.ts";
import { runPath } from "./run-path.ts";

/** A trouble in a sentence that names the watchlist. */
export function reasonOfTrouble(trouble: Trouble): string {
  return `Watchlist "${trouble.watchlist}": ${sentenceOf(trouble)}`;
}

/** A fault of the configuration in a sentence that names the watchlist. */
export function reasonOfFault({ watchlist, message, isKept }: WatchlistFault): string {
  const where = watchlist === null ? "Watchlists" : `Watchlist "${watchlist}"`;
  return `${where}: ${message}${isKept ? " Until then its last good version is used, for a day." : ""}`;
}

/** Why a product list needs a person: it failed so often that it does not pass by itself, or there is none; `null`: it does not. */
export function reasonOfListing({ list, failure }: Listing, timeZone: string): string | null {
  if (!failure || (list && failure.tries < lastingMisses)) return null;
  const words = listFailureWords({ readAt: list?.readAt ?? null, failure }, timeZone);
  return words && `${words.charAt(0).toLowerCase()}${words.slice(1)}`;
}

function sentenceOf(trouble: Trouble): string {
  switch (trouble.kind) {
    case "late":
      return lateSentence(trouble);
    case "refused":
      return `the digest of ${trouble.runId} was refused.${because(trouble)}`;
    case "account":
      return `the digest of ${trouble.runId} waits for the mail account.${because(trouble)}`;
    case "unsent":
      return `the digest of ${trouble.runId} has not been sent yet.${because(trouble)}`;
    case "removed":
      return removedSentence(trouble);
    case "failing":
      return failingSentence(trouble);
  }
}

function because({ reason }: { reason: string | null }): string {
  return reason === null ? "" : ` ${reason}`;
}

function lateSentence({ last, due, latest }: Extract<Trouble, { kind: "late" }>): string {
  const by = `due at ${due.toISOString()} and late since ${latest.toISOString()}`;
  if (last === null) return `no scheduled run has finished yet; the first was ${by}.`;
  return `the last scheduled run is ${last}; the next was ${by}.`;
}

function failingSentence({ runId, product }: Extract<Trouble, { kind: "failing" }>): string {
  const { softwareId, misses, others, reason } = product;
  const more = others > 0 ? ` and ${many(others, "other product")}` : "";
  return `${softwareId}${more} could not be read for ${many(misses, "run")}, up to ${runId}. ${reason}`;
}

function removedSentence(trouble: Trouble & { runId: string; reason: string | null }): string {
  const { tenant, watchlist, runId } = trouble;
  const where = tenant === homeTenant ? "" : ` in the tenant ${tenant}`;
  const path = `${runPath(watchlist, runId)}/mail?tenant=${encodeURIComponent(tenant)}`;
  return `it is no longer configured${where}, but the digest of ${runId} was not sent.${because(trouble)} Configure the watchlist again, or cancel the mail with DELETE ${path}.`;
}
