import type { Catalogue } from "../../core/advisory.ts";
import { buildCatalogue } from "../../core/catalogue.ts";
import type { Log, Store } from "../../ports.ts";

const cacheMs = 60_000;

/** What is known of KBs; where it cannot be read, that is logged, and what was known before is given. */
export type ReadCatalogue = (log: Log) => Promise<Catalogue | null>;

/** What the store has of the feeds, of at most a minute ago. Callers at the same time share one read. */
export function createCatalogue({ readAdvisories }: Pick<Store, "readAdvisories">, now: () => Date): ReadCatalogue {
  let recent: { at: number; result: Promise<Catalogue | null> } | undefined;
  let last: Catalogue | null = null;

  async function read(): Promise<Catalogue | null> {
    const { months, exploited, msrc, kev } = await readAdvisories();
    if (months.length === 0 && exploited === null) return null;
    return buildCatalogue(months, exploited, { msrc: msrc.readAt, kev: kev.readAt });
  }

  return async (log) => {
    const at = now().getTime();
    if (!recent || recent.at < at - cacheMs || recent.at > at) recent = { at, result: read() };
    const reading = recent;
    try {
      last = await reading.result;
    } catch (error) {
      if (recent === reading) recent = undefined;
      log("error", "catalogue could not be read", { reason: error instanceof Error ? error.message : String(error) });
    }
    return last;
  };
}
