import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Comparison } from "../../../shared/core/comparison.ts";
import type { ListReport } from "../../../shared/core/list-report.ts";
import type { MissingKb } from "../../../shared/core/missing-kb.ts";
import type { LeftProduct, ReadFailure, Run, RunRules } from "../../../shared/core/run.ts";
import type { GoneKb, Snapshot } from "../../../shared/core/snapshot.ts";
import { encodeKey, type KeyedRow } from "../../../shared/io/storage/row.ts";
import {
  createSnapshotDecoder,
  decodeRun,
  decodeSnapshot,
  decodeSummary,
  encodeRun,
  encodeSnapshot,
  snapshotPartition,
} from "../../../shared/io/storage/rows.ts";
import { TooLargeError } from "../../../shared/ports.ts";
import {
  anyCount,
  anyDay,
  anyInstant,
  anyMail,
  anyRunId,
  anyText,
  anyTotals,
  bytesOf,
  expectStorable,
} from "../../support/any-rows.ts";
import { aKb, aSnapshot } from "../../support/builders.ts";
import { fullLeft, fullRun, fullSnapshot } from "../../support/full-rows.ts";
import { aStoredRun, pendingMail, someTotals } from "../../support/store-contract.ts";

const anyUnits = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 300 })
  .map((units) => String.fromCharCode(...units));
const anyLine = fc.record({ ids: fc.array(anyText, { maxLength: 3 }), since: anyDay, listedOn: anyDay });
const anyKb: fc.Arbitrary<MissingKb> = fc.record(
  {
    id: anyText,
    name: anyText,
    productsNames: fc.array(anyText, { maxLength: 3 }),
    url: fc.option(anyText),
    machineMissedOn: anyCount,
    cveAddressed: anyCount,
    firstSeen: anyDay,
    peak: anyCount,
    goneOn: anyDay,
    line: anyLine,
  },
  {
    requiredKeys: ["id", "name", "productsNames", "url", "machineMissedOn", "cveAddressed", "firstSeen", "peak"],
  },
);
const anyGone: fc.Arbitrary<GoneKb> = fc
  .tuple(
    fc.record({ id: anyText, firstSeen: anyDay, peak: anyCount, goneOn: anyDay }),
    fc.oneof(
      fc.constant({}),
      fc.constant({ unexplained: true as const }),
      fc.record({ replacedBy: anyText.filter((id) => id !== "") }),
    ),
    fc.option(anyLine, { nil: undefined }),
  )
  .map(([left, why, line]) => ({ ...left, ...why, ...(line && { line }) }));
const anySnapshot: fc.Arbitrary<Snapshot> = fc.record(
  {
    tenant: anyText,
    softwareId: anyText,
    runId: anyRunId,
    day: anyDay,
    openedAt: anyInstant,
    missingKbs: fc.array(anyKb, { maxLength: 5 }),
    gone: fc.array(anyGone, { maxLength: 3 }),
    unusable: fc.nat(),
    differed: fc.constant(true),
    emptiness: fc.record({ verdict: fc.constantFrom("clean", "not-kb-patched"), checkedOn: anyDay }),
  },
  { requiredKeys: ["tenant", "softwareId", "runId", "day", "openedAt", "missingKbs", "gone", "unusable"] },
);

const someCounts = fc.record({ machineMissedOn: anyCount, cveAddressed: anyCount }, { requiredKeys: [] });
// The same shape as the code makes: own properties of any name.
const anyCounts = fc
  .array(fc.tuple(anyText, someCounts), { maxLength: 3 })
  .map((entries) => Object.fromEntries(entries));
const anyComparison: fc.Arbitrary<Comparison> = fc.record(
  {
    softwareId: anyText,
    previous: fc.option(anyRunId),
    current: fc.option(anyRunId),
    lastReported: anyCounts,
    heldBack: anyCounts,
    firstEmptyOn: anyDay,
    lateBaseline: fc.constant(true),
  },
  { requiredKeys: ["softwareId", "previous", "current"] },
);
const anyLeft: fc.Arbitrary<LeftProduct> = fc
  .tuple(anyComparison, anyDay)
  .map(([comparison, leftOn]) => ({ ...comparison, leftOn }));
