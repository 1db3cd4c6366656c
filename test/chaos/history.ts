import { chainKey } from "../../shared/core/message.ts";
import { expectWithinTenant } from "./answers.ts";
import { type CallLedger, keepCallLedger } from "./calls.ts";
import { createDice, type Dice } from "./dice.ts";
import type { Ask, Command, Outcome } from "./killable-app.ts";
import { type Entry, type Happening, keepLedger, type Ledger } from "./ledger.ts";
import { keepMailLedger, type MailLedger } from "./mails.ts";
import { healTenant, sickenTenant } from "./sickness.ts";
import { changeOwnership, configuredOf, softwareIds, tenants } from "./watchlists.ts";
import { type ChaosWorld, type Instance, type Moment, type Plan, quota, startChaosWorld } from "./world.ts";

/** A summary of a history, for people. */
export interface Account {
  seed: number;
  days: number;
  kills: Readonly<Record<string, number>>;
  freezes: Readonly<Record<string, number>>;
  processes: number;
  faults: { defender: number; storage: number; mail: number };
  storageRestarts: number;
  powerCuts: number;
  deletedRows: Readonly<Record<string, number>>;
  /** Watchlists that were removed, came back or moved to another tenant. */
  moves: number;
  runs: number;
  mails: Readonly<Record<string, number>>;
  sends: number;
  secondSends: number;
  doubts: MailLedger["doubts"];
  calls: number;
  mostCallsPerHour: number;
  quota: number;
  givenUp: readonly string[];
}

const processes = 3;
const firstDay = Date.parse("2026-01-05T05:00:00Z");
const dayMs = 86_400_000;
const minuteMs = 60_000;
/** Most are longer than a message that a dead process had received stays hidden, and some end while a process is frozen. */
const stepMinutes: readonly [number, ...number[]] = [4, 11, 13, 13, 16];
/** Where nothing was to be done. */
const idleMinutes = 47;
/** When the day is over, whatever waits; well before the next one begins. */
const longestDay = 20 * 60 * minuteMs;

interface History {
  world: ChaosWorld;
  ledger: Ledger;
  mails: MailLedger;
  calls: CallLedger;
  dice: Dice;
  storageRestarts: number;
  powerCuts: number;
  /** How many reads of Defender were made to fail. */
  defenderFaults: number;
  deletedRows: Map<string, number>;
  moves: number;
  /** Days for which the mail service goes on accepting nothing. */
  closedDays: number;
  asleep: Sleeper | null;
}

/** A process that is frozen. */
interface Sleeper {
  instance: Instance;
  /** The command that it had been given. */
  command: Command;
  /** It ends after the process is thawed. */
  outcome: Promise<Outcome>;
  until: number;
}

/** Plays days with faults until the app was killed this often, then two days without, and audits everything. */
export async function liveHistory(seed: number, kills: number): Promise<Account> {
  const dice = createDice(seed);
  const world = await startChaosWorld(dice, processes);
  const ledger = keepLedger(world);
  const history: History = {
    ...{ world, ledger, mails: keepMailLedger(world, ledger), calls: keepCallLedger(world), dice },
    ...{ storageRestarts: 0, powerCuts: 0, defenderFaults: 0, deletedRows: new Map(), moves: 0, closedDays: 0 },
    asleep: null,
  };
  try {
    let day = 0;
    for (; world.kills.length < kills; day++) {
      const start = firstDay + day * dayMs;
      if (dice.chance(0.2)) await liveQuietDay(history, start);
      else await liveSickDay(history, start, kills);
      await configureAnew(history);
    }
    for (const last = day + 2; day < last; day++) await liveQuietDay(history, firstDay + day * dayMs);
    await ledger.audit();
    await history.mails.audit();
    history.calls.audit();
    return accountOf(history, seed, day);
  } finally {
    await world.close();
  }
}

/** Now and then a watchlist is removed, comes back, or its name is used for another tenant. */
async function configureAnew(history: History): Promise<void> {
  const { world, dice } = history;
  if (!dice.chance(0.3)) return;
  const changed = changeOwnership(world.ownership, dice);
  if (JSON.stringify(changed) === JSON.stringify(world.ownership)) return;
  await Promise.all(world.instances.map(({ app }) => app.close()));
  world.ownership = changed;
  history.moves += 1;
}

