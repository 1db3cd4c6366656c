import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { buildReport } from "../../shared/core/report.ts";
import type { Run } from "../../shared/core/run.ts";
import { dayOf } from "../../shared/core/run-id.ts";
import { select } from "../../shared/core/selection.ts";
import type { Snapshot } from "../../shared/core/snapshot.ts";
import { decodeRun, decodeSnapshot, decodeSummary, encodeRun, encodeSnapshot } from "../../shared/io/storage/rows.ts";
import { decodeStatus, encodeStatus } from "../../shared/io/storage/status-row.ts";
import {
  decodeBookmark,
  decodeLease,
  decodeRequest,
  encodeBookmark,
  encodeLease,
  encodeRequest,
  readableRequest,
} from "../../shared/io/storage/walk-rows.ts";
import { RowError } from "../../shared/ports.ts";
import { renderText } from "../../shared/render/digest/text.ts";
import { reportCsv } from "../../shared/render/export/csv.ts";
import { reportJson } from "../../shared/render/export/json.ts";
import { renderPage } from "../../shared/render/page/page.tsx";
import { aKb, aRun, aSnapshot, eachOf } from "../support/builders.ts";
import { fuzzing, fuzzRuns, mutated } from "../support/fuzz.ts";
import { aView, sampleOptions } from "../support/page-samples.ts";
import { aLease, aRequest, aStatus } from "../support/walks-contract.ts";

const place = { table: "Snapshots", partitionKey: "home|microsoft-_-windows_10", rowKey: "2026-11-23" };
const key = { tenant: "home", softwareId: "microsoft-_-windows_10", runId: "2026-11-23" };

const snapshot = aSnapshot({
  missingKbs: [aKb({ id: "1" }), aKb({ id: "2", url: null, machineMissedOn: null, cveAddressed: null })],
  gone: [{ id: "3", firstSeen: "2026-10-01", peak: 7, goneOn: "2026-11-01" }],
  emptiness: { verdict: "clean", checkedOn: "2026-11-20" },
});

const { run } = await aRun({
  products: {
    "microsoft-_-windows_10": { before: [aKb({ machineMissedOn: 1 })], now: [aKb({ machineMissedOn: 2 })] },
    "microsoft-_-windows_11": {
      before: [aKb()],
      now: null,
      failure: { reason: "Defender answered 403.", permanent: true },
    },
  },
  watchlist: { thresholds: { minMachines: 5, minPercent: 0, minCves: 1 } },
});

type Columns = Record<string, unknown>;

/** A row with columns lost or replaced, or with changes inside its JSON columns. */
function damaged(row: Columns): fc.Arbitrary<Columns> {
  const columns = Object.entries(row).map(([name, value]) => [name, damagedColumn(value)] as const);
  return fc.record(Object.fromEntries(columns), { requiredKeys: [] }) as fc.Arbitrary<Columns>;
}

function damagedColumn(value: unknown): fc.Arbitrary<unknown> {
  const intact = fc.constant(value);
  if (typeof value !== "string" || !/^[[{]/.test(value))
    return fc.oneof({ weight: 12, arbitrary: intact }, mutated(value));
  const inside = mutated(JSON.parse(value)).map((json) => JSON.stringify(json));
  return fc.oneof({ weight: 4, arbitrary: intact }, { weight: 4, arbitrary: inside }, mutated(value));
}

/** What a row is read as, or `null` if it is refused by name. */
function decoded<T>(decode: () => T): T | null {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof RowError)) throw error;
    expect(error.message).toContain(`(${place.partitionKey}, ${place.rowKey}) of table`);
    return null;
  }
}

/** Anything that is read can be reported in every format. */
async function report(ofRun: Run, current: Snapshot): Promise<void> {
  const { runId, day, totals, previousRunId, rules } = ofRun;
  const frame = {
    ...{ run: ofRun, previousRunId, previousDay: previousRunId && dayOf(previousRunId) },
    ...{ trend: [{ runId, day, totals }], thresholds: rules.thresholds },
  };
  const compared = ofRun.comparisons.map((comparison) => ({ comparison, previous: current, current }));
  const built = await buildReport(frame, eachOf(compared));
  const forms = [reportCsv(built), renderText(built, sampleOptions), renderPage(aView(built))];
  for (const form of forms) expect(form).not.toMatch(/\bNaN\b|Invalid Date/);
  const json = reportJson({ ...select(built, {}), newerRuns: [] }, sampleOptions);
  expect(JSON.stringify(json)).not.toContain('"ageDays":null');
}

