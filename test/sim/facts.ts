import { isMissing, worseKinds } from "../oracle/figures.ts";
import { worstFirst } from "../oracle/order.ts";
import type { Entry, OracleReport, Product, Totals } from "../oracle/types.ts";
import { readCsv } from "../support/read-csv.ts";

/** What one reader can see of a report: facts that are absent are not said, those that are null are said to be unknown. */
export interface Facts {
  /** Where they are from, for failures. */
  source: string;
  /** Whether an entry that is not in it is said not to exist. */
  isComplete: boolean;
  /** By `softwareId kb`. */
  entries: Map<string, EntryFacts>;
  /** Of the entries of one kind of one KB, by `kb kind`. */
  figures: Map<string, FigureFacts>;
  /** The kind of each KB. */
  rows: Map<string, string>;
  totals: Partial<Totals>;
  /** By software id. */
  products: Map<string, ProductFacts>;
  /** What is known of each KB. */
  kbs: Map<string, KbFacts>;
  /** The KBs in the order of the report. */
  order: readonly string[] | null;
}

/** What MSRC and CISA know of a KB. */
export interface KbFacts {
  advisory?: Fact;
  released?: Fact;
  exploited?: Fact;
}

export type Fact = string | number | boolean | null | undefined;

/** One KB of one product. */
export interface EntryFacts {
  kind?: Fact;
  why?: Fact;
  machines?: Fact;
  cves?: Fact;
  machinesBefore?: Fact;
  cvesBefore?: Fact;
  firstSeen?: Fact;
  ageDays?: Fact;
  overdueDays?: Fact;
  stalled?: Fact;
  peak?: Fact;
  isRead?: Fact;
  since?: Fact;
  dueOn?: Fact;
  replaces?: Fact;
  replacedBy?: Fact;
}

/** Figures beside a row's kind. */
export interface FigureFacts {
  why?: Fact;
  reach?: Fact;
  cves?: Fact;
  firstSeen?: Fact;
  since?: Fact;
  dueOn?: Fact;
  ageDays?: Fact;
  overdueDays?: Fact;
  stalled?: Fact;
  exploited?: Fact;
}

/** One product of a report. */
export interface ProductFacts {
  state?: Fact;
  baseline?: Fact;
  unknownId?: Fact;
  leftInventory?: Fact;
  differed?: Fact;
  missingKbs?: Fact;
  missingInstalls?: Fact;
}

/** No facts yet. */
export function noFacts(source: string, isComplete: boolean): Facts {
  return {
    ...{ source, isComplete, totals: {}, order: null },
    ...{ entries: new Map(), figures: new Map(), rows: new Map(), products: new Map(), kbs: new Map() },
  };
}

/** What the oracle says. */
export function oracleFacts(report: Pick<OracleReport, "entries" | "products" | "rows" | "totals">): Facts {
  const facts = noFacts("rules", true);
  const byKb = Map.groupBy(report.entries, kbOf);
  for (const entry of report.entries) facts.entries.set(`${entry.softwareId} ${kbOf(entry)}`, ofEntry(entry));
  const exploitedKbs = new Set(report.rows.filter((row) => row.exploitedCves.length > 0).map(kbOf));
  for (const [kb, entries] of byKb) {
    const exploited = exploitedKbs.has(kb);
    for (const [kind, own] of Map.groupBy(entries, (entry) => entry.kind)) {
      facts.figures.set(`${kb} ${kind}`, { ...ofEntries(own), exploited });
    }
    const overdue = entries.filter(({ kind, overdueDays }) => overdueDays > 0 && !worseKinds.includes(kind));
    const [worst] = overdue.sort((one, other) => worstFirst.indexOf(one.kind) - worstFirst.indexOf(other.kind));
    const own = overdue.filter(({ kind }) => kind === worst?.kind);
    if (own.length > 0) facts.figures.set(`${kb} overdue`, { ...ofEntries(own), exploited, stalled: undefined });
  }
  for (const row of report.rows) {
    const { advisory, released, exploitedCves } = row;
    facts.rows.set(kbOf(row), row.kind);
    facts.kbs.set(kbOf(row), { advisory, released, exploited: exploitedCves.join("; ") });
  }
  facts.order = report.rows.map(kbOf);
  for (const product of report.products) {
    const entries = report.entries.filter(({ softwareId }) => softwareId === product.softwareId);
    facts.products.set(product.softwareId, ofProduct(product, entries));
  }
  facts.totals = report.totals;
  return facts;
}

