import fc from "fast-check";
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, test } from "vitest";
import { addDays } from "../../../shared/core/day.ts";
import type { TrendPoint } from "../../../shared/core/report.ts";
import { noTotals, type TotalName, type Totals, totalNames } from "../../../shared/core/totals.ts";
import { size } from "../../../shared/render/page/chart-frame.tsx";
import {
  ageChart,
  type Drawing,
  flowChart,
  installsChart,
  KbHistoryChart,
} from "../../../shared/render/page/charts.tsx";
import { anyStory } from "../../support/any-report.ts";
import { aKb, aReport } from "../../support/builders.ts";
import { sampleHistory } from "../../support/page-samples.ts";
import { readHtml, type Tag } from "../../support/read-html.ts";

const count = fc.oneof(fc.nat({ max: 50 }), fc.nat({ max: 5_000_000 }));
const totals: fc.Arbitrary<Totals> = fc.record({
  ...(Object.fromEntries(totalNames.map((name) => [name, count])) as Record<TotalName, typeof count>),
  notRead: fc.nat({ max: 2 }),
});
const aTrend: fc.Arbitrary<TrendPoint[]> = fc
  .uniqueArray(fc.record({ at: fc.nat({ max: 400 }), totals }), { selector: ({ at }) => at, maxLength: 60 })
  .map((points) =>
    points
      .toSorted((a, b) => a.at - b.at)
      .map(({ at, totals }) => {
        const day = addDays("2025-11-01", at);
        return { runId: day, day, totals };
      }),
  );

/** The elements that are drawn outside the drawing, or nowhere. */
function outside(html: string): Tag[] {
  const within = (most: number) => (value: number) => value >= -0.01 && value <= most + 0.01;
  const [inX, inY] = [within(size.width), within(size.height)];
  const isInside = ({ name, attributes }: Tag): boolean => {
    const at = (attribute: string) => Number(attributes[attribute]);
    if (name === "circle") return inX(at("cx")) && inY(at("cy"));
    if (name === "text") return inX(at("x")) && inY(at("y"));
    if (name === "path") return (attributes.d?.match(/-?[\d.]+(e-?\d+)?/g) ?? []).map(Number).every(inX);
    // Keys of legends are drawings of their own and have no place.
    if (name !== "rect" || attributes.x === undefined) return true;
    return inX(at("x")) && inY(at("y")) && inX(at("x") + at("width")) && inY(at("y") + at("height"));
  };
  return readHtml(html).tags.filter((tag) => !isInside(tag));
}

const htmlOf = ({ element }: Drawing) => renderToStaticMarkup(element);
const cells = (html: string) => [...html.matchAll(/<(?:td|th scope="row")>([^<]*)</g)].map(([, text]) => text);

