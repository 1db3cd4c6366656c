import fc from "fast-check";
import type { MissingKb } from "../../shared/core/missing-kb.ts";
import { readMissingKbs } from "../../shared/core/missing-kb.ts";
import { dayOf } from "../../shared/core/run-id.ts";
import { type Emptiness, type Snapshot, takeSnapshot } from "../../shared/core/snapshot.ts";

const ids = ["4540673", "5041585", "5066835", "5068861", "5072033", "5082052"];

/** A count as Defender may give it; `null` is unknown. An item on 0 machines is not missing. */
const aCount = fc.option(fc.integer({ min: 0, max: 40 }), { nil: null });

/** An item of Defender's answer, from few ids so that lists overlap. */
const anItem = fc.record({
  id: fc.constantFrom(...ids),
  name: fc.constantFrom("", "November 2026 Security Updates", "October 2026 Security Updates"),
  productsNames: fc.option(fc.array(fc.constantFrom("windows_10", "windows_11", "edge"), { maxLength: 3 }), {
    nil: null,
  }),
  url: fc.option(
    fc.constantFrom("https://support.microsoft.com/kb/5041585", "https://support.microsoft.com/kb/5068861"),
    { nil: null },
  ),
  machineMissedOn: aCount,
  cveAddressed: aCount,
});

/** A complete answer. */
export const anAnswer = fc.array(anItem, { maxLength: 8 });

/** A complete answer with only known counts. */
export const aKnownAnswer = anAnswer.map((items) =>
  items.map((item) => ({ ...item, machineMissedOn: item.machineMissedOn ?? 7, cveAddressed: item.cveAddressed ?? 3 })),
);

/** The snapshot of an answer, without history unless `before` is given. */
export function snapshotOf(
  items: readonly unknown[],
  runId = "2026-11-22",
  before: Snapshot | null = null,
  verdict?: Emptiness["verdict"],
): Snapshot {
  const day = dayOf(runId);
  const key = { tenant: "home", softwareId: "microsoft-_-windows_11", runId, day, openedAt: `${day}T05:00:00.000Z` };
  return takeSnapshot(key, readMissingKbs(items), before, { emptiness: verdict && { verdict, checkedOn: day } });
}

/** The KBs and their counts: what comparisons depend on. */
export function countsById(kbs: Iterable<MissingKb>): Map<string, [number | null, number | null]> {
  return new Map([...kbs].map((kb) => [kb.id, [kb.machineMissedOn, kb.cveAddressed]]));
}
