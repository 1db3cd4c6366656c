import { productLabel } from "../../shared/render/words.ts";
import { actionsOf } from "../oracle/actions.ts";
import { selectEntries } from "../oracle/figures.ts";
import { createOracle } from "../oracle/oracle.ts";
import type { Since } from "../oracle/since.ts";
import type { OracleReport, OracleRun } from "../oracle/types.ts";
import { actionsOfCsv, actionsOfJson, actionsOfRules } from "./action-facts.ts";
import { disagreements } from "./compare.ts";
import { digestDisagreements, subjectDisagreements } from "./compare-mail.ts";
import { htmlFacts, textFacts } from "./digest-facts.ts";
import { products } from "./estate.ts";
import { csvFacts, type Facts, historyFacts, jsonFacts, kbOf, type Names, oracleFacts } from "./facts.ts";
import { pageFacts } from "./page-facts.ts";
import type { Moment, Plan } from "./plan.ts";
import { afterwardsMs, createSimWorld, createTraceHash, type Send, type SimWorld } from "./world.ts";

/** What came of playing a plan. */
export interface Simulation {
  /** Moments played: all of them where nothing disagreed. */
  moments: number;
  runs: number;
  entries: number;
  mails: number;
  pages: number;
  /** The same for the same plan. */
  hash: string;
  /** How the app and the rules disagree at the first moment where they do; empty where they never do. */
  failures: string[];
}

/** How often what is slow to render is looked at where nothing changed, and what was is looked at again. */
const slowEvery = 10;

