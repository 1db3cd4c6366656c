import type { Known, OracleRun } from "../oracle/types.ts";
import type { CrashPoint } from "../support/drive.ts";
import type { StoryAnswer } from "../support/story.ts";

/** What a watchlist is configured with. */
export interface PlannedList {
  softwareIds: readonly string[];
  minMachines: number;
  minPercent: number;
  minCves: number;
  mailWhen: OracleRun["settings"]["mailWhen"];
  heartbeatDay: "none" | "Sunday" | "Monday" | "Tuesday" | "Wednesday" | "Thursday" | "Friday" | "Saturday";
  dueDays: number;
  dueDaysExploited: number;
  dueFrom: OracleRun["settings"]["dueFrom"];
}

/** Open weaknesses; `null`: Defender knows no such product; `unsaid`: it does not say; a status: the call fails. */
export type PlannedWeaknesses = number | null | "unsaid" | { status: number };

/** How one send of a mail ends; `sent` where nothing is planned. */
export type PlannedMail = "sent" | "failed" | "refused" | "unknown" | "unknown, arrived";

/** What narrows a report that is asked for. */
export type PlannedFilter = Partial<
  Record<"change" | "softwareId" | "search" | "overdue" | "stalled" | "exploited", string>
>;

/** One firing of the timer, or one run asked for; what is absent stays as it was. */
export interface Moment {
  /** ISO 8601 in UTC. */
  at: string;
  asked?: { watchlist: string; mail: boolean };
  lists?: Readonly<Record<string, PlannedList>>;
  answers?: Readonly<Record<string, StoryAnswer>>;
  weaknesses?: Readonly<Record<string, PlannedWeaknesses>>;
  /** What the app knows of KBs from then on; before the first of these, nothing. */
  known?: Known;
  /** How the next sends end. */
  mails?: readonly PlannedMail[];
  /** Where the process dies in the handling of the next messages, one after another. */
  crashes?: readonly (CrashPoint | null)[];
  /** Compare the newest run of each watchlist with the one so many runs before. */
  back?: number;
  /** Ask for a part of each watchlist's newest report. */
  filter?: PlannedFilter;
}

/** Everything that happens to one tenant, as data: what a seed makes, what is played, and what shrinks. */
export interface Plan {
  timeZone: string;
  graceMinutes: number;
  retentionDays: number;
  lists: Readonly<Record<string, PlannedList>>;
  moments: readonly Moment[];
}
