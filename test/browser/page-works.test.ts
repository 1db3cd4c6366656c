import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { naturalOrder, type SortKey, type SortOrder, sortKeys } from "../../shared/core/selection.ts";
import { launchBrowser, openPage } from "../support/browser.ts";
import { aWatchlist } from "../support/builders.ts";
import { handleAll } from "../support/drive.ts";
import { type FakeWorld, fakeWorld } from "../support/fake-world.ts";
import type { HttpServer } from "../support/http-server.ts";
import { startPageSite } from "../support/page-site.ts";

const softwareIds = ["microsoft-_-windows_11", "microsoft-_-windows_10", "microsoft-_-edge"];
const key = "a&key=with/signs";

let browser: Browser;
let site: HttpServer | undefined;
let world: FakeWorld;

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());
afterEach(() => site?.close());

/** A KB as Defender gives it. */
const kb = (id: number, machineMissedOn: number | null, cveAddressed: number) => ({
  ...{ id: String(id), name: "November 2026 Security Updates", productsNames: ["windows"] },
  ...{ url: `https://support.microsoft.com/kb/${id}`, machineMissedOn, cveAddressed },
});

/** Runs of four days; windows 11 misses `count` KBs, and some counts move from day to day. */
async function startSite(count: number): Promise<void> {
  world = fakeWorld([aWatchlist({ softwareIds }), aWatchlist({ name: "servers", softwareIds: ["microsoft-_-edge"] })]);
  for (const day of [20, 21, 22, 23]) {
    const openedAt = `2026-11-${day}T05:00:00.000Z`;
    setAnswers(count, day);
    world.setClock(openedAt);
    await world.ports.queue.send({ tenant: "home", watchlist: "default", runId: openedAt.slice(0, 10), openedAt });
    await handleAll(world, Date.parse(openedAt) + 3_600_000);
  }
  world.setClock("2026-11-23T10:17:30.000Z");
  site = await startPageSite(world.ports, key);
}

function setAnswers(count: number, day: number): void {
  const all = Array.from({ length: count }, (_, index) => {
    const machines = index % 7 === 3 ? null : ((index * 37) % 50) + (index % 5 === 0 ? day : 0);
    return kb(5_000_000 + index * 111, machines, (index * 13) % 9);
  });
  world.answers.set("microsoft-_-windows_11", all.slice(0, day === 23 ? count : count - 2));
  world.answers.set("microsoft-_-windows_10", [kb(5_000_000, 12, 3), kb(999_999, 4, 1)]);
}

function address(query: Record<string, string> = {}): string {
  return `${site?.url}/api/report?${new URLSearchParams({ watchlist: "default", ...query, code: key })}`;
}

const shownKbs = "#kbs-table tbody tr:not([hidden]) .number";
const kbs = (page: Page) => page.locator(shownKbs).allTextContents();
const status = (page: Page) => page.locator("#kbs-status").textContent();
const parameters = (page: Page) => Object.fromEntries(new URL(page.url()).searchParams);

