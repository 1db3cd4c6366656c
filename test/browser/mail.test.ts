import { caniemail } from "caniemail";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ExploitedAlert } from "../../shared/core/alert.ts";
import { renderAlert } from "../../shared/render/digest/alert.ts";
import { renderDigest } from "../../shared/render/digest/digest.ts";
import type { RenderOptions } from "../../shared/render/words.ts";
import { aGap, anAlert } from "../support/advisories-contract.ts";
import { findBarriers, launchBrowser, openPage } from "../support/browser.ts";
import { aKb, aReport, type RunStory } from "../support/builders.ts";

const options: RenderOptions = {
  timeZone: "Europe/Berlin",
  reportUrl: "https://reporter.contoso.example",
  portalUrl: "https://security.microsoft.com",
  nextRun: "2026-11-24T05:00:00.000Z",
  graceMinutes: 120,
};
const [windows10, windows11] = ["microsoft-_-windows_10", "microsoft-_-windows_11"];
const forbidden = { reason: "Defender answered 403: grant Software.Read.All.", permanent: true };
const longName = "an_uncommonly_long_name_of_a_product_that_nobody_would_want_to_read_in_a_mail".repeat(2);

const mails: Record<string, RunStory> = {
  "an ordinary day": {
    products: {
      [windows10]: {
        before: [
          aKb({ id: "5066835", machineMissedOn: 30, firstSeen: "2026-10-14" }),
          aKb({ id: "5068861", machineMissedOn: 250 }),
        ],
        now: [
          aKb({ id: "5066835", machineMissedOn: 42, firstSeen: "2026-10-14" }),
          aKb({ id: "5070884", firstSeen: "2026-11-23" }),
        ],
      },
      [windows11]: { before: [aKb({ id: "5072033" })], now: null, failure: forbidden },
      [`contoso-_-${longName}`]: { before: null, now: [aKb({ id: "5041585" })] },
    },
    installsBefore: Array.from({ length: 29 }, (_, day) => 900 + 7 * day),
  },
  "a day that is only better": {
    products: { [windows10]: { before: [aKb({ machineMissedOn: 30 })], now: [aKb({ machineMissedOn: 3 })] } },
  },
  "a day without change": { products: { [windows10]: { before: [aKb()], now: [aKb()] } } },
  "a day on which nothing could be read": {
    products: { [windows10]: { before: [aKb()], now: null, failure: forbidden } },
  },
  "the first run": { previousRunId: null, products: { [windows10]: { before: null, now: [aKb()] } } },
};

const alerts: Record<string, Partial<ExploitedAlert>> = {
  "a CVE that became exploited": {},
  "a CVE that many KBs close": {
    gaps: [
      aGap({ machineMissedOn: 85 }),
      aGap({ softwareId: `contoso-_-${longName}`, firstSeen: "2025-12-30", readOn: "2026-11-20" }),
      ...Array.from({ length: 30 }, (_, n) => aGap({ id: `50700${10 + n}`, machineMissedOn: null })),
    ],
    more: 7,
  },
};

const looks = [600, 360].flatMap((width) => (["light", "dark"] as const).map((scheme) => ({ width, scheme })));

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser?.close());

async function htmlOf(name: string): Promise<string> {
  const alert = alerts[name];
  if (alert) return renderAlert(anAlert({ watchlist: "Client PCs", ...alert }), options).html;
  return (await renderDigest(await aReport(mails[name]), options)).html;
}

describe.each(Object.keys({ ...mails, ...alerts }))("the mail of %s", (name) => {
  test("uses nothing that Outlook on Windows, Gmail or Apple Mail does not support, except for dark mode", async () => {
    const { issues } = caniemail({
      clients: ["outlook.windows", "gmail.*", "apple-mail.*"],
      html: await htmlOf(name),
    });
    const unsupported = new Set([...issues.errors.values()].flat().map(({ title }) => title));
    // A client without these shows the complete mail in its light colours.
    const darkMode = ["@media", "color-scheme CSS property", "color-scheme meta tag", "<style> element"];
    expect([...unsupported].filter((title) => !darkMode.includes(title))).toEqual([]);
  });

  test.each(looks)("has no barrier and no side scroll at $width px, $scheme", async ({ width, scheme }) => {
    await using opened = await openPage(browser, { viewport: { width, height: 800 }, colorScheme: scheme });
    const { page } = opened;
    await page.setContent(await htmlOf(name));
    expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
    // Landmarks are the mail client's, which shows the mail within its own page.
    const barriers = (await findBarriers(page)).filter((barrier) => !/^(landmark-one-main|region):/.test(barrier));
    expect(barriers).toEqual([]);
  });
});
