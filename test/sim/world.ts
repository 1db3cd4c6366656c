import { createHash } from "node:crypto";
import type { Catalogue } from "../../shared/core/advisory.ts";
import type { RunSummary } from "../../shared/core/run.ts";
import { isScheduled } from "../../shared/core/run-id.ts";
import { homeTenant, type Watchlist } from "../../shared/core/watchlist.ts";
import { serveActions } from "../../shared/http/actions.ts";
import { serveHistory } from "../../shared/http/history.ts";
import { serveReport } from "../../shared/http/report.ts";
import { serveRunStatus } from "../../shared/http/run-status.ts";
import { serveStartRun } from "../../shared/http/start-run.ts";
import { type Defender, DefenderError, type Mailer, type SendOutcome, type Store } from "../../shared/ports.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import type { Known, OracleRun, ProductAnswers, Settings } from "../oracle/types.ts";
import { ask, request } from "../support/ask.ts";
import { handleNext } from "../support/drive.ts";
import { configured, type FakeWorld, fakeWorld } from "../support/fake-world.ts";
import { answersInTurn, type StoryAnswer } from "../support/story.ts";
import type { Moment, Plan, PlannedList, PlannedMail, PlannedWeaknesses } from "./plan.ts";
import { createSimStore } from "./store.ts";

/** One try to read a product: all that it was answered, in the handling of one message. */
interface Try {
  reads: ProductAnswers["reads"][number][];
  software?: NonNullable<ProductAnswers["software"]> | null;
  handling: number;
  /** Whether a snapshot came of it. */
  isStored: boolean;
}

/** One send of a mail. */
export interface Send {
  watchlist: string;
  runId: string;
  subject: string;
  html: string;
  text: string;
  /** Of the attached CSV. */
  csv: string | null;
  outcome: PlannedMail;
  /** The runs of the watchlist whose mail had been sent before. */
  sentBefore: ReadonlySet<string>;
}

/** What came of one moment. */
export interface Lived {
  /** The runs that were committed, in the order in which they were opened, with all that Defender really answered. */
  runs: OracleRun[];
  sends: Send[];
}

/** A tenant in virtual time, driven by the timer, by queue messages and over HTTP. */
export interface SimWorld {
  /** Plays a moment and all that comes of it until the next. */
  live(moment: Moment, until: number): Promise<Lived>;
  /** The body of a report, or its problem. */
  report(query: Readonly<Record<string, string>>): Promise<{ status: number; body: string }>;
  /** The state of a run's mail. */
  mailOf(watchlist: string, runId: string): Promise<string>;
  history(watchlist: string, format: "json" | "csv"): Promise<string>;
  /** What to install by a run. */
  actions(query: Readonly<Record<string, string>>): Promise<string>;
}

const minuteMs = 60_000;
/** Messages of one moment: more are due only where the app goes round in circles. */
const mostMessages = 400;

/** A world before its first moment. */
export function createSimWorld(plan: Plan): SimWorld {
  const world = fakeWorld([]);
  const { ports } = world;
  const { timeZone, graceMinutes, retentionDays } = plan;
  const [, hour, minute] = /T(\d\d):(\d\d)/.exec(plan.moments[0]?.at ?? "") ?? [];
  const schedule = `0 ${Number(minute)} ${Number(hour)} * * *`;
  Object.assign(ports.rules, { timeZone, graceMinutes, retentionDays, schedule });
  const lists: Record<string, PlannedList> = { ...plan.lists };
  const answers: Record<string, StoryAnswer> = {};
  const weaknesses: Record<string, PlannedWeaknesses> = {};
  const records = createRecords();
  /** Whether runs asked for were asked to mail. */
  const asked = new Map<string, boolean>();
  const outcomes: PlannedMail[] = [];
  let known: Known | null = null;
  ports.catalogue = async () => known && catalogueOf(known);
  ports.defender = { ...ports.defender, ...recordedDefender(answers, weaknesses, records) };
  const store = createSimStore();
  ports.store = recordedStore(store, records, (watchlist) => {
    return { list: lists[watchlist] ?? fail(watchlist), rules: ports.rules, asked, known };
  });
  ports.mailer = recordedMailer(outcomes, store, records);
  ports.log = () => {};

  async function open(moment: Moment): Promise<void> {
    world.setClock(moment.at);
    if (moment.asked === undefined) return scheduleRuns(ports);
    const body = JSON.stringify(moment.asked);
    const { status, json } = await ask(request({}, { method: "POST", body }), (call) => serveStartRun(call, ports));
    if (status !== 202) throw new Error(`Asked for a run, the app answered ${status}.`);
    asked.set(`${json.watchlist} ${json.runId}`, moment.asked.mail);
  }

  return {
    async live(moment, until) {
      Object.assign(lists, moment.lists);
      Object.assign(answers, moment.answers);
      Object.assign(weaknesses, moment.weaknesses);
      known = moment.known ?? known;
      outcomes.splice(0, outcomes.length, ...(moment.mails ?? []));
      ports.watchlists = configured(Object.entries(lists).map(([name, list]) => watchlistOf(name, list)));
      await open(moment);
      await handleAll(world, until, { crashes: [...(moment.crashes ?? [])], records });
      return records.take();
    },
    report: async (query) => ask(request(query, { headers: { accept: "*/*" } }), (call) => serveReport(call, ports)),
    async mailOf(watchlist, runId) {
      const { json } = await ask(request({}, { params: { watchlist, runId } }), (call) => serveRunStatus(call, ports));
      return String(json.mail);
    },
    async history(watchlist, format) {
      const { body } = await ask(request({ watchlist, format, days: "3650" }), (call) => serveHistory(call, ports));
      return body;
    },
    async actions(query) {
      const { body } = await ask(request(query), (call) => serveActions(call, ports));
      return body;
    },
  };
}

