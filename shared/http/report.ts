import { createHash, randomBytes } from "node:crypto";
import type { Report } from "../core/report.ts";
import type { Run } from "../core/run.ts";
import { isRunId, type RunId } from "../core/run-id.ts";
import { changeFilters, type Selection, selectReport, sortKeys, sortOrders } from "../core/selection.ts";
import type { Watchlist } from "../core/watchlist.ts";
import type { Ports } from "../ports.ts";
import type { PageFrame, PageQuery } from "../render/page/view.ts";
import type { RenderOptions } from "../render/words.ts";
import { loadKbHistory } from "../run/load-kb-history.ts";
import { loadReport, SnapshotGoneError } from "../run/load-report.ts";
import { renderOptions } from "../run/render-options.ts";
import { type Answer, answer, badParameter, Problem, type Question } from "./answer.ts";
import { findRun, findWatchlist, parameter } from "./find-run.ts";
import { runProgress } from "./run-status.ts";

const formats = ["html", "json", "csv", "text"] as const;
type Format = (typeof formats)[number];

const mediaTypes: Readonly<Record<Format, string>> = {
  html: "text/html",
  json: "application/json",
  csv: "text/csv",
  text: "text/plain",
};

/** The report of a run, or of what changed between any two, as page, JSON, CSV or text. */
export async function serveReport(question: Question, ports: Ports): Promise<Answer> {
  const { query } = question;
  const watchlist = findWatchlist(parameter(query, "watchlist"), ports);
  const format = readFormat(question);
  const selection = readSelection(query, watchlist);
  const run = await findRun("run", parameter(query, "run"), watchlist.name, ports).catch(async (error) => {
    if (format === "html" && error instanceof Problem && error.title === "No run yet") return null;
    throw error;
  });
  if (!run) return serveEmptyPage(question, watchlist, ports);
  const from = await readFrom(query, run, ports);
  const report = await load(run, from, ports);
  if (format === "html") return servePage(question, watchlist, selection, run, report, from, ports);
  const body = await renderExport(format, selectReport(report, selection), renderOptions(ports, watchlist));
  return conditional(question, body, body, {
    "Content-Type": `${mediaTypes[format]}; charset=utf-8`,
    "Content-Disposition": `${format === "text" ? "inline" : "attachment"}; filename="${fileName(report, format)}"`,
  });
}

async function load(run: Run, from: Run | undefined, ports: Ports): Promise<Report> {
  try {
    return await loadReport(run, ports, from);
  } catch (error) {
    if (!(error instanceof SnapshotGoneError)) throw error;
    throw new Problem(410, "Report no longer kept", error.message);
  }
}

async function renderExport(format: Exclude<Format, "html">, report: Report, options: RenderOptions): Promise<string> {
  if (format === "csv") return (await import("../render/export/csv.ts")).reportCsv(report);
  if (format === "text") return (await import("../render/digest/text.ts")).renderText(report, options);
  const { reportJsonChunks } = await import("../render/export/json.ts");
  return [...reportJsonChunks(report, options)].join("");
}

// Watchlist names and run ids hold nothing that a header or a file name could trip over, but for the colon of a time.
function fileName({ watchlist, runId, previousRunId }: Report, format: Format): string {
  const name = ["missing-kbs", watchlist, runId, ...(previousRunId ? ["since", previousRunId] : [])].join("-");
  return `${name.replaceAll(":", "").replaceAll(" ", "-")}.${format === "text" ? "txt" : format}`;
}