describe("without JavaScript", () => {
  const plain = { javaScriptEnabled: false };

  test("filters, sorts and pages by forms and links, and keeps the key in the address", async () => {
    await startSite(120);
    await using opened = await openPage(browser, plain);
    const { page, complaints } = opened;
    await page.goto(address());
    expect(await status(page)).toBe("1–100 of 121 KBs");
    await page.getByRole("link", { name: "Next" }).click();
    await page.waitForURL(/page=2/);
    expect(await status(page)).toBe("101–121 of 121 KBs");

    await page.locator("#kbs-table thead").getByRole("link", { name: "Machines" }).click();
    await page.waitForURL(/sort=machines/);
    expect(parameters(page)).toEqual({ watchlist: "default", run: "latest", sort: "machines", code: key });

    await page.getByLabel("Search").fill("KB5000");
    await page.getByLabel("Change").selectOption("worsened");
    await page.getByLabel("Product", { exact: true }).selectOption("microsoft-_-windows_11");
    await page.getByRole("button", { name: "Apply" }).click();
    await page.waitForURL(/search=KB5000/);
    expect(parameters(page)).toMatchObject({ change: "worsened", softwareId: "microsoft-_-windows_11", code: key });
    expect(await status(page)).toBe("2 of 121 KBs");
    await page.getByRole("link", { name: "Show all" }).click();
    await page.waitForURL((url) => !url.searchParams.has("search"));
    expect(await status(page)).toBe("1–100 of 121 KBs");
    expect(complaints).toEqual([]);
  });

  test("compares any two runs, and links to a KB with its history", async () => {
    await startSite(8);
    await using opened = await openPage(browser, plain);
    const { page } = opened;
    await page.goto(address());
    await page.getByLabel("Run", { exact: true }).selectOption("2026-11-22");
    await page.getByLabel("Compared with").selectOption("2026-11-20");
    await page.getByRole("button", { name: "Show this run" }).click();
    await page.getByText("Compared with 20 Nov 2026, 2 days earlier.").waitFor();
    expect(parameters(page)).toEqual({ watchlist: "default", run: "2026-11-22", from: "2026-11-20", code: key });

    await page.locator("#kbs-table").getByRole("link", { name: "KB5000000", exact: true }).click();
    await page.getByRole("heading", { name: "In 2 products" }).waitFor();
    expect(await page.locator(".numbers tbody tr").count()).toBe(3);
    await page.getByRole("link", { name: "Back to all KBs" }).click();
    await page.getByText("Compared with 20 Nov 2026, 2 days earlier.").waitFor();
    expect(parameters(page)).toEqual({ watchlist: "default", run: "2026-11-22", from: "2026-11-20", code: key });
  });

  test("reads now, shows how far that is, and links to the new report", async () => {
    await startSite(8);
    await using opened = await openPage(browser, plain);
    const { page } = opened;
    await page.goto(address());
    await page.getByRole("button", { name: "Read now" }).click();
    await page.getByText("is waiting to start").waitFor();
    expect(parameters(page)).toMatchObject({ progress: "2026-11-23T10:17Z", code: key });
    expect(world.ports.queue.waiting).toMatchObject([{ message: { runId: "2026-11-23T10:17Z" } }]);

    await handleAll(world, world.ports.now().getTime());
    await page.getByRole("link", { name: "Refresh" }).click();
    await page.getByRole("link", { name: "Open the new report" }).click();
    await page.getByRole("heading", { level: 1, name: /23 Nov 2026, 10:17 UTC/ }).waitFor();
    expect(parameters(page)).toMatchObject({ run: "2026-11-23T10:17Z", code: key });
  });

  test("starts the first run of a watchlist that has none", async () => {
    await startSite(8);
    await using opened = await openPage(browser, plain);
    const { page } = opened;
    await page.goto(address({ watchlist: "servers" }));
    await page.getByText("There is no report yet.").waitFor();
    await page.getByRole("button", { name: "Read now" }).click();
    await page.getByText("is waiting to start").waitFor();
    await handleAll(world, world.ports.now().getTime());
    await page.getByRole("link", { name: "Refresh" }).click();
    await page.getByText("Now watching 1 product").waitFor();
  });
});