async function liveSickDay(history: History, start: number, kills: number): Promise<void> {
  const { world, dice, calls } = history;
  fallIll(history);
  let fire = dice.pick([0, 1, 1, 1, 1, 1, 1, 1, 2, 2]);
  const asksAt = dice.chance(0.5) ? dice.below(6) : -1;
  const deletesAt = dice.chance(0.3) ? dice.below(8) : -1;
  let at = start;
  for (let step = 0; at < start + longestDay && world.kills.length < kills; step++) {
    const { changes } = world.record;
    if (step === deletesAt) await deleteSomeRow(history);
    const outcomes = await doStep(history, at, { fire, asks: step === asksAt ? someAsks(history) : [] });
    // A timer that did not finish fires again once the app is back.
    if (outcomes.some(({ fired }) => fired)) fire = 0;
    at += minutesOn(history, changes) * minuteMs;
    if (!history.asleep && fire === 0 && isOver(outcomes, dice)) break;
  }
  if (history.asleep) await doStep(history, history.asleep.until, { fire: 0, asks: [] }, false);
  calls.endDay();
}

/** What fails today. */
function fallIll(history: History): void {
  const { world, dice } = history;
  world.sick = true;
  if (history.closedDays === 0 && dice.chance(0.08)) history.closedDays = 1 + dice.below(3);
  world.mailService = history.closedDays > 0 ? "closed" : "ill";
  history.closedDays = Math.max(0, history.closedDays - 1);
  const ill = tenants.flatMap((tenant) =>
    sickenTenant(world.tenants[tenant], softwareIds, dice).map((softwareId) => `${tenant} ${softwareId}`),
  );
  history.defenderFaults += ill.length;
  history.calls.beginDay(new Set(ill));
}

/** How long until the next step. */
function minutesOn({ world, dice, asleep }: History, changes: number): number {
  return world.record.changes === changes && !asleep ? idleMinutes : dice.pick(stepMinutes);
}

/** Whether nothing is left to do today, or the app stays down after a kill. */
function isOver(outcomes: readonly Outcome[], dice: Dice): boolean {
  if (outcomes.some(({ killed }) => killed)) return dice.chance(0.08);
  return outcomes.every(({ waiting }) => waiting === 0);
}

/** A day without faults, on which all processes compete. */
async function liveQuietDay(history: History, start: number): Promise<void> {
  const { world, calls, dice } = history;
  world.sick = false;
  world.mailService = "well";
  for (const tenant of tenants) healTenant(world.tenants[tenant], softwareIds);
  calls.beginDay(new Set());
  // A timer that fires twice sends each tenant's message twice.
  const fire = dice.pick([1, 2, 2]);
  const asksAt = dice.below(3);
  let waiting: number | null = 1;
  let at = start;
  for (let step = 0; waiting !== 0; step++) {
    const { changes } = world.record;
    if (at > start + longestDay) throw new Error("A day without faults did not end.");
    const asks = step === asksAt ? someAsks(history) : [];
    const command = { fire: step === 0 ? fire : 0, asks };
    const outcomes = await doStep(history, at, command, false);
    const failed = outcomes.flatMap((outcome) => outcome.failed);
    if (failed.length > 0) throw new Error(`A function failed on a day without faults: ${failed[0]}`);
    at += minutesOn(history, changes) * minuteMs;
    waiting = Math.max(...outcomes.map((outcome) => outcome.waiting ?? 1));
  }
  calls.endDay();
}

/** Some processes handle the queue at one time; some of them may be killed, or one frozen. */
async function doStep(history: History, at: number, command: Command, mayStrike = true): Promise<Outcome[]> {
  const { world, dice } = history;
  await world.turnTo(at);
  const thawed = thaw(history, at);
  const busy = chooseBusy(history, thawed, mayStrike ? dice.pick([1, 1, 2, 3]) : processes);
  const isAimedAt = aim(history, busy, mayStrike, history.asleep === null && !thawed);
  const isStorageRestarted = mayStrike && !isAimedAt && dice.chance(0.04);
  const working = busy.map((instance, index) => {
    // The timer fires in one process; people's requests reach another, if there is one.
    const [fire, asks] = [index === 0 ? command.fire : 0, index === busy.length - 1 ? command.asks : []];
    return untilDoneOrFrozen(history, instance, { fire, asks }, at);
  });
  const restarted = isStorageRestarted ? restartMeanwhile(history) : null;
  const done = await Promise.all([...working, thawed?.outcome ?? null, restarted]);
  const outcomes = done.filter((outcome) => outcome !== null);
  const isStruck = outcomes.some(({ killed }) => killed) || history.asleep !== null || thawed !== null;
  const asked = [...command.asks, ...(thawed?.command.asks ?? [])];
  await world.quiet();
  trace(history, at, outcomes);
  await look(history, { outcomes, asked, isStruck, isThawed: thawed !== null, isStorageRestarted });
  if (world.sick && !history.asleep && world.kills.length > 0 && dice.chance(0.01)) {
    await world.cutStoragePower();
    history.powerCuts += 1;
  }
  return outcomes;
}