const anyFailure: fc.Arbitrary<ReadFailure> = fc.record(
  {
    softwareId: anyText,
    reason: fc.oneof(anyText, fc.constant("It was not read in time.")),
    permanent: fc.boolean(),
    since: anyRunId,
    misses: fc.nat(),
    permanentSince: anyRunId,
    unknownSince: anyDay,
    isGone: fc.constant(true as const),
  },
  { requiredKeys: ["softwareId", "reason", "permanent", "since", "misses"] },
);
const anyRules: fc.Arbitrary<RunRules> = fc.record({
  thresholds: fc.record({ minMachines: fc.nat(), minPercent: fc.nat(), minCves: fc.nat() }),
  ...{ dueDays: fc.nat(), dueDaysExploited: fc.nat(), dueFrom: fc.constantFrom("released", "first-seen") },
  timeZone: anyText,
});
const anyListReport: fc.Arbitrary<ListReport> = fc.record({
  readAt: fc.option(anyInstant),
  failure: fc.option(fc.record({ reason: anyText, since: anyInstant })),
  found: fc.option(fc.record({ configured: fc.nat(), withoutWeaknesses: fc.nat(), beyond: fc.nat() })),
  unknown: fc.record({
    ids: fc.array(fc.record({ softwareId: anyText, nearest: fc.array(anyText) }), { maxLength: 3 }),
    more: fc.nat(),
  }),
  mistaken: fc.array(fc.record({ softwareId: anyText, meant: anyText }), { maxLength: 2 }),
  unwatched: fc.record({
    products: fc.array(fc.record({ softwareId: anyText, exposedMachines: fc.nat() }), { maxLength: 3 }),
    more: fc.nat(),
  }),
});
const anyRun: fc.Arbitrary<Run> = fc
  .record({
    productList: fc.option(anyListReport, { nil: undefined }),
    watchlist: anyText,
    runId: anyRunId,
    tenant: anyText,
    day: anyDay,
    openedAt: anyInstant,
    committedAt: anyInstant,
    previousRunId: fc.option(anyRunId),
    rules: anyRules,
    left: fc.array(anyLeft, { maxLength: 3 }),
    comparisons: fc.uniqueArray(anyComparison, { maxLength: 6, selector: ({ softwareId }) => softwareId }),
    failures: fc.array(anyFailure, { maxLength: 4 }),
    totals: anyTotals,
    mail: anyMail,
  })
  .map(({ productList, ...run }) => ({ ...run, ...(productList && { productList }) }))
  .chain((run) =>
    // Most failures are of products that were to be compared.
    fc.subarray([...run.comparisons]).map((failed) => ({
      ...run,
      failures: [
        ...failed.map(({ softwareId }) => ({
          softwareId,
          reason: "x",
          permanent: true,
          since: "2026-11-01",
          misses: 9,
        })),
        ...run.failures,
      ],
    })),
  );

const place = { table: "T", partitionKey: "p", rowKey: "2026-11-23" };

