// Takes the README's pictures: the digest and the page of the simulated world that `npm start` plays, on a fixed day.
import { mkdirSync, writeFileSync } from "node:fs";
import type { Browser } from "playwright-core";
import { estateFacts, estateTrouble } from "../local/advisory-data.ts";
import { createEstate } from "../local/estate.ts";
import { startHost } from "../local/host.ts";
import { daysBefore, playDay } from "../local/play.ts";
import { startWorld } from "../local/world.ts";
import { launchBrowser } from "../test/support/browser.ts";

const folder = "docs/images";
const day = "2026-11-26";
const mostBytes = 250_000;
/** For screens of double density. */
const density = 2;
/** Left free above the heading that a picture ends at. */
const margin = 12;

interface Shot {
  file: string;
  width: number;
  /** The picture ends above the last heading that begins within this height. */
  height: number;
  show: { html: string } | { url: string };
}

const estate = createEstate({ seed: 7, today: day });
const world = await startWorld({ estate, advisories: { ...estateFacts(day), trouble: estateTrouble(day) } });
const hostWatching = (softwareIds: readonly string[]) =>
  startHost({
    appDir: process.cwd(),
    hostKey: null,
    env: { ...world.settings, SOFTWARE_IDS: softwareIds.join(",") },
    storageConnectionString: world.storageConnectionString,
    log: ({ level, message, fields }) => {
      if (level === "error" || level === "critical") console.error(message, fields);
    },
  });

const past = await hostWatching(estate.softwareIds.filter((id) => id !== estate.addedToday));
for (const pastDay of daysBefore(day, 30)) await playDay(past, world, pastDay);
await past.close();
const host = await hostWatching(estate.softwareIds);
await playDay(host, world, day);

const browser = await launchBrowser();
mkdirSync(folder, { recursive: true });
const sizes = [
  await take(browser, { file: "digest.webp", width: 680, height: 860, show: { html: digestOfToday() } }),
  await take(browser, {
    file: "page.webp",
    width: 1100,
    height: 760,
    show: { url: `${host.url}/api/report?format=html` },
  }),
];
await browser.close();
await host.close();
await world.close();
const bytes = sizes.reduce((sum, size) => sum + size, 0);
if (bytes > mostBytes) throw new Error(`The pictures are ${bytes} bytes together; at most ${mostBytes} are allowed.`);

function digestOfToday(): string {
  const html = world.inbox.mails.at(-1)?.html;
  if (!html) throw new Error(`The run of ${day} sent no digest.`);
  return html;
}

/** Writes one picture, and returns its size in bytes. */
async function take(chromium: Browser, { file, width, height, show }: Shot): Promise<number> {
  const page = await chromium.newPage({ viewport: { width, height }, colorScheme: "light" });
  if ("url" in show) await page.goto(show.url, { waitUntil: "networkidle" });
  else await page.setContent(show.html, { waitUntil: "networkidle" });
  const headings = await Promise.all((await page.locator("h2").all()).map((heading) => heading.boundingBox()));
  const cuts = headings.map((box) => (box?.y ?? 0) - margin).filter((y) => y > height / 2 && y <= height);
  // Playwright itself takes no WebP, which is a third of its PNG.
  const devTools = await page.context().newCDPSession(page);
  const { data } = await devTools.send("Page.captureScreenshot", {
    ...{ format: "webp", quality: 60 },
    clip: { x: 0, y: 0, width, height: cuts.at(-1) ?? height, scale: density },
  });
  await page.close();
  const path = `${folder}/${file}`;
  const picture = Buffer.from(data, "base64");
  writeFileSync(path, picture);
  const size = picture.length;
  console.log(`${path}: ${Math.round(size / 1000)} kB`);
  return size;
}
