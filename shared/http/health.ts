import pMap from "p-map";
import { addDays } from "../core/day.ts";
import type { Run, RunSummary } from "../core/run.ts";
import { dayOf, isScheduled, onDemandRunId } from "../core/run-id.ts";
import type { Watchlist } from "../core/watchlist.ts";
import { logTexts } from "../log.ts";
import type { Ports } from "../ports.ts";
import { noParameters } from "../render/parameters.ts";
import { many } from "../render/words.ts";
import { nextRun } from "../run/next-run.ts";
import { readQuery } from "./query.ts";
import { type HttpRequest, type HttpResponse, jsonResponse, redirect } from "./response.ts";

/** A product that could not be read in this many scheduled runs in a row makes the app unhealthy. */
const maxMisses = 3;
const concurrency = 16;
/** Older runs do not count, unless there are no newer ones. */
const recentDays = 40;
/** How much longer than its grace a run may take, and how long a digest may wait after its run's commit. */
const patienceMs = 2 * 3_600_000;

/**
 * Whether the app is healthy, for everybody. An anonymous function cannot check a key or a sign-in, so a caller with a
 * key is redirected to the call where the platform checks it.
 */
export async function serveHealth({ query, headers }: HttpRequest, ports: Ports): Promise<HttpResponse> {
  const { code } = readQuery(query, noParameters);
  if (code ?? headers.get("x-functions-key")) {
    return redirect(307, `/api/health/reasons${code ? `?${new URLSearchParams({ code })}` : ""}`);
  }
  const { status } = await readHealth(ports);
  return healthResponse({ status });
}

/** Whether the app is healthy, and every reason why not; only for callers whom the platform has checked. */
export async function serveHealthReasons({ query }: HttpRequest, ports: Ports): Promise<HttpResponse> {
  readQuery(query, noParameters);
  return healthResponse(await readHealth(ports));
}

interface Health {
  status: "healthy" | "unhealthy";
  reasons: string[];
}

async function readHealth(ports: Ports): Promise<Health> {
  const reasons = await checkHealth(ports);
  return { status: reasons.length === 0 ? "healthy" : "unhealthy", reasons };
}

function healthResponse(health: Pick<Health, "status"> & Partial<Health>): HttpResponse {
  return jsonResponse(health.status === "healthy" ? 200 : 503, health);
}

/** Every reason why a person must act, each a sentence. */
export async function checkHealth(ports: Ports): Promise<string[]> {
  const checkOne = async ({ name }: Watchlist) => {
    const found = await orReason(checkWatchlist(name, ports), ports);
    return found.map((reason) => `Watchlist "${name}": ${reason}`);
  };
  const reasons = await pMap(ports.watchlists, checkOne, { concurrency });
  return [...reasons.flat(), ...(await orReason(checkPoison(ports), ports))];
}

/** A check that fails is itself a reason. */
async function orReason(check: Promise<string[]>, { log }: Ports): Promise<string[]> {
  try {
    return await check;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log("error", "health check failed", { reason });
    return [reason];
  }
}

async function checkPoison({ queue, log }: Ports): Promise<string[]> {
  const messages = await queue.countPoison();
  if (messages === 0) return [];
  log("error", logTexts.poison, { messages });
  return [`About ${many(messages, "message")} in the queue runs-poison failed for good.`];
}

async function checkWatchlist(watchlist: string, ports: Ports): Promise<string[]> {
  const recent = await ports.store.listRuns(watchlist, addDays(dayOf(onDemandRunId(ports.now())), -recentDays));
  const runs = (recent.length > 0 ? recent : await ports.store.listRuns(watchlist)).filter(isOfSchedule);
  const last = runs.at(-1);
  if (!last) return ["no scheduled run has finished yet."];
  const stored = await ports.store.readRun(watchlist, last.runId);
  const found = [checkAge(last, ports), checkMail(runs, ports), stored && checkMisses(stored.run)];
  return found.filter((reason) => reason !== null);
}

function isOfSchedule({ runId }: RunSummary): boolean {
  return isScheduled(runId);
}

function checkAge(last: RunSummary, { now, rules }: Ports): string | null {
  const due = nextRun(rules.schedule, new Date(last.openedAt));
  const latest = (due?.getTime() ?? 0) + rules.graceMinutes * 60_000 + patienceMs;
  if (now().getTime() <= latest) return null;
  return `the last scheduled run is ${last.runId}; the next was due at ${due?.toISOString()}.`;
}

function checkMail(runs: readonly RunSummary[], { now }: Ports): string | null {
  const owing = runs.filter(({ mail }) => mail.status !== "none").at(-1);
  if (!owing || owing.mail.status === "sent") return null;
  const { status, reason } = owing.mail;
  const why = reason ? ` ${reason}` : "";
  if (status === "refused") return `the digest of ${owing.runId} was refused.${why}`;
  const age = now().getTime() - Date.parse(owing.committedAt);
  return age > patienceMs ? `the digest of ${owing.runId} has not been sent yet.${why}` : null;
}

function checkMisses({ runId, failures }: Run): string | null {
  const [first, ...others] = failures.filter(({ misses }) => misses >= maxMisses);
  if (!first) return null;
  const more = others.length > 0 ? ` and ${many(others.length, "other product")}` : "";
  return `${first.softwareId}${more} could not be read for ${many(first.misses, "run")}, up to ${runId}. ${first.reason}`;
}
