import { dayMs, dayNumber, monthOf, patchTuesday } from "./days.ts";
import {
  type EstateProduct,
  estateProducts,
  type OtherProduct,
  otherProducts,
  places,
  type Update,
  updatesOf,
} from "./estate-products.ts";

export interface EstateOptions {
  /** Each seed makes another organisation. */
  seed: number;
  /** The day, such as `2026-11-23`, whose report shows every kind of change. */
  today: string;
}

/** A missing KB as Defender sends it: anything may be null. */
export interface DefenderKb {
  id: string | null;
  name: string | null;
  productsNames: readonly string[] | null;
  url: string | null;
  machineMissedOn: number | null;
  cveAddressed: number | null;
}

/** Defender's Software entity. */
export interface DefenderSoftware {
  id: string;
  name: string;
  vendor: string;
  weaknesses: number;
  publicExploit: boolean;
  activeAlert: boolean;
  installedMachines: number;
  exposedMachines: number;
  impactScore: number;
}

/** What goes wrong with the reads of one product on one day: the statuses of the first tries, and whether it lasts all day. */
interface Trouble {
  statuses: readonly number[];
  allDay: boolean;
}

/** What a simulated tenant knows of its machines. Days are written `2026-11-23`. */
export interface Estate {
  softwareIds: readonly string[];
  /** The product to add to a watchlist today, so that the report shows a baseline. */
  addedToday: string;
  /** `null`: the organisation does not have this product. */
  software(softwareId: string, day: string): DefenderSoftware | null;
  /** All products of the organisation, also those that nobody watches. */
  inventory(day: string): readonly DefenderSoftware[];
  missingKbs(softwareId: string, day: string): readonly DefenderKb[];
  trouble(softwareId: string, day: string): Trouble;
}

/**
 * An organisation of about 600 machines. What it misses depends only on the seed and the day, and on `today` for the
 * small story that today's report shows.
 */
export function createEstate({ seed, today }: EstateOptions): Estate {
  const draw = createDraw(seed);
  const organisation = foundOrganisation(draw);
  const todayNumber = dayNumber(today);
  const find = (softwareId: string) => estateProducts.find(({ id }) => id === softwareId);

  const naturalOn = (product: EstateProduct, day: number): Counted[] => {
    const updates = organisation.updatesOf(product);
    const natural = updates.flatMap((update) => countUpdate(organisation, product, update, day));
    return [...natural, ...storyUpdates(product.id, day - todayNumber, day)];
  };
  const countsOn = (product: EstateProduct, day: number): Counted[] => {
    const counts = naturalOn(product, day);
    return day === todayNumber ? changeToday(organisation, product.id, counts, naturalOn(product, day - 1)) : counts;
  };

  const software: Estate["software"] = (softwareId, day) => {
    const product = find(softwareId);
    const number = dayNumber(day);
    if (product) return describeProduct(organisation, product, countsOn(product, number), number);
    const other = otherProducts.find(({ id }) => id === softwareId);
    return other ? describeOther(other) : null;
  };

  return {
    softwareIds: estateProducts.map(({ id }) => id),
    addedToday: "microsoft-_-exchange_server_2019",
    software,
    inventory: (day) => [...estateProducts, ...otherProducts].flatMap(({ id }) => software(id, day) ?? []),
    missingKbs(softwareId, day) {
      const product = find(softwareId);
      if (!product) return [];
      const number = dayNumber(day);
      const kbs = countsOn(product, number).map((counted) => describeKb(organisation, product, counted));
      return isStoryTime(number - todayNumber) ? kbs : addOddities(draw, product, kbs, number);
    },
    trouble: (softwareId, day) => troubleOn(draw, softwareId, dayNumber(day), todayNumber),
  };
}

// ---- names

const monthAndYear = new Intl.DateTimeFormat("en-US", { month: "long", year: "numeric", timeZone: "UTC" });

function bundleName(day: number): string {
  return `${monthAndYear.format(day * dayMs)} Security Updates`;
}

// ---- chance

/** A number from 0 up to, but not including, 1: always the same for the same purpose and keys. */
type Draw = (purpose: Purpose, a?: number, b?: number, c?: number) => number;

const purposes = {
  life: 1,
  joined: 2,
  build: 3,
  delay: 4,
  fails: 5,
  relapse: 6,
  cve: 7,
  address: 8,
  noAddress: 9,
  products: 10,
  unknown: 11,
  repeat: 12,
  unusable: 13,
  trouble: 14,
};
type Purpose = keyof typeof purposes;