function catalogueOf({ kbs, kev }: Known): Catalogue {
  const readAt = "2026-01-01T00:00:00.000Z";
  const rest = { severity: null, restart: null, hotpatch: false };
  return {
    kbs: new Map(Object.entries(kbs).map(([id, kb]) => [id, { id, ...kb, ...rest }])),
    kev: new Map(kev.map((cve) => [cve, { cve, since: "2026-01-01", ransomware: false }])),
    readAt: { msrc: readAt, kev: readAt },
  };
}

function fail(watchlist: string): never {
  throw new Error(`There is no watchlist ${watchlist}.`);
}

function watchlistOf(name: string, list: PlannedList): Watchlist {
  const { softwareIds, minMachines, minPercent, minCves, mailWhen, heartbeatDay, ...due } = list;
  return {
    name,
    ...{ softwareIds, vendor: null, leftOut: [] },
    mailTo: ["security@example.com"],
    mailTogether: false,
    readerRole: null,
    tenant: homeTenant,
    thresholds: { minMachines, minPercent, minCves },
    mailWhen,
    heartbeatDay,
    ...due,
    alertExploited: false,
  };
}

interface Handling {
  crashes: NonNullable<Moment["crashes"]>[number][];
  records: Records;
}

async function handleAll(world: FakeWorld, until: number, { crashes, records }: Handling): Promise<void> {
  for (let handled = 0; handled < mostMessages; handled++) {
    const { waiting } = world.ports.queue;
    const [next] = waiting.toSorted((a, b) => a.visibleAt - b.visibleAt);
    if (next === undefined || next.visibleAt > until) return;
    records.begin("runId" in next.message ? next.message.runId : null);
    const crash = crashes.shift() ?? undefined;
    await handleNext(world, until, crash);
    records.end(crash !== undefined);
  }
  throw new Error(`Messages are still due after ${mostMessages} were handled.`);
}

/** What happened outside the app, as its neighbours saw it. */
interface Records {
  /** A message is handled: a run's, or another. */
  begin(runId: string | null): void;
  /** Whether a scheduled run's message is handled. */
  isScheduled(): boolean;
  end(maybeCrashed: boolean): void;
  /** The try to which an answer about a product belongs. */
  tryOf(softwareId: string): Try;
  stored(runId: string, softwareId: string): void;
  committed(run: Omit<OracleRun, "answers">): void;
  mailed(send: Send): void;
  take(): Lived;
}

