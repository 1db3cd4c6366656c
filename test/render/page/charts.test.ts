import fc from "fast-check";
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, test } from "vitest";
import { addDays } from "../../../shared/core/day.ts";
import type { TrendPoint } from "../../../shared/core/report.ts";
import { size } from "../../../shared/render/page/chart-frame.tsx";
import { AgeChart, FlowChart, InstallsChart, KbHistoryChart } from "../../../shared/render/page/charts.tsx";
import { anyStory } from "../../support/any-report.ts";
import { aReport } from "../../support/builders.ts";
import { sampleHistory } from "../../support/page-samples.ts";
import { readHtml, type Tag } from "../../support/read-html.ts";

const count = fc.oneof(fc.nat({ max: 50 }), fc.nat({ max: 5_000_000 }));
const aTrend: fc.Arbitrary<TrendPoint[]> = fc
  .uniqueArray(
    fc.record({
      day: fc.nat({ max: 400 }),
      totals: fc.record({
        ...{ new: count, worsened: count, improved: count, resolved: count, returned: count, baseline: count },
        ...{ read: count, notRead: fc.nat({ max: 2 }), missingKbs: count, missingInstalls: count },
      }),
    }),
    { selector: ({ day }) => day, maxLength: 60 },
  )
  .map((points) =>
    points.toSorted((a, b) => a.day - b.day).map(({ day, totals }) => ({ runId: addDays("2025-11-01", day), totals })),
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

const cells = (html: string) => [...html.matchAll(/<(?:td|th scope="row")>([^<]*)</g)].map(([, text]) => text);

describe("charts", () => {
  test("draw any trend inside the drawing", () => {
    fc.assert(
      fc.property(aTrend, (trend) => {
        expect(outside(renderToStaticMarkup(createElement(InstallsChart, { trend })))).toEqual([]);
        expect(outside(renderToStaticMarkup(createElement(FlowChart, { trend })))).toEqual([]);
      }),
    );
  });

  test("give every number that they draw as text, the newest run first", () => {
    fc.assert(
      fc.property(aTrend, (trend) => {
        const installs = cells(renderToStaticMarkup(createElement(InstallsChart, { trend })));
        const flow = cells(renderToStaticMarkup(createElement(FlowChart, { trend })));
        const number = (value: number) => value.toLocaleString("en-US");
        const newest = trend.toReversed().map(({ totals }) => totals);
        expect(installs.filter((_, index) => index % 4 === 1)).toEqual(
          newest.map((totals) => number(totals.missingInstalls)),
        );
        expect(flow.filter((_, index) => index % 4 === 1)).toEqual(newest.map((totals) => number(totals.new)));
        expect(flow.filter((_, index) => index % 4 === 3)).toEqual(newest.map((totals) => number(totals.resolved)));
      }),
    );
  });

  test("mark the runs that did not read every product", () => {
    fc.assert(
      fc.property(aTrend, (trend) => {
        const html = renderToStaticMarkup(createElement(InstallsChart, { trend }));
        const drawn = trend.length > 1 ? trend.filter(({ totals }) => totals.notRead > 0).length : 0;
        expect(html.split('class="dot partial"').length - 1).toBe(drawn);
      }),
    );
  });

  test("give each bar of the flow the height of its count", () => {
    const none = {
      worsened: 0,
      improved: 0,
      baseline: 0,
      read: 1,
      notRead: 0,
      missingKbs: 0,
      missingInstalls: 0,
    };
    const trend = [
      { runId: "2026-11-22", totals: { ...none, new: 2, returned: 1, resolved: 0 } },
      { runId: "2026-11-23", totals: { ...none, new: 4, returned: 0, resolved: 2 } },
    ];
    const { tags } = readHtml(renderToStaticMarkup(createElement(FlowChart, { trend })));
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
        expect(outside(renderToStaticMarkup(createElement(AgeChart, { report: await aReport(story) })))).toEqual([]);
      }),
    );
  });

  test("break the line of a KB where a run could not read its product", () => {
    const softwareIds = ["microsoft-_-windows_11", "microsoft-_-windows_10"];
    const html = renderToStaticMarkup(createElement(KbHistoryChart, { history: sampleHistory(), softwareIds }));
    expect(outside(html)).toEqual([]);
    const lines = readHtml(html).tags.flatMap(({ name, attributes }) => (name === "path" ? [attributes.d ?? ""] : []));
    expect(lines.map((line) => line.split("M").length - 1)).toEqual([1, 2]);
  });
});
