import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Report } from "../../shared/core/report.ts";
import { renderEmptyPage, renderPage } from "../../shared/render/page/page.tsx";
import { findBarriers, launchBrowser, openPage } from "../support/browser.ts";
import { aKb, aReport } from "../support/builders.ts";
import { type HttpServer, startHttpServer } from "../support/http-server.ts";
import {
  aView,
  largeReport,
  sampleHistory,
  sampleLines,
  sampleOptions,
  sampleReport,
} from "../support/page-samples.ts";

const nonce = "c2FtcGxlLW5vbmNl";
const policy = `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; img-src data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`;
const hostile = [
  "<script>document.title='taken'</script>",
  '"><img src=x onerror="document.title=`taken`">',
  "</style></script><svg onload=\"document.title='taken'\">",
  "=cmd|' /C calc'!A0",
] as const;

const pages = [
  ...["report", "filtered", "partly-read", "not-read", "kb", "shared-kb"],
  ...["progress", "empty", "first-run", "large", "hostile"],
];
const looks = [1280, 360].flatMap((width) => (["light", "dark"] as const).map((mode) => ({ width, mode })));

let browser: Browser;
let server: HttpServer;
const rendered = new Map<string, string>();

beforeAll(async () => {
  browser = await launchBrowser();
  await renderAll();
  server = await startHttpServer(({ path }) => {
    const body = rendered.get(path.slice(1));
    if (body === undefined) return { status: 404, body: {} };
    return { body, headers: { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy } };
  });
});

afterAll(async () => {
  await server.close();
  await browser.close();
});

async function renderAll(): Promise<void> {
  const report = await sampleReport();
  const query = { watchlist: "default", run: "latest" as const };
  const kb = (id: string) => aView(report, { query: { ...query, kb: id }, history: sampleHistory(id) });
  const progress = { runId: "2026-11-23T10:17Z", state: "committed" as const, read: 12, total: 12 };
  rendered.set("report", renderPage(aView(report, { watchlists: ["default", "servers"], lines: sampleLines(report) })));
  rendered.set("filtered", renderPage(aView(report, { query: { ...query, overdue: true, sort: "machines" } })));
  rendered.set("partly-read", renderPage(aView(await partlyRead(true), { newerRuns: ["2026-11-23T08:00Z"] })));
  rendered.set("not-read", renderPage(aView(await partlyRead(false))));
  rendered.set("kb", renderPage(kb("5066835")));
  rendered.set("shared-kb", renderPage(kb("5072033")));
  rendered.set("progress", renderPage(aView(report, { progress })));
  rendered.set(
    "empty",
    renderEmptyPage({ watchlist: "default", watchlists: ["default"], nonce, options: sampleOptions, progress }),
  );
  const first = await aReport({ previousRunId: null, products: { "microsoft-_-edge": { now: [aKb()] } } });
  rendered.set("first-run", renderPage(aView(first)));
  rendered.set("large", renderPage(aView(await largeReport(500, 40))));
  rendered.set("hostile", await renderHostile());
}

/** A report of one product that could not be read, and of another that may be read. */
function partlyRead(isOtherRead: boolean): Promise<Report> {
  const kb = aKb({ firstSeen: "2026-10-01", machineMissedOn: 300 });
  const failure = { reason: "Defender returned 500 several times in a row.", permanent: false };
  const other = isOtherRead
    ? { before: [kb], now: [aKb({ ...kb, machineMissedOn: 290 })] }
    : { before: null, now: null };
  return aReport({
    products: {
      "microsoft-_-sql_server_2019": { before: [kb, aKb({ id: "1" })], now: null, beforeRunId: "2026-11-20", failure },
      "microsoft-_-windows_11": other,
    },
    installsBefore: [900, { missingInstalls: 800, read: 1, notRead: 1 }, 700],
  });
}

async function renderHostile(): Promise<string> {
  const [name, product, softwareId, watchlist] = hostile;
  const kb = aKb({ id: product, name, productsNames: [product, name], url: "javascript:document.title='taken'" });
  const report = await aReport({
    products: {
      [softwareId]: { before: [], now: [kb] },
      other: { before: [kb], now: null, failure: { reason: name, permanent: true } },
    },
    watchlist: { name: watchlist },
  });
  const query = { watchlist, run: "latest" as const, softwareId };
  return renderPage(aView(report, { query, code: name, watchlists: [...hostile] }));
}

