import type { FeedName } from "../core/advisory.ts";
import type { Listing } from "../core/product-list.ts";
import type { FeedTrouble, Trouble } from "../core/trouble.ts";
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

/** What the feeds are called in sentences. */
const feedWords: Readonly<Record<FeedName, string>> = { msrc: "MSRC", kev: "CISA's catalogue" };

/** A trouble of a feed in a sentence. */
export function reasonOfFeed({ feed, since, reason }: FeedTrouble): string {
  const name = feedWords[feed];
  if (reason === null) return `${name} was last read at ${since}, and nothing has asked for it since.`;
  return `${name} could not be read since ${since}. ${reason}`;
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
    case "account":
    case "unsent":
      return `the digest of ${trouble.runId} ${mailWords[trouble.kind]}.${because(trouble)}`;
    case "alert-refused":
    case "alert-account":
    case "alert-unsent":
      return `the alert of ${trouble.cve} ${mailWords[trouble.kind]}.${because(trouble)}`;
    case "removed":
      return removedSentence(trouble);
    case "failing":
      return failingSentence(trouble);
  }
}

const refused = "was refused";
const account = "waits for the mail account";
const unsent = "has not been sent yet";
const mailWords = {
  ...{ refused, account, unsent },
  ...{ "alert-refused": refused, "alert-account": account, "alert-unsent": unsent },
};

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
