import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noTotals } from "../../shared/core/totals.ts";
import { htmlResponse } from "../../shared/http/html.ts";
import { renderOverview } from "../../shared/render/page/overview.tsx";
import { findBarriers, launchBrowser, openPage } from "../support/browser.ts";
import { aWatchlist } from "../support/builders.ts";
import { configured, fakeWorld } from "../support/fake-world.ts";
import { type HttpServer, startHttpServer } from "../support/http-server.ts";
import { anOverviewView, aStatus, largeOverview, overviewOf, sampleOverview } from "../support/overview-samples.ts";
import { startPageSite } from "../support/page-site.ts";

const nonce = "c2FtcGxlLW5vbmNl";
const hostile = [
  "<script>document.title='taken'</script>",
  '"><img src=x onerror="document.title=`taken`">',
  "</style></script><svg onload=\"document.title='taken'\">",
] as const;

const rendered = new Map<string, string>();
let browser: Browser;
let server: HttpServer;

beforeAll(async () => {
  browser = await launchBrowser();
  renderAll();
  server = await startHttpServer(({ path }) => {
    const page = htmlResponse(200, rendered.get(path.slice(1)) ?? "", nonce);
    return { body: page.body, headers: { ...page.headers } };
  });
});

afterAll(async () => {
  await server.close();
  await browser.close();
});

function renderAll(): void {
  const sample = sampleOverview();
  const failing = { softwareId: "x".repeat(200), reason: hostile[1].repeat(5), misses: 4, others: 2 };
  const wide = overviewOf(
    hostile.map((name) =>
      aStatus(
        name,
        { read: 0, notRead: 5_000, missingKbs: 98_765, missingInstalls: 123_456_789, from: 99_000_000 },
        { tenant: "t".repeat(300), failing },
      ),
    ),
    hostile.map((message) => ({ watchlist: null, message })),
  );
  rendered.set("sample", renderOverview(anOverviewView(sample)));
  rendered.set("filtered", renderOverview(anOverviewView(sample, { query: { state: "not-read", sort: "installs" } })));
  rendered.set("nothing-found", renderOverview(anOverviewView(sample, { query: { search: "nobody" } })));
  rendered.set("empty", renderOverview(anOverviewView(overviewOf([]))));
  rendered.set("hostile", renderOverview(anOverviewView(wide, { code: hostile[0] })));
  rendered.set("large", renderOverview(anOverviewView(largeOverview(800))));
}

const looks = [1440, 390].flatMap((width) => (["light", "dark"] as const).map((mode) => ({ width, mode })));

