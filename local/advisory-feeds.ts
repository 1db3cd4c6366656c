import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import type { FeedName } from "../shared/core/advisory.ts";
import type { FeedFacts } from "./feeds/facts.ts";
import { kevCatalogue } from "./feeds/kev.ts";
import { msrcMonth, msrcMonths } from "./feeds/msrc.ts";

/** What goes wrong with an answer; the function form may do anything with the response. */
export type FeedFault =
  | { status: number; body?: string; headers?: Readonly<Record<string, string>> }
  | ((request: IncomingMessage, response: ServerResponse) => void);

export interface AdvisoryFeedsOptions extends FeedFacts {
  now?: () => Date;
  port?: number;
  /** Asked at each request: what goes wrong with a feed on this day, such as `2026-11-23`. */
  trouble?: (feed: FeedName, day: string) => FeedFault | null;
}

/** One request and its answer. */
export interface FeedCall {
  /** `null`: neither feed has this path. */
  feed: FeedName | null;
  path: string;
  status: number;
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
  /** From now on both feeds say this, as far as it is published. */
  setFacts(facts: FeedFacts): void;
  /** From now on, or the next `times` times, a feed fails like this; `null` ends it. */
  setFault(feed: FeedName, fault: FeedFault | null, times?: number): void;
  close(): Promise<void>;
}

/** Plays MSRC and CISA: both say what their facts have published by `now`. */
export async function startAdvisoryFeeds(options: AdvisoryFeedsOptions): Promise<AdvisoryFeeds> {
  const { now = () => new Date(), trouble = () => null } = options;
  const calls: FeedCall[] = [];
  const faults = new Map<FeedName, { fault: FeedFault; left: number }>();
  let facts: FeedFacts = options;

  const documentAt = (path: string): unknown => {
    if (path === kevPath) return kevCatalogue(facts, now());
    if (path === "/cvrf/v3.0/updates") return { value: msrcMonths(facts, now(), url) };
    return path.startsWith(monthPath) ? msrcMonth(facts, now(), path.slice(monthPath.length)) : null;
  };
  const takeFault = (feed: FeedName): FeedFault | null => {
    const found = faults.get(feed);
    if (!found || found.left <= 0) return trouble(feed, now().toISOString().slice(0, 10));
    found.left -= 1;
    return found.fault;
  };

  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://feeds").pathname;
    const feed = path === kevPath ? "kev" : path.startsWith("/cvrf/") ? "msrc" : null;
    const fault = feed && takeFault(feed);
    if (typeof fault === "function") return fault(request, response);
    const reply = fault ? { headers: {}, body: "", ...fault } : answer(request, documentAt(path));
    calls.push({ feed, path, status: reply.status, bytes: Buffer.byteLength(reply.body) });
    response.writeHead(reply.status, reply.headers).end(reply.body);
  });
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    msrcUrl: url,
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

const monthPath = "/cvrf/v3.0/cvrf/";
const kevPath = "/sites/default/files/feeds/known_exploited_vulnerabilities.json";

interface Reply {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: string | Buffer;
}

function answer(request: IncomingMessage, document: unknown): Reply {
  if (document === null) return { status: 404, headers: {}, body: "" };
  const body = JSON.stringify(document);
  const etag = `W/"${createHash("sha256").update(body).digest("base64url").slice(0, 16)}"`;
  if (request.headers["if-none-match"] === etag) return { status: 304, headers: { etag }, body: "" };
  const headers = { "content-type": "application/json; charset=utf-8", etag };
  const isZipped = /\bgzip\b/.test(request.headers["accept-encoding"] ?? "");
  if (!isZipped) return { status: 200, headers, body };
  return { status: 200, headers: { ...headers, "content-encoding": "gzip" }, body: gzipSync(body) };
}