/** A KB's id as the app writes it: what is not a number has its name beside it. */
export function kbOf({ id, name }: Pick<Entry, "id" | "name">): string {
  return /^\d+$/.test(id) || name === "" ? id : `${id} (${name})`;
}

function ofEntry(entry: Entry): EntryFacts {
  const { kind, current, previous, firstSeen, ageDays, overdueDays, stalled, peak } = entry;
  return {
    ...{ kind, why: reasons(entry.why), firstSeen, ageDays, overdueDays, stalled, peak },
    ...{ machines: current?.machines ?? null, cves: current?.cves ?? null },
    ...{ machinesBefore: previous?.machines ?? null, cvesBefore: previous?.cves ?? null },
    ...{ since: entry.since, dueOn: entry.dueOn, replacedBy: entry.replacedBy, replaces: sorted(entry.replaces) },
    isRead: kind !== "not-read",
  };
}

function sorted(keys: readonly string[]): string {
  return [...keys].sort().join(" ");
}

/** The app does not say which of the two counts is known for the first time. */
function reasons(why: readonly string[]): string {
  return [...new Set(why.map((reason) => reason.replace(/^(machines|cves)-known$/, "now-known")))].sort().join(";");
}

function ofEntries(entries: readonly Entry[]): FigureFacts {
  const counts = entries.map(({ current, previous }) => current ?? previous);
  return {
    why: reasons(entries.flatMap(({ why }) => why)),
    reach: largest(counts.map((one) => one?.machines ?? null)),
    cves: largest(counts.map((one) => one?.cves ?? null)),
    firstSeen: entries.map((entry) => entry.firstSeen).sort()[0],
    since: entries.map((entry) => entry.since).sort()[0],
    dueOn: entries.map((entry) => entry.dueOn).sort()[0],
    ageDays: largest(entries.map((entry) => entry.ageDays)),
    overdueDays: largest(entries.map((entry) => entry.overdueDays)),
    stalled: entries.some((entry) => entry.stalled),
  };
}

function largest(counts: readonly (number | null)[]): number | null {
  const known = counts.filter((count) => count !== null);
  return known.length > 0 ? Math.max(...known) : null;
}

function ofProduct(product: Product, entries: readonly Entry[]): ProductFacts {
  const { state, baseline, unknownId, leftInventory, differed } = product;
  const missing = entries.filter(isMissing);
  const missingInstalls = missing.reduce((sum, { current }) => sum + (current?.machines ?? 0), 0);
  return { state, baseline, unknownId, leftInventory, differed, missingKbs: missing.length, missingInstalls };
}

interface JsonReport {
  runId: string;
  previousRunId: string | null;
  day: string;
  totals: Totals;
  products: (ProductFacts & { softwareId: string })[];
  rows: JsonRow[];
  newerRuns: string[];
}

interface JsonRow {
  id: string;
  change: string;
  why: string[];
  machineMissedOn: number | null;
  cveAddressed: number | null;
  firstSeen: string;
  ageDays: number;
  overdueDays: number;
  stalled: boolean;
  since: string;
  dueOn: string;
  advisoryState: string;
  advisory: { released: string; exploited: { cve: string }[] } | null;
  entries: JsonEntry[];
}

interface JsonEntry
  extends Omit<JsonRow, "id" | "entries" | "machineMissedOn" | "cveAddressed" | "advisoryState" | "advisory"> {
  replaces: string[];
  replacedBy: string | null;
  softwareId: string;
  current: JsonCounts | null;
  previous: JsonCounts | null;
  peakMachineMissedOn: number | null;
}

type JsonCounts = Pick<JsonRow, "machineMissedOn" | "cveAddressed">;

/** A report's JSON. */
export function jsonFacts({ totals, products, rows }: JsonReport): Facts {
  const facts = noFacts("JSON", true);
  facts.totals = totals;
  for (const { softwareId, state, baseline, unknownId, leftInventory, differed, ...missing } of products) {
    const { missingKbs, missingInstalls } = missing;
    const said = { state, baseline, unknownId, leftInventory, differed, missingKbs, missingInstalls };
    facts.products.set(softwareId, said);
  }
  for (const row of rows) {
    facts.rows.set(row.id, row.change);
    facts.figures.set(`${row.id} ${row.change}`, {
      ...{ why: reasons(row.why), reach: row.machineMissedOn, cves: row.cveAddressed, firstSeen: row.firstSeen },
      ...{ ageDays: row.ageDays, overdueDays: row.overdueDays, stalled: row.stalled },
      ...{ since: row.since, dueOn: row.dueOn, exploited: (row.advisory?.exploited.length ?? 0) > 0 },
    });
    facts.kbs.set(row.id, {
      ...{ advisory: row.advisoryState, released: row.advisory?.released ?? null },
      exploited: cvesIn(row.advisory?.exploited.map(({ cve }) => cve) ?? []),
    });
    for (const entry of row.entries) facts.entries.set(`${entry.softwareId} ${row.id}`, ofJsonEntry(entry));
  }
  facts.order = rows.map(({ id }) => id);
  return facts;
}