describe("a key", () => {
  const allowed = /^[A-Za-z0-9\-_.!~*()=|]*$/;

  it("contains only what keys may contain, in 512 characters, whatever the ids", () => {
    fc.assert(
      fc.property(fc.oneof(anyText, anyUnits), fc.oneof(anyText, anyUnits), (tenant, softwareId) => {
        for (const key of [snapshotPartition({ tenant, softwareId }), encodeKey(tenant)]) {
          expect(key).toMatch(allowed);
          expect(key.length).toBeLessThanOrEqual(512);
        }
      }),
    );
  });

  it("leads back to its text", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(decodeURIComponent(encodeKey(text).replaceAll("=", "%"))).toBe(text);
      }),
    );
  });

  it("differs from every other text's key, even if the texts are long or malformed", () => {
    const start = fc.constantFrom("", "x".repeat(239), "ä".repeat(200));
    fc.assert(
      fc.property(start, fc.oneof(anyText, anyUnits), fc.oneof(anyText, anyUnits), (prefix, a, b) => {
        fc.pre(a !== b);
        expect(encodeKey(prefix + a)).not.toBe(encodeKey(prefix + b));
      }),
    );
    expect(encodeKey("\ud800")).not.toBe(encodeKey("\ud801"));
    expect(encodeKey("\ud800")).not.toBe(encodeKey("\ufffd"));
  });

  it("keeps tenant and product apart", () => {
    expect(snapshotPartition({ tenant: "a|b", softwareId: "c" })).not.toBe(
      snapshotPartition({ tenant: "a", softwareId: "b|c" }),
    );
  });

  it("is easy to read if ids are plain", () => {
    expect(snapshotPartition({ tenant: "home", softwareId: "microsoft-_-.net_framework" })).toBe(
      "home|microsoft-_-.net_framework",
    );
  });
});

describe("a snapshot's row", () => {
  it("gives back the snapshot", () => {
    fc.assert(
      fc.property(anySnapshot, (snapshot) => {
        const row = encodeSnapshot(snapshot);
        expectStorable(row);
        expect(decodeSnapshot(snapshot, row, place)).toEqual(snapshot);
      }),
    );
  });

  it("gives back the snapshot whatever was decoded of its product before", () => {
    // The same KBs with other counts, days and lines, and not in the same order.
    const ids = fc.array(anySnapshot, { minLength: 2, maxLength: 5 }).map((snapshots) =>
      snapshots.map(({ missingKbs, gone, ...rest }) => ({
        ...rest,
        missingKbs: missingKbs.map((kb, index) => ({ ...kb, id: String(index) })),
        gone: gone.map((kb, index) => ({ ...kb, id: String(index) })),
      })),
    );
    fc.assert(
      fc.property(ids, (snapshots) => {
        const decode = createSnapshotDecoder();
        for (const snapshot of [...snapshots, ...snapshots.toReversed()])
          expect(decode(snapshot, encodeSnapshot(snapshot), place)).toEqual(snapshot);
      }),
    );
  });

  it("shares a KB with the one decoded before it where nothing of it changed, and checks it where something did", () => {
    const [first, second] = [aKb({ id: "1" }), aKb({ id: "2", machineMissedOn: 7 })];
    const decode = createSnapshotDecoder();
    const before = aSnapshot({ missingKbs: [first, second] });
    const after = aSnapshot({ missingKbs: [first, { ...second, machineMissedOn: 8 }] });
    const [one, other] = [before, after].map((snapshot) => decode(snapshot, encodeSnapshot(snapshot), place));
    expect(other?.missingKbs[0]).toBe(one?.missingKbs[0]);
    expect(other?.missingKbs[1]?.machineMissedOn).toBe(8);
    const damaged = aSnapshot({ missingKbs: [{ ...first, firstSeen: "yesterday" }] });
    expect(() => decode(damaged, encodeSnapshot(damaged), place)).toThrow("is damaged");
  });

  it("splits no character over two columns", () => {
    for (const shift of ["", "x"]) {
      const snapshot = aSnapshot({ missingKbs: [aKb({ name: shift + "\u{1F600}".repeat(40_000) })] });
      const row = encodeSnapshot(snapshot);
      expect(row).toHaveProperty("missingKbs2");
      expectStorable(row);
      expect(decodeSnapshot(snapshot, row, place)).toEqual(snapshot);
    }
  });

  it("holds 2,000 KBs and 500 that are gone, with a quarter to spare", () => {
    const row = encodeSnapshot(fullSnapshot(2_000));
    expectStorable(row);
    expect(bytesOf(row)).toBeLessThan((1024 * 1024 * 3) / 4);
  });

  it("is refused exactly where the service would refuse it, less 4 KiB", () => {
    const withText = (length: number) => {
      const snapshot = fullSnapshot(2_000);
      return { ...snapshot, missingKbs: [...snapshot.missingKbs, aKb({ id: "9999999", name: "x".repeat(length) })] };
    };
    const fits = (length: number) => {
      try {
        return encodeSnapshot(withText(length));
      } catch (error) {
        expect(error).toBeInstanceOf(TooLargeError);
        return null;
      }
    };
    let [most, tooMuch] = [0, 500_000];
    while (tooMuch - most > 1) {
      const middle = Math.floor((most + tooMuch) / 2);
      if (fits(middle)) most = middle;
      else tooMuch = middle;
    }
    const largest = fits(most);
    if (!largest) throw new Error("Not even 2,000 KBs fit.");
    expectStorable(largest);
    const limit = 1024 * 1024 - 4 * 1024;
    expect(bytesOf(largest)).toBeLessThanOrEqual(limit);
    expect(bytesOf(largest)).toBeGreaterThan(limit - 2 * 2);
    expect(() => encodeSnapshot(withText(tooMuch))).toThrow(
      "The product's 2001 missing KBs do not fit into one snapshot, which has room for about 2,000. Watch its parts instead.",
    );
  });

  it("stays under 4 MiB on the wire even if all of it must be escaped or takes three bytes", () => {
    for (const name of ['"'.repeat(200), "日".repeat(200), "\\".repeat(200)]) {
      const kbs = Array.from({ length: 600 }, (_, n) => aKb({ id: `${n}`, name }));
      expectStorable(encodeSnapshot(aSnapshot({ missingKbs: kbs })));
    }
  });
});