describe.each(looks)("at $width px in $mode", ({ width, mode }) => {
  test.each(["sample", "filtered", "nothing-found", "empty", "hostile", "large"])(
    "axe finds no barrier on %s, nothing is blocked, and nothing scrolls sideways",
    async (name) => {
      await using opened = await openPage(browser, { viewport: { width, height: 800 }, colorScheme: mode });
      const { page, complaints } = opened;
      await page.goto(`${server.url}/${name}`);
      expect(await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")).toEqual([width, width]);
      if (name !== "large" || (mode === "light" && width === 1440)) expect(await findBarriers(page)).toEqual([]);
      expect(complaints).toEqual([]);
    },
  );
});

test.each([1161, 1160, 861, 860, 320])("at %i px nothing scrolls sideways", async (width) => {
  await using opened = await openPage(browser, { viewport: { width, height: 800 } });
  for (const name of rendered.keys()) {
    await opened.page.goto(`${server.url}/${name}`);
    expect([name, await opened.page.evaluate("document.documentElement.scrollWidth")]).toEqual([name, width]);
  }
});

describe("the overview", () => {
  test("shows hostile text as text and runs none of it", async () => {
    await using opened = await openPage(browser);
    const { page, complaints } = opened;
    await page.goto(`${server.url}/hostile`);
    expect(await page.title()).toBe("Missing KBs · All watchlists");
    const text = await page.locator(".page").textContent();
    for (const one of hostile) expect(text).toContain(one);
    expect(await page.locator("img, body script:not([nonce]), [onerror], [onload]").count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test("keeps its table a table for screen readers, and names its lines, where it shows cards", async () => {
    await using opened = await openPage(browser, { viewport: { width: 390, height: 800 } });
    await opened.page.goto(`${server.url}/sample`);
    const table = opened.page.getByRole("table", { name: /^Watchlists/ });
    expect(await table.getByRole("row").count()).toBe(9);
    expect(await table.getByRole("columnheader").count()).toBe(9);
    expect(await table.getByRole("rowheader", { name: /Contoso servers/ }).count()).toBe(1);
    expect(await table.getByRole("img", { name: /^30 runs: .* missing installs on 25 Oct/ }).count()).toBeGreaterThan(
      0,
    );
  });

  test("says each state in words, whatever colours a reader sees", async () => {
    await using opened = await openPage(browser, { forcedColors: "active" });
    await opened.page.goto(`${server.url}/sample`);
    const row = (name: string) => opened.page.getByRole("row").filter({ hasText: name }).textContent();
    expect(await row("Adventure Works")).toContain("Faulty entry:");
    expect(await row("Northwind")).toContain("Late: was due 22 Nov 2026, 06:00 CET");
    expect(await row("Fabrikam")).toMatch(/12 not read[\s\S]*last known[\s\S]*Refused, of 23 Nov 2026/);
    expect(await row("Proseware")).toContain("No run yet");
  });

  test("prints its table in light colours, without controls", async () => {
    await using opened = await openPage(browser, { colorScheme: "dark", viewport: { width: 700, height: 800 } });
    const { page } = opened;
    await page.goto(`${server.url}/sample`);
    await page.emulateMedia({ media: "print" });
    for (const control of await page.locator("form, button, nav, .links").all()) {
      expect(await control.isVisible()).toBe(false);
    }
    const style = (selector: string, property: string) =>
      page.evaluate(`getComputedStyle(document.querySelector("${selector}")).${property}`);
    expect(await style("body", "backgroundColor")).toBe("rgb(255, 255, 255)");
    expect(await style(".watchlists", "display")).toBe("table");
  });
});

describe("on a site of 120 watchlists", () => {
  const key = "a&key=with/signs";
  const names = Array.from({ length: 120 }, (_, index) => `Customer ${String(index).padStart(3, "0")}`);
  let site: HttpServer;

  beforeAll(async () => {
    const { ports } = fakeWorld();
    ports.watchlists = configured(names.map((name) => aWatchlist({ name })));
    for (const [index, name] of names.entries()) {
      const totals = { ...noTotals, missingKbs: 10, missingInstalls: index, overdue: index === 7 ? 9 : 0 };
      await ports.store.saveStatus(aStatus(name, totals));
    }
    site = await startPageSite(ports, key);
  });
  afterAll(() => site?.close());

  const goto = (page: Page, path: string) => page.goto(`${site.url}${path}?${new URLSearchParams({ code: key })}`);
  const shown = (page: Page) => page.locator(".c-watchlist > a").allTextContents();
  const status = (page: Page) => page.locator("#watchlists-status").textContent();
  const parameters = (page: Page) => Object.fromEntries(new URL(page.url()).searchParams);

  test.each(["/", "/api/overview"])(
    "%s filters, sorts and pages without JavaScript, and keeps the key",
    async (path) => {
      await using opened = await openPage(browser, { javaScriptEnabled: false });
      const { page, complaints } = opened;
      await goto(page, path);
      expect([await status(page), (await shown(page))[0]]).toEqual(["1–100 of 120 watchlists", "Customer 007"]);
      await page.getByRole("link", { name: "Next" }).click();
      await page.waitForURL(/page=2/);
      expect(await status(page)).toBe("101–120 of 120 watchlists");
      await page.getByRole("link", { name: "Missing installs" }).click();
      await page.waitForURL(/sort=installs/);
      expect((await shown(page)).slice(0, 2)).toEqual(["Customer 119", "Customer 118"]);
      await page.getByLabel("Search").fill("customer 11");
      await page.getByLabel("Sort by").selectOption("watchlist");
      await page.getByRole("button", { name: "Apply" }).click();
      await page.waitForURL(/search=customer/);
      expect(await status(page)).toBe("11 of 120 watchlists");
      expect(parameters(page)).toEqual({ code: key, search: "customer 11", state: "", sort: "watchlist" });
      await page.getByRole("link", { name: "Show all" }).click();
      await page
        .getByRole("link", { name: /Overdue/ })
        .first()
        .click();
      await page.waitForURL(/state=overdue/);
      expect(await shown(page)).toEqual(["Customer 007"]);
      await page.getByRole("link", { name: "Customer 007" }).click();
      await page.waitForURL(/\/api\/report/);
      expect(parameters(page)).toEqual({ watchlist: "Customer 007", code: key });
      await page.getByRole("link", { name: "All watchlists" }).click();
      await page.waitForURL(/\/api\/overview/);
      expect(await status(page)).toBe("1–100 of 120 watchlists");
      // The report of a watchlist without a stored run is 404, which the browser notes.
      expect(complaints.filter((text) => !text.includes("404"))).toEqual([]);
    },
  );

  test("searches while typing", async () => {
    await using opened = await openPage(browser);
    const { page, complaints } = opened;
    await goto(page, "/");
    await page.getByLabel("Search").pressSequentially("007");
    await page.waitForURL(/search=007/);
    expect([await status(page), await shown(page)]).toEqual(["1 of 120 watchlists", ["Customer 007"]]);
    expect(complaints).toEqual([]);
  });
});
