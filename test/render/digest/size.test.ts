import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { actionList } from "../../../shared/core/action-list.ts";
import { addDays } from "../../../shared/core/day.ts";
import type { MissingKb } from "../../../shared/core/missing-kb.ts";
import { buildReport, type Report } from "../../../shared/core/report.ts";
import type { Compared } from "../../../shared/core/row.ts";
import type { ReadFailure, RunSummary } from "../../../shared/core/run.ts";
import { type Digest, digestOf } from "../../../shared/render/digest/content.ts";
import { renderDigest } from "../../../shared/render/digest/digest.ts";
import { gather } from "../../../shared/render/digest/material.ts";
import type { RenderOptions } from "../../../shared/render/words.ts";
import { aKb, aRun, aSnapshot, eachOf } from "../../support/builders.ts";

const options: RenderOptions = {
  timeZone: "Europe/Berlin",
  reportUrl: "https://reporter-with-quite-a-long-name-of-its-own.azurewebsites.example.com",
  portalUrl: "https://security.microsoft.com",
  nextRun: "2026-11-24T05:00:00.000Z",
  graceMinutes: 120,
};
const today = "2026-11-23";
const yesterday = "2026-11-22";

/** How names look: each takes another number of bytes a character once it is escaped. */
const letters = ["a ", "x", "'", '"', "&", "<", "字", "🦄", "é "] as const;

interface Estate {
  products: number;
  kbs: number;
  /** Different lists of KBs that the products share; as many as there are products: one each. */
  lists: number;
  letter: string;
  /** One of so many products could not be read, is new to the list, has unusable items. */
  oneIn: number;
  watchlist: string;
}

const anEstate: fc.Arbitrary<Estate> = fc.record({
  products: sizeUpTo(5_000),
  kbs: sizeUpTo(200),
  lists: fc.constantFrom(1, 4, 40, 150),
  letter: fc.constantFrom(...letters),
  oneIn: fc.constantFrom(1, 2, 7, 10_000),
  watchlist: fc.constantFrom("default", "字".repeat(64)),
});

// Mostly small and middling, so that many can be tried; the largest of all is an example.
function sizeUpTo(most: number): fc.Arbitrary<number> {
  return fc.oneof(
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 12 }) },
    { weight: 3, arbitrary: fc.integer({ min: 0, max: most / 10 }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: most }) },
  );
}

/** Built by core from snapshots that share their lists, so that a million entries take a second or two. */
async function reportOf(estate: Estate): Promise<Report> {
  const lists = Array.from({ length: Math.min(estate.lists, estate.products) }, (_, list) => listsOf(list, estate));
  const failures: ReadFailure[] = [];
  const compared = Array.from({ length: estate.products }, (_, index): Compared => {
    const softwareId = `vendor${index}-_-${estate.letter.repeat(120)}`;
    const { before = [], now = [] } = lists[index % lists.length] ?? {};
    const previous = aSnapshot({ softwareId, runId: yesterday, missingKbs: before });
    if (index % estate.oneIn === estate.oneIn - 1) {
      failures.push({
        softwareId,
        reason: `${index} ${estate.letter.repeat(1_000)}`,
        permanent: index % 3 === 0,
        since: yesterday,
        misses: 2,
      });
      return { comparison: { softwareId, previous: yesterday, current: yesterday }, previous, current: previous };
    }
    const unusable = index % estate.oneIn === 0 ? 7 : 0;
    const current = aSnapshot({ softwareId, runId: today, missingKbs: now, unusable });
    const isNew = index % estate.oneIn === 1;
    return {
      comparison: { softwareId, previous: isNew ? null : yesterday, current: today },
      previous: isNew ? null : previous,
      current,
    };
  });
  const { run } = await aRun();
  const trend = Array.from({ length: 60 }, (_, index) => {
    const day = addDays(today, index - 59);
    return { runId: day, day, totals: { ...run.totals, missingInstalls: 9 ** (index % 15) } };
  });
  const frame = {
    run: { ...(run as RunSummary), watchlist: estate.watchlist, failures },
    ...{ previousRunId: yesterday, previousDay: yesterday, trend, thresholds: run.rules.thresholds },
  };
  return buildReport(frame, eachOf(compared));
}

function listsOf(list: number, { kbs, letter }: Estate): { before: MissingKb[]; now: MissingKb[] } {
  const before: MissingKb[] = [];
  const now: MissingKb[] = [];
  for (let index = 0; index < kbs; index++) {
    const machines = 1 + ((index * 7_919 + list * 104_729) % 100_000);
    const kb = aKb({
      id: `${list}${letter.repeat(30)}${index}`.slice(0, 40),
      name: letter.repeat(200).slice(0, 200),
      productsNames: Array.from({ length: 4 }, (_, product) => `${product}${letter.repeat(90)}`),
      url: `https://support.microsoft.com/kb/${index}?${"&'".repeat(index % 100)}`,
      machineMissedOn: machines,
      firstSeen: addDays(today, -(index % 40)),
    });
    if (index % 6 !== 0) now.push(kb);
    if (index % 6 !== 1) before.push({ ...kb, machineMissedOn: Math.max(1, machines + ((index % 5) - 2) * 10) });
  }
  return { before, now };
}