describe("a run's row", () => {
  it("gives back the run, and its summary without the lists", () => {
    fc.assert(
      fc.property(anyRun, (run) => {
        const row = encodeRun(run);
        expectStorable(row);
        expect(decodeRun(run, row, place)).toEqual(run);
        const { comparisons: _, left: __, failures: ___, ...summary } = run;
        expect(decodeSummary(run, row, place)).toEqual(summary);
      }),
    );
  });

  it("gives back a property of any name", () => {
    const counts = Object.fromEntries([["__proto__", { machineMissedOn: 3 }]]);
    const run = aStoredRun({ comparisons: [{ softwareId: "x", previous: null, current: null, heldBack: counts }] });
    const back = decodeRun(run, encodeRun(run), place).comparisons[0]?.heldBack ?? {};
    expect(Object.entries(back)).toEqual([["__proto__", { machineMissedOn: 3 }]]);
  });

  it("reads plain columns that a query brought as null or as numbers of another type", () => {
    const run = aStoredRun();
    const columns = { ...encodeRun(run), previousRunId: null, mailReason: null, new: 1, missingInstalls: 3e9 };
    expect(decodeSummary(run, columns, place)).toMatchObject({
      previousRunId: null,
      totals: someTotals,
      mail: pendingMail,
    });
  });

  it("holds 5,000 products that all failed, with 6,000 counts reported and held back", () => {
    const run = fullRun();
    expect(run.comparisons.map(({ softwareId }) => softwareId).join("")).toHaveLength(150_000);
    const row = encodeRun(run);
    expectStorable(row);
    expect(decodeRun(run, row, place)).toEqual(run);
  });

  it("costs little more than the ids themselves", () => {
    const without = bytesOf(encodeRun(aStoredRun()));
    const { comparisons, failures } = fullRun();
    const bare = comparisons.map(({ lastReported: _, heldBack: __, ...rest }) => rest);
    const perSoftware = (bytesOf(encodeRun(aStoredRun({ comparisons: bare, failures }))) - without) / 5_000;
    expect(perSoftware).toBeLessThan(2 * (30 + 15));
  });

  it("cuts reasons shorter rather than fail a commit", () => {
    const busy = (run: Run): Run => ({
      ...run,
      failures: run.failures.map((failure, n) => ({ ...failure, reason: `Busy ${n}. `.repeat(30) })),
    });
    const few = fullRun();
    const bare = few.comparisons.map(({ lastReported: _, heldBack: __, ...rest }) => rest);
    for (const [run, shortest] of [
      [busy({ ...few, comparisons: bare }), 30],
      [busy(few), 1],
    ] as const) {
      const row = encodeRun(run);
      expectStorable(row);
      const kept = decodeRun(run, row, place);
      expect(kept.comparisons).toEqual(run.comparisons);
      for (const [n, failure] of kept.failures.entries()) {
        const reason = run.failures[n]?.reason ?? "";
        expect(failure).toEqual({ ...run.failures[n], reason: `${reason.slice(0, failure.reason.length - 1)}…` });
        expect(failure.reason.length).toBeGreaterThanOrEqual(shortest);
      }
    }
  });

  it("forgets the products first that left the list first, rather than fail a commit", () => {
    const few = fullRun({ left: fullLeft().slice(0, 100) });
    expect(decodeRun(few, encodeRun(few), place)).toEqual(few);
    const many = fullRun({ left: fullLeft() });
    const row = encodeRun(many);
    expectStorable(row);
    const kept = decodeRun(many, row, place);
    expect({ ...kept, left: [] }).toEqual({ ...many, left: [] });
    expect(kept.left.length).toBeGreaterThan(1_000);
    expect(kept.left.length).toBeLessThan(5_000);
    const days = kept.left.map(({ leftOn }) => leftOn).sort();
    const forgotten = many.left.filter(({ softwareId }) => !kept.left.some((one) => one.softwareId === softwareId));
    for (const { leftOn } of forgotten) expect(leftOn <= `${days[0]}`).toBe(true);
  });

  it("cuts no character of a reason in two", () => {
    const [comparison] = fullRun().comparisons;
    const reason = `${"x".repeat(298)}\u{1F600}\u{1F600}`;
    const failures = [
      { softwareId: comparison?.softwareId ?? "", reason, permanent: true, since: "2026-11-23", misses: 1 },
    ];
    const run = aStoredRun({ failures, mail: { ...pendingMail, reason } });
    const row = encodeRun(run);
    expectStorable(row);
    expect(decodeRun(run, row, place).failures[0]?.reason.isWellFormed()).toBe(true);
    expectStorable(encodeRun(aStoredRun({ mail: { ...pendingMail, reason: "half \ud83d" } })));
  });

  it("is refused with a sentence if its ids alone are too much", () => {
    const comparisons = Array.from({ length: 5_000 }, (_, n) => ({
      ...{ softwareId: `${n}`.padEnd(200, "x"), previous: null, current: null },
    }));
    const encode = () => encodeRun(aStoredRun({ comparisons }));
    expect(encode).toThrow(TooLargeError);
    expect(encode).toThrow('The 5000 products of watchlist "default" do not fit into one run. Split it into several');
  });
});