describe("charts", () => {
  test("draw any trend inside the drawing", () => {
    fc.assert(
      fc.property(aTrend, (trend) => {
        expect(outside(htmlOf(installsChart(trend)))).toEqual([]);
        expect(outside(htmlOf(flowChart(trend)))).toEqual([]);
      }),
    );
  });

  test("give every number that they draw as text, the newest run first", () => {
    fc.assert(
      fc.property(aTrend, (trend) => {
        const [installs, flow] = [installsChart(trend), flowChart(trend)];
        const number = (value: number) => value.toLocaleString("en-US");
        const newest = trend.toReversed().map(({ totals }) => totals);
        const column = (chart: Drawing, at: number) => cells(htmlOf(chart)).filter((_, index) => index % 4 === at);
        if (installs.isDrawn)
          expect(column(installs, 1)).toEqual(newest.map((totals) => number(totals.missingInstalls)));
        if (!flow.isDrawn) return;
        expect(column(flow, 1)).toEqual(newest.map((totals) => number(totals.new)));
        expect(column(flow, 3)).toEqual(newest.map((totals) => number(totals.resolved)));
      }),
    );
  });

  test("are sentences without a frame where there is nothing to draw", async () => {
    const point = (day: string, parts: Partial<Totals> = {}) => ({
      runId: day,
      day,
      totals: { ...noTotals, ...parts },
    });
    const [day, next] = [point("2026-11-22", { missingInstalls: 7 }), point("2026-11-23", { missingInstalls: 7 })];
    const clean = await aReport({ products: { a: { before: [], now: [] } } });
    const quiet: [Drawing, string][] = [
      [installsChart([]), "There is no scheduled run yet."],
      [installsChart([day]), "7 missing installs on 22 Nov. A line needs at least two scheduled runs."],
      [installsChart([point("2026-11-22"), point("2026-11-23")]), "none since 22 Nov."],
      [flowChart([]), "there is no scheduled run yet."],
      [flowChart([day, next]), "in 2 runs nothing was new, came back or was resolved."],
      [ageChart(clean, "No KB is missing"), "no KB is missing."],
    ];
    for (const [drawing, words] of quiet) {
      const { tags, text } = readHtml(htmlOf(drawing));
      expect([drawing.isDrawn, tags.map(({ name }) => name)]).toEqual([false, ["p", "strong"]]);
      expect(text).toContain(words);
    }
    expect(installsChart([day, next]).isDrawn).toBe(true);
  });

  test("keep their last value beside the line, where nothing crosses it", () => {
    fc.assert(
      fc.property(aTrend, (trend) => {
        const { tags } = readHtml(htmlOf(installsChart(trend)));
        const line = tags.find(({ name, attributes }) => name === "path" && attributes.class === "line");
        const value = tags.find(({ name, attributes }) => name === "text" && attributes.class === "value");
        if (!line || !value) return;
        const xs = [...(line.attributes.d ?? "").matchAll(/[ML](-?[\d.]+),/g)].map(([, x]) => Number(x));
        expect(Number(value.attributes.x)).toBeGreaterThan(Math.max(...xs));
      }),
    );
  });

  test("mark the runs that did not read every product", () => {
    fc.assert(
      fc.property(aTrend, (trend) => {
        const marks = (html: string) => html.split('class="dot partial"').length - 1;
        const partly = trend.filter(({ totals }) => totals.notRead > 0).length;
        for (const chart of [installsChart(trend), flowChart(trend)]) {
          expect(marks(htmlOf(chart))).toBe(chart.isDrawn ? partly : 0);
        }
      }),
    );
  });

  test("give each bar of the flow the height of its count", () => {
    const point = (day: string, parts: Partial<Totals>) => ({ runId: day, day, totals: { ...noTotals, ...parts } });
    const trend = [point("2026-11-22", { new: 2, returned: 1 }), point("2026-11-23", { new: 4, resolved: 2 })];
    const { tags } = readHtml(htmlOf(flowChart(trend)));
    const bars = tags.filter(({ name, attributes }) => name === "rect" && attributes.x !== undefined);
    const height = (index: number) => Number(bars[index]?.attributes.height);
    expect(bars.map(({ attributes }) => attributes.class)).toEqual([
      "bar-new",
      "bar-returned",
      "bar-new",
      "bar-resolved",
    ]);
    expect(height(0)).toBeCloseTo(2 * height(1), 6);
    expect(height(2)).toBeCloseTo(4 * height(1), 6);
    expect(height(3)).toBeCloseTo(2 * height(1), 6);
  });

  test("draw the ages of any report inside the drawing", async () => {
    await fc.assert(
      fc.asyncProperty(anyStory(), async (story) => {
        expect(outside(htmlOf(ageChart(await aReport(story), "No KB is missing")))).toEqual([]);
      }),
    );
  });

  test("show the age of what could not be read as unknown, never as overdue", async () => {
    const kb = (id: string, age: number) => aKb({ id, firstSeen: addDays("2026-11-23", -age) });
    const report = await aReport({
      products: {
        a: { before: [kb("1", 40), kb("2", 3)], now: [kb("1", 40), kb("2", 3)] },
        b: { before: [kb("1", 90), kb("3", 40), kb("4", 40)], now: null },
      },
    });
    const html = htmlOf(ageChart(report, "No KB is missing"));
    const bars = readHtml(html).tags.flatMap(({ name, attributes }) =>
      name === "rect" && attributes.x !== undefined ? [attributes.class] : [],
    );
    expect(bars).toEqual(["bar-due", "bar-overdue", "bar-unknown"]);
    expect(readHtml(html).text).toContain("1 of 2 missing KBs is overdue.");
    expect(readHtml(html).text).toContain("Whether 2 more KBs are overdue is unknown: not read.");
    const rows = [
      ...html.matchAll(/<tr><th scope="row">31–60 days<\/th><td>(\d+)<\/td><td>(\d+)<\/td><td>(\d+)<\/td>/g),
    ];
    expect(rows.map(([, ...counts]) => counts)).toEqual([["1", "1", "2"]]);
  });

  test("say what they are of where that is not what the page shows", () => {
    for (const chart of [installsChart, flowChart]) {
      const html = htmlOf(chart([], "all products"));
      expect(readHtml(html).text).toMatch(/(Missing installs over time|New and resolved), all products/);
    }
  });

  test("break the line of a KB where a run could not read its product", () => {
    const softwareIds = ["microsoft-_-windows_11", "microsoft-_-windows_10"];
    const html = renderToStaticMarkup(createElement(KbHistoryChart, { history: sampleHistory(), softwareIds }));
    expect(outside(html)).toEqual([]);
    const lines = readHtml(html).tags.flatMap(({ name, attributes }) => (name === "path" ? [attributes.d ?? ""] : []));
    expect(lines.map((line) => line.split("M").length - 1)).toEqual([1, 2]);
  });
});
