import { describe, expect, test } from "vitest";
import type { ListReport } from "../../shared/core/list-report.ts";
import type { Report } from "../../shared/core/report.ts";
import { renderDigest } from "../../shared/render/digest/digest.ts";
import { renderPage } from "../../shared/render/page/page.tsx";
import { aKb, aReport } from "../support/builders.ts";
import { visibleText } from "../support/mail-text.ts";
import { aView, sampleOptions } from "../support/page-samples.ts";

const listReport: ListReport = {
  readAt: "2026-11-22T05:00:00.000Z",
  failure: { reason: "Defender returned 500.", since: "2026-11-23T05:00:00.000Z" },
  found: { configured: 2, withoutWeaknesses: 1, beyond: 812 },
  unknown: { ids: [{ softwareId: "microsoft-_-windows_12", nearest: ["microsoft-_-windows_11"] }], more: 3 },
  mistaken: [{ softwareId: "microsoft-_-edge", meant: "microsoft-_-edge_chromium-based" }],
  unwatched: { products: [{ softwareId: "microsoft-_-teams", exposedMachines: 463 }], more: 0 },
};
const said = [
  "Defender’s list of products does not have these ids.",
  "microsoft-_-windows_12: nearest microsoft-_-windows_11",
  "microsoft-_-edge: microsoft-_-edge_chromium-based",
  "microsoft-_-teams: on 463 exposed machines",
  "Defender never listed a KB for this product",
  "1 more product has no weaknesses and is not read. 812 more products are not read: a run has no room for them.",
];
const failed =
  "The product list could not be read since 23 Nov 2026; the list of 22 Nov 2026 is used. Defender returned 500.";

/** A report of Monday, 23 November, whose previous run was on this day. */
async function reportOf(productList: ListReport | null, previousDay = "2026-11-22"): Promise<Report> {
  const report = await aReport({
    previousRunId: previousDay,
    products: { never: { before: [], now: [] }, has: { before: [aKb()], now: [aKb()] } },
  });
  return { ...report, productList };
}

describe("the digest", () => {
  const mail = async (report: Report) => {
    const { html, text } = await renderDigest(report, sampleOptions);
    return [visibleText(html), text.replaceAll(/\s+/g, " ")];
  };

  test("says once a week what is not covered, and each time that the list is an older one", async () => {
    for (const body of await mail(await reportOf(listReport))) {
      for (const words of [...said, failed]) expect(body).toContain(words);
    }
    const monday = await reportOf(listReport);
    for (const body of await mail({ ...monday, day: "2026-11-24", previousDay: "2026-11-23" })) {
      expect(body).toContain(failed);
      for (const words of said) expect(body).not.toContain(words);
    }
  });

  test("says nothing of a list that is of the run and lacks nothing", async () => {
    const nothing: ListReport = {
      ...{
        readAt: "2026-11-23T05:00:00.000Z",
        failure: null,
        found: { configured: 0, withoutWeaknesses: 0, beyond: 0 },
      },
      ...{ unknown: { ids: [], more: 0 }, mistaken: [], unwatched: { products: [], more: 0 } },
    };
    for (const body of await mail(await reportOf(nothing))) expect(body).not.toMatch(/Coverage|product list/i);
  });
});

describe("the page", () => {
  test("says what is not covered on any day, with a link to find ids", async () => {
    const report = { ...(await reportOf(listReport)), day: "2026-11-24" };
    const html = renderPage(aView(report));
    for (const words of [...said, failed]) expect(visibleText(html)).toContain(words);
    expect(html).toContain('href="products');
  });

  test("has no such section where nothing is lacking", async () => {
    const report = await aReport({ products: { has: { before: [aKb()], now: [aKb()] } } });
    expect(renderPage(aView(report))).not.toContain('id="coverage"');
  });
});
