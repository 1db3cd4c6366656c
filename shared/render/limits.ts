/** How many lines a digest has room for, by what they show; the rest is only counted. */
const digestLines = {
  ...{ new: 10, worsened: 8, returned: 4, "more-cves": 4, overdue: 5 },
  /** KBs that got better, and those resolved, in a line each. */
  brief: 2,
  /** Products of one KB. */
  products: 3,
  /** KBs of an alert, and products of one of them. */
  ...{ alertKbs: 10, alertProducts: 5 },
  bars: 6,
  /** Updates to install: all, and those that come before the news. */
  ...{ actions: 10, firstActions: 3 },
  /** Reasons of one remark, and products of one reason. */
  ...{ reasons: 3, names: 5 },
};
export type DigestLines = keyof typeof digestLines;

/**
 * How many of `wanted` lines a digest shows. `room` is the share of a good mail's worth: 1 for all of it, 0 for counts
 * alone. A single line more is shown too, since "1 more" would take as much space.
 */
export function linesShown(of: DigestLines, wanted: number, room: number): number {
  const lines = Math.floor(digestLines[of] * room);
  return lines > 0 && wanted === lines + 1 ? wanted : lines;
}

/** What one line of a digest names before it only counts: products that got better, other products that a KB is for. */
export const namesInLine = { better: 2, otherProducts: 3 };

/** How many days the trend of a digest spans. */
export const trendDays = 30;

/** How much the page shows at once; the rest is on further pages, or only counted. */
export const pageLimits = {
  /** Lines on one page of a list. */
  ...{ kbs: 100, products: 50, productsOfKb: 100, notRead: 100, watchlists: 100, listed: 200 },
  /** What a KB's row names: products that miss it, and other products that it is for. */
  ...{ namedProducts: 3, otherProducts: 6 },
  /** Products of a page that have a line of 30 days: each takes a read. */
  productLines: 20,
  /** Updates to install: the first ones, and those of the complete list. */
  ...{ firstActions: 5, actions: 35 },
  /** What the list names of one update: products to install it in, and KBs that it closes too. */
  ...{ installs: 3, covers: 6 },
  /** Exploited CVEs on the page of one KB. */
  exploitedCves: 10,
  /** Products that the filter offers; the search finds the others. */
  choices: 300,
  /** Lines in the chart of one KB. */
  chartedProducts: 6,
  /** Products of one KB that the search while typing knows; the server knows all. */
  searchedProducts: 20,
  /** Newer runs that it links to; the list of runs has all. */
  newerRuns: 3,
};

/** KBs that a selection in plain text lists. */
export const textLimits = { kbs: 200 };
