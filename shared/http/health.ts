import pMap from "p-map";
import { addDays } from "../core/day.ts";
import type { Run, RunSummary } from "../core/run.ts";
import { dayOf, isScheduled, onDemandRunId } from "../core/run-id.ts";
import type { Watchlist } from "../core/watchlist.ts";
import { logTexts } from "../log.ts";
import type { Ports } from "../ports.ts";
import { nextRun } from "../run/render-options.ts";
import { type Answer, answer, jsonAnswer, type Question } from "./answer.ts";
import { parameter } from "./find-run.ts";

/** A software that this many scheduled runs in a row could not measure makes the app unhealthy. */
const maxMisses = 3;
const concurrency = 16;
/** What happened before is no matter of today's health, unless nothing has happened since. */
const recentDays = 40;
/** How long after its grace a run, and after its commit a mail, may still be under way. */
const patienceMs = 2 * 3_600_000;

/**
 * The health of the app for whoever asks. An anonymous function cannot tell a valid key from an invented one, nor a
 * signed-in caller from a forged header, so a caller with a key is sent on to the route where the platform checks it.
 */
export async function routeHealth({ query, header }: Question, ports: Ports): Promise<Answer> {
  const code = parameter(query, "code");
  if (code ?? header("x-functions-key")) {
    const location = `/api/health/reasons${code ? `?${new URLSearchParams({ code })}` : ""}`;
    return answer(307, "text/plain; charset=utf-8", "", { Location: location });
  }
  return serveHealth(ports, false);
}

/** 200, or 503 when a person should look. The reasons are for callers who proved who they are. */
export async function serveHealth(ports: Ports, withReasons: boolean): Promise<Answer> {
  const reasons = await checkHealth(ports);
  const status = reasons.length === 0 ? "healthy" : "unhealthy";
  return jsonAnswer(status === "healthy" ? 200 : 503, { status, ...(withReasons && { reasons }) });
}

/** Every reason for which a person should look, each a sentence. */
export async function checkHealth(ports: Ports): Promise<string[]> {
  const checkOne = async ({ name }: Watchlist) => {
    const found = await orReason(checkWatchlist(name, ports), ports);
    return found.map((reason) => `Watchlist "${name}": ${reason}`);
  };
  const reasons = await pMap(ports.watchlists, checkOne, { concurrency });
  return [...reasons.flat(), ...(await orReason(checkPoison(ports), ports))];
}

/** What keeps health from looking is itself a reason for a person to look. */
async function orReason(check: Promise<string[]>, { log }: Ports): Promise<string[]> {
  try {
    return await check;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log("error", "health could not look", { reason });
    return [reason];
  }
}

async function checkPoison({ queue, log }: Ports): Promise<string[]> {
  const messages = await queue.countPoison();
  if (messages === 0) return [];
  log("error", logTexts.poison, { messages });
  return [`About ${messages} messages failed for good and lie in the queue runs-poison.`];
}

async function checkWatchlist(watchlist: string, ports: Ports): Promise<string[]> {
  const recent = await ports.store.listRuns(watchlist, addDays(dayOf(onDemandRunId(ports.now())), -recentDays));
  const runs = (recent.length > 0 ? recent : await ports.store.listRuns(watchlist)).filter(isOfSchedule);
  const last = runs.at(-1);
  if (!last) return ["no scheduled run is committed yet."];
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
  if (status === "refused") return `the mail of ${owing.runId} was refused.${why}`;
  const age = now().getTime() - Date.parse(owing.committedAt);
  return age > patienceMs ? `the mail of ${owing.runId} is still not sent.${why}` : null;
}

function checkMisses({ runId, failures }: Run): string | null {
  const lasting = failures.filter(({ misses }) => misses >= maxMisses);
  const [first] = lasting;
  if (!first) return null;
  const others = lasting.length > 1 ? ` and ${lasting.length - 1} others` : "";
  return `${first.softwareId}${others} could not be measured for ${first.misses} runs up to ${runId}. ${first.reason}`;
}