/** So many processes that are awake. */
function chooseBusy({ world, dice }: History, thawed: Sleeper | null, count: number): Instance[] {
  const awake = world.instances.filter((instance) => !instance.isFrozen && instance !== thawed?.instance);
  const first = dice.below(awake.length);
  return [...awake.slice(first), ...awake.slice(0, first)].slice(0, count);
}

/** Plans the next strike; whether there is one. */
function aim({ world, dice }: History, busy: readonly Instance[], mayStrike: boolean, mayFreeze: boolean): boolean {
  // One that was to be killed at a call that it did not make is killed at the next such call; one to be frozen is not.
  for (const instance of world.instances) if (!mayStrike || instance.plan?.strike === "freeze") instance.plan = null;
  if (!mayStrike || !dice.chance(0.75)) return false;
  const victim = dice.pick(busy as [Instance, ...Instance[]]);
  victim.plan ??= aPlan(dice, mayFreeze);
  return true;
}

async function look({ world, ledger, mails, calls }: History, happening: Happening): Promise<void> {
  await ledger.look(happening);
  await mails.look(happening);
  calls.look(happening);
  for (const answer of happening.outcomes.flatMap(({ answers }) => answers))
    expectWithinTenant(answer, world.ownership);
}

/** The outcome, or `null` if the process is frozen: it owes the outcome until it is thawed. */
async function untilDoneOrFrozen(
  history: History,
  instance: Instance,
  command: Command,
  at: number,
): Promise<Outcome | null> {
  const outcome = instance.app.obey(command);
  const done = await Promise.race([outcome, instance.frozen().then(() => null)]);
  if (done === null) {
    const minutes = history.dice.pick([4, 10, 20, 40, 40]);
    history.asleep = { instance, command, outcome, until: at + minutes * minuteMs };
  }
  return done;
}

/** Thaws the frozen process if it is time, in a world whose clock has gone on. */
function thaw(history: History, at: number): Sleeper | null {
  const { asleep } = history;
  if (!asleep || at < asleep.until) return null;
  history.asleep = null;
  asleep.instance.thaw();
  return asleep;
}

/** Prints the outcomes of each step if CHAOS_TRACE is set. */
function trace({ world }: History, at: number, outcomes: readonly Outcome[]): void {
  if (!process.env.CHAOS_TRACE) return;
  const said = outcomes.map(({ answers, ...rest }) => ({ ...rest, answers: answers.map(({ status }) => status) }));
  const struck = [world.kills.at(-1), world.freezes.at(-1)];
  const seconds = Math.round(performance.now() / 100) / 10;
  process.stdout.write(`${seconds} ${new Date(at).toISOString()} ${JSON.stringify(said)} ${JSON.stringify(struck)}\n`);
}

async function restartMeanwhile(history: History): Promise<null> {
  history.storageRestarts += 1;
  await history.world.restartStorage();
  return null;
}

// ---- what people do

/** Runs with and without mail in one minute, a look at the reports, and mails sent again or cancelled. */
function someAsks({ world, ledger, dice }: History): Ask[] {
  const configured = configuredOf(world.ownership);
  const { watchlist } = dice.pick(configured as [(typeof configured)[number]]);
  const run = (mail: boolean): Ask => ({ method: "POST", path: "runs", body: { watchlist, mail } });
  const look: Ask = { method: "GET", path: `report?watchlist=${watchlist}&format=json` };
  const again = aMail(ledger.runs, dice);
  const method = dice.pick<Ask["method"]>(["POST", "POST", "DELETE"]);
  const mail: Ask[] = again
    ? [{ method, path: `runs/${again.watchlist}/${again.runId}/mail?tenant=${again.tenant}` }]
    : [];
  const runs = dice.pick([[run(false)], [run(true)], [run(false), run(true)], [run(true), run(false), run(true)], []]);
  const doctor: Ask[] = dice.chance(0.3) ? [{ method: "POST", path: "doctor" }] : [];
  return [...runs, look, ...mail, ...doctor];
}

/** A mail that was given up or is owed. */
function aMail(runs: ReadonlyMap<string, Entry>, dice: Dice): Entry["run"] | null {
  const open = [...runs.values()].filter(({ mail }) => ["refused", "cancelled", "pending"].includes(mail.status));
  const recent = open.slice(-5).map(({ run }) => run);
  return recent.length > 0 ? dice.pick(recent as [Entry["run"]]) : null;
}

