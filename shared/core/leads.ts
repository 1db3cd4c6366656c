import { isExploited } from "./advisory.ts";
import { larger } from "./counts.ts";
import { betterKinds, type changeKinds, changeOf, leadEntry, mostUrgentFirst, reach, worseKinds } from "./due.ts";

import { type KbEntry, type KbRow, narrow, ownEntries } from "./row.ts";

type ChangedKind = (typeof changeKinds)[number];

/** What a subject or a headline says of one kind of change; every figure is of entries of that kind. */
export interface Lead {
  kind: ChangedKind;
  /** The KBs, each with the entries of that kind alone, the most urgent first. */
  rows: readonly KbRow[];
  /** The largest count of machines of any one product; of resolved ones, what was last reported. */
  reach: number | null;
  /** The largest rise in machines, or for what got better the largest fall; `null` where none is known. */
  change: number | null;
}

/** What got worse, the worst kind first. */
export function worseLeads(rows: readonly KbRow[]): Lead[] {
  return leadsOf(rows, worseKinds);
}

/** KBs that got worse and close an exploited CVE: one lead for each, the worst first. */
export function exploitedLeads(rows: readonly KbRow[]): Lead[] {
  const leads = worseLeads(rows.filter(isExploited)).flatMap((lead) =>
    lead.rows.flatMap((row) => leadsOf([row], [lead.kind])),
  );
  // A KB may be new in one product and worse in another.
  const named = new Set<string | undefined>();
  return leads.filter(({ rows: [row] }) => !named.has(row?.id) && named.add(row?.id));
}

/** What got better or is resolved. */
export function betterLeads(rows: readonly KbRow[]): Lead[] {
  return leadsOf(rows, betterKinds);
}

function leadsOf(all: readonly KbRow[], kinds: readonly ChangedKind[]): Lead[] {
  return kinds.flatMap((kind) => {
    const rows = rowsOfKind(all, kind);
    if (rows.length === 0) return [];
    const changes = rows.flatMap(({ entries }) => entries.map(machinesMoved));
    return { kind, rows, reach: rows.map(reach).reduce(larger), change: changes.reduce(larger) };
  });
}

function machinesMoved(entry: KbEntry): number | null {
  const change = changeOf(entry, "machineMissedOn");
  if (entry.kind === "worsened") return change !== null && change > 0 ? change : null;
  return entry.kind === "improved" && change !== null && change < 0 ? -change : null;
}

/** The most machines by which one of a row's own entries rose, or fell; 0 where none did, or it is not known. */
export function movedBy(row: KbRow): number {
  return ownEntries(row).map(machinesMoved).reduce(larger, null) ?? 0;
}

/** Of a row's own entries the one whose machines rose, or fell, most; where none did, the one that reaches furthest. */
export function movedMost(row: KbRow): KbEntry | undefined {
  const most = ownEntries(row).map(machinesMoved).reduce(larger, null);
  return most === null ? leadEntry(row) : ownEntries(row).find((entry) => machinesMoved(entry) === most);
}

/** The KBs with entries of one kind, each with those entries alone, the most urgent first. */
export function rowsOfKind(rows: readonly KbRow[], kind: KbEntry["kind"]): KbRow[] {
  return mostUrgentFirst(narrow(rows, (entry) => entry.kind === kind));
}
