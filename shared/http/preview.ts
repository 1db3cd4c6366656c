import { countPreview, type Preview, type PreviewMail, type PreviewRun } from "../core/preview.ts";
import { chainOf, type Watchlist } from "../core/watchlist.ts";
import type { Ports } from "../ports.ts";
import { subject } from "../render/headline.ts";
import {
  type keyParameter,
  noParameters,
  type PreviewParameters,
  previewParameters,
  type Values,
} from "../render/parameters.ts";
import { type PreviewFacts, previewJson } from "../render/preview-words.ts";
import { loadPastRuns, type PastRuns } from "../run/past-runs.ts";
import { type DigestOf, replay } from "../run/replay.ts";
import { readBody, readObject } from "./body.ts";
import { type RequestPorts, requireStart } from "./caller.ts";
import { findWatchlist } from "./find-run.ts";
import { htmlResponse, newNonce } from "./html.ts";
import { chooseFormat } from "./negotiate.ts";
import { badParameter, Problem } from "./problem.ts";
import { readQuery, unknownParameter } from "./query.ts";
import { type HttpRequest, type HttpResponse, jsonResponse } from "./response.ts";

type Asked = Values<PreviewParameters & typeof keyParameter>;

const offers: Readonly<Record<NonNullable<Asked["format"]>, string>> = {
  json: "application/json; charset=utf-8",
  html: "text/html; charset=utf-8",
};

/** Past runs under other settings, as JSON or as a page: `POST /api/preview`. Writes and sends nothing. */
export async function servePreview(request: HttpRequest, ports: RequestPorts): Promise<HttpResponse> {
  const { headers, query } = request;
  requireStart(ports.caller);
  const { code } = readQuery(query, noParameters);
  const body = await readBody(request);
  const isForm = headers.get("content-type")?.startsWith("application/x-www-form-urlencoded") ?? false;
  const asked = readQuery(isForm ? new URLSearchParams(body) : readJson(body), previewParameters);
  const format = chooseFormat(asked.format, request, offers);
  const watchlist = await findWatchlist(asked.watchlist, ports);
  const tried = withSettings(watchlist, asked);
  const past = await loadPastRuns(chainOf(watchlist), asked.runs, ports.store);
  if (past.runs.length === 0) throw nothingToReplay(watchlist, past);
  const preview = await previewOf(past, tried, ports);
  const facts: PreviewFacts = { preview, watchlist: tried, asked: asked.runs, cut: past.cut };
  if (format === "json") return jsonResponse(200, previewJson(facts));
  const { list } = await ports.watchlists();
  const { renderPreview } = await import("../render/page/preview.tsx");
  const nonce = newNonce();
  const key = asked.code ?? code;
  const page = renderPreview({ ...facts, watchlists: list.map(({ name }) => name), nonce, ...(key && { code: key }) });
  return htmlResponse(200, page, nonce);
}

/** The configured watchlist with the settings to try. */
function withSettings(watchlist: Watchlist, asked: Asked): Watchlist {
  const { thresholds } = watchlist;
  return {
    ...watchlist,
    thresholds: {
      minMachines: asked.minMachines ?? thresholds.minMachines,
      minPercent: asked.minPercent ?? thresholds.minPercent,
      minCves: asked.minCves ?? thresholds.minCves,
    },
    mailWhen: asked.mailWhen ?? watchlist.mailWhen,
    heartbeatDay: asked.heartbeatDay ?? watchlist.heartbeatDay,
    dueDays: asked.dueDays ?? watchlist.dueDays,
    dueDaysExploited: asked.dueDaysExploited ?? watchlist.dueDaysExploited,
    dueFrom: asked.dueFrom ?? watchlist.dueFrom,
  };
}

async function previewOf(past: PastRuns, tried: Watchlist, ports: Ports): Promise<Preview> {
  const runs: PreviewRun[] = [];
  for await (const { run, was, would, overdue } of replay(past, () => tried, ports)) {
    runs.push({ runId: run.runId, day: run.day, was: mailOf(was), would: mailOf(would), overdue });
  }
  return countPreview(runs);
}

function mailOf(digest: DigestOf | null): PreviewMail {
  return { mails: digest !== null, subject: digest && subject(digest.report, digest.since) };
}

function nothingToReplay({ name }: Watchlist, { cut }: PastRuns): Problem {
  const detail = cut
    ? "The last scheduled run, or one that it compares with, is damaged or no longer kept. Wait for the next two runs."
    : "There is no scheduled run to replay yet. Wait for the first one.";
  return new Problem(404, "No runs to replay", detail, { watchlist: name });
}

/** The properties of a JSON body, as a form would send them; what is `null` is left out. */
function readJson(body: string): URLSearchParams {
  const asked = readObject(body, '{"watchlist": "default", "minMachines": 5}');
  const fields = new URLSearchParams();
  for (const [name, value] of Object.entries(asked)) {
    if (!Object.hasOwn(previewParameters, name)) throw unknownParameter(name, previewParameters);
    if (value === null) continue;
    if (typeof value !== "string" && typeof value !== "number")
      throw badParameter(name, `"${name}" must be a text or a number.`);
    fields.set(name, String(value));
  }
  return fields;
}
