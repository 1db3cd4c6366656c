import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { settingsFile } from "../../local/settings-file.ts";
import { launchBrowser, openPage } from "../support/browser.ts";

let browser: Browser;
const addresses = new Map<string, string>();
let stop = async () => {};

// With a developer's own settings it would read that tenant.
const inWorld = test.skipIf(existsSync(settingsFile));

beforeAll(async () => {
  if (existsSync(settingsFile)) return;
  browser = await launchBrowser();
  const child = spawn(process.execPath, ["local/start.ts"], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  stop = async () => {
    child.kill("SIGTERM");
    await ended;
  };
  for await (const line of createInterface(child.stdout)) {
    const [, name, url] = line.match(/^(Report page|Inbox) +(http\S+)$/) ?? [];
    if (name && url) addresses.set(name, url);
    if (line.startsWith("Press Ctrl-C")) break;
  }
}, 120_000);
afterAll(async () => {
  await stop();
  await browser?.close();
});

inWorld("a mail in the inbox of npm start opens its report", async () => {
  await using opened = await openPage(browser, { viewport: { width: 1440, height: 900 } });
  const { page } = opened;
  await page.goto(addresses.get("Inbox") ?? "");
  const popup = page.waitForEvent("popup");
  await page.frameLocator("iframe").getByRole("link", { name: "Open the report" }).first().click();
  const report = await popup;
  await report.getByRole("button", { name: "Read now" }).waitFor();
  expect(new URL(report.url()).searchParams.get("run")).toMatch(/^\d{4}-\d{2}-\d{2}$/);
});

inWorld("Read now reads the tenant of npm start and shows the new report", async () => {
  await using opened = await openPage(browser);
  const { page, complaints } = opened;
  await page.goto(addresses.get("Report page") ?? "");
  await page.getByRole("button", { name: "Read now" }).click();
  await page.locator("progress").waitFor();
  // One product fails for today: that takes its two pauses, for it is read in real time.
  await page.waitForURL((url) => /T\d{2}:\d{2}Z$/.test(url.searchParams.get("run") ?? ""), { timeout: 45_000 });
  await page.getByRole("button", { name: "Read now" }).waitFor();
  expect(await page.locator("progress").count()).toBe(0);
  expect(complaints).toEqual([]);
});
