import type { Browser, Locator } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { renderPage } from "../../shared/render/page/page.tsx";
import { launchBrowser, openPage } from "../support/browser.ts";
import { type HttpServer, startHttpServer } from "../support/http-server.ts";
import { aView, sampleHistory, sampleReport } from "../support/page-samples.ts";

/** What people see at once on an ordinary screen. */
const screen = { width: 1440, height: 900 };
const atOnce = 800;

let browser: Browser;
let server: HttpServer;

beforeAll(async () => {
  browser = await launchBrowser();
  const report = await sampleReport();
  const watchlists = ["default", "servers"];
  // As the server does, it answers what the links ask for.
  server = await startHttpServer(({ path }) => {
    const { searchParams } = new URL(path, "http://site");
    const { format: _, ...asked } = Object.fromEntries(searchParams);
    const flags = ["overdue", "stalled", "exploited"].map((name) => [name, asked[name] === "true"]);
    const query = { watchlist: "default", run: "latest" as const, ...asked, ...Object.fromEntries(flags) };
    const history = asked.kb === undefined ? {} : { history: sampleHistory(asked.kb) };
    return {
      body: renderPage(aView(report, { query, watchlists, ...history })),
      headers: { "Content-Type": "text/html; charset=utf-8" },
    };
  });
});

afterAll(async () => {
  await server.close();
  await browser.close();
});

/** Where the last line of an element ends, in pixels from the top of the screen. */
async function endOf(locator: Locator): Promise<number> {
  const box = await locator.boundingBox();
  if (!box) throw new Error("This is not shown.");
  return box.y + box.height;
}

describe("at 1440 × 900, without a click and without JavaScript", () => {
  const plain = { viewport: screen, javaScriptEnabled: false };

  test("what to install first and whether anything is exploited are within the first 800 px", async () => {
    await using opened = await openPage(browser, plain);
    const { page } = opened;
    await page.goto(server.url);
    const install = page.locator("#install li");
    expect(await install.count()).toBe(5);
    expect(await install.first().textContent()).toMatch(/KB5072033.*640 machines.*Exploited/s);
    expect(await endOf(install.last())).toBeLessThanOrEqual(atOnce);
    const exploited = page.locator(".figure", { hasText: "exploited" });
    expect(await exploited.textContent()).toContain("1 exploited");
    expect(await endOf(exploited)).toBeLessThanOrEqual(atOnce);
    expect(await endOf(page.locator(".headline"))).toBeLessThanOrEqual(atOnce);
  });
});
