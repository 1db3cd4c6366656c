import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Mail } from "../../../shared/core/mail.ts";
import type { WatchlistStatus } from "../../../shared/core/watchlist-status.ts";
import type { KeyedRow } from "../../../shared/io/storage/row.ts";
import { decodeStatus, encodeStatus } from "../../../shared/io/storage/status-row.ts";
import {
  decodeBookmark,
  decodeLease,
  decodeRequest,
  encodeBookmark,
  encodeLease,
  encodeRequest,
} from "../../../shared/io/storage/walk-rows.ts";
import type { Bookmark, Lease, RunProgress, RunRequest, Usage } from "../../../shared/ports.ts";
import { anyDay, anyInstant, anyMail, anyRunId, anyText, anyTotals, expectStorable } from "../../support/any-rows.ts";

/** Where a row is; only its key matters. */
const placeOf = ({ partitionKey, rowKey }: KeyedRow) => ({ table: "T", partitionKey, rowKey });

const anyCalls: fc.Arbitrary<Usage["calls"]> = fc.array(fc.tuple(fc.nat({ max: 4e12 }), fc.nat()), { maxLength: 5 });
const anyProgress: fc.Arbitrary<RunProgress> = fc.record({
  ...{ watchlist: anyText, runId: anyRunId, read: fc.nat(), total: fc.nat() },
});
const anyLease: fc.Arbitrary<Lease> = fc.record({
  ...{ owner: anyText, until: anyInstant, reserved: fc.nat(), outside: anyCalls },
  usage: fc.record({ calls: anyCalls, throttledUntil: fc.option(fc.nat({ max: 4e12 })) }),
  progress: fc.array(anyProgress, { maxLength: 4 }),
});
const anyRequest: fc.Arbitrary<RunRequest> = fc.record(
  {
    ...{ tenant: anyText, watchlist: anyText, runId: anyRunId, openedAt: anyInstant, mail: fc.boolean() },
    dropped: anyText,
  },
  { requiredKeys: ["tenant", "watchlist", "runId", "openedAt", "mail"] },
);
const anyBookmark: fc.Arbitrary<Bookmark> = fc.record(
  { day: anyDay, isDone: fc.boolean(), after: anyText },
  { requiredKeys: ["day", "isDone"] },
);
const anyStatus: fc.Arbitrary<WatchlistStatus> = fc.record(
  {
    ...{ tenant: anyText, watchlist: anyText, removedOn: fc.option(anyDay), awaitedSince: anyInstant },
    latest: fc.option(
      fc.record({
        ...{ runId: anyRunId, day: anyDay, openedAt: anyInstant, committedAt: anyInstant, totals: anyTotals },
      }),
    ),
    failing: fc.option(fc.record({ softwareId: anyText, reason: anyText, misses: fc.nat(), others: fc.nat() })),
    line: fc.array(fc.record({ day: anyDay, missingInstalls: fc.maxSafeNat() }), { maxLength: 31 }),
    lastDigest: fc.option(fc.record({ runId: anyRunId, at: anyInstant })),
    open: fc.array(fc.record({ runId: anyRunId, committedAt: anyInstant, mail: anyMail }), { maxLength: 10 }),
    alerts: fc.array(fc.record({ cve: anyText, openedAt: anyInstant, mail: anyMail }), { minLength: 1, maxLength: 10 }),
  },
  { requiredKeys: ["tenant", "watchlist", "removedOn", "latest", "failing", "line", "lastDigest", "open"] },
);

describe("a watchlist's row", () => {
  it("gives back the status, whatever the names", () => {
    fc.assert(
      fc.property(anyStatus, (status) => {
        const row = encodeStatus(status);
        expectStorable(row);
        expect(decodeStatus(row)).toEqual(status);
      }),
    );
  });

  it("holds names, reasons and a line of any length", () => {
    const day = "2026-11-23";
    const long = "\u{1F600}".repeat(5_000);
    const mail: Mail = { status: "refused", at: `${day}T05:00:00Z`, attempts: 1, unknownOutcomes: 0, reason: long };
    const status: WatchlistStatus = {
      ...{ tenant: long, watchlist: long, latest: null, lastDigest: null, removedOn: null },
      failing: { softwareId: long, reason: long, misses: 1, others: 0 },
      line: Array.from({ length: 2_000 }, (_, missingInstalls) => ({ day, missingInstalls })),
      open: Array.from({ length: 10 }, () => ({ runId: day, committedAt: `${day}T05:00:00Z`, mail })),
    };
    const row = encodeStatus(status);
    expectStorable(row);
    expect(decodeStatus(row)).toMatchObject({ tenant: long, watchlist: long, line: status.line });
  });
});

