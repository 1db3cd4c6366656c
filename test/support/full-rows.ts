import type { CountsByKb } from "../../shared/core/change.ts";
import type { Comparison } from "../../shared/core/comparison.ts";
import { addDays } from "../../shared/core/day.ts";
import type { LeftProduct, Run } from "../../shared/core/run.ts";
import type { Snapshot } from "../../shared/core/snapshot.ts";
import { aKb, aSnapshot } from "./builders.ts";
import { aStoredRun } from "./store-contract.ts";

/** A snapshot of this many KBs, with texts as long as Defender's and as many gone KBs as are remembered. */
export function fullSnapshot(kbs: number, parts: Partial<Snapshot> = {}): Snapshot {
  const missingKbs = Array.from({ length: kbs }, (_, n) =>
    aKb({
      id: `${5_000_000 + n}`,
      name: "November 2026 Security Updates",
      productsNames: ["windows_10", "windows_server_2019"],
      url: `https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB${5_000_000 + n}`,
      machineMissedOn: 12_345,
      cveAddressed: 123,
    }),
  );
  const gone = Array.from({ length: 500 }, (_, n) => ({
    ...{ id: `${4_000_000 + n}`, firstSeen: "2026-10-01", peak: 12_345, goneOn: "2026-11-20" },
  }));
  return aSnapshot({ missingKbs, gone, ...parts });
}

/** As many products that left the list as a list may have: what is left of one that was replaced completely. */
export function fullLeft(): LeftProduct[] {
  return Array.from({ length: 5_000 }, (_, n) => {
    const last = addDays("2026-11-23", -(n % 30) - 1);
    return { ...{ softwareId: `vendor-_-old_${n}`.padEnd(30, "x"), previous: last, current: last }, leftOn: last };
  });
}

/** The largest run that settings allow: 5,000 products with ids of 150,000 characters, none read, 6,000 counts held back. */
export function fullRun(parts: Partial<Run> = {}): Run {
  const comparisons = Array.from({ length: 5_000 }, (_, n): Comparison => {
    const last = addDays("2026-11-23", -(n % 30) - 1);
    return {
      softwareId: `vendor-_-product_${n}`.padEnd(30, "x"),
      ...{ previous: last, current: last },
      ...(n < 300 && { lastReported: tenCounts(n), heldBack: tenCounts(n) }),
    };
  });
  const failures = comparisons.map(({ softwareId }, n) => ({
    softwareId,
    reason: `GET /api/Software/{Id}/getmissingkbs answered ${500 + (n % 5)}: the service is busy, try again later.`,
    permanent: false,
    since: addDays("2026-11-23", -(n % 30)),
    misses: (n % 30) + 1,
  }));
  return aStoredRun({ comparisons, failures, ...parts });
}

function tenCounts(n: number): CountsByKb {
  const counts = Array.from({ length: 10 }, (_, kb) => [
    `${5_000_000 + n * 10 + kb}`,
    { machineMissedOn: 12_345, cveAddressed: 123 },
  ]);
  return Object.fromEntries(counts);
}