/** Each reader has exploited CVEs in an order of its own. */
function cvesIn(cves: readonly string[]): string {
  return [...cves].sort().join("; ");
}

function ofJsonEntry(entry: JsonEntry): EntryFacts {
  const { change: kind, why, current, previous, firstSeen, ageDays, overdueDays, stalled } = entry;
  return {
    ...{ kind, why: reasons(why), firstSeen, ageDays, overdueDays, stalled, peak: entry.peakMachineMissedOn },
    ...{ machines: current?.machineMissedOn ?? null, cves: current?.cveAddressed ?? null },
    ...{ machinesBefore: previous?.machineMissedOn ?? null, cvesBefore: previous?.cveAddressed ?? null },
    ...{ since: entry.since, dueOn: entry.dueOn, replacedBy: entry.replacedBy, replaces: sorted(entry.replaces) },
    isRead: kind !== "not-read",
  };
}

/** A report's CSV; also the one attached to a mail. */
export function csvFacts(csv: string): Facts {
  const facts = noFacts("CSV", true);
  const [head = [], ...lines] = readCsv(csv.replace(/^\ufeff/, ""));
  for (const line of lines) {
    const cells = Object.fromEntries(head.map((name, index) => [name, line[index] ?? ""]));
    facts.entries.set(`${cells.softwareId} ${cells.id}`, ofCells(cells));
    facts.kbs.set(cells.id ?? "", {
      ...{ advisory: cells.advisoryState, released: cells.released || null },
      exploited: cvesIn((cells.exploitedCves ?? "").split("; ").filter(Boolean)),
    });
  }
  facts.order = [...new Set(lines.map((line) => line[head.indexOf("id")] ?? ""))];
  return facts;
}

function ofCells(cells: Readonly<Record<string, string>>): EntryFacts {
  const count = (name: string) => (cells[name] === "" ? null : Number(cells[name]));
  return {
    ...{ kind: cells.change, why: reasons((cells.why ?? "").split("; ").filter(Boolean)), firstSeen: cells.firstSeen },
    ...{ machines: count("machineMissedOn"), cves: count("cveAddressed") },
    ...{ machinesBefore: count("previousMachineMissedOn"), cvesBefore: count("previousCveAddressed") },
    ...{ ageDays: count("ageDays"), overdueDays: count("overdueDays"), peak: count("peakMachineMissedOn") },
    ...{ stalled: cells.stalled === "true", isRead: cells.change !== "not-read" },
    ...{ since: cells.since, dueOn: cells.dueOn, replacedBy: cells.replacedBy || null },
  };
}

/** How readers see what programs name by id. */
export interface Names {
  /** Software ids by what they are called. */
  labels: ReadonlyMap<string, string>;
  /** Ids of KBs. */
  kbs: ReadonlySet<string>;
}

interface HistoryRun extends Totals {
  runId: string;
}

/** The totals of each run of a history, and where its JSON and its CSV disagree. */
export function historyFacts(
  json: string,
  csv: string,
): { runs: { runId: string; totals: Facts }[]; disagreements: string[] } {
  const { runs }: { runs: HistoryRun[] } = JSON.parse(json);
  const [head = [], ...lines] = readCsv(csv.replace(/^\ufeff/, ""));
  const found = lines.flatMap((line, index) => {
    const run = { ...runs[index], run: runs[index]?.runId } as Record<string, unknown>;
    return head.flatMap((name, at) =>
      String(run[name]) === line[at] ? [] : [`${line[0]} ${name}: JSON ${run[name]}, CSV ${line[at]}`],
    );
  });
  return {
    runs: runs.map((run) => {
      const { new: isNew, worsened, returned, moreCves, improved, resolved, replaced, ...others } = run;
      const { missingKbs, missingInstalls, overdue, stalled, exploited, read, notRead, baseline } = others;
      const totals = {
        ...{ new: isNew, worsened, returned, moreCves, improved, resolved, replaced, missingKbs },
        ...{ missingInstalls, overdue, stalled, exploited, read, notRead, baseline },
      };
      return { runId: run.runId, totals: { ...noFacts("history", false), totals } };
    }),
    disagreements: runs.length === lines.length ? found : [...found, "JSON and CSV have different runs"],
  };
}
