import type { Browser, Locator, Page } from "playwright-core";
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

/** What an element says, which must be within the first 800 px. */
async function readAtOnce(locator: Locator): Promise<string> {
  expect(await endOf(locator)).toBeLessThanOrEqual(atOnce);
  return ((await locator.textContent()) ?? "").replace(/\s+/g, " ");
}

const figure = (page: Page, label: string) =>
  page.locator(".figure", { has: page.locator(".label", { hasText: new RegExp(`^${label}$`) }) });

/** Clicks, and waits for the page that answers. */
async function follow(page: Page, link: Locator): Promise<void> {
  await link.click();
  await page.waitForLoadState("load");
}

const shownKbs = (page: Page) => page.locator("#kbs-table .number").allTextContents();

/** What people ask each morning, and where the page answers: at once, or one click away. */
const questions: Record<string, (page: Page) => Promise<void>> = {
  "What happened?": async (page) => {
    expect(await readAtOnce(page.locator(".headline"))).toContain("KB5068861 is being exploited");
  },
  "What do I install first?": async (page) => {
    const install = page.locator("#install li");
    expect(await install.count()).toBe(5);
    expect(await readAtOnce(install.first())).toMatch(/KB5072033.*640 machines.*Exploited/);
    await readAtOnce(install.last());
    expect(await readAtOnce(page.locator("#install .all"))).toContain("13 updates close all 21 gaps.");
  },
  "Is anything exploited?": async (page) => {
    expect(await readAtOnce(figure(page, "exploited"))).toContain("1 exploited and 1 more when last read");
  },
  "What else do I have to install, and what does each update close?": async (page) => {
    await follow(page, page.locator("#install .all a"));
    const server = page.locator("#actions tbody tr", { hasText: "KB5068791" });
    expect(await server.textContent()).toContain("KB5066586, Windows Server 2019: 35");
    expect((await page.locator("#actions thead").boundingBox())?.y).toBeLessThanOrEqual(atOnce);
  },
  "Does it need a restart?": async (page) => {
    expect(await readAtOnce(page.locator("#install li").first())).toContain("needs a restart");
  },
  "Which machines is it missing on?": async (page) => {
    const machines = page.locator("#install li").nth(2).getByRole("link", { name: "288 machines" });
    await readAtOnce(machines);
    expect(await machines.getAttribute("href")).toBe(
      "https://security.microsoft.com/vulnerability-management-inventories/applications/microsoft-_-.net_framework",
    );
  },
  "What is new since yesterday?": async (page) => {
    expect(await readAtOnce(figure(page, "new"))).toContain("2 new");
    await follow(page, figure(page, "new").getByRole("link"));
    expect(await shownKbs(page)).toEqual(["KB5072033", "KB5072936"]);
  },
  "Did yesterday's patching work?": async (page) => {
    expect(await readAtOnce(figure(page, "better"))).toContain("7 better");
    expect(await readAtOnce(figure(page, "resolved"))).toContain("2 resolved");
    await follow(page, figure(page, "better").getByRole("link"));
    expect(await readAtOnce(page.locator("#kbs-table tbody tr").first())).toContain("−13");
  },
  "Is it getting better?": async (page) => {
    expect(await readAtOnce(figure(page, "missing installs"))).toMatch(
      /2,360 missing installs \([+−][\d,]+ in 30 days\)/,
    );
  },
  "What is overdue, and who still has October's updates?": async (page) => {
    expect(await readAtOnce(figure(page, "overdue"))).toContain("12 overdue");
    await follow(page, figure(page, "overdue").getByRole("link"));
    const october = page.locator("#kbs-table tr", { hasText: "October 2026 Security Updates" }).first();
    expect(await readAtOnce(october)).toMatch(/KB5066130.*27 days overdue.*\.NET Framework/);
  },
  "What could not be read?": async (page) => {
    const line = page.locator("#summary .warning");
    expect(await readAtOnce(line)).toContain("Exchange Server 2019 since 21 Nov and SharePoint Server");
    await follow(page, line);
    expect(await readAtOnce(page.locator("#not-read tbody tr").last())).toContain("Software.Read.All is missing");
  },
  "How fresh is this?": async (page) => {
    const about = await readAtOnce(page.locator("#summary .about"));
    expect(about).toContain(
      "Compared with 22 Nov 2026, 1 day earlier. Facts of MSRC and CISA: 23 Nov 2026, 04:17 UTC.",
    );
  },
  "How is one product doing?": async (page) => {
    await follow(page, page.locator("#products").getByRole("link", { name: "Windows 11", exact: true }));
    expect(await page.locator("#installs-title").textContent()).toBe("Missing installs over time, Windows 11");
    expect(await page.locator("#install-title").textContent()).toBe("Install first, Windows 11");
  },
  "What is known of one KB?": async (page) => {
    await follow(page, page.locator("#kbs-table").getByRole("link", { name: "KB5068861", exact: true }));
    const facts = await readAtOnce(page.locator(".facts"));
    expect(facts).toMatch(/Install\s?KB5072033 in Windows 11/);
    expect(facts).toContain("CVE-2026-60709 in CISA KEV since 12 Nov, used by ransomware");
    await readAtOnce(page.locator("#kb-history-title"));
  },
};

