import type { Dice } from "./dice.ts";
import { createDice } from "./dice.ts";
import type { Command, Outcome } from "./killable-app.ts";
import { keepLedger, type Ledger } from "./ledger.ts";
import { healTenant, sickenTenant } from "./sickness.ts";
import { type ChaosWorld, type Moment, type Plan, softwareIds, startChaosWorld, watchlists } from "./world.ts";

/** A summary of a history, for people. */
export interface Account {
  seed: number;
  days: number;
  kills: Readonly<Record<string, number>>;
  processes: number;
  faults: { defender: number; storage: number; mail: number };
  storageRestarts: number;
  powerCuts: number;
  runs: number;
  mails: number;
  secondMails: number;
  doubts: Ledger["doubts"];
  givenUp: readonly string[];
}

const firstDay = Date.parse("2026-01-05T05:00:00Z");
const dayMs = 86_400_000;
/** Longer than a message that a dead process had received stays hidden. */
const stepMs = 15 * 60_000;
const stepsPerDay = 40;

interface History {
  world: ChaosWorld;
  ledger: Ledger;
  dice: Dice;
  storageRestarts: number;
  powerCuts: number;
  /** How many reads of Defender were made to fail. */
  defenderFaults: number;
}

/** Plays days with faults until the app was killed this often, then two days without, and audits everything. */
export async function liveHistory(seed: number, kills: number): Promise<Account> {
  const dice = createDice(seed);
  const world = await startChaosWorld(dice);
  const history = { world, ledger: keepLedger(world), dice, storageRestarts: 0, powerCuts: 0, defenderFaults: 0 };
  try {
    let day = 0;
    for (; world.kills.length < kills; day++) await liveSickDay(history, firstDay + day * dayMs, kills);
    for (const last = day + 2; day < last; day++) await liveHealthyDay(history, firstDay + day * dayMs);
    await history.ledger.audit();
    return accountOf(history, seed, day);
  } finally {
    await world.close();
  }
}

async function liveSickDay(history: History, start: number, kills: number): Promise<void> {
  const { world, dice } = history;
  world.sick = true;
  history.defenderFaults += sickenTenant(world.tenant, softwareIds, dice);
  let fire = dice.pick([0, 1, 1, 1, 1, 1, 1, 1, 2, 2]);
  const asksAt = dice.chance(0.3) ? dice.below(2) : -1;
  for (let step = 0; step < stepsPerDay && world.kills.length < kills; step++) {
    const command: Command = { at: start + step * stepMs, fire };
    if (step === asksAt) command.ask = { watchlist: dice.pick(watchlists).name, mail: dice.chance(0.5) };
    const { killed, fired, waiting } = await obey(history, command, dice.chance(0.6) ? aPlan(dice) : null);
    // A timer that did not finish fires again once the app is back.
    if (fired) fire = 0;
    if (killed && dice.chance(0.08)) return;
    if (!killed && waiting === 0) return;
  }
}

async function liveHealthyDay(history: History, start: number): Promise<void> {
  const { world } = history;
  world.sick = false;
  healTenant(world.tenant, softwareIds);
  for (let step = 0, waiting: number | null = 1; waiting !== 0; step++) {
    if (step === stepsPerDay) throw new Error("A day without faults did not end.");
    const outcome = await obey(history, { at: start + step * stepMs, fire: step === 0 ? 1 : 0 }, null);
    if (outcome.failed.length > 0) throw new Error(`A function failed on a day without faults: ${outcome.failed[0]}`);
    waiting = outcome.waiting;
  }
}

async function obey(history: History, command: Command, plan: Plan | null): Promise<Outcome> {
  const { world, ledger, dice } = history;
  await world.turnTo(command.at);
  world.plan = plan;
  const restarting = plan === null && world.sick && dice.chance(0.04);
  const [outcome] = await Promise.all([world.app.obey(command), restarting ? restartMeanwhile(history) : null]);
  world.plan = null;
  await ledger.look(outcome, restarting);
  trace(command, outcome);
  if (world.sick && world.kills.length > 0 && dice.chance(0.01)) {
    await world.cutStoragePower();
    history.powerCuts += 1;
  }
  return outcome;
}

/** Prints the outcome of each command if CHAOS_TRACE is set. */
function trace({ at }: Command, outcome: Outcome): void {
  if (process.env.CHAOS_TRACE) process.stdout.write(`${new Date(at).toISOString()} ${JSON.stringify(outcome)}\n`);
}

async function restartMeanwhile(history: History): Promise<void> {
  history.storageRestarts += 1;
  await history.world.restartStorage();
}

const places: readonly [Moment["place"], ...Moment["place"][]] = [
  "Defender asked",
  "row read",
  "rows listed",
  "snapshot written",
  "run committed",
  "run committed",
  "mail status written",
  "mail status written",
  "mail sent",
  "mail sent",
  "message sent",
  "message received",
  "message released",
  "message deleted",
  "message poisoned",
];

/** A third of the kills come at random times, the others at places that a random time would seldom hit. */
function aPlan(dice: Dice): Plan {
  if (dice.chance(0.35)) return { afterMs: dice.below(600) };
  const place = dice.pick(places);
  const often = place === "row read" || place === "Defender asked" || place === "snapshot written";
  return { place, when: dice.pick(["before", "after"]), nth: 1 + dice.below(often ? 8 : 2) };
}

function accountOf({ world, ledger, ...history }: History, seed: number, days: number): Account {
  const mails = world.inbox.mails.map((mail) => `${mail.customArgs.watchlist} ${mail.customArgs.run_id}`);
  const kills: Record<string, number> = {};
  for (const place of world.kills) kills[place] = (kills[place] ?? 0) + 1;
  return {
    ...{ seed, days, kills, processes: world.app.starts() },
    faults: { defender: history.defenderFaults, ...world.faults },
    ...{ storageRestarts: history.storageRestarts, powerCuts: history.powerCuts },
    ...{ runs: ledger.runs.size, mails: mails.length, secondMails: mails.length - new Set(mails).size },
    ...{ doubts: ledger.doubts, givenUp: ledger.givenUp() },
  };
}