describe("a damaged row", fuzzing, () => {
  test("of a snapshot is refused by name, or read as one that can be reported and written again", async () => {
    let read = 0;
    await fc.assert(
      fc.asyncProperty(damaged(encodeSnapshot(snapshot)), async (row) => {
        const found = decoded(() => decodeSnapshot(key, row, place));
        if (!found) return;
        read += 1;
        await report(run, found);
        expect(decodeSnapshot(key, encodeSnapshot(found), place)).toEqual(found);
      }),
      {
        numRuns: fuzzRuns(250),
        examples: [
          [encodeSnapshot(snapshot)],
          [{}],
          [{ ...encodeSnapshot(snapshot), missingKbs0: "[".repeat(32_000) }],
          [{ ...encodeSnapshot(snapshot), schemaVersion: Number.POSITIVE_INFINITY }],
          [{ ...encodeSnapshot(aSnapshot()), emptinessVerdict: "clean", emptinessCheckedOn: "2026-99-99" }],
          [{ ...encodeSnapshot(aSnapshot({ missingKbs: [aKb({ firstSeen: "2026-99-99" })] })) }],
        ],
      },
    );
    expect(read).toBeGreaterThan(0);
  });

  test("of a run is refused by name, or read as one that can be reported and written again", async () => {
    let read = 0;
    await fc.assert(
      fc.asyncProperty(damaged(encodeRun(run)), async (row) => {
        const found = decoded(() => decodeRun(run, row, place));
        decoded(() => decodeSummary(run, row, place));
        if (!found) return;
        read += 1;
        await report(found, snapshot);
        expect(decodeRun(run, encodeRun(found), place)).toEqual(found);
      }),
      {
        numRuns: fuzzRuns(250),
        examples: [
          [encodeRun(run)],
          [{}],
          [{ ...encodeRun(run), schemaVersion: 2 }],
          [{ ...encodeRun(run), comparisons0: "null" }],
        ],
      },
    );
    expect(read).toBeGreaterThan(0);
  });

  test("of a status is listed by its names, or read as one that can be written again", () => {
    const row = encodeStatus(aStatus());
    const names = { tenant: row.tenant, watchlist: row.watchlist };
    fc.assert(
      fc.property(damaged(row), (changed) => {
        const found = decodeStatus(changed);
        const isNamed = typeof changed.tenant === "string" && typeof changed.watchlist === "string";
        expect(found !== null).toBe(isNamed);
        if (found) expect(decodeStatus(encodeStatus(found))).toEqual(found);
      }),
      {
        numRuns: fuzzRuns(500),
        examples: [[row], [{}], [names], [{ ...row, schemaVersion: 2 }], [{ ...row, open0: "[".repeat(32_000) }]],
      },
    );
  });

  test("of a lease or a request is refused by name, or read as one that can be written again", () => {
    const [lease, request] = [encodeLease("home", aLease()), encodeRequest(aRequest({ tenant: "home", dropped: "x" }))];
    const keyed = { ...place, rowKey: request.rowKey };
    fc.assert(
      fc.property(damaged(lease), damaged(request), (leaseRow, requestRow) => {
        const found = decoded(() => decodeLease(leaseRow, place));
        if (found) expect(decodeLease(encodeLease("home", found.lease), place)).toEqual({ lease: found.lease });
        const asked = readableRequest("home", requestRow, keyed);
        if (!asked) return;
        // A long reason is cut when it is written.
        const again = encodeRequest(asked);
        const kept = { ...asked, ...(asked.dropped !== undefined && { dropped: again.dropped }) };
        expect(decodeRequest("home", again, keyed)).toEqual(kept);
      }),
      { numRuns: fuzzRuns(500), examples: [[lease, request] as [Columns, Columns], [{}, {}]] },
    );
  });

  test("of a bookmark is read as none, or as one that can be written again", () => {
    const row = encodeBookmark("home", { day: "2026-11-23", isDone: false, after: "x" });
    fc.assert(
      fc.property(damaged(row), (changed) => {
        const found = decodeBookmark(changed);
        if (found) expect(decodeBookmark(encodeBookmark("home", found))).toEqual(found);
      }),
      { numRuns: fuzzRuns(200), examples: [[row as Columns], [{}]] },
    );
  });
});