describe("at 1440 × 900, without JavaScript, the page answers at once or after one click", () => {
  // Smooth scrolling would still be under way.
  const plain = { viewport: screen, javaScriptEnabled: false, reducedMotion: "reduce" } as const;

  test.each(Object.entries(questions))("%s", async (_, answer) => {
    await using opened = await openPage(browser, plain);
    await opened.page.goto(server.url);
    await answer(opened.page);
  });
});

describe("on a phone", () => {
  const phone = { viewport: { width: 390, height: 844 } };

  test("the sentence, what to install and what changed are open, the rest is folded, on six screens at most", async () => {
    await using opened = await openPage(browser, phone);
    const { page } = opened;
    await page.goto(server.url);
    for (const shown of [".headline", "#install li >> nth=4", "#today-card", "#kbs-title", "#products-title"]) {
      expect([shown, await page.locator(shown).isVisible()]).toEqual([shown, true]);
    }
    for (const folded of ["#kbs-table", ".charts", "#actions table", "#not-read table", "#products table", ".terms"]) {
      expect([folded, await page.locator(folded).isVisible()]).toEqual([folded, false]);
    }
    expect(await page.evaluate("document.documentElement.scrollHeight")).toBeLessThanOrEqual(6 * 844);
    await page.locator("#products summary").first().click();
    expect(await page.locator("#products table").isVisible()).toBe(true);
  });

  test("a figure opens the KBs that it counts, and the link to all updates opens these", async () => {
    await using opened = await openPage(browser, { ...phone, javaScriptEnabled: false });
    const { page } = opened;
    await page.goto(server.url);
    await follow(page, page.locator("#install .all a"));
    expect(await page.locator("#actions table").isVisible()).toBe(true);
    await follow(page, figure(page, "new").getByRole("link"));
    expect(await page.locator("#kbs-table").isVisible()).toBe(true);
  });
});

describe("on paper", () => {
  test("a usual report takes two pages, in the order of the screen, with everything unfolded", async () => {
    await using opened = await openPage(browser, { viewport: screen });
    const { page } = opened;
    await page.goto(server.url);
    const pdf = (await page.pdf({ preferCSSPageSize: true, printBackground: true })).toString("latin1");
    expect(pdf.match(/\/Type\s*\/Page[^s]/g)).toHaveLength(2);
    await page.emulateMedia({ media: "print" });
    const tops = [];
    for (const part of [".headline", "#install", "#charts", "#kbs-table", "#products table"]) {
      expect([part, await page.locator(part).isVisible()]).toEqual([part, true]);
      tops.push((await page.locator(part).boundingBox())?.y ?? 0);
    }
    expect(tops).toEqual(tops.toSorted((a, b) => a - b));
  });
});
