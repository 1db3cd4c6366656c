import { createOracle, type Oracle } from "./oracle.ts";
import type { Entry, Known, KnownKb, OracleReport, OracleRun, ProductAnswers, Settings } from "./types.ts";

export const windows10 = "microsoft-_-windows_10";
export const windows11 = "microsoft-_-windows_11";
export const dotNet = "microsoft-_-.net_framework";

const defaults: Settings = {
  minMachines: 1,
  minPercent: 0,
  minCves: 1,
  mailWhen: "worse",
  heartbeatDay: "none",
  dueDays: 14,
  dueDaysExploited: 14,
  dueFrom: "first-seen",
  timeZone: "UTC",
};

/** A KB as Defender lists it. */
export function kb(id: unknown, machines: unknown, cves: unknown = 10, name = "October 2026 Security Updates"): object {
  return { id, name, productsNames: ["windows_10"], url: null, machineMissedOn: machines, cveAddressed: cves };
}

/** What the feeds say: which KBs each KB supersedes, and what else is given. */
export function knows(
  kbs: Readonly<Record<string, readonly string[] | Partial<KnownKb>>>,
  kev: readonly string[] = [],
): Known {
  const facts = Object.entries(kbs).map(([id, said]): [string, KnownKb] => {
    const parts = Array.isArray(said) ? { supersedes: said } : (said as Partial<KnownKb>);
    return [id, { released: "2026-08-11", supersedes: [], cves: [], exploitedCves: [], ...parts }];
  });
  return { kbs: Object.fromEntries(facts), kev };
}

/** A list is what each read of the product answers, with no open weaknesses. */
type Answer = readonly unknown[] | ProductAnswers | null;

type Changes = Partial<Pick<OracleRun, "softwareIds" | "refusedEarlier" | "mail" | "openedAt" | "watchlist" | "known">>;

/** Plays runs one after the other; an answer holds until it is replaced. */
export interface Story {
  oracle: Oracle;
  day(runId: string, answers?: Record<string, Answer>, changes?: Changes): OracleReport;
  askedFor(runId: string, answers?: Record<string, Answer>, changes?: Changes): OracleReport;
}

/** A story of one tenant, with settings that differ from the defaults and the products of its watchlist. */
export function startStory(settings: Partial<Settings> = {}, softwareIds: readonly string[] = [windows10]): Story {
  const oracle = createOracle();
  const current: Record<string, ProductAnswers | null> = {};
  let watched = softwareIds;
  let known: Known | null = null;

  function play(
    run: Pick<OracleRun, "runId" | "scheduled" | "openedAt">,
    answers: Record<string, Answer>,
    changes: Changes,
  ) {
    for (const [softwareId, answer] of Object.entries(answers)) {
      current[softwareId] = answer === null || "reads" in answer ? answer : { reads: [answer, answer], software: 0 };
    }
    watched = changes.softwareIds ?? watched;
    known = changes.known ?? known;
    return oracle.add({
      ...run,
      ...changes,
      softwareIds: watched,
      known,
      settings: { ...defaults, ...settings },
      answers: { ...current },
    });
  }

  return {
    oracle,
    day: (runId, answers = {}, changes = {}) =>
      play({ runId, scheduled: true, openedAt: `${runId}T05:00:00Z` }, answers, changes),
    askedFor: (runId, answers = {}, changes = {}) =>
      play({ runId, scheduled: false, openedAt: new Date(runId).toISOString() }, answers, changes),
  };
}

/** The reads of a product that could not be read. */
export function unreadable(reason = "InternalServerError", permanent = false): ProductAnswers {
  return { reads: [{ permanent, reason }] };
}

/** Both calls answer 404. */
export const notFound: ProductAnswers = {
  reads: [{ permanent: false, reason: "NotFound", notFound: true }],
  software: "unknown",
};

/** Each read is empty, and the product has so many open weaknesses. */
export function emptyOver(weaknesses: number | null): ProductAnswers {
  return { reads: [[], []], software: weaknesses };
}

/** The day that comes so many days after another. */
export function dayAfter(day: string, days: number): string {
  return new Date(Date.parse(day) + days * 86_400_000).toISOString().slice(0, 10);
}

/** An entry in short: `5066835 worsened 5/10 was 3/10`; `?` is unknown, `-` is none. */
export function inShort(entry: Entry): string {
  const counts = [entry.current, entry.previous].map((one) =>
    one === null ? "-" : `${one.machines ?? "?"}/${one.cves ?? "?"}`,
  );
  return `${entry.id} ${entry.kind} ${counts[0]} was ${counts[1]}`;
}

/** The entries of a report, or of one product of it, in short. */
export function entriesOf(report: Pick<OracleReport, "entries">, softwareId?: string): string[] {
  return report.entries.filter((entry) => softwareId === undefined || entry.softwareId === softwareId).map(inShort);
}