function createRecords(): Records {
  /** By run and product. */
  const tries = new Map<string | null, Map<string, Try[]>>();
  let [runs, sends]: [OracleRun[], Send[]] = [[], []];
  let handling: { number: number; runId: string | null } = { number: 0, runId: null };

  const triesOf = (runId: string | null) => getOrMake(tries, runId, () => new Map<string, Try[]>());
  return {
    begin(runId) {
      handling = { number: handling.number + 1, runId };
    },
    isScheduled: () => handling.runId !== null && isScheduled(handling.runId),
    end(maybeCrashed) {
      if (!maybeCrashed) return;
      // What a process that died had read and not stored is lost.
      for (const products of triesOf(handling.runId).values()) {
        const last = products.at(-1);
        if (last?.handling === handling.number && !last.isStored) products.pop();
      }
    },
    tryOf(softwareId) {
      const products = getOrMake(triesOf(handling.runId), softwareId, () => []);
      const last = products.at(-1);
      if (last?.handling === handling.number) return last;
      const begun: Try = { reads: [], handling: handling.number, isStored: false };
      products.push(begun);
      return begun;
    },
    stored(runId, softwareId) {
      const last = triesOf(runId).get(softwareId)?.at(-1);
      if (last) last.isStored = true;
    },
    committed(run) {
      const { runId } = run;
      const answers = [...triesOf(runId)].map(([softwareId, products]) => [softwareId, [...products]]);
      runs.push({ ...run, answers: Object.fromEntries(answers) });
    },
    mailed: (send) => void sends.push(send),
    take() {
      // The runs of one firing are of the same instant: then the order of their commits holds.
      const lived = { runs: runs.sort((a, b) => Date.parse(a.openedAt) - Date.parse(b.openedAt)), sends };
      [runs, sends] = [[], []];
      return lived;
    },
  };
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

function recordedDefender(
  answers: Readonly<Record<string, StoryAnswer>>,
  weaknesses: Readonly<Record<string, PlannedWeaknesses>>,
  records: Records,
): Pick<Defender, "getMissingKbs" | "getSoftware"> {
  const next = answersInTurn();
  return {
    getMissingKbs: async (_tenant, softwareId, calling) => {
      await calling?.permit?.();
      const answer = next(answers[softwareId] ?? []);
      const { reads } = records.tryOf(softwareId);
      if (Array.isArray(answer)) {
        reads.push(answer);
        return answer;
      }
      const error = errorOf("status" in answer ? answer.status : 500);
      reads.push({ permanent: error.permanent, notFound: error.notFound, reason: error.message });
      throw error;
    },
    getSoftware: async (_tenant, id, calling) => {
      await calling?.permit?.();
      const planned = weaknesses[id] === undefined ? 0 : weaknesses[id];
      const tried = records.tryOf(id);
      if (typeof planned === "object" && planned !== null) {
        const error = errorOf(planned.status);
        tried.software = { permanent: error.permanent, reason: error.message };
        throw error;
      }
      tried.software = planned === null ? "unknown" : saidOf(planned);
      return planned === null ? null : { id, weaknesses: saidOf(planned), exposedMachines: null };
    },
  };
}

function saidOf(weaknesses: number | "unsaid"): number | null {
  return weaknesses === "unsaid" ? null : weaknesses;
}

function errorOf(status: number): DefenderError {
  return new DefenderError(`Defender returned ${status}.`, { permanent: status === 403, notFound: status === 404 });
}

interface InForce {
  list: PlannedList;
  rules: { timeZone: string; retentionDays: number };
  asked: ReadonlyMap<string, boolean>;
  known: Known | null;
}

function recordedStore(store: Store, records: Records, inForce: (watchlist: string) => InForce): Store {
  return {
    ...store,
    async addSnapshot(snapshot) {
      const isAdded = await store.addSnapshot(snapshot);
      if (isAdded) records.stored(snapshot.runId, snapshot.softwareId);
      return isAdded;
    },
    // The reader of the scheduled runs does not look for runs asked for in time, so that each read is for the message's run.
    listRequests: async (tenant) => (records.isScheduled() ? [] : store.listRequests(tenant)),
    async commitRun(run, follows, facts) {
      const refusedEarlier = isRefusedSinceLastSent(await store.listRuns(run));
      const isFirst = await store.commitRun(run, follows, facts);
      if (!isFirst) return false;
      const { watchlist, runId, openedAt } = run;
      const { list, rules, asked, known } = inForce(watchlist);
      const settings = settingsOf(list, rules);
      const mail = asked.get(`${watchlist} ${runId}`) ?? false;
      const scheduled = isScheduled(runId);
      const { softwareIds } = list;
      const said = { scheduled, settings, softwareIds, mail, refusedEarlier, known };
      records.committed({ watchlist, runId, openedAt, ...said });
      return true;
    },
  };
}

function isRefusedSinceLastSent(runs: readonly RunSummary[]): boolean {
  const scheduled = runs.filter(({ runId }) => isScheduled(runId));
  const lastSent = scheduled.findLastIndex(({ mail }) => mail.status === "sent");
  return scheduled.slice(lastSent + 1).some(({ mail }) => mail.status === "refused");
}

function settingsOf({ softwareIds: _, ...list }: PlannedList, { timeZone, retentionDays }: InForce["rules"]): Settings {
  return { ...list, timeZone, retentionDays };
}

function recordedMailer(outcomes: PlannedMail[], store: Store, records: Records): Mailer {
  return {
    send: async ({ tenant, watchlist, runId = "", subject, html, text, attachments }) => {
      const outcome = outcomes.shift() ?? "sent";
      const sent = (await store.listRuns({ tenant, watchlist })).filter(({ mail }) => mail.status === "sent");
      const sentBefore = new Set(sent.map((run) => run.runId));
      const csv = attachments[0]?.content ?? null;
      records.mailed({ watchlist, runId, subject, html, text, csv, outcome, sentBefore });
      return sendOutcome(outcome);
    },
  };
}

function sendOutcome(outcome: PlannedMail): SendOutcome {
  if (outcome === "sent") return { status: "sent", messageId: "1" };
  if (outcome === "failed" || outcome === "refused") return { status: outcome, reason: "SendGrid did not want it." };
  return { status: "unknown", reason: "SendGrid's answer was lost." };
}

/** A hash of texts, one after another. */
export function createTraceHash(): { add(text: string): void; digest(): string } {
  const hash = createHash("sha256");
  return {
    add: (text) => void hash.update(text).update("\n"),
    digest: () => hash.digest("hex").slice(0, 16),
  };
}

/** How long after its last moment a world is left alone, for mails that are tried again. */
export const afterwardsMs = 3 * 24 * 60 * minuteMs;
