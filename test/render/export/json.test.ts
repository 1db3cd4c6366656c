import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Report } from "../../../shared/core/report.ts";
import { type Selection, select } from "../../../shared/core/selection.ts";
import type { AskedReport } from "../../../shared/render/asked-report.ts";
import { reportJson, reportJsonChunks } from "../../../shared/render/export/json.ts";
import { jsonSchema } from "../../../shared/render/export/openapi.ts";
import { reportSchema } from "../../../shared/render/export/schemas.ts";
import { anyStory, hostileText } from "../../support/any-report.ts";
import { aKb, aReport } from "../../support/builders.ts";
import { largeReport, sampleReport } from "../../support/page-samples.ts";

const options = { reportUrl: "https://reporter.example.com" };
const asked = (report: Report, selection: Selection = {}): AskedReport => ({
  ...select(report, selection),
  newerRuns: [],
});
const validate = new Ajv2020({ strict: true }).compile(jsonSchema("Report"));

describe("a report in JSON", () => {
  test("is what the published schema says, whatever the texts hold", async () => {
    await fc.assert(
      fc.asyncProperty(anyStory(hostileText), async (story) => {
        const value: unknown = JSON.parse(JSON.stringify(reportJson(asked(await aReport(story)), options)));
        expect(validate(value), JSON.stringify(validate.errors)).toBe(true);
      }),
    );
  });

  test("has no property that the schema does not describe", async () => {
    const value = reportJson(asked(await sampleReport()), options);
    // Parsing drops what the schema does not know.
    expect(reportSchema.parse(value)).toEqual(value);
  });

  test("is refused by the schema where a count is text or a property is missing", async () => {
    const value = reportJson(asked(await sampleReport()), options);
    expect(validate({ ...value, totals: { ...value.totals, new: "2" } })).toBe(false);
    const { rows: _, ...rest } = value;
    expect(validate(rest)).toBe(false);
  });

  test("comes in pieces that make the same value", async () => {
    for (const report of [
      await sampleReport(),
      await largeReport(30, 40),
      await aReport({ products: { a: { now: [] } } }),
    ]) {
      const pieces = [...reportJsonChunks(asked(report), options)];
      expect(JSON.parse(pieces.join(""))).toEqual(reportJson(asked(report), options));
    }
  });

  test("keeps every text as Defender gave it, and links only what can be trusted", async () => {
    await fc.assert(
      fc.asyncProperty(anyStory(hostileText), async (story) => {
        const report = await aReport(story);
        const { rows } = reportJson(asked(report), options);
        expect(rows.map(({ name, url }) => ({ name, url }))).toEqual(
          report.rows.map(({ name, url }) => ({ name, url })),
        );
        for (const { link } of rows)
          expect(link ?? "https://support.microsoft.com/").toMatch(/^https:\/\/support\.microsoft\.com\//);
      }),
    );
  });

  test("puts the counts of every product side by side, and on top the largest of those that the change is about", async () => {
    const kb = (machineMissedOn: number) => aKb({ machineMissedOn });
    const report = await aReport({
      products: { a: { before: [kb(10)], now: [kb(12)] }, b: { before: [kb(50)], now: [kb(50)] } },
    });
    expect(reportJson(asked(report), options).rows).toMatchObject([
      {
        id: "5041585",
        change: "worsened",
        why: ["machines"],
        machineMissedOn: 12,
        entries: [
          { softwareId: "a", change: "worsened", current: { machineMissedOn: 12 }, previous: { machineMissedOn: 10 } },
          { softwareId: "b", change: "unchanged", current: { machineMissedOn: 50 }, previous: { machineMissedOn: 50 } },
        ],
      },
    ]);
  });

  test("links to the page of the same selection and comparison", async () => {
    const report = await sampleReport();
    const page = (selection: Selection, from?: string) =>
      new URL(reportJson({ ...asked(report, selection), ...(from && { from }) }, options).page ?? "").searchParams;
    const here = { watchlist: "default", run: "2026-11-23", format: "html" };
    expect(Object.fromEntries(page({}))).toEqual(here);
    expect(
      Object.fromEntries(page({ change: "new", overdue: true, stalled: false, sort: "kb" }, "2026-11-20")),
    ).toEqual({
      ...here,
      ...{ from: "2026-11-20", change: "new", overdue: "true" },
    });
  });

  test("says which products Defender does not know, which left, and what it no longer lists", async () => {
    const unknown = { reason: "404", permanent: true, isUnknown: true };
    const report = await aReport({
      products: {
        new: { before: null, now: null, failure: unknown },
        unlisted: {
          before: [aKb()],
          now: [],
          snapshot: { emptiness: { verdict: "not-kb-patched", checkedOn: "2026-11-23" } },
        },
        differing: { before: [aKb()], now: [aKb()], snapshot: { differed: true } },
      },
    });
    expect(reportJson(asked(report), options).products).toMatchObject([
      { softwareId: "new", unknownId: true, leftInventory: false, lastReadOn: null },
      { softwareId: "unlisted", state: "not-kb-patched", unlistedKbs: 1 },
      { softwareId: "differing", differed: true, lastReadOn: "2026-11-23" },
    ]);
  });
});