function createDraw(seed: number): Draw {
  const start = mix(0x9e3779b9, seed);
  return (purpose, a = 0, b = 0, c = 0) => {
    const hash = mix(mix(mix(mix(start, purposes[purpose]), a), b), c);
    return ((hash ^ (hash >>> 15)) >>> 0) / 2 ** 32;
  };
}

function mix(hash: number, key: number): number {
  const mixed = Math.imul(hash ^ key ^ (hash >>> 15), 0x2c1b3c6d);
  return Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39);
}

// ---- machines and their updates

/** Room for one machine at a time. */
interface Place {
  number: number;
  /** How many days a machine lives here, and by how many days its first one was late. */
  life: number;
  shift: number;
  /** From 0 up to, but not including, 1: which of a product's builds its machines run. */
  build: number;
}

interface Organisation {
  draw: Draw;
  updatesOf(product: EstateProduct): readonly Update[];
  /** The products that a KB updates: more than one if they share builds. */
  productsOf(id: string): readonly EstateProduct[];
  placesOf(product: EstateProduct): readonly Place[];
}

function foundOrganisation(draw: Draw): Organisation {
  const all = Array.from({ length: places }, (_, number): Place => {
    const life = 500 + Math.floor(draw("life", number) * 700);
    return { number, life, shift: Math.floor(draw("joined", number) * life), build: draw("build", number) ** 1.3 };
  });
  const having = estateProducts.map((product) => all.filter(({ number }) => product.isInstalled(number)));
  const updates = new Map(estateProducts.map((product) => [product, updatesOf(product)]));
  const byUpdate = new Map<string, EstateProduct[]>();
  for (const [product, own] of updates) {
    for (const { id } of own) byUpdate.set(id, [...(byUpdate.get(id) ?? []), product]);
  }
  return {
    draw,
    updatesOf: (product) => updates.get(product) ?? [],
    productsOf: (id) => byUpdate.get(id) ?? [],
    placesOf: (product) => having[estateProducts.indexOf(product)] ?? [],
  };
}

/** An update with its counts for one product on one day. */
interface Counted {
  id: string;
  /** The day it was released. */
  released: number;
  machines: number;
  cves: number;
}

/** The update's latest release as of that day, if machines still miss it. */
function countUpdate(organisation: Organisation, product: EstateProduct, update: Update, day: number): Counted[] {
  const { draw } = organisation;
  const monthsSince = (((monthOf(day) - update.month) % 12) + 12) % 12;
  const month = monthOf(day) - monthsSince;
  // Before this month's Patch Tuesday the last release was a year ago, and is superseded.
  const released = patchTuesday(month);
  const age = day - released;
  // It is released in the evening and on no list before the next day.
  if (age < 1 || age > listedUntil(product, update, month, released)) return [];
  const number = Number(update.id);
  if (isAway(draw, number, month, age)) return [];
  const machines = countMachines(organisation, product, update, { month, released, day });
  return machines === 0 ? [] : [{ id: update.id, released, machines, cves: cvesAt(draw, update, month, age) }];
}

/** The age at which an update is last listed. */
function listedUntil(product: EstateProduct, update: Update, month: number, released: number): number {
  if (!product.dropsReplaced || !update.isReplacedNextMonth) return product.supersededAfter;
  return Math.min(product.supersededAfter, patchTuesday(month + 1) - released);
}

/** Some updates seem to be installed everywhere, are rolled back, and are then missing again. */
function isAway(draw: Draw, number: number, month: number, age: number): boolean {
  return age >= 22 && age <= 27 && draw("relapse", number, month) < 0.08;
}

/** Advisories are revised: some updates turn out to address more CVEs than was first reported. */
function cvesAt(draw: Draw, update: Update, month: number, age: number): number {
  const chance = draw("cve", Number(update.id), month);
  const found = chance < 0.3 ? 1 + Math.floor(chance * 10) : 0;
  return update.cves + (age >= 12 ? found : 0);
}

interface Wave {
  month: number;
  released: number;
  day: number;
}

function countMachines({ draw, placesOf }: Organisation, product: EstateProduct, update: Update, wave: Wave): number {
  return placesOf(product).filter((place) => misses(draw, product, update, wave, place)).length;
}

