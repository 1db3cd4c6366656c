/** A seed that found a fault once, with as many days as it took, and what was wrong. */
export interface FoundBy {
  seed: number;
  days: number;
  fault: string;
}

/** Played with every test run; a seed that finds a fault joins them with the fix. */
export const seedsOfFaults: readonly FoundBy[] = [
  { seed: 397, days: 79, fault: "a run that expired took snapshots with it that another watchlist's runs still named" },
  { seed: 200145, days: 25, fault: "the oracle said what came and went of a baseline, as a run asked for had seen it" },
  {
    seed: 200195,
    days: 92,
    fault: "the oracle said what came and went of a baseline, as another watchlist had seen it",
  },
  {
    seed: 200267,
    days: 86,
    fault: "west of UTC an older snapshot passed for the newest, and a KB that was back was new",
  },
];
