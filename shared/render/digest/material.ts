import { type ActionList, actionList } from "../../core/action-list.ts";
import type { RunDate } from "../../core/day.ts";
import { type Overdue, overdueRows } from "../../core/due.ts";
import type { Undelivered } from "../../core/mail.ts";
import { type Outline, outlineOf } from "../../core/outline.ts";
import type { Report } from "../../core/report.ts";
import type { KbRow } from "../../core/row.ts";
import { scheduledRunId } from "../../core/run-id.ts";
import type { SinceDigest } from "../../core/since.ts";
import { listed, type RenderOptions } from "../words.ts";

/** A report sorted for its digest: the same however much of it is shown, so it is sorted once. */
export interface Material {
  report: Report;
  options: RenderOptions;
  /** The day of the next report; `null` where it is not known. */
  next: RunDate | null;
  /** Each KB with all of its entries, by id. */
  rowsById: ReadonlyMap<string, KbRow>;
  overdue: Overdue;
  actions: ActionList;
  outline: Outline;
  /** What happened since the last digest; `null` where there was none before, or no run in between. */
  since: SinceDigest | null;
  /** Digests that were refused since the last one that was sent, and whether there was one. */
  undelivered: Undelivered;
}

const allDelivered: Undelivered = { digests: [], more: 0, isFirst: false };

/** A report's material. */
export function gather(
  report: Report,
  options: RenderOptions,
  since: SinceDigest | null = null,
  undelivered = allDelivered,
): Material {
  const { nextRun, timeZone } = options;
  const next = nextRun && scheduledRunId(new Date(nextRun), timeZone);
  const rowsById = new Map(report.rows.map((row) => [row.id, row]));
  return {
    report,
    options,
    next,
    rowsById,
    overdue: overdueRows(report, report.previousDay, next),
    actions: actionList(report),
    outline: outlineOf(report, since),
    since,
    undelivered,
  };
}

/** Whether the full list of KBs comes with a digest: only mails have one. */
export type FullList = "attached" | "too large" | "none";

/** What every part of a digest is made of. */
export interface Context extends Material {
  /** See `linesShown`. */
  room: number;
  list: FullList;
  /** The report page, narrowed by its parameters; `null` where there is none to link to. */
  linkTo: (narrowed?: Record<string, string>) => string | null;
}

/** What is said in one line, such as how many there are of what the digest leaves out. */
export interface OneLine {
  type: "line";
  /** Empty where the text says it all. */
  title: string;
  text: string;
  rest: Rest | null;
}

/** How much found no room, and where to see it. */
export interface Rest {
  text: string;
  link: string | null;
}

/** The rest that `text` counts, to be seen on the report page, where there is one, and elsewhere. */
export function restAt(text: string, link: string | null, elsewhere: readonly string[] = []): Rest {
  const places = [...(link ? ["the report"] : []), ...elsewhere];
  return { text: places.length > 0 ? `${text}: see ${listed(places)}.` : `${text}.`, link };
}
