import fc from "fast-check";
import { expect } from "vitest";
import { addDays } from "../../shared/core/day.ts";
import { type Mail, mailStatuses } from "../../shared/core/mail.ts";
import type { Totals } from "../../shared/core/totals.ts";
import type { KeyedRow } from "../../shared/io/storage/row.ts";

/** Text with what is awkward in keys, columns or objects. */
export const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string(),
  fc.constantFrom(
    "__proto__",
    "constructor",
    "toString",
    "a|b",
    "a/b",
    "a'b",
    "=41",
    "%41",
    "\u{1F600}",
    "\u0000\u001f\u007f",
  ),
);

export const anyDay = fc.integer({ min: 0, max: 3_000 }).map((days) => addDays("2024-01-01", days));
export const anyRunId = fc.oneof(
  anyDay,
  fc.tuple(anyDay, fc.integer({ min: 0, max: 1_439 })).map(([day, minute]) => {
    const [hours, minutes] = [Math.floor(minute / 60), minute % 60].map((part) => `${part}`.padStart(2, "0"));
    return `${day}T${hours}:${minutes}Z`;
  }),
);
export const anyInstant = fc.integer({ min: 0, max: 4e12 }).map((time) => new Date(time).toISOString());
export const anyCount = fc.option(fc.nat());

export const anyMail: fc.Arbitrary<Mail> = fc.record(
  {
    status: fc.constantFrom(...mailStatuses),
    at: anyInstant,
    attempts: fc.nat(),
    unknownOutcomes: fc.nat(),
    reason: anyText.filter((reason) => reason !== ""),
    since: fc.option(anyRunId),
    crashes: fc.integer({ min: 1, max: 99 }),
    isAccountTrouble: fc.constant(true),
    retryAt: anyInstant,
    isResent: fc.constant(true),
  },
  { requiredKeys: ["status", "at", "attempts", "unknownOutcomes"] },
);
const anyTotal = fc.nat({ max: Number.MAX_SAFE_INTEGER });
export const anyTotals: fc.Arbitrary<Totals> = fc.record({
  ...{ new: anyTotal, worsened: anyTotal, returned: anyTotal, moreCves: anyTotal, improved: anyTotal },
  ...{ resolved: anyTotal, missingKbs: anyTotal, missingInstalls: anyTotal, overdue: anyTotal, stalled: anyTotal },
  ...{ baseline: anyTotal, read: anyTotal, notRead: anyTotal, replaced: anyTotal, exploited: anyTotal },
});
/** The size of an entity by the documentation of Table Storage. */
export function bytesOf(row: KeyedRow): number {
  // The service adds the column Timestamp, a name of 9 characters with an instant of 8 bytes.
  let bytes = 4 + 2 * row.partitionKey.length + 2 * row.rowKey.length + (8 + 2 * 9 + 8);
  for (const [name, value] of Object.entries(row)) {
    if (name === "partitionKey" || name === "rowKey") continue;
    bytes += 8 + 2 * name.length + (typeof value === "string" ? 4 + 2 * value.length : 8);
  }
  return bytes;
}

/** Fails for a row that the service would refuse. */
export function expectStorable(row: KeyedRow): void {
  expect(bytesOf(row)).toBeLessThanOrEqual(1024 * 1024);
  expect(Object.keys(row).length).toBeLessThan(252);
  const texts = Object.values(row).filter((value) => typeof value === "string");
  expect(Math.max(...texts.map((text) => text.length))).toBeLessThanOrEqual(32 * 1024);
  expect(texts.filter((text) => !text.isWellFormed())).toEqual([]);
  const wire = JSON.stringify(row, (_, value) => (typeof value === "bigint" ? `${value}` : value));
  expect(Buffer.byteLength(wire)).toBeLessThan(4 * 1024 * 1024);
}