describe("with the script", () => {
  test("searches the full report while typing", async () => {
    await startSite(120);
    await using opened = await openPage(browser);
    const { page, complaints } = opened;
    await page.goto(address());
    await page.getByLabel("Search").fill("kb5001");
    const found = await kbs(page);
    expect(found.length).toBeGreaterThan(0);
    expect(found.filter((name) => !name.startsWith("KB5001"))).toEqual([]);
    expect(await status(page)).toBe(`${found.length} of the 100 KBs on this page.`);
    await page.waitForURL(/search=kb5001/);
    const all = await kbs(page);
    expect(all).toEqual(expect.arrayContaining(found));
    expect(await status(page)).toBe(`${all.length} of 121 KBs`);
    expect(await page.getByRole("heading", { name: "KBs: “kb5001”" }).count()).toBe(1);
    expect(await page.getByLabel("Search").inputValue()).toBe("kb5001");
    expect(complaints).toEqual([]);
  });

  test("shows what the server shows, in every figure", async () => {
    await startSite(40);
    await using opened = await openPage(browser);
    await using served = await openPage(browser, { javaScriptEnabled: false });
    await opened.page.goto(address());
    for (const search of ["windows_10 kb50", "windows_11 windows_10", "edge", "5000", "NOVEMBER windows", ""]) {
      await served.page.goto(address({ search }));
      const expected = await kbs(served.page);
      await opened.page.getByLabel("Search").fill(search);
      await opened.page.waitForURL((url) => (url.searchParams.get("search") ?? "") === search);
      expect(await kbs(opened.page)).toEqual(expected);
      expect(await status(opened.page)).toBe(await status(served.page));
      for (const part of ["#summary", "#charts", "#kbs-title", "#kbs-links", "#kbs-found", "#products"]) {
        expect([search, await opened.page.locator(part).innerHTML()]).toEqual([
          search,
          await served.page.locator(part).innerHTML(),
        ]);
      }
      expect(await opened.page.title()).toBe(await served.page.title());
    }
  });

  test("hides at once only what the server would not find, entry by entry", async () => {
    await startSite(40);
    await using opened = await openPage(browser);
    await using served = await openPage(browser, { javaScriptEnabled: false });
    const { page } = opened;
    await page.goto(address());
    // The server never answers.
    await page.route("**/api/report**", () => {});
    for (const search of ["windows_10", "kb999 windows_10", "5000", "windows_11 windows_10", "NOVEMBER"]) {
      await served.page.goto(address({ search }));
      await page.getByLabel("Search").fill(search);
      expect([search, await kbs(page)]).toEqual([search, await kbs(served.page)]);
      const shown = (from: Page) => from.locator("#kbs-table tbody tr:not([hidden]) [data-id]:not([hidden])").count();
      expect([search, await shown(page)]).toEqual([search, await shown(served.page)]);
    }
  });

  test("still sorts in place what it found", async () => {
    await startSite(40);
    await using opened = await openPage(browser);
    const { page } = opened;
    await page.goto(address());
    await page.getByLabel("Search").fill("windows_11 kb500");
    await page.waitForURL(/search=windows_11/);
    await page.route("**", (route) => route.abort());
    await page.getByRole("link", { name: "KB", exact: true }).click();
    const found = await kbs(page);
    expect(found.length).toBeGreaterThan(3);
    expect(found).toEqual(found.toSorted());
    expect(parameters(page)).toMatchObject({ search: "windows_11 kb500", sort: "kb" });
  });

  test("says what to do if the server cannot be asked", async () => {
    await startSite(40);
    await using opened = await openPage(browser);
    const { page } = opened;
    await page.goto(address());
    await page.route("**", (route) => route.abort());
    await page.getByLabel("Search").fill("kb5001");
    await page.getByText("Press Enter to search the full report.").waitFor();
    expect((await kbs(page)).every((name) => name.startsWith("KB5001"))).toBe(true);
  });

  test("sorts by every column in both orders just as the server does, without asking it", async () => {
    await startSite(40);
    await using opened = await openPage(browser);
    await using served = await openPage(browser, { javaScriptEnabled: false });
    const { page } = opened;
    await page.goto(address());
    await page.route("**", (route) => route.abort());
    for (const { sort, order } of clicks()) {
      const header = page.locator(`#kbs-table th[data-sort=${sort}]`);
      await header.getByRole("link").click();
      expect(await header.getAttribute("aria-sort")).toBe(order === "asc" ? "ascending" : "descending");
      expect(await page.locator("#kbs-table [aria-sort]").count()).toBe(1);
      expect(parameters(page)).toMatchObject({ sort, code: key });
      await served.page.goto(address({ sort, order }));
      expect(await kbs(page), `${sort} ${order}`).toEqual(await kbs(served.page));
    }
    await page.unroute("**");
    await page.reload();
    expect(await kbs(page)).toEqual(await kbs(served.page));
  });

  /** Two clicks on every heading. The report is already in its own order, so there the first one reverses it. */
  function clicks(): { sort: SortKey; order: SortOrder }[] {
    // There is nothing to sort by where no facts of KBs are known.
    const shown = sortKeys.filter((sort) => sort !== "exploited");
    return shown.flatMap((sort) => {
      const orders: SortOrder[] = naturalOrder[sort] === "asc" ? ["asc", "desc"] : ["desc", "asc"];
      return (sort === "worst" ? orders.toReversed() : orders).map((order) => ({ sort, order }));
    });
  }

  test("lets the server sort if there are more pages", async () => {
    await startSite(120);
    await using opened = await openPage(browser);
    const { page } = opened;
    await page.goto(address());
    await page.getByRole("link", { name: "KB", exact: true }).click();
    await page.waitForURL(/sort=kb/);
    expect((await kbs(page))[0]).toBe("KB999999");
  });

  test("follows a run that was asked for, and opens the new report when it is done", async () => {
    await startSite(8);
    await using opened = await openPage(browser);
    const { page, complaints } = opened;
    await page.clock.install();
    await page.goto(address());
    await page.getByRole("button", { name: "Read now" }).click();
    await page.getByText("is waiting to start").waitFor();
    expect(await page.getByRole("button", { name: "Read now" }).isDisabled()).toBe(true);

    const runId = "2026-11-23T10:17Z";
    const stored = await world.ports.store.readLease("home");
    if (!stored) throw new Error("The scheduled run has left its lease.");
    const progress = [{ watchlist: "default", runId, read: 1, total: 3 }];
    await world.ports.store.writeLease("home", { ...stored.lease, progress }, stored.version);
    await page.clock.runFor(2_000);
    await page.getByText("1 of 3 products read.").waitFor();
    expect(await page.locator("progress[value='1'][max='3']").count()).toBe(1);

    await handleAll(world, world.ports.now().getTime());
    await page.clock.runFor(2_000);
    await page.getByRole("heading", { level: 1, name: /10:17 UTC/ }).waitFor();
    expect(parameters(page)).toEqual({ watchlist: "default", run: runId, code: key });
    expect(complaints).toEqual([]);
  });

  test("says why a run that was asked for is not carried out", async () => {
    await startSite(8);
    await using opened = await openPage(browser);
    const { page, complaints } = opened;
    await page.clock.install();
    await page.goto(address());
    await page.getByRole("button", { name: "Read now" }).click();
    await page.getByText("is waiting to start").waitFor();
    const run = { tenant: "home", watchlist: "default", runId: "2026-11-23T10:17Z" };
    await world.ports.store.dropRequest(run, "The watchlist is no longer configured.");
    await page.clock.runFor(2_000);
    await page.getByText("The run was not carried out. The watchlist is no longer configured.").waitFor();
    expect(await page.locator("#progress :is(progress, a)").count()).toBe(0);
    await page.reload();
    await page.getByText("10:17 UTC was not carried out. The watchlist is no longer configured.").waitFor();
    expect(await page.getByRole("button", { name: "Read now" }).isDisabled()).toBe(false);
    expect(complaints).toEqual([]);
  });

  test("says so when the progress cannot be read", async () => {
    await startSite(8);
    const run = { tenant: "home", watchlist: "default", runId: "2026-11-23T10:17Z" };
    await world.ports.store.addRequest({ ...run, openedAt: "2026-11-23T10:17:30.000Z", mail: false });
    await using opened = await openPage(browser);
    const { page } = opened;
    await page.clock.install();
    let asked = 0;
    await page.route("**/api/runs/**", (route) => {
      asked += 1;
      return route.abort();
    });
    await page.goto(address({ progress: "2026-11-23T10:17Z" }));
    const failure = page.getByText("Could not read the progress.");
    await expect
      .poll(
        async () => {
          await page.clock.runFor(40_000);
          return failure.isVisible();
        },
        { timeout: 30_000 },
      )
      .toBe(true);
    expect(asked).toBe(5);
  });
});
