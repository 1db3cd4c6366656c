import { isExploited } from "./advisory.ts";
import { earliest, type RunDate } from "./day.ts";
import { isKnownMissing, isOverdue } from "./due.ts";
import type { Report } from "./report.ts";
import { isMissing, type KbEntry, type KbRow } from "./row.ts";
import { createLineage, type Lineage } from "./supersedence.ts";
import { compareText } from "./text.ts";

/** A KB missing in a product, which an action closes. */
export interface Gap {
  row: KbRow;
  entry: KbEntry;
}

/** A KB to install, and what that closes. */
export interface Action {
  row: KbRow;
  /** The KB's own gaps: the products to install it in, that with most machines first. */
  installs: readonly Gap[];
  /** Gaps of KBs that it replaces, in the same products and order. */
  covers: readonly Gap[];
  /** Whether it closes a CVE known to be exploited, itself or through what it replaces. */
  exploited: boolean;
  /** The largest count of machines in one product: at least so many machines need it; `null`: unknown. */
  reach: number | null;
  /** The oldest day from which the age of one of its gaps counts. */
  since: RunDate;
}

/** What to install, most urgent first. */
export interface ActionList {
  actions: readonly Action[];
  /** Missing KBs over all products: every one is closed by exactly one action. */
  gaps: number;
}

/**
 * The fewest KBs that close every gap of a report: in each product, a KB that another listed one replaces is closed by that.
 * What is exploited comes first, then what reaches further, then what is older.
 */
export function actionList({ rows, facts }: Pick<Report, "rows" | "facts">): ActionList {
  const lineage = createLineage((id) => facts?.advisories.get(id));
  const drafts = new Map<string, Draft>();
  let gaps = 0;
  for (const product of gapsByProduct(rows).values()) {
    gaps += product.length;
    const newest = newestOf(product, lineage);
    const ends = new Set(newest);
    for (const gap of product) {
      const closes = (one: Gap) => lineage.replacedBy(one.row.id).has(gap.row.id);
      const closing = ends.has(gap) ? gap : (newest.find(closes) ?? gap);
      const draft = drafts.get(closing.row.id) ?? { row: closing.row, installs: [], covers: [] };
      (closing === gap ? draft.installs : draft.covers).push(gap);
      drafts.set(closing.row.id, draft);
    }
  }
  const actions = Array.from(drafts.values(), toAction).sort(compareActions);
  return { actions, gaps };
}

interface Draft {
  row: KbRow;
  installs: Gap[];
  covers: Gap[];
}

function gapsByProduct(rows: readonly KbRow[]): Map<string, Gap[]> {
  const byProduct = new Map<string, Gap[]>();
  for (const row of rows) {
    for (const entry of row.entries) {
      if (!isMissing(entry)) continue;
      const others = byProduct.get(entry.softwareId);
      if (others) others.push({ row, entry });
      else byProduct.set(entry.softwareId, [{ row, entry }]);
    }
  }
  return byProduct;
}

/** The gaps of a product that no listed KB closes but their own; of several that close another, the one on most machines does. */
function newestOf(product: readonly Gap[], lineage: Lineage): Gap[] {
  const replaced = new Set(product.flatMap(({ row }) => [...lineage.replacedBy(row.id)]));
  return product.filter(({ row }) => !replaced.has(row.id)).sort(compareGaps);
}

function compareGaps(a: Gap, b: Gap): number {
  return (
    machinesOf(b) - machinesOf(a) ||
    compareText(a.row.id, b.row.id) ||
    compareText(a.entry.softwareId, b.entry.softwareId)
  );
}

function machinesOf({ entry }: Gap): number {
  return entry.current?.machineMissedOn ?? -1;
}

function toAction(draft: Draft): Action {
  const { row } = draft;
  const [installs, covers] = [draft.installs.sort(compareGaps), draft.covers.sort(compareGaps)];
  const all = [...installs, ...covers];
  const most = Math.max(...installs.map(machinesOf));
  return {
    ...{ row, installs, covers },
    exploited: all.some((gap) => isExploited(gap.row)),
    reach: most < 0 ? null : most,
    since: earliest(all.map(({ entry }) => entry.since)),
  };
}

function compareActions(a: Action, b: Action): number {
  return (
    Number(b.exploited) - Number(a.exploited) ||
    (b.reach ?? -1) - (a.reach ?? -1) ||
    compareText(a.since, b.since) ||
    compareText(a.row.id, b.row.id)
  );
}

/** How many gaps the first `count` actions close. */
export function closedBy(actions: readonly Action[]): number {
  return actions.reduce((sum, { installs, covers }) => sum + installs.length + covers.length, 0);
}

/** The actions that close gaps of one KB, each perhaps in other products. */
export function actionsFor({ actions }: ActionList, kbId: string): Action[] {
  return actions.filter(({ installs, covers }) => [...installs, ...covers].some(({ row }) => row.id === kbId));
}

/** How many gaps of an action are overdue on `day`. */
export function overdueGaps({ installs, covers }: Action, day: RunDate): number {
  return [...installs, ...covers].filter(({ entry }) => isOverdue(entry, day)).length;
}

/** Whether an action is known to be needed: some product that was read misses it. */
export function isKnownNeeded({ installs }: Action): boolean {
  return installs.some(({ entry }) => isKnownMissing(entry));
}