function misses(draw: Draw, product: EstateProduct, update: Update, wave: Wave, place: Place): boolean {
  if (product.onePerMachine && buildOf(place, update.of) !== update.index) return false;
  const machine = machineAt(place, wave.day);
  // A new machine comes with an image without the last two months of updates.
  if (!machine || wave.released < machine.joined - 60) return false;
  const start = Math.max(wave.released, machine.joined);
  const delay = patchDelay(draw, product, update, wave.month, place.number * 10_000 + machine.generation);
  return wave.day < start + delay;
}

/** Most machines have the first build. */
function buildOf(place: Place, builds: number): number {
  return Math.floor(place.build * builds);
}

// Longer than the life of any update.
const never = 1_000;

/** Days until a machine has an update: a pilot ring, then the majority, the slow and the forgotten. */
function patchDelay(draw: Draw, product: EstateProduct, update: Update, month: number, machine: number): number {
  const fails = product.stalled?.includes(update.id) ?? false;
  if (fails && draw("fails", Number(update.id), month, machine) < 0.9) return never;
  const chance = draw("delay", month, machine);
  const within = (from: number, to: number, share: number) => (from + (to - from) * share) * product.slowness;
  if (chance < 0.1) return within(1, 4, chance / 0.1);
  if (chance < 0.7) return within(4, 15, (chance - 0.1) / 0.6);
  if (chance < 0.93) return within(15, 41, (chance - 0.7) / 0.23);
  if (chance < 0.985) return within(41, 110, (chance - 0.93) / 0.055);
  return never;
}

/** The machine in a place that day. Machines join, stay for years and leave; then the place is empty for a week. */
function machineAt({ life, shift }: Place, day: number): { generation: number; joined: number } | null {
  const generation = Math.floor((day + shift) / life);
  const age = day + shift - generation * life;
  return age < life - 7 ? { generation, joined: day - age } : null;
}

// ---- today's story

/** Updates outside the waves: real out-of-band releases, and one that lingers. `listedFrom` counts from today. */
export const story = {
  new: { softwareId: "microsoft-_-windows_server_2022", id: "5070884", cves: 1, listedFrom: 0 },
  returned: { softwareId: "microsoft-_-windows_server_2012_r2", id: "5070886", cves: 1, listedFrom: -20 },
  resolved: { softwareId: "microsoft-_-office_2016", id: "5002700", cves: 7, listedFrom: -25 },
  worsened: { softwareId: "microsoft-_-windows_11" },
  improved: { softwareId: "microsoft-_-windows_10" },
  notRead: { softwareId: "microsoft-_-sql_server_2019", forDays: 3 },
} as const;

// On these days answers have no oddities and reads succeed: either could hide a part of the story.
function isStoryTime(daysFromToday: number): boolean {
  return daysFromToday >= -4 && daysFromToday <= 0;
}

/** The story's own updates of a product, this many days from today. */
function storyUpdates(softwareId: string, daysFromToday: number, day: number): Counted[] {
  const today = day - daysFromToday;
  const counted: Counted[] = [];
  const add = (part: { softwareId: string; id: string; cves: number }, released: number, machines: number) => {
    if (part.softwareId === softwareId) counted.push({ id: part.id, released, machines, cves: part.cves });
  };
  if (daysFromToday >= story.new.listedFrom) add(story.new, today, 41);
  const wasAway = daysFromToday >= -3 && daysFromToday <= -1;
  if (daysFromToday >= story.returned.listedFrom && !wasAway) add(story.returned, today - 21, 11);
  if (daysFromToday >= story.resolved.listedFrom && daysFromToday < 0) {
    add(story.resolved, today - 26, 2 - Math.ceil(daysFromToday / 2));
  }
  return counted;
}

/** Makes something worse, and something better, today than yesterday. */
function changeToday(
  { productsOf }: Organisation,
  softwareId: string,
  today: readonly Counted[],
  yesterday: readonly Counted[],
): Counted[] {
  const before = new Map(yesterday.map((counted) => [counted.id, counted]));
  const isWorse = softwareId === story.worsened.softwareId;
  if (!isWorse && softwareId !== story.improved.softwareId) return [...today];
  // Not a KB that several products share: better for one and worse for another is reported as worse.
  const [chosen] = today
    .filter(({ id }) => before.has(id) && productsOf(id).length === 1)
    .sort((a, b) => (before.get(b.id)?.machines ?? 0) - (before.get(a.id)?.machines ?? 0));
  const old = chosen && before.get(chosen.id);
  if (!old) return [...today];
  const changed = isWorse
    ? { ...old, machines: old.machines + 14, cves: old.cves + 1 }
    : { ...old, machines: Math.max(1, Math.min(chosen.machines, old.machines - 3)) };
  return today.map((counted) => (counted.id === chosen.id ? changed : counted));
}