describe("rows that version 1 wrote", () => {
  // As the service returns them: with its own columns, and 64-bit numbers as bigints.
  const service = { etag: 'W/"1"', timestamp: "2026-11-23T05:04:00.000Z" };
  const snapshotRow: KeyedRow = {
    partitionKey: "home|microsoft-_-windows_10",
    rowKey: "2026-11-23",
    schemaVersion: 1,
    day: "2026-11-23",
    openedAt: "2026-11-23T05:00:00.000Z",
    missingKbCount: 3,
    unusable: 1,
    missingKbs0:
      '[["5041585","August 2024 Security Updates",["windows_10"],"https://support.microsoft.com/kb/5041585",240,14,"2026-11-01",251,"2026-10-20"],["5066835","",[],null,null,0,"2026-11-23",null],["5070000","",[],null,1,1,"2026-10-15",9,null,["2026-10-13","2026-11-11",["5066835"]]]]',
    gone0:
      '[["4540673","2026-01-05",3,"2026-11-20"],["4540674","2026-01-05",3,"2026-11-20",true],["4540675","2026-01-05",3,"2026-11-20","4540676"],["4540676","2026-01-05",4,"2026-11-20",null,["2026-01-04","2026-02-03",["4540675"]]]]',
  };
  const snapshot: Snapshot = {
    tenant: "home",
    softwareId: "microsoft-_-windows_10",
    runId: "2026-11-23",
    day: "2026-11-23",
    openedAt: "2026-11-23T05:00:00.000Z",
    missingKbs: [
      {
        ...{ id: "5041585", name: "August 2024 Security Updates", productsNames: ["windows_10"] },
        ...{ url: "https://support.microsoft.com/kb/5041585", machineMissedOn: 240, cveAddressed: 14 },
        ...{ firstSeen: "2026-11-01", peak: 251, goneOn: "2026-10-20" },
      },
      {
        ...{ id: "5066835", name: "", productsNames: [], url: null, machineMissedOn: null, cveAddressed: 0 },
        ...{ firstSeen: "2026-11-23", peak: null },
      },
      {
        ...{ id: "5070000", name: "", productsNames: [], url: null, machineMissedOn: 1, cveAddressed: 1 },
        ...{ firstSeen: "2026-10-15", peak: 9 },
        line: { ids: ["5066835"], since: "2026-10-13", listedOn: "2026-11-11" },
      },
    ],
    gone: [
      { id: "4540673", firstSeen: "2026-01-05", peak: 3, goneOn: "2026-11-20" },
      { id: "4540674", firstSeen: "2026-01-05", peak: 3, goneOn: "2026-11-20", unexplained: true },
      { id: "4540675", firstSeen: "2026-01-05", peak: 3, goneOn: "2026-11-20", replacedBy: "4540676" },
      {
        ...{ id: "4540676", firstSeen: "2026-01-05", peak: 4, goneOn: "2026-11-20" },
        line: { ids: ["4540675"], since: "2026-01-04", listedOn: "2026-02-03" },
      },
    ],
    unusable: 1,
  };
  const runRow: KeyedRow = {
    ...{ partitionKey: "home|b=C3=BCro", rowKey: "2026-11-23", schemaVersion: 1 },
    ...{ day: "2026-11-23", minMachines: 5, minPercent: 20, minCves: 1, dueDays: 14, timeZone: "Europe/Berlin" },
    ...{ dueDaysExploited: 3, dueFrom: "first-seen", replaced: 13n, exploited: 14n },
    ...{ openedAt: "2026-11-23T05:00:00.000Z", committedAt: "2026-11-23T05:04:00.000Z", previousRunId: "2026-11-22" },
    ...{ mailStatus: "refused", mailAt: "2026-11-23T05:05:00.000Z", mailAttempts: 2, mailUnknownOutcomes: 1 },
    ...{ mailFailedSends: 2, mailCanAsk: true },
    ...{ mailCrashes: 3, mailReason: "SendGrid refused the mail.", mailIsAccountTrouble: true },
    ...{ mailRetryAt: "2026-11-23T06:05:00.000Z", mailSince: "2026-11-16", mailIsResent: true },
    ...{ new: 1n, worsened: 2n, improved: 3n, resolved: 4n, returned: 5n, baseline: 6n, read: 7n },
    ...{ notRead: 8n, missingKbs: 9n, missingInstalls: 3_000_000_000n, moreCves: 10n, overdue: 11n, stalled: 12n },
    comparisons0:
      '{"ids":["microsoft-_-windows_10","microsoft-_-edge","microsoft-_-windows_11"],"of":[0,1,2],"pairs":[["2026-11-22","2026-11-23"],[null,"2026-11-23"],["2026-11-20","2026-11-20"]],"lastReported":[[2,[["5041585",240,-1],["5066835",null,0]]]],"heldBack":[[2,[["5041585",-1,14]]]],"firstEmpty":[[1,"2026-11-23"]],"lateBaseline":[0]}',
    left0:
      '{"ids":["microsoft-_-word"],"of":[0],"pairs":[["2026-11-19","2026-11-20"]],"lastReported":[],"heldBack":[[0,[["5041585",31,-1]]]],"firstEmpty":[],"lateBaseline":[],"on":["2026-11-20"]}',
    failures0: '{"products":[2],"of":[0],"groups":[["Busy.",true,"2026-11-21",3,"2026-11-22","2026-11-21"]]}',
  };
  const left = { softwareId: "microsoft-_-word", previous: "2026-11-19", current: "2026-11-20", leftOn: "2026-11-20" };
  const run: Run = {
    ...{ watchlist: "Büro", runId: "2026-11-23", tenant: "home", previousRunId: "2026-11-22" },
    ...{ openedAt: "2026-11-23T05:00:00.000Z", committedAt: "2026-11-23T05:04:00.000Z" },
    ...{ day: "2026-11-23", left: [{ ...left, heldBack: { "5041585": { machineMissedOn: 31 } } }] },
    rules: {
      ...{ thresholds: { minMachines: 5, minPercent: 20, minCves: 1 }, timeZone: "Europe/Berlin" },
      ...{ dueDays: 14, dueDaysExploited: 3, dueFrom: "first-seen" },
    },
    comparisons: [
      {
        ...{ softwareId: "microsoft-_-windows_10", previous: "2026-11-22", current: "2026-11-23" },
        lateBaseline: true,
      },
      { softwareId: "microsoft-_-edge", previous: null, current: "2026-11-23", firstEmptyOn: "2026-11-23" },
      {
        ...{ softwareId: "microsoft-_-windows_11", previous: "2026-11-20", current: "2026-11-20" },
        lastReported: { "5041585": { machineMissedOn: 240 }, "5066835": { machineMissedOn: null, cveAddressed: 0 } },
        heldBack: { "5041585": { cveAddressed: 14 } },
      },
    ],
    failures: [
      {
        ...{ softwareId: "microsoft-_-windows_11", reason: "Busy.", permanent: true, since: "2026-11-21", misses: 3 },
        ...{ unknownSince: "2026-11-22", permanentSince: "2026-11-21" },
      },
    ],
    totals: someTotals,
    mail: {
      ...{ status: "refused", at: "2026-11-23T05:05:00.000Z", attempts: 2, unknownOutcomes: 1 },
      ...{ failedSends: 2, canAsk: true },
      ...{ crashes: 3, reason: "SendGrid refused the mail.", isAccountTrouble: true },
      ...{ retryAt: "2026-11-23T06:05:00.000Z", since: "2026-11-16", isResent: true },
    },
  };

  it("mean what they meant then, whatever this version writes", () => {
    expect(decodeSnapshot(snapshot, { ...snapshotRow, ...service }, place)).toEqual(snapshot);
    const marked = { ...runRow, ...service, followedBy: "2026-11-24", mailWriter: "someone" };
    expect(decodeRun(run, marked, place)).toEqual(run);
    const { comparisons: _, left: __, failures: ___, ...summary } = run;
    expect(decodeSummary(run, marked, place)).toEqual(summary);
  });

  it("are read wherever their lists were cut into columns", () => {
    const text = `${snapshotRow.missingKbs0}`;
    for (let cut = 1; cut < text.length; cut += 7) {
      const row = { ...snapshotRow, missingKbs0: text.slice(0, cut), missingKbs1: text.slice(cut) };
      expect(decodeSnapshot(snapshot, row, place)).toEqual(snapshot);
    }
  });

  it("of an empty list say why it was empty", () => {
    const empty = { missingKbCount: 0, missingKbs0: "[]", emptinessVerdict: "clean", emptinessCheckedOn: "2026-11-20" };
    expect(decodeSnapshot(snapshot, { ...snapshotRow, ...empty }, place)).toEqual({
      ...{ ...snapshot, missingKbs: [], emptiness: { verdict: "clean", checkedOn: "2026-11-20" } },
    });
  });

  // A version that writes other rows must call them version 2, so that this one refuses them.
  it("are what this version writes", () => {
    expect(encodeSnapshot(snapshot)).toEqual(snapshotRow);
    expect(encodeRun(run)).toEqual(runRow);
  });
});