/** Plays a plan, and after each moment compares all that people can see with what the rules say; stops where they disagree. */
export async function simulate(plan: Plan): Promise<Simulation> {
  const watcher = createWatcher(plan);
  const { counts, failures, hash } = watcher;
  for (const [index, moment] of plan.moments.entries()) {
    watcher.index = index;
    counts.moments += 1;
    try {
      await watch(moment, untilNext(plan.moments, index), watcher);
    } catch (error) {
      failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    if (failures.length > 0) break;
  }
  return { ...counts, hash: hash.digest(), failures };
}

/** Who looks at a world and asks the rules. */
interface Watcher {
  world: SimWorld;
  oracle: ReturnType<typeof createOracle>;
  hash: ReturnType<typeof createTraceHash>;
  /** The place of the moment. */
  index: number;
  counts: Omit<Simulation, "hash" | "failures">;
  failures: string[];
  /** What was seen of each run, by `watchlist runId`. */
  seen: Map<string, Seen>;
  names: Names & { kbs: Set<string> };
}

interface Seen {
  report: OracleReport;
  rules: Facts;
  /** Which digest this run's mail was sent after; fixed at the first send. */
  since?: Since | null;
  /** The products that it names because none was sent before it; fixed with `since`. */
  first?: readonly string[];
}

function createWatcher(plan: Plan): Watcher {
  return {
    world: createSimWorld(plan),
    oracle: createOracle(),
    hash: createTraceHash(),
    ...{ index: 0, failures: [], seen: new Map() },
    counts: { moments: 0, runs: 0, entries: 0, mails: 0, pages: 0 },
    names: { labels: new Map(products.map((id) => [productLabel(id), id])), kbs: new Set() },
  };
}

function untilNext(moments: readonly Moment[], index: number): number {
  const next = moments[index + 1];
  return next ? Date.parse(next.at) - 1 : Date.parse(moments[index]?.at ?? "") + afterwardsMs;
}

async function watch(moment: Moment, until: number, watcher: Watcher): Promise<void> {
  const { runs, sends } = await watcher.world.live(moment, until);
  for (const run of runs) await checkRun(run, watcher);
  for (const send of sends) checkSend(send, watcher);
  const watchlists = new Set(runs.map(({ watchlist = "" }) => watchlist));
  for (const watchlist of watchlists) {
    if (moment.back !== undefined) await checkComparison(watchlist, moment.back, watcher);
    if (moment.filter !== undefined) await checkFilter(watchlist, moment.filter, watcher);
    if (watcher.index % slowEvery === 0) await checkPast(watchlist, watcher);
  }
}

/** Says what disagrees, and about what. */
function sayer(about: string, { failures }: Watcher): (found: readonly string[]) => void {
  return (found) => void failures.push(...found.map((text) => `${about}: ${text}`));
}

async function checkRun(run: OracleRun, watcher: Watcher): Promise<void> {
  const { world, oracle, counts } = watcher;
  const { watchlist = "", runId } = run;
  const report = oracle.add(run);
  const rules = oracleFacts(report);
  for (const entry of report.entries) watcher.names.kbs.add(kbOf(entry));
  watcher.seen.set(`${watchlist} ${runId}`, { report, rules });
  counts.runs += 1;
  counts.entries += report.entries.length;
  const say = sayer(`${watchlist} ${runId}`, watcher);
  const json = await readJson({ watchlist, run: runId }, watcher, say);
  if (json === null) return;
  const facts = jsonFacts(json);
  say(disagreements(rules, facts));
  say(frameDisagreements(report, json));
  say(readsDisagreements(report, run));
  await checkActions(report, watcher);
  const mail = await world.mailOf(watchlist, runId);
  const reasons = report.mailReasons.join(", ");
  if (report.mails !== (mail !== "none")) say([`mail: rules ${reasons || "none"}, app ${mail}`]);
  if (isSlowWanted(report, watcher)) await checkReaders({ watchlist, run: runId }, facts, watcher);
}

/** What to install. */
async function checkActions(report: OracleReport, watcher: Watcher): Promise<void> {
  const { watchlist, runId: run } = report;
  const { world } = watcher;
  const say = sayer(`actions of ${watchlist} ${run}`, watcher);
  const rules = actionsOfRules(actionsOf(report));
  const json = actionsOfJson(await world.actions({ watchlist, run, format: "json" }));
  const csv = actionsOfCsv(await world.actions({ watchlist, run, format: "csv" }));
  for (const [index, line] of rules.entries()) {
    if (json[index] !== line) say([`place ${index + 1}: rules ${line}, JSON ${json[index]}`]);
    if (csv[index] !== line) say([`place ${index + 1}: rules ${line}, CSV ${csv[index]}`]);
  }
  if (json.length !== rules.length || csv.length !== rules.length)
    say([`rules ${rules.length}, JSON ${json.length}, CSV ${csv.length}`]);
}

function isSlowWanted({ totals }: OracleReport, { index }: Watcher): boolean {
  const changes =
    totals.new +
    totals.worsened +
    totals.returned +
    totals.moreCves +
    totals.improved +
    totals.resolved +
    totals.replaced;
  return index % slowEvery === 0 || changes > 0;
}

type Query = Readonly<Record<string, string>>;
type Json = Parameters<typeof jsonFacts>[0] & Record<string, unknown>;

async function readJson(query: Query, { world, hash }: Watcher, say: ReturnType<typeof sayer>): Promise<Json | null> {
  const { status, body } = await world.report({ ...query, format: "json" });
  hash.add(body);
  if (status === 200) return JSON.parse(body);
  // What nobody can have any more is compared with nothing.
  if (status !== 410) say([`the report is ${status}: ${body}`]);
  return null;
}

/** Page, CSV and text must say what the JSON says. */
async function checkReaders(query: Query, facts: Facts, watcher: Watcher): Promise<void> {
  const { world, counts, names } = watcher;
  const say = sayer(`page of ${Object.values(query).join(" ")}`, watcher);
  counts.pages += 1;
  say(disagreements(facts, csvFacts((await world.report({ ...query, format: "csv" })).body)));
  say(disagreements(facts, pageFacts((await world.report({ ...query, format: "html" })).body)));
  const { body } = await world.report({ ...query, format: "text" });
  const isPlain = Object.keys(query).every((name) => name === "watchlist" || name === "run");
  if (isPlain) say(disagreements(facts, textFacts(body, names).facts));
}

function checkSend(send: Send, watcher: Watcher): void {
  const { oracle, names, hash, counts } = watcher;
  const { watchlist, runId, sentBefore } = send;
  counts.mails += 1;
  hash.add(`${send.subject}\n${send.text}`);
  const say = sayer(`mail of ${watchlist} ${runId}`, watcher);
  const seen = watcher.seen.get(`${watchlist} ${runId}`);
  if (seen === undefined) return void say(["it is of no committed run"]);
  const { report, rules } = seen;
  seen.since ??= report.scheduled ? oracle.since(report, sentBefore) : null;
  seen.first ??= report.scheduled ? oracle.firstDigest(report, sentBefore) : [];
  const { since, first } = seen;
  say(subjectDisagreements(send.subject, { report, since, names }));
  say(digestDisagreements(textFacts(send.text, names), rules, { report, since, first }));
  if (isSlowWanted(report, watcher))
    say(digestDisagreements(htmlFacts(send.html, names), rules, { report, since, first }));
  if (send.csv !== null) say(disagreements(rules, csvFacts(send.csv)));
}

/** The newest run of a watchlist, compared with one some runs before. */
async function checkComparison(watchlist: string, back: number, watcher: Watcher): Promise<void> {
  const { oracle, seen } = watcher;
  const runs = oracle.runs(watchlist);
  const [run, from] = [runs.at(-1), runs.at(-1 - back)];
  if (run === undefined || from === undefined) return;
  const [report, earlier] = [run, from].map((runId) => seen.get(`${watchlist} ${runId}`)?.report);
  if (report === undefined || earlier === undefined) return;
  const say = sayer(`${watchlist} ${run} from ${from}`, watcher);
  const json = await readJson({ watchlist, run, from }, watcher, say);
  if (json === null) return;
  const facts = jsonFacts(json);
  say(disagreements(oracleFacts(oracle.compare(report, earlier)), facts));
  await checkReaders({ watchlist, run, from }, facts, watcher);
}

/** A part of the newest report. */
async function checkFilter(watchlist: string, filter: NonNullable<Moment["filter"]>, watcher: Watcher): Promise<void> {
  const run = watcher.oracle.runs(watchlist).at(-1) ?? "";
  const report = watcher.seen.get(`${watchlist} ${run}`)?.report;
  const { softwareId, overdue, stalled, exploited, change, search } = filter;
  if (report === undefined) return;
  if (softwareId !== undefined && !report.products.some((product) => product.softwareId === softwareId)) return;
  const say = sayer(`${watchlist} ${run} ${JSON.stringify(filter)}`, watcher);
  const json = await readJson({ watchlist, run, ...filter }, watcher, say);
  if (json === null) return;
  const selection = selectEntries(report, {
    ...(change !== undefined && { change: change as NonNullable<Parameters<typeof selectEntries>[1]["change"]> }),
    ...(softwareId !== undefined && { softwareId }),
    ...(search !== undefined && { search }),
    ...(overdue !== undefined && { overdue: true }),
    ...(stalled !== undefined && { stalled: true }),
    ...(exploited !== undefined && { exploited: true }),
  });
  const facts = jsonFacts(json);
  say(disagreements(oracleFacts(selection), facts));
  await checkReaders({ watchlist, run, ...filter }, facts, watcher);
}

/** The history, and the report that a reader sees who names no run. */
async function checkPast(watchlist: string, watcher: Watcher): Promise<void> {
  const { world, oracle, seen } = watcher;
  const say = sayer(`history of ${watchlist}`, watcher);
  const listed = historyFacts(await world.history(watchlist, "json"), await world.history(watchlist, "csv"));
  say(listed.disagreements);
  const known = oracle.runs(watchlist);
  // Runs past their retention are gone.
  const ids = listed.runs.map(({ runId }) => runId).join(" ");
  if (!known.join(" ").endsWith(ids)) say([`runs: rules ${known.slice(-listed.runs.length).join(" ")}, app ${ids}`]);
  for (const { runId, totals } of listed.runs) {
    const rules = seen.get(`${watchlist} ${runId}`)?.rules;
    if (rules) say(disagreements({ ...rules, source: `rules of ${runId}` }, totals));
  }
  const latest = oracle.latest(watchlist);
  if (latest === null) return;
  const json = await readJson({ watchlist }, watcher, say);
  if (json === null) return;
  const [right, shown] = [
    [latest.report.runId, ...latest.newer],
    [json.runId, ...json.newerRuns],
  ].map((runIds) => runIds.join(" "));
  if (right !== shown) say([`latest and newer runs: rules ${right}, app ${shown}`]);
}

function frameDisagreements(report: OracleReport, json: Record<string, unknown>): string[] {
  const { runId, previousRunId, day, settings } = report;
  const { dueDays, dueDaysExploited, dueFrom, timeZone } = settings;
  const expected = { runId, previousRunId, day, dueDays, dueDaysExploited, dueFrom, timeZone };
  return Object.entries(expected).flatMap(([name, value]) =>
    json[name] === value ? [] : [`${name}: rules ${value}, JSON ${json[name]}`],
  );
}

/** Each read that the app made must be one that the rules need. */
function readsDisagreements({ products }: OracleReport, { answers }: OracleRun): string[] {
  return products.flatMap(({ softwareId, readsUsed }) => {
    const tries = answers[softwareId] ?? [];
    const made = "reads" in tries ? tries.reads.length : tries.reduce((sum, { reads }) => sum + reads.length, 0);
    return made === readsUsed ? [] : [`reads of ${softwareId}: rules ${readsUsed}, app ${made}`];
  });
}
