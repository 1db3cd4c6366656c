import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { FeedName } from "../shared/core/advisory.ts";
import type { FeedDocument, FeedFacts } from "./feeds/facts.ts";
import { kevCatalogue, shrink } from "./feeds/kev.ts";
import { msrcMonth, msrcMonths } from "./feeds/msrc.ts";
import { type FeedReply, replyWith } from "./feeds/reply.ts";

export type { FeedCve, FeedFacts, FeedKb } from "./feeds/facts.ts";

/** What goes wrong with an answer; the function form may do anything with the response. */
export type FeedFault =
  | { status: number; body?: string; headers?: Readonly<Record<string, string>> }
  /** KEV with a tenth of its entries. */
  | "shrunken"
  | ((request: IncomingMessage, response: ServerResponse) => void);

export interface AdvisoryFeedsOptions extends FeedFacts {
  now?: () => Date;
  port?: number;
  /** Asked at each request: what goes wrong with a feed on this day, such as `2026-11-23`. */
  trouble?: (feed: FeedName, day: string) => FeedFault | null;
}

/** One request and its answer. */
export interface FeedCall {
  at: Date;
  /** `null`: neither feed has this path. */
  feed: FeedName | null;
  path: string;
  /** `null` where a fault's function answered. */
  status: number | null;
  /** Of the body as it was sent. */
  bytes: number;
}

export interface AdvisoryFeeds {
  /** The value of `MSRC_URL`. */
  msrcUrl: string;
  /** The value of `KEV_URL`. */
  kevUrl: string;
  /** In order of arrival. */
  calls: readonly FeedCall[];
  /** From now on the feeds say this, as far as it is published. */
  setFacts(facts: FeedFacts): void;
  /** From now on, or the next `times` times, a feed fails like this; `null` ends it. */
  setFault(feed: FeedName, fault: FeedFault | null, times?: number): void;
  close(): Promise<void>;
}

const kevPath = "/sites/default/files/feeds/known_exploited_vulnerabilities.json";
const msrcPath = "/cvrf/v3.0";
const monthsPath = `${msrcPath}/updates`;
const monthPath = `${msrcPath}/cvrf/`;

/** Plays MSRC and CISA: they say what of the facts is published by `now`. */
export async function startAdvisoryFeeds(options: AdvisoryFeedsOptions): Promise<AdvisoryFeeds> {
  const { now = () => new Date(), trouble = () => null } = options;
  const calls: FeedCall[] = [];
  const faults = new Map<FeedName, { fault: FeedFault; left: number }>();
  let facts: FeedFacts = options;

  const takeFault = (feed: FeedName): FeedFault | null => {
    const found = faults.get(feed);
    if (!found || found.left <= 0) return trouble(feed, now().toISOString().slice(0, 10));
    found.left -= 1;
    return found.fault;
  };
  const documentAt = (path: string, isShrunken: boolean): FeedDocument | null => {
    if (path === monthsPath) return msrcMonths(facts, now(), `${url}${msrcPath}`);
    if (path.startsWith(monthPath)) return msrcMonth(facts, now(), path.slice(monthPath.length));
    const catalogue = kevCatalogue(facts, now());
    return isShrunken ? shrink(catalogue) : catalogue;
  };
  const answer = ({ headers }: IncomingMessage, path: string, isShrunken: boolean): FeedReply => {
    // The list of months is always JSON, a month only where JSON is asked for.
    if (path.startsWith(monthPath) && !headers.accept?.includes("json")) return xml;
    const document = documentAt(path, isShrunken);
    return document ? replyWith(document, headers) : notFound;
  };

  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://feeds").pathname;
    const feed = request.method === "GET" ? feedAt(path) : null;
    const fault = feed && takeFault(feed);
    const call = { at: now(), feed, path };
    if (typeof fault === "function") {
      calls.push({ ...call, status: null, bytes: 0 });
      return fault(request, response);
    }
    const isPlayed = fault === null || fault === "shrunken";
    const reply = isPlayed ? (feed ? answer(request, path, fault !== null) : notFound) : { ...empty, ...fault };
    calls.push({ ...call, status: reply.status, bytes: Buffer.byteLength(reply.body) });
    response.writeHead(reply.status, reply.headers).end(reply.body);
  });
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    msrcUrl: `${url}${msrcPath}`,
    kevUrl: `${url}${kevPath}`,
    calls,
    setFacts: (next) => {
      facts = next;
    },
    setFault: (feed, fault, times = Number.POSITIVE_INFINITY) => {
      if (fault) faults.set(feed, { fault, left: times });
      else faults.delete(feed);
    },
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function feedAt(path: string): FeedName | null {
  if (path === kevPath) return "kev";
  return path === monthsPath || path.startsWith(monthPath) ? "msrc" : null;
}

const empty = { headers: {}, body: "" };
const notFound: FeedReply = { status: 404, ...empty };
const xml: FeedReply = {
  status: 200,
  headers: { "content-type": "application/xml; charset=utf-8" },
  body: '<?xml version="1.0" encoding="utf-8"?><cvrf:cvrfdoc xmlns:cvrf="http://www.icasi.org/CVRF/schema/cvrf/1.1"/>',
};
