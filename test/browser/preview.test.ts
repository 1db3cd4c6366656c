import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findBarriers, launchBrowser, openPage } from "../support/browser.ts";
import type { HttpServer } from "../support/http-server.ts";
import { startPageSite } from "../support/page-site.ts";
import { item, play, type StoryDay } from "../support/story.ts";

const key = "a-function-key";
const [windows10, windows11] = ["microsoft-_-windows_10", "microsoft-_-windows_11"];

let browser: Browser;
let site: HttpServer;

/** Forty runs; one KB gets worse by a machine a day, others come and go. */
beforeAll(async () => {
  const days = Array.from({ length: 40 }, (_, index): StoryDay => {
    const month = item(String(5_066_000 + Math.floor(index / 9)), 400 - 9 * (index % 9), 70);
    const answers = { [windows10]: [item("5065426", 40 + index), month], [windows11]: index % 13 > 4 ? [month] : [] };
    return { date: new Date(Date.UTC(2026, 9, 1 + index)).toISOString().slice(0, 10), answers };
  });
  const watchlist = { softwareIds: [windows10, windows11], heartbeatDay: "Monday" } as const;
  const { world } = await play({ watchlist, rules: { graceMinutes: 0 }, days });
  site = await startPageSite(world.ports, key);
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await site?.close();
});

test("a reader comes from the report to other settings, tries some, and goes back", async () => {
  await using watched = await openPage(browser);
  const { page, complaints } = watched;
  await page.goto(`${site.url}/api/report?code=${key}&format=html`);
  await page.getByRole("button", { name: "Try other settings" }).click();
  const headline = page.locator(".headline");
  expect(await headline.textContent()).toMatch(/^40 mails → 40;/);
  await page.getByLabel("Machines more").fill("10");
  await page.getByLabel("Always on").selectOption({ label: "No day" });
  await page.getByRole("button", { name: "Try", exact: true }).click();
  await headline.filter({ hasNotText: "→ 40" }).waitFor();
  expect(await headline.textContent()).toMatch(/^40 mails → \d+;/);
  expect(await page.getByLabel("Machines more").inputValue()).toBe("10");
  await page.getByRole("link", { name: "Back to the report" }).click();
  expect(await page.getByRole("button", { name: "Try other settings" }).count()).toBe(1);
  expect(complaints).toEqual([]);
});

const looks = [1440, 390].flatMap((width) => (["light", "dark"] as const).map((mode) => ({ width, mode })));

describe.each(looks)("at $width px in $mode", ({ width, mode }) => {
  test("other settings fit, and have no barriers", async () => {
    await using watched = await openPage(browser, { viewport: { width, height: 900 }, colorScheme: mode });
    const { page, complaints } = watched;
    await page.goto(`${site.url}/api/report?code=${key}&format=html`);
    await page.getByRole("button", { name: "Try other settings" }).click();
    await page.getByLabel("Machines more").fill("10");
    await page.getByRole("button", { name: "Try", exact: true }).click();
    await page.locator(".headline").filter({ hasNotText: "→ 40" }).waitFor();
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
    expect(await findBarriers(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });
});