describe("a tenant's rows", () => {
  it("give back the lease, the request and the bookmark, whatever the names", () => {
    fc.assert(
      fc.property(anyText, anyLease, anyRequest, anyBookmark, (tenant, lease, request, bookmark) => {
        const rows = [encodeLease(tenant, lease), encodeRequest(request), encodeBookmark(tenant, bookmark)] as const;
        for (const row of rows) expectStorable(row);
        expect(decodeLease(rows[0], placeOf(rows[0]))).toEqual({ lease });
        expect(decodeRequest(request.tenant, rows[1], placeOf(rows[1]))).toEqual(request);
        expect(decodeBookmark(rows[2])).toEqual(bookmark);
      }),
    );
  });

  it("hold a lease with more calls and runs than there can be", () => {
    const calls = Array.from({ length: 100_000 }, (_, n) => [1_795_000_000_000 + n, 1_000_000] as const);
    const progress = Array.from({ length: 20_000 }, (_, n) => ({
      ...{ watchlist: `${n} ${"x".repeat(300)}`, runId: "2026-11-23T10:17Z", read: 50_000, total: 50_000 },
    }));
    const usage = { calls, throttledUntil: 1_795_000_000_000 };
    const lease = { owner: "step", until: "2026-11-23T05:05:00.000Z", usage, reserved: 40, outside: calls, progress };
    const row = encodeLease("home", lease);
    expectStorable(row);
    const kept = decodeLease(row, placeOf(row)).lease;
    expect(kept.usage.calls.reduce((sum, [, count]) => sum + count, 0)).toBe(100_000 * 1_000_000);
    expect(kept.progress.length).toBeGreaterThan(1_000);
  });
});

