import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  defuse,
  historyColumns,
  historyCsv,
  reportColumns,
  reportCsv,
  reportCsvChunks,
} from "../../../shared/render/export/csv.ts";
import { anyStory, hostileText } from "../../support/any-report.ts";
import { aKb, aReport } from "../../support/builders.ts";
import { largeReport, sampleReport } from "../../support/page-samples.ts";
import { readCsv } from "../../support/read-csv.ts";

const bom = "\ufeff";

/** The lines of a CSV by column name; fails where it does not begin with a byte order mark and the columns. */
function read(csv: string, columns: readonly string[]): Record<string, string>[] {
  expect(csv.startsWith(bom)).toBe(true);
  const [head, ...lines] = readCsv(csv.slice(bom.length));
  expect(head).toEqual(columns);
  return lines.map((cells) => {
    expect(cells).toHaveLength(columns.length);
    return Object.fromEntries(columns.map((column, index) => [column, cells[index] ?? ""]));
  });
}

const cell = (value: string | number | null | undefined) =>
  value === null || value === undefined ? "" : String(value);
const withoutApostrophes = (text: string) => text.replaceAll("'", "");

describe("a report in CSV", () => {
  test("reads back as one line per KB and software, whatever the texts hold", async () => {
    await fc.assert(
      fc.asyncProperty(anyStory(hostileText), async (story) => {
        const report = await aReport(story);
        const entries = report.rows.flatMap((row) => row.entries.map((entry) => ({ row, entry })));
        const lines = read(reportCsv(report), reportColumns);
        expect(lines).toHaveLength(entries.length);
        entries.forEach(({ row, entry }, index) => {
          const line = lines[index] ?? {};
          expect(line).toMatchObject({
            id: row.id,
            machineMissedOn: cell(entry.current?.machineMissedOn),
            cveAddressed: cell(entry.current?.cveAddressed),
            previousMachineMissedOn: cell(entry.previous?.machineMissedOn),
            previousCveAddressed: cell(entry.previous?.cveAddressed),
            change: entry.kind,
            firstSeen: entry.firstSeen,
            run: "2026-11-23",
          });
          const texts = [line.softwareId, line.name, line.productsNames, line.url, line.watchlist].map(cell);
          const given = [entry.softwareId, row.name, row.productsNames.join("; "), row.url, report.watchlist].map(cell);
          expect(texts.map(withoutApostrophes)).toEqual(given.map(withoutApostrophes));
        });
      }),
    );
  });

  test("has no cell that a spreadsheet would run, whichever list separator it expects", async () => {
    await fc.assert(
      fc.asyncProperty(anyStory(hostileText), async (story) => {
        for (const line of readCsv(reportCsv(await aReport(story)).slice(bom.length))) {
          for (const part of line.flatMap((text) => text.split(/[;\t\r\n]/))) {
            expect(part.replace(/^["\s]+/, "")).not.toMatch(/^[=+\-@＝＋－＠]/);
          }
        }
      }),
    );
  });

  test.each(["a\rb", "a\nb", "a\r\nb", "\r", "\n"])("quotes a cell with the line break in %j", async (name) => {
    const report = await aReport({ products: { a: { before: [], now: [aKb({ name })] } } });
    expect(reportCsv(report)).toContain(`,"${name}",`);
    expect(read(reportCsv(report), reportColumns)).toMatchObject([{ name }]);
  });

  test("comes in pieces that make the same text", async () => {
    const report = await largeReport(30, 40);
    const pieces = [...reportCsvChunks(report)];
    expect(pieces.length).toBeGreaterThan(2);
    expect(pieces.join("")).toBe(reportCsv(report));
  });

  test("gives ages, due dates, peaks and the run in which each product was read", async () => {
    const kb = aKb({ firstSeen: "2026-11-01", machineMissedOn: 90, peak: 100 });
    const report = await aReport({
      products: {
        "microsoft-_-windows_10": { before: [kb], now: [kb] },
        "microsoft-_-windows_11": { before: [kb], now: null, beforeRunId: "2026-11-20" },
      },
    });
    const lasting = { firstSeen: "2026-11-01", ageDays: "22", peakMachineMissedOn: "100", previousRun: "2026-11-22" };
    expect(read(reportCsv(report), reportColumns)).toMatchObject([
      { ...lasting, change: "unchanged", overdueDays: "8", stalled: "true", readRun: "2026-11-23" },
      { ...lasting, change: "not-read", overdueDays: "0", stalled: "false", readRun: "2026-11-20" },
    ]);
  });

  test("leaves the counts empty of what is resolved, and keeps what they were", async () => {
    const report = await aReport({ products: { a: { before: [aKb()], now: [] } } });
    expect(read(reportCsv(report), reportColumns)).toMatchObject([
      { change: "resolved", machineMissedOn: "", cveAddressed: "", previousMachineMissedOn: "240" },
    ]);
  });

  test("without any KB is its columns alone", async () => {
    const report = await aReport({ products: { a: { before: [], now: [] } } });
    expect(read(reportCsv(report), reportColumns)).toEqual([]);
  });
});

describe("defusing a cell", () => {
  test("leaves plain text as it is", () => {
    for (const text of [
      "windows_10",
      "microsoft-_-edge",
      "a-b",
      "2026-11-23",
      "https://support.microsoft.com/kb/1?q=2",
    ]) {
      expect(defuse(text)).toBe(text);
    }
  });

  test("puts an apostrophe before what would start a formula", () => {
    expect(defuse("=1+1")).toBe("'=1+1");
    expect(defuse("  =1+1")).toBe("  '=1+1");
    expect(defuse("edge; @SUM(1)")).toBe("edge; '@SUM(1)");
    expect(defuse("＝1")).toBe("'＝1");
    expect(defuse('a\t" =1;@2')).toBe("a\t\" '=1;'@2");
    expect(defuse('" ; =1')).toBe("\" ; '=1");
    expect(defuse('a "=1')).toBe('a "=1');
  });

  // Reading each run of blanks again from each of its characters would take minutes.
  test.each(["\t", ";", " ", '"', "\r\n", "\u3000", '"\t;'])(
    "takes a megabyte of %j as it takes a line",
    (repeated) => {
      const text = repeated.repeat(1_000_000 / repeated.length);
      expect(defuse(`${text}a`) === `${text}a`).toBe(true);
      expect(defuse(`${text}=1`) === `${text}'=1`).toBe(true);
    },
  );
});

describe("a history in CSV", () => {
  test("has one line per run with every total", async () => {
    const report = await sampleReport();
    const rows = report.trend.map(({ runId, day, totals }) => ({
      runId,
      scheduled: true,
      openedAt: `${runId}T05:00:00.000Z`,
      committedAt: `${runId}T05:04:00.000Z`,
      ...totals,
      mail: "sent",
      mailAt: `${runId}T05:05:00.000Z`,
      day,
    }));
    const lines = read(historyCsv(rows), historyColumns);
    expect(lines).toEqual(
      rows.map(({ runId, ...row }) => ({
        run: runId,
        ...Object.fromEntries(Object.entries(row).map(([name, value]) => [name, String(value)])),
      })),
    );
  });
});