// ---- Defender's answers

function describeKb(organisation: Organisation, product: EstateProduct, counted: Counted): DefenderKb {
  const { draw, productsOf } = organisation;
  const { id, released, machines, cves } = counted;
  const number = Number(id);
  const products = productsOf(id).map(({ name }) => name);
  const address =
    draw("address", number) < 0.5
      ? `https://support.microsoft.com/kb/${id}`
      : `https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB${id}`;
  return {
    id,
    name: bundleName(released),
    productsNames: draw("products", number) < 0.04 ? null : products.length > 0 ? products : [product.name],
    url: draw("noAddress", number) < 0.04 ? null : address,
    machineMissedOn: machines,
    cveAddressed: cves,
  };
}

/** Adds what an answer sometimes has: a null count, a repeated id, an item without an id. */
function addOddities(draw: Draw, product: EstateProduct, kbs: readonly DefenderKb[], day: number): DefenderKb[] {
  const index = estateProducts.indexOf(product);
  const answer = kbs.map((kb) => {
    const chance = draw("unknown", index, Number(kb.id), day);
    if (chance < 0.006) return { ...kb, machineMissedOn: null };
    return chance < 0.012 ? { ...kb, cveAddressed: null } : kb;
  });
  const [first] = answer;
  if (first && draw("repeat", index, day) < 0.06) {
    answer.push({ ...first, productsNames: [], machineMissedOn: Math.floor((first.machineMissedOn ?? 0) / 2) });
  }
  if (first && draw("unusable", index, day) < 0.04) {
    answer.push({ id: null, name: null, productsNames: null, url: null, machineMissedOn: 1, cveAddressed: null });
  }
  return answer;
}

function describeProduct(
  { placesOf }: Organisation,
  product: EstateProduct,
  counted: readonly Counted[],
  day: number,
): DefenderSoftware {
  const installedMachines = placesOf(product).filter((place) => machineAt(place, day)).length;
  const selfUpdating = product.waves.length === 0;
  const exposedMachines = selfUpdating ? Math.floor(installedMachines / 3) : Math.max(0, ...machinesOf(counted));
  return {
    id: product.id,
    name: product.name,
    vendor: "microsoft",
    weaknesses: selfUpdating ? 9 + (day % 7) : counted.reduce((most, { cves }) => Math.max(most, cves), 0),
    publicExploit: counted.some(({ cves }) => cves > 90),
    activeAlert: false,
    installedMachines,
    exposedMachines,
    impactScore: Math.round((exposedMachines / places) * 1000) / 100,
  };
}

function describeOther({ id, weaknesses, machines }: OtherProduct): DefenderSoftware {
  const [vendor = "", name = ""] = id.split("-_-");
  const exposedMachines = weaknesses === 0 ? 0 : machines;
  const impactScore = Math.round((exposedMachines / places) * 1000) / 100;
  const flags = { publicExploit: weaknesses > 20, activeAlert: false };
  return { id, name, vendor, weaknesses, ...flags, installedMachines: machines, exposedMachines, impactScore };
}

function machinesOf(counted: readonly Counted[]): number[] {
  return counted.map(({ machines }) => machines);
}

const faults = [[404], [404, 404], [500], [429]];

function troubleOn(draw: Draw, softwareId: string, day: number, today: number): Trouble {
  const daysAgo = today - day;
  if (softwareId === story.notRead.softwareId) {
    if (daysAgo >= 0 && daysAgo < story.notRead.forDays) return { statuses: [500], allDay: true };
    if (daysAgo > 5 && day % 12 === 5) return { statuses: [404], allDay: true };
  }
  const index = estateProducts.findIndex(({ id }) => id === softwareId);
  const chance = draw("trouble", index, day);
  const statuses = chance < 0.03 ? (faults[Math.floor((chance / 0.03) * faults.length)] ?? []) : [];
  return { statuses: isStoryTime(-daysAgo) ? [] : statuses, allDay: false };
}