/** 304 where the caller holds just this; `identity` is the body without what is fresh in every answer. */
function conditional(question: Question, body: string, identity: string, headers: Record<string, string>): Answer {
  const tag = `"${createHash("sha256").update(identity).digest("base64url").slice(0, 27)}"`;
  const { "Content-Type": type = "", ...others } = headers;
  const known = question
    .header("if-none-match")
    ?.split(",")
    .map((text) => text.trim().replace(/^W\//, ""));
  if (known?.includes(tag)) return answer(304, type, "", { ETag: tag });
  return answer(200, type, body, { ...others, ETag: tag, Vary: "Accept" });
}

// ---- what was asked

function readFormat({ query, header }: Question): Format {
  const asked = parameter(query, "format");
  if (asked) return oneOf("format", asked, formats);
  const accepted = header("accept") ?? "";
  if (accepted === "" || accepted.includes("*/*") || accepted.includes("text/html")) {
    return accepted.includes("text/html") ? "html" : "json";
  }
  const format = formats.find((name) => accepted.includes(mediaTypes[name]));
  if (format) return format;
  const allowed = Object.values(mediaTypes);
  throw new Problem(406, "Not acceptable", "Accept one of these, or name a format in the query.", { allowed });
}

function oneOf<Value extends string>(name: string, asked: string, allowed: readonly Value[]): Value {
  const found = allowed.find((value) => value === asked);
  if (found) return found;
  throw badParameter(name, `"${name}" is one of these.`, allowed);
}

function readSelection(query: URLSearchParams, { softwareIds }: Watchlist): Selection {
  const choose = <Value extends string>(name: string, allowed: readonly Value[]) => {
    const asked = parameter(query, name);
    return asked ? { [name]: oneOf(name, asked, allowed) } : {};
  };
  const softwareId = parameter(query, "softwareId");
  if (softwareId && !softwareIds.includes(softwareId)) {
    throw badParameter("softwareId", "This software is not on the watchlist.", softwareIds.slice(0, 50));
  }
  const search = parameter(query, "search");
  return {
    ...(softwareId && { softwareId }),
    ...(search && { search }),
    ...choose("change", changeFilters),
    ...(readFlag(query, "overdue") && { overdue: true }),
    ...(readFlag(query, "stalled") && { stalled: true }),
    ...choose("sort", sortKeys),
    ...choose("order", sortOrders),
  };
}

function readFlag(query: URLSearchParams, name: string): boolean {
  const asked = parameter(query, name);
  return asked !== null && oneOf(name, asked, ["true", "false", "on"]) !== "false";
}

function readPage(query: URLSearchParams, name: "page" | "softwarePage") {
  const asked = parameter(query, name);
  if (!asked) return {};
  if (!/^[1-9]\d{0,5}$/.test(asked)) throw badParameter(name, `"${name}" is a whole number from 1.`);
  return { [name]: Number(asked) };
}

async function readFrom(query: URLSearchParams, run: Run, ports: Ports): Promise<Run | undefined> {
  const asked = parameter(query, "from");
  if (!asked) return undefined;
  const from = await findRun("from", asked, run.watchlist, ports);
  if (from.runId !== run.runId) return from;
  throw badParameter("from", '"from" and "run" name the same run; compare two different ones.');
}

// ---- the page

async function servePage(
  question: Question,
  watchlist: Watchlist,
  selection: Selection,
  run: Run,
  report: Report,
  from: Run | undefined,
  ports: Ports,
): Promise<Answer> {
  const { query } = question;
  const frame = await readFrame(query, watchlist, ports);
  const kb = parameter(query, "kb");
  const pageQuery: PageQuery = {
    ...selection,
    watchlist: watchlist.name,
    run: parameter(query, "run") ?? "latest",
    ...(from && { from: from.runId }),
    ...(kb && { kb }),
    ...readPage(query, "page"),
    ...readPage(query, "softwarePage"),
  };
  const { renderPage } = await import("../render/page/page.tsx");
  const body = renderPage({
    ...frame,
    report,
    options: renderOptions(ports, watchlist),
    runs: await ports.store.listRuns(watchlist.name),
    query: pageQuery,
    ...(kb && { history: await loadKbHistory(kb, softwareMissing(kb, report), run, ports) }),
  });
  return conditional(question, body, body.replaceAll(frame.nonce, ""), pageHeaders(frame.nonce));
}

/** How many lines a chart of one KB can hold. */
const mostLines = 6;

/** The software that misses a KB most. */
function softwareMissing(kb: string, { rows }: Report): string[] {
  const entries = rows.find(({ id }) => id === kb)?.entries ?? [];
  const machines = ({ current, previous }: (typeof entries)[number]) => (current ?? previous)?.machineMissedOn ?? -1;
  const worst = entries.toSorted((a, b) => machines(b) - machines(a));
  return worst.slice(0, mostLines).map(({ softwareId }) => softwareId);
}

async function serveEmptyPage({ query }: Question, watchlist: Watchlist, ports: Ports): Promise<Answer> {
  const frame = await readFrame(query, watchlist, ports);
  const { renderEmptyPage } = await import("../render/page/page.tsx");
  const body = renderEmptyPage({ ...frame, watchlist: watchlist.name, options: renderOptions(ports, watchlist) });
  const { "Content-Type": type, ...headers } = pageHeaders(frame.nonce);
  return answer(404, type, body, headers);
}

async function readFrame(query: URLSearchParams, watchlist: Watchlist, ports: Ports): Promise<PageFrame> {
  const code = parameter(query, "code");
  const progress = parameter(query, "progress");
  return {
    watchlists: ports.watchlists.map(({ name }) => name),
    nonce: randomBytes(16).toString("base64url"),
    ...(code && { code }),
    ...(progress && { progress: await readProgress(progress, watchlist, ports) }),
  };
}

async function readProgress(runId: RunId, watchlist: Watchlist, ports: Ports) {
  if (!isRunId(runId)) throw badParameter("progress", '"progress" is the id of a run under way.');
  return runProgress(watchlist, runId, ports);
}

function pageHeaders(nonce: string) {
  const policy = [
    "default-src 'none'",
    `style-src 'nonce-${nonce}'`,
    `script-src 'nonce-${nonce}'`,
    "img-src data:",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": policy.join("; "),
    // The address may carry a function key.
    "Referrer-Policy": "no-referrer",
  };
}
