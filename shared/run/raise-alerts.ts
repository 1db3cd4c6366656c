import pMap from "p-map";
import type { ExploitedCve, MsrcKb } from "../core/advisory.ts";
import { type AlertGap, closingKbs, gapsIn, openAlert, takesAlerts } from "../core/alert.ts";
import type { Chain } from "../core/message.ts";
import type { RunId } from "../core/run-id.ts";
import { chainOf } from "../core/watchlist.ts";
import { type Ports, type ProductKey, RowError, StorageError } from "../ports.ts";
import { chainEnd } from "./chain.ts";
import { unlessDamaged } from "./unless-damaged.ts";

const concurrency = { watchlists: 4, products: 8 };

/**
 * Alerts each watchlist of each newly exploited CVE that a KB closes which was missing in its last scheduled run; `kbs`: all that
 * are known. Once for each CVE: it may be called again, and must be where it failed, which only trouble of storage makes it do.
 */
export async function raiseAlerts(
  exploited: ReadonlyMap<string, ExploitedCve>,
  kbs: Iterable<MsrcKb>,
  ports: Ports,
): Promise<void> {
  const closing = closingKbs(new Set(exploited.keys()), kbs);
  if (closing.size === 0) return;
  const { list } = await ports.watchlists();
  const search = searchOnce(closing, ports);
  await pMap(
    list.filter(takesAlerts),
    async (watchlist) => {
      const chain = chainOf(watchlist);
      // Also for alerts that were there already: the process that wrote them may have crashed before this.
      if (await raiseOrLog(chain, { exploited, search }, ports))
        await ports.queue.send({ deliver: chain, openedAt: ports.now().toISOString() });
    },
    { concurrency: concurrency.watchlists },
  );
}

type Found = ReturnType<typeof gapsIn>;
type Search = (product: ProductKey, runId: RunId) => Promise<Found>;

/** Looks each snapshot through once, for all CVEs and all watchlists that share it, and keeps no more of it than its gaps. */
function searchOnce(closing: ReadonlyMap<string, readonly string[]>, { store, log }: Ports): Search {
  const found = new Map<string, Promise<Found>>();
  const search: Search = async ({ tenant, softwareId }, runId) => {
    const snapshot = await unlessDamaged(store.readSnapshot({ tenant, softwareId, runId }));
    if (snapshot instanceof RowError) {
      log("error", "product left out of alerts", { tenant, product: softwareId, reason: snapshot.message });
      return [];
    }
    return snapshot ? gapsIn(snapshot, closing) : [];
  };
  return (product, runId) => {
    const key = JSON.stringify([product.tenant, product.softwareId, runId]);
    const known = found.get(key) ?? search(product, runId);
    found.set(key, known);
    return known;
  };
}

interface Raising {
  exploited: ReadonlyMap<string, ExploitedCve>;
  search: Search;
}

async function raiseOrLog(chain: Chain, raising: Raising, ports: Ports): Promise<boolean> {
  try {
    return await raise(chain, raising, ports);
  } catch (error) {
    if (error instanceof StorageError) throw error;
    ports.log("error", "alerts not raised", { ...chain, reason: String(error) });
    return false;
  }
}

/** Whether the watchlist has an alert of one of the CVEs, now or from before. */
async function raise(chain: Chain, { exploited, search }: Raising, ports: Ports): Promise<boolean> {
  const { store, now, log } = ports;
  const { last } = await chainEnd(store, chain);
  const read = last?.run.comparisons.filter(({ current }) => current !== null) ?? [];
  const gaps = new Map<string, AlertGap[]>();
  await pMap(
    read,
    async ({ softwareId, current }) => {
      const found = current === null ? [] : await search({ tenant: chain.tenant, softwareId }, current);
      for (const { gap, cves } of found) {
        for (const cve of cves) {
          const own = gaps.get(cve);
          if (own) own.push(gap);
          else gaps.set(cve, [gap]);
        }
      }
    },
    { concurrency: concurrency.products },
  );
  for (const [cve, own] of gaps) {
    const known = exploited.get(cve);
    if (!known) continue;
    const isNew = await store.addAlert(openAlert(chain, known, own, now()));
    if (isNew) log("info", "alert raised", { ...chain, cve, gaps: own.length });
  }
  return gaps.size > 0;
}