/** A row that a person deletes by mistake. */
async function deleteSomeRow({ world, ledger, dice, deletedRows }: History): Promise<void> {
  const what = dice.pick(["snapshot", "snapshot", "status", "bookmark", "lease"]);
  const tenant = dice.pick(tenants);
  const place = await placeOf(what, tenant, { world, ledger, dice });
  if (!place) return;
  const [table, partitionKey, rowKey] = place;
  const isDeleted = await world.deleteRow(table, partitionKey, rowKey);
  if (process.env.CHAOS_TRACE) process.stdout.write(`deleted: ${place.join(", ")}\n`);
  if (isDeleted) deletedRows.set(what, (deletedRows.get(what) ?? 0) + 1);
}

type RowPlace = [table: string, partitionKey: string, rowKey: string];

async function placeOf(
  what: string,
  tenant: string,
  { world, ledger, dice }: Pick<History, "world" | "ledger" | "dice">,
): Promise<RowPlace | null> {
  switch (what) {
    case "status": {
      const statuses = await world.store().listStatuses();
      const [status] = statuses.length > 0 ? [dice.pick(statuses as [(typeof statuses)[number]])] : [];
      if (!status) return null;
      world.deletedStatuses.add(chainKey(status));
      return ["Watchlists", "all", `${status.tenant}|${status.watchlist}`];
    }
    case "bookmark":
      return ["Walks", tenant, "retention"];
    case "lease":
      // Its calls are forgotten with it, so only where they no longer count.
      return world.tenants[tenant as (typeof tenants)[number]].calls.some(({ at }) => at > world.now() - 2 * 3_600_000)
        ? null
        : ["Walks", tenant, "reader"];
    default: {
      const recent = [...ledger.runs.values()].slice(-4).flatMap(({ snapshots }) => [...snapshots.values()]);
      if (recent.length === 0) return null;
      const { softwareId, runId, ...snapshot } = dice.pick(recent as [(typeof recent)[number]]);
      ledger.forget({ tenant: snapshot.tenant, softwareId, runId });
      return ["Snapshots", `${snapshot.tenant}|${softwareId}`, runId];
    }
  }
}

// ---- strikes

const places: readonly [Moment["place"], ...Moment["place"][]] = [
  "Defender asked",
  "row read",
  "rows listed",
  "lease written",
  "snapshot written",
  "run committed",
  "run committed",
  "status written",
  "request or bookmark written",
  "mail status written",
  "mail about to leave",
  "mail sent",
  "mail sent",
  "message sent",
  "message received",
  "message released",
  "message deleted",
  "message poisoned",
];
/** Between an answer and what a process does with it, time passes while it is frozen. */
const freezePlaces: typeof places = [
  "Defender asked",
  "row read",
  "rows listed",
  "lease written",
  "lease written",
  "snapshot written",
  "run committed",
  "mail status written",
  "mail about to leave",
  "mail about to leave",
  "mail sent",
];
const frequent: readonly Moment["place"][] = ["row read", "rows listed", "Defender asked", "snapshot written"];

/** A third of the strikes come at random times, the others at places that a random time would seldom hit. */
function aPlan(dice: Dice, mayFreeze: boolean): Plan {
  const strike = mayFreeze && dice.chance(0.3) ? "freeze" : "kill";
  if (dice.chance(0.35)) return { strike, afterMs: dice.below(600) };
  const place = dice.pick(strike === "freeze" ? freezePlaces : places);
  const when = strike === "freeze" ? "after" : dice.pick<Moment["when"]>(["before", "after"]);
  return { strike, place, when, nth: 1 + dice.below(frequent.includes(place) ? 8 : 2) };
}

function accountOf({ world, ledger, mails, calls, ...history }: History, seed: number, days: number): Account {
  return {
    ...{ seed, days, kills: countOf(world.kills), freezes: countOf(world.freezes) },
    processes: world.instances.reduce((sum, { app }) => sum + app.starts(), 0),
    faults: { defender: history.defenderFaults, ...world.faults },
    ...{ storageRestarts: history.storageRestarts, powerCuts: history.powerCuts },
    ...{ deletedRows: Object.fromEntries(history.deletedRows), moves: history.moves },
    ...{ runs: ledger.runs.size, mails: mails.fates(), sends: mails.sends(), secondSends: mails.seconds() },
    ...{ doubts: mails.doubts, calls: calls.calls(), mostCallsPerHour: calls.most(), quota },
    givenUp: ledger.givenUp(),
  };
}

function countOf(places: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const place of places) counts[place] = (counts[place] ?? 0) + 1;
  return counts;
}