describe("rows that version 1 wrote", () => {
  // As the service returns them: with its own columns, and absent ones as null where a query names them.
  const service = { etag: 'W/"1"', timestamp: "2026-11-23T05:04:00.000Z", writer: "someone" };
  const key = { partitionKey: "home", schemaVersion: 1 };
  const lease: Lease = {
    ...{ owner: "step 1", until: "2026-11-23T05:05:00.000Z", reserved: 40, outside: [[1_795_000_002_000, 1]] },
    usage: { calls: [[1_795_000_000_000, 3]], throttledUntil: null },
    progress: [{ watchlist: "Büro", runId: "2026-11-23", read: 3, total: 7 }],
  };
  const leaseRow: KeyedRow = {
    ...{ ...key, rowKey: "reader", owner: "step 1", until: "2026-11-23T05:05:00.000Z", reserved: 40 },
    ...{ usage0: '{"calls":[[1795000000000,3]],"throttledUntil":null}', outside0: "[[1795000002000,1]]" },
    progress0: '[["Büro","2026-11-23",3,7]]',
  };
  const request: RunRequest = {
    ...{ tenant: "home", watchlist: "Büro", runId: "2026-11-23T10:17Z", openedAt: "2026-11-23T10:17:08.000Z" },
    ...{ mail: true, dropped: "The watchlist was removed." },
  };
  const requestRow: KeyedRow = {
    ...{ ...key, rowKey: "asked|b=C3=BCro|2026-11-23T10:17Z", watchlist: "Büro" },
    ...{ openedAt: "2026-11-23T10:17:08.000Z", mail: true, dropped: "The watchlist was removed." },
  };
  const bookmark: Bookmark = { day: "2026-11-23", isDone: false, after: "microsoft-_-edge" };
  const bookmarkRow: KeyedRow = { ...key, rowKey: "retention", ...bookmark, after: "microsoft-_-edge" };
  const totals = {
    ...{ new: 1, worsened: 2, improved: 3, resolved: 4, returned: 5, moreCves: 10, baseline: 6, read: 7, notRead: 8 },
    ...{ missingKbs: 9, missingInstalls: 3_000_000_000, overdue: 11, stalled: 12, replaced: 13, exploited: 14 },
  };
  const at = { openedAt: "2026-11-23T05:00:00.000Z", committedAt: "2026-11-23T05:04:00.000Z" };
  const status: WatchlistStatus = {
    ...{ tenant: "home", watchlist: "Büro", removedOn: "2026-11-24", awaitedSince: "2026-11-23T06:00:00.000Z" },
    latest: { runId: "2026-11-23", day: "2026-11-23", ...at, totals },
    failing: { softwareId: "microsoft-_-office", reason: "Busy.", misses: 3, others: 1 },
    line: [{ day: "2026-11-23", missingInstalls: 3_000_000_000 }],
    lastDigest: { runId: "2026-11-20", at: "2026-11-20T05:06:00.000Z" },
    open: [
      {
        ...{ runId: "2026-11-22", committedAt: "2026-11-22T05:04:00.000Z" },
        mail: { status: "claimed", at: "2026-11-22T05:05:00.000Z", attempts: 0, unknownOutcomes: 0, since: null },
      },
    ],
    alerts: [
      {
        ...{ cve: "CVE-2026-20001", openedAt: "2026-11-23T14:17:05.000Z" },
        mail: { status: "pending", at: "2026-11-23T14:17:05.000Z", attempts: 0, unknownOutcomes: 0 },
      },
    ],
  };
  const statusRow: KeyedRow = {
    ...{ partitionKey: "all", rowKey: "home|b=C3=BCro", schemaVersion: 1, tenant: "home", watchlist: "Büro" },
    ...{ runId: "2026-11-23", day: "2026-11-23", ...at, digestRunId: "2026-11-20" },
    ...{ digestAt: "2026-11-20T05:06:00.000Z", removedOn: "2026-11-24", awaitedSince: "2026-11-23T06:00:00.000Z" },
    totals0:
      '{"new":1,"worsened":2,"improved":3,"resolved":4,"returned":5,"moreCves":10,"baseline":6,"read":7,"notRead":8,"missingKbs":9,"missingInstalls":3000000000,"overdue":11,"stalled":12,"replaced":13,"exploited":14}',
    failing0: '{"softwareId":"microsoft-_-office","reason":"Busy.","misses":3,"others":1}',
    line0: '[["2026-11-23",3000000000]]',
    open0:
      '[["2026-11-22","2026-11-22T05:04:00.000Z",{"mailStatus":"claimed","mailAt":"2026-11-22T05:05:00.000Z","mailAttempts":0,"mailUnknownOutcomes":0,"mailFailedSends":0,"mailCanAsk":false,"mailCrashes":0,"mailReason":"","mailIsAccountTrouble":false,"mailRetryAt":"","mailSince":"none","mailIsResent":false}]]',
    alerts0:
      '[["CVE-2026-20001","2026-11-23T14:17:05.000Z",{"mailStatus":"pending","mailAt":"2026-11-23T14:17:05.000Z","mailAttempts":0,"mailUnknownOutcomes":0,"mailFailedSends":0,"mailCanAsk":false,"mailCrashes":0,"mailReason":"","mailIsAccountTrouble":false,"mailRetryAt":"","mailSince":"","mailIsResent":false}]]',
  };

  it("mean what they meant then, whatever this version writes", () => {
    expect(decodeLease({ ...leaseRow, ...service }, placeOf(leaseRow))).toEqual({ lease });
    expect(decodeRequest("home", { ...requestRow, ...service }, placeOf(requestRow))).toEqual(request);
    expect(decodeBookmark({ ...bookmarkRow, ...service })).toEqual(bookmark);
    expect(decodeStatus({ ...statusRow, ...service })).toEqual(status);
  });

  it("are what this version writes", () => {
    expect(encodeLease("home", lease)).toEqual(leaseRow);
    expect(encodeRequest(request)).toEqual(requestRow);
    expect(encodeBookmark("home", bookmark)).toEqual(bookmarkRow);
    expect(encodeStatus(status)).toEqual(statusRow);
  });
});
