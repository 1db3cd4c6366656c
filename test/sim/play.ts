import { planOf } from "./estate.ts";
import { describeFailure } from "./failure.ts";
import { simulate } from "./simulate.ts";

/** Long enough for a quarter of a year, short enough to begin anew often. */
const daysOfSeed = 100;

/** How many tenant-days were compared, and what of them. */
export interface Tally {
  days: number;
  runs: number;
  entries: number;
  mails: number;
  pages: number;
}

/** Plays seed after seed until so many tenant-days are compared; stops at the first that fails, with the story of it. */
export async function playSeeds(
  { days, seed: first }: { days: number; seed: number },
  progress: (tally: Tally, seed: number) => void,
): Promise<{ tally: Tally; failure: string | null }> {
  const tally: Tally = { days: 0, runs: 0, entries: 0, mails: 0, pages: 0 };
  for (let seed = first; tally.days < days; seed++) {
    const plan = planOf(seed, daysOfSeed);
    const played = await simulate(plan);
    tally.days += played.moments;
    for (const name of ["runs", "entries", "mails", "pages"] as const) tally[name] += played[name];
    progress(tally, seed);
    if (played.failures.length > 0) return { tally, failure: await describeFailure(seed, plan, played) };
  }
  return { tally, failure: null };
}
