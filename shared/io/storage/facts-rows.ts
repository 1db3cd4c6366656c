import * as z from "zod/mini";
import { type Advisory, feedNames, type RunFacts, restarts, severities } from "../../core/advisory.ts";
import type { RunKey } from "../../core/run.ts";
import { RowError, TooLargeError } from "../../ports.ts";
import { type PackedPlace, pack, unpack } from "./packed.ts";
import { type Columns, count, day, instant, type KeyedRow, type RowPlace, read } from "./row.ts";
import { runPartition, runRowKey } from "./rows.ts";

/*
 * The facts of a run, in rows of Runs beside it, version 1, packed:
 *
 * {readAt: {msrc, kev}, exploited: [[CVE, sources, since, ransomware], …],
 *  kbs: [[id] where MSRC does not know it,
 *        [id, released, severity, restart, supersedes, hotpatch, [index in exploited, …]], …]}
 */

// With the run itself, a transaction of less than 4 MiB.
const maxRows = 5;

/** Where the keys of the facts of all runs of a watchlist begin, and the first beyond them. */
export const allFactsKeys = { from: "facts|", below: "facts}" };

/** The same for the facts of one run. */
export function factsKeys({ runId }: Pick<RunKey, "runId">): { from: string; below: string } {
  const start = `${allFactsKeys.from}${runRowKey(runId)}`;
  return { from: `${start}|`, below: `${start}}` };
}

function placeOf(run: RunKey): PackedPlace {
  return { partitionKey: runPartition(run), prefix: factsKeys(run).from };
}

export function encodeFacts(run: RunKey, { advisories, readAt }: RunFacts): KeyedRow[] {
  const indices = new Map<string, number>();
  const exploited: unknown[] = [];
  const indexOf = ({ cve, sources, since, ransomware }: Advisory["exploited"][number]) => {
    const packed = [cve, sources, since, ransomware];
    const key = JSON.stringify(packed);
    const index = indices.get(key) ?? exploited.push(packed) - 1;
    indices.set(key, index);
    return index;
  };
  const kbs = [...advisories].map(([id, kb]) => {
    if (!kb) return [id];
    return [id, kb.released, kb.severity, kb.restart, kb.supersedes, kb.hotpatch, kb.exploited.map(indexOf)];
  });
  const packed = pack(placeOf(run), { readAt, exploited, kbs }, maxRows);
  if ("rows" in packed) return packed.rows;
  throw new TooLargeError(
    `What is known of the ${advisories.size} KBs of watchlist "${run.watchlist}" does not fit beside its run. Split it into several watchlists.`,
  );
}

const readTimes = z.object({ msrc: z.nullable(instant), kev: z.nullable(instant) });
const packedFacts = z.object({
  readAt: readTimes,
  exploited: z.array(z.tuple([z.string(), z.array(z.enum(feedNames)), z.nullable(day), z.boolean()])),
  kbs: z.array(
    z.union([
      z.tuple([z.string()]),
      z.tuple([
        z.string(),
        day,
        z.nullable(z.enum(severities)),
        z.nullable(z.enum(restarts)),
        z.array(z.string()),
        z.boolean(),
        z.array(count),
      ]),
    ]),
  ),
});

const lostFacts = "Delete it: the run's report then shows no facts of KBs, such as exploited CVEs.";

/** The facts in these rows, the first one first; `place`: of the first. */
export function decodeFacts(rows: readonly (Columns & { rowKey: string })[], place: RowPlace): RunFacts | null {
  const [row] = rows;
  if (!row) return null;
  if (row.rowKey !== place.rowKey)
    throw new RowError(`Rows of ${place.rowKey} are missing in ${place.table}. ${lostFacts}`);
  return read(row, place, lostFacts, () => {
    const { readAt, exploited, kbs } = packedFacts.parse(unpack(rows));
    const cves = exploited.map(([cve, sources, since, ransomware]) => ({ cve, sources, since, ransomware }));
    const advisories = kbs.map(([id, ...known]): [string, Advisory | null] => {
      if (known.length === 0) return [id, null];
      const [released, severity, restart, supersedes, hotpatch, indices] = known;
      const own = indices.map((index) => {
        const cve = cves[index];
        if (!cve) throw new RangeError(`No exploited CVE ${index}.`);
        return cve;
      });
      return [id, { released, severity, restart, supersedes, hotpatch, exploited: own }];
    });
    return { advisories: new Map(advisories), readAt };
  });
}