function bytes(text: string): number {
  return Buffer.byteLength(text);
}

describe("the size of a mail", () => {
  it("stays within 80 KB of html, 100 KB of text and 10 MB of attachment for any estate of up to 5,000 products × 200 KBs", async () => {
    await fc.assert(
      fc.asyncProperty(anEstate, async (estate) => {
        const mail = await renderDigest(await reportOf(estate), options);
        expect(bytes(mail.html)).toBeLessThanOrEqual(80_000);
        expect(bytes(mail.text)).toBeLessThanOrEqual(100_000);
        expect(mail.subject.length).toBeLessThanOrEqual(120);
        expect(bytes(mail.attachments[0]?.content ?? "")).toBeLessThanOrEqual(30_000_000);
      }),
      {
        numRuns: 30,
        examples: [[{ products: 5_000, kbs: 200, lists: 150, letter: "'", oneIn: 7, watchlist: "default" }]],
      },
    );
  }, 240_000);

  it("says so where the full list is too large to attach", async () => {
    const report = await reportOf({
      products: 300,
      kbs: 200,
      lists: 4,
      letter: "字",
      oneIn: 10_000,
      watchlist: "default",
    });
    const { attachments, text } = await renderDigest(report, options);
    expect(attachments).toEqual([]);
    expect(text).toContain("The full list is too large to attach.");
  });
});

describe("what finds no room in a digest", () => {
  it("is counted: what is shown and the rest are all there is, at any room", async () => {
    const estate = anEstate.filter(({ products, kbs }) => products * kbs <= 100_000);
    await fc.assert(
      fc.asyncProperty(estate, fc.constantFrom(0, 0.2, 0.5, 0.75, 1), async (estate, room) => {
        const report = await reportOf(estate);
        const digest = digestOf(gather(report, options), room, "attached");
        for (const [kind, title] of [
          ["new", "New"],
          ["worsened", "Worse"],
          ["returned", "Back after being resolved"],
          ["more-cves", "More CVEs, on fewer machines"],
          ["improved", "Better"],
          ["resolved", "Resolved"],
        ] as const) {
          const rows = report.rows.filter(({ entries }) => entries.some((entry) => entry.kind === kind));
          expect(shownAndLeft(digest, title), title).toBe(rows.length);
          expect(countIn(digest, title), title).toBe(rows.length);
        }
        expect(notReadShownAndLeft(digest)).toBe(report.products.filter(({ state }) => state === "not-read").length);
        expect(countIn(digest, "Overdue")).toBe(report.totals.overdue);
        expect(updatesIn(digest)).toBe(actionList(report).actions.length);
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  it("reaches no further than what is shown", async () => {
    const report = await reportOf({
      products: 40,
      kbs: 200,
      lists: 40,
      letter: "x",
      oneIn: 10_000,
      watchlist: "default",
    });
    const { parts } = digestOf(gather(report, options), 1, "none");
    const table = parts.find((part) => part.type === "table" && part.title.startsWith("Worse:"));
    if (table?.type !== "table") throw new Error("Nothing got worse.");
    const left = numberAfter("on up to ", table.rest?.text);
    expect(left).toBeGreaterThan(0);
    for (const { products } of table.kbs) {
      const reach = Math.max(...products.map(({ machines }) => numberAfter("", machines.text)));
      expect(reach).toBeGreaterThanOrEqual(left);
    }
  });
});

function shownAndLeft({ parts }: Digest, title: string): number {
  const part = parts.find((one) => (one.type === "table" || one.type === "brief") && one.title.startsWith(`${title}:`));
  if (part?.type !== "table" && part?.type !== "brief") return 0;
  return part.kbs.length + numberAfter("", part.rest?.text);
}

/** How many KBs the title of a section says. */
function countIn({ parts }: Digest, title: string): number {
  const part = parts.find((one) => one.title.startsWith(`${title}: `));
  return numberAfter(`${title}: `, part?.title);
}

/** How many updates to install a digest shows or counts. */
function updatesIn({ parts }: Digest): number {
  for (const part of parts) {
    if (part.type === "actions") {
      const all = numberAfter(part.steps.length === 1 ? "This one of " : "These [\\d,]+ of ", part.rest?.text);
      return part.rest ? all : part.steps.length;
    }
    if (part.type === "line" && part.title === "") return numberAfter("", part.rest?.text);
  }
  return 0;
}

function notReadShownAndLeft({ parts }: Digest): number {
  const part = parts.find((one) => one.type === "remark" && one.title.startsWith("Could not be read"));
  if (part?.type !== "remark") return 0;
  const shown = part.points.reduce((sum, { products, more }) => sum + products.length + more, 0);
  return shown + numberAfter("", part.rest?.text);
}

/** The number that a text has behind some words, thousands apart; 0 where there is none. */
function numberAfter(words: string, text = ""): number {
  return Number(new RegExp(`${words}([\\d,]+)`).exec(text)?.[1]?.replaceAll(",", "") ?? 0);
}