describe.each(looks)("at $width px in $mode", ({ width, mode }) => {
  test.each(pages)("axe finds no barrier on %s, nothing is blocked, and nothing scrolls sideways", async (name) => {
    await using opened = await openPage(browser, { viewport: { width, height: 800 }, colorScheme: mode });
    const { page, complaints } = opened;
    await page.goto(`${server.url}/${name}`);
    const widths = () => page.evaluate("[document.documentElement.scrollWidth, innerWidth]");
    expect(await widths()).toEqual([width, width]);
    await page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true");
    if (name !== "large" || (mode === "light" && width === 1280)) expect(await findBarriers(page)).toEqual([]);
    expect(await widths()).toEqual([width, width]);
    expect(complaints).toEqual([]);
  });
});

describe("the page", () => {
  test("shows hostile text as text and runs none of it", async () => {
    await using opened = await openPage(browser);
    const { page, complaints } = opened;
    await page.goto(`${server.url}/hostile`);
    expect(await page.title()).toMatch(/^KBs: /);
    const text = await page.locator(".page").textContent();
    for (const one of hostile) expect(text).toContain(one);
    expect(await page.locator("img, body script:not([nonce]), [onerror], [onload]").count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test("keeps its table a table for screen readers when narrow screens show cards", async () => {
    await using opened = await openPage(browser, { viewport: { width: 360, height: 800 } });
    await opened.page.goto(`${server.url}/report`);
    await opened.page.locator("#kbs summary").first().click();
    const table = opened.page.getByRole("table", { name: /^KBs\. Machines/ });
    expect(await table.getByRole("row").count()).toBe(23);
    // Not every browser keeps the role of an element that is laid out as something else.
    const parts = opened.page.locator("#kbs-table, #products table").locator("thead, tbody, tr, th, td");
    expect(await parts.and(opened.page.locator(":not([role])")).count()).toBe(0);
    expect(await table.getByRole("columnheader").count()).toBe(7);
    expect(await table.getByRole("rowheader", { name: /KB5072033/ }).count()).toBe(1);
  });

  test("lets keyboard users skip its head, with a visible focus", async () => {
    await using opened = await openPage(browser, { viewport: { width: 1280, height: 800 } });
    const { page } = opened;
    await page.goto(`${server.url}/report`);
    await page.keyboard.press("Tab");
    const skip = page.getByRole("link", { name: "Skip to the KBs" });
    expect(await hasFocus(page, skip)).toBe(true);
    expect((await skip.boundingBox())?.y).toBeGreaterThanOrEqual(0);
    expect(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")).toBe("solid");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    expect(await hasFocus(page, page.getByLabel("Search"))).toBe(true);
  });

  test("prints as a PDF without its controls, in light colours, the table head on every sheet", async () => {
    // Paper is narrower than some screens, and still shows the table.
    await using opened = await openPage(browser, { colorScheme: "dark", viewport: { width: 700, height: 800 } });
    const { page } = opened;
    await page.goto(`${server.url}/report`);
    const pdf = await page.pdf({ preferCSSPageSize: true, printBackground: true });
    expect(pdf.subarray(0, 5).toString()).toBe("%PDF-");
    await page.emulateMedia({ media: "print" });
    const controls = "form, button, select, input, .chart details, .fold > summary, nav";
    for (const control of await page.locator(controls).all()) expect(await control.isVisible()).toBe(false);
    const style = (selector: string, property: string) =>
      page.evaluate(`getComputedStyle(document.querySelector("${selector}")).${property}`);
    expect(await style("body", "backgroundColor")).toBe("rgb(255, 255, 255)");
    expect(await style("#kbs-table", "display")).toBe("table");
    expect(await style("#kbs-table thead", "display")).toBe("table-header-group");
    expect(await page.getByText("is being exploited").first().isVisible()).toBe(true);
  });

  test("is amber where what could not be read is the news, in light and in dark", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      await using opened = await openPage(browser, { colorScheme });
      const { page } = opened;
      const colourOf = (selector: string) =>
        page.evaluate(`getComputedStyle(document.querySelector("${selector}")).color`);
      for (const [name, isAmber] of [
        ["partly-read", true],
        ["not-read", true],
        ["report", false],
      ] as const) {
        await page.goto(`${server.url}/${name}`);
        expect([name, (await colourOf(".headline")) === (await colourOf(".warning"))]).toEqual([name, isAmber]);
      }
    }
  });

  test("of 20,000 KBs loads quickly", async () => {
    await using opened = await openPage(browser);
    const { page } = opened;
    await page.goto(`${server.url}/large`);
    expect(await page.locator("#kbs-table tbody tr").count()).toBe(100);
    const shown = await page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd");
    expect(shown).toBeLessThan(3_000);
  });
});

async function hasFocus(page: Page, locator: Locator): Promise<boolean> {
  return (await locator.and(page.locator(":focus-visible")).count()) === 1;
}
