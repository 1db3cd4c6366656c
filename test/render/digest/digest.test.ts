import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Report } from "../../../shared/core/report.ts";
import { renderDigest } from "../../../shared/render/digest/digest.ts";
import { renderText } from "../../../shared/render/digest/text.ts";
import { reportCsv } from "../../../shared/render/export/csv.ts";
import type { RenderOptions } from "../../../shared/render/words.ts";
import { anyStory } from "../../support/any-report.ts";
import { aKb, aReport, type ProductStory, type RunStory } from "../../support/builders.ts";
import { linksOf, tagsOf, visibleText } from "../../support/mail-text.ts";

const options: RenderOptions = {
  timeZone: "Europe/Berlin",
  reportUrl: "https://reporter.example.com",
  portalUrl: "https://security.microsoft.com",
  nextRun: "2026-11-24T05:00:00.000Z",
  graceMinutes: 120,
};
const win10 = "microsoft-_-windows_10";
const win11 = "microsoft-_-windows_11";
const edge = "microsoft-_-edge";
const forbidden = { reason: "Defender answered 403: grant Software.Read.All.", permanent: true };

async function mailOf(story: RunStory, changed: Partial<RenderOptions> = {}) {
  const mail = await renderDigest(await aReport(story), { ...options, ...changed });
  return { ...mail, seen: visibleText(mail.html) };
}

/** Both bodies of a mail, for what each must hold. */
function bodies({ seen, text }: { seen: string; text: string }): string[] {
  return [seen.toLowerCase(), text.toLowerCase()].map((body) => body.replace(/\s+/g, " "));
}

/** A day with something of everything. */
const everything: RunStory = {
  products: {
    [win10]: {
      before: [
        aKb({ id: "200", machineMissedOn: 30 }),
        aKb({ id: "400", machineMissedOn: 250, firstSeen: "2026-11-01" }),
        aKb({ id: "500", machineMissedOn: 90 }),
        aKb({ id: "600" }),
      ],
      beforeSnapshot: { gone: [{ id: "300", firstSeen: "2026-11-10", peak: 5, goneOn: "2026-11-20" }] },
      now: [
        aKb({ id: "100", firstSeen: "2026-11-23" }),
        aKb({ id: "200", machineMissedOn: 42 }),
        aKb({ id: "300", firstSeen: "2026-11-10" }),
        aKb({ id: "400", firstSeen: "2026-11-01" }),
        aKb({ id: "500", machineMissedOn: 80 }),
      ],
      snapshot: { unusable: 3 },
    },
    [win11]: { before: [aKb({ id: "700" })], now: null, failure: forbidden },
    [edge]: { before: [], now: [], snapshot: { emptiness: { verdict: "not-kb-patched", checkedOn: "2026-11-20" } } },
    "contoso-_-app": { before: null, now: [aKb({ id: "800" })] },
  },
  installsBefore: [900, 800],
};

describe("digest", () => {
  it("lists what is worse first, then what is back and overdue, then what is better, then what is not known", async () => {
    for (const body of bodies(await mailOf(everything))) {
      const order = [
        "1 kb is new, 1 got worse and 1 came back",
        "compared with 22 nov 2026, 1 day earlier",
        "new: 1 kb",
        "worse: 1 kb",
        "back after being resolved: 1 kb",
        "overdue: 1 kb",
        "better: 2 kbs",
        "no longer listed",
        "missing installs, last 30 days",
        "missing by product",
        "now watched: 1 product",
        "not read: 1 product",
        "not patched by kbs: 1 product",
        "unusable items: 1 product",
        "2 of 4 products compared",
      ].map((words) => body.indexOf(words));
      expect(order).not.toContain(-1);
      expect(order).toEqual([...order].sort((a, b) => a - b));
    }
  });

  it("says the same in plain text as in html", async () => {
    const { html, seen, text } = await mailOf(everything);
    const words = (body: string) => body.toLowerCase().match(/[\p{L}\p{N}][^\s·;]*/gu) ?? [];
    const inHtml = new Set([...words(seen), ...linksOf(html).flatMap(words)]);
    const columnHeads = ["machines", "cves"];
    const missing = words(text).filter((word) => !inHtml.has(word.replace(/[:,.]$/, "")) && !inHtml.has(word));
    expect(
      missing.filter((word) => !columnHeads.includes(word) && !["links", "health:", "defender:"].includes(word)),
    ).toEqual([]);
  });

  it("counts one KB, machine or product in the singular and any other number in the plural", async () => {
    const nouns = "KB|CVE|machine|product|day|run|item|minute|missing install";
    await fc.assert(
      fc.asyncProperty(anyStory(), async (story) => {
        const { subject, html, text } = await renderDigest(await aReport(story), options);
        for (const line of [subject, ...visibleText(html).split("\n"), ...text.split("\n")]) {
          expect(line).not.toMatch(new RegExp(`(^|[^\\d,])1 (more )?(${nouns})s\\b`, "i"));
          expect(line).not.toMatch(new RegExp(`(\\d[\\d,]+|[02-9?]) (more )?(${nouns})\\b`, "i"));
        }
      }),
    );
  });

  it("has one row per KB, with the counts of its products side by side and never added up", async () => {
    const products = {
      [win10]: {
        before: [aKb({ id: "1", machineMissedOn: 228, cveAddressed: 9 })],
        now: [aKb({ id: "1", machineMissedOn: 240, cveAddressed: 14 })],
      },
      [win11]: { before: [aKb({ id: "1", machineMissedOn: 31 })], now: [aKb({ id: "1", machineMissedOn: 31 })] },
    };
    const { seen, text } = await mailOf({ products });
    expect(seen.match(/^KB1 /gm)).toHaveLength(1);
    expect(seen).toContain("windows 10\n240 (+12)\n14 (+5)\nwindows 11\n31\n14");
    expect(text).toMatch(/^ {2}windows 10 +240 \(\+12\) +14 \(\+5\)$/m);
    expect(text).toMatch(/^ {2}windows 11 +31 +14$/m);
    for (const body of [seen, text]) expect(body).not.toContain("271");
  });

  it("puts the KB first that reaches furthest, then the one with more CVEs, then the older one", async () => {
    const now = [
      aKb({ id: "1", machineMissedOn: 5, cveAddressed: 1, firstSeen: "2026-11-22" }),
      aKb({ id: "2", machineMissedOn: 5, cveAddressed: 1, firstSeen: "2026-11-20" }),
      aKb({ id: "3", machineMissedOn: 5, cveAddressed: 8 }),
      aKb({ id: "4", machineMissedOn: 70, cveAddressed: 0 }),
    ];
    const { seen } = await mailOf({ products: { [win10]: { before: [], now } } });
    expect(seen.match(/^KB\d/gm)).toEqual(["KB4", "KB3", "KB2", "KB1"]);
  });

  it("says of one product of a KB what differs from the rest", async () => {
    const kb = aKb({ id: "1", machineMissedOn: 31 });
    const products: Record<string, ProductStory> = {
      [win10]: { before: [], now: [kb] },
      [win11]: { before: [kb], now: null, failure: forbidden },
      [edge]: { before: [kb], now: [] },
    };
    const { seen } = await mailOf({ products });
    expect(seen).toContain("windows 10\n31\n14\nedge\ngone (was 31)\nwindows 11\n31 last known\n14");
  });

  it("shows an unknown count as unknown, and no change of it", async () => {
    const before = [aKb({ machineMissedOn: null, cveAddressed: 2 })];
    const now = [aKb({ machineMissedOn: 9, cveAddressed: 3 })];
    const { seen } = await mailOf({ products: { [win10]: { before, now } } });
    expect(seen).toContain("windows 10\n9\n3 (+1)");
    const lost = await mailOf({ products: { [win10]: { before: [], now: [aKb({ machineMissedOn: null })] } } });
    expect(lost.seen).toContain("windows 10\n?\n14");
  });

  it("links a KB to the host that describes it and to no other", async () => {
    const kbs = [
      aKb({ id: "1", url: "https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB1" }),
      aKb({ id: "2", url: "https://evil.example/kb/2" }),
      aKb({ id: "3", url: null }),
    ];
    const { html, text } = await mailOf({ products: { [win10]: { before: [], now: kbs } } }, { reportUrl: null });
    expect(linksOf(html)).toEqual([
      "https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB1",
      options.portalUrl,
    ]);
    expect(text).not.toContain("evil.example");
  });

  it("names other products that the KB is for", async () => {
    const kb = aKb({ name: "N", productsNames: ["edge", "windows_10", "windows_11"], firstSeen: "2026-11-23" });
    const { seen } = await mailOf({ products: { [win10]: { before: [], now: [kb] } } });
    expect(seen).toContain("KB5041585 N · edge and windows 11 · first seen today");
  });
});

describe("ages and due dates in a digest", () => {
  const seenOn = async (firstSeen: string, story: Partial<RunStory> = {}, changed: Partial<RenderOptions> = {}) => {
    const kb = aKb({ firstSeen, peak: 1_000 });
    return (await mailOf({ products: { [win10]: { before: [kb], now: [kb] } }, ...story }, changed)).seen;
  };

  it("count days overdue from the day after the last that is allowed", async () => {
    expect(await seenOn("2026-11-08")).toContain("15 days old · 1 day overdue");
    expect(await seenOn("2026-10-01")).toContain("53 days old · 39 days overdue");
    expect(await seenOn("2026-11-09")).not.toMatch(/days? overdue/);
  });

  it("warn of what will be overdue before the next report, where its day is known", async () => {
    expect(await seenOn("2026-11-09")).toContain("14 days old · overdue before the next report");
    expect(await seenOn("2026-11-10")).not.toContain("overdue");
    expect(await seenOn("2026-11-09", {}, { nextRun: null })).not.toContain("overdue");
    const nextWeek = "2026-11-30T05:00:00.000Z";
    expect(await seenOn("2026-11-10", {}, { nextRun: nextWeek })).toContain("overdue before the next report");
  });

  it("go by the watchlist's own due days and by the day in its time zone", async () => {
    expect(await seenOn("2026-11-20", { watchlist: { dueDays: 2 } })).toContain("1 day overdue");
    const lateOnThe23rd = { nextRun: "2026-11-23T23:30:00.000Z" };
    expect(await seenOn("2026-11-09", {}, { ...lateOnThe23rd, timeZone: "UTC" })).not.toContain("overdue");
    expect(await seenOn("2026-11-09", {}, { ...lateOnThe23rd, timeZone: "Europe/Berlin" })).toContain("overdue before");
  });

  it("put what has just become overdue before what has long been", async () => {
    const long = aKb({ id: "1", machineMissedOn: 900, firstSeen: "2026-09-01" });
    const lately = aKb({ id: "2", machineMissedOn: 3, firstSeen: "2026-11-08" });
    const { seen } = await mailOf({ products: { [win10]: { before: [long, lately], now: [long, lately] } } });
    expect(seen).toContain("Overdue: 2 KBs missing for more than 14 days\n1 since the last report.");
    expect(seen.match(/^KB\d/gm)).toEqual(["KB2", "KB1"]);
  });

  it("call nothing overdue that could not be read, but count it", async () => {
    const notRead = aKb({ id: "1", firstSeen: "2026-09-01" });
    const read = aKb({ id: "2", firstSeen: "2026-09-01" });
    const products = {
      [win10]: { before: [notRead], now: null, failure: forbidden },
      [win11]: { before: [read], now: [read] },
    };
    const { seen } = await mailOf({ products });
    expect(seen).toContain("Overdue: 1 KB missing for more than 14 days\n1 more could not be read.");
    expect(seen).not.toMatch(/^KB1/m);
  });

  it("show what stalled with the numbers behind it", async () => {
    const kb = aKb({ machineMissedOn: 210, peak: 250, firstSeen: "2026-10-01" });
    const { seen } = await mailOf({ products: { [win10]: { before: [kb], now: [kb] } } });
    expect(seen).toContain("stalled at 210, peak 250");
  });
});

describe("a first digest", () => {
  it("lists what is missing, furthest reaching first, and claims no age for it", async () => {
    const now = [
      aKb({ id: "1", machineMissedOn: 3, firstSeen: "2026-11-23" }),
      aKb({ id: "2", firstSeen: "2026-11-23" }),
    ];
    const products = { [win10]: { now }, [win11]: { now: null, failure: forbidden } };
    const { seen } = await mailOf({ products, previousRunId: null });
    expect(seen).toContain("This is the first run, so there is nothing to compare with yet");
    expect(seen).toContain("1 of 2 products could not be read: what it misses is unknown.");
    expect(seen).toContain("Missing now: 2 KBs");
    expect(seen.match(/^KB\d/gm)).toEqual(["KB2", "KB1"]);
    expect(seen).not.toMatch(/today|days? old|Now watched: /);
  });
});

describe("good news in a digest", () => {
  const before = [aKb({ id: "1", machineMissedOn: 240, cveAddressed: 14 }), aKb({ id: "2", machineMissedOn: 31 })];
  const now = [aKb({ id: "1", machineMissedOn: 200, cveAddressed: 12 })];

  it("is short, and no fall is called patched", async () => {
    const mail = await mailOf({ products: { [win10]: { before, now } } });
    for (const body of bodies(mail)) {
      expect(body).toContain("kb1 windows 10: 200 machines (−40) and 12 cves (−2)");
      expect(body).toContain("kb2 windows 10: was on 31 machines");
      expect(body).toContain("counts also fall when machines leave");
      expect(body).not.toMatch(/patched|installed|fixed|remediated/);
    }
  });

  it("calls nothing resolved or better of products that could not be read", async () => {
    const products = { [win10]: { before, now: null, failure: forbidden }, [win11]: { before: [], now: [] } };
    for (const body of bodies(await mailOf({ products }))) expect(body).not.toMatch(/resolved|better|improved/);
  });
});

describe("what could not be read for a digest", () => {
  it("is named with the reason once, since when, and how old the last snapshot is", async () => {
    const notRead = (id: string): [string, ProductStory] => [
      id,
      {
        before: [aKb()],
        now: null,
        failure: forbidden,
        failedSince: { since: "2026-11-20", misses: 3 },
        beforeRunId: "2026-11-19",
      },
    ];
    const products = {
      ...Object.fromEntries([notRead(win10), notRead(win11)]),
      [edge]: { before: null, now: null, failure: { reason: "Defender answered 404 three times.", permanent: false } },
      "contoso-_-app": { before: [], now: [] },
    };
    for (const body of bodies(await mailOf({ products }))) {
      expect(body).toContain("3 of 4 products could not be read");
      expect(body.match(/grant software\.read\.all/g)).toHaveLength(1);
      expect(body).toContain("this stays until someone fixes it. ");
      for (const id of [win10, win11]) {
        expect(body).toContain(`${id}: 3 runs in a row, since 20 nov 2026; last read 19 nov 2026, 4 days earlier`);
      }
      expect(body).toContain(`${edge}: this run only; never read before`);
    }
  });

  it("comes first where nothing could be read", async () => {
    const { seen } = await mailOf({
      products: { [win10]: { before: [aKb()], now: null, failure: forbidden } },
      installsBefore: [7],
    });
    expect(seen.indexOf("Not read: 1 product")).toBeLessThan(seen.indexOf("Missing installs"));
    expect(seen).toContain("The last report was of 22 Nov 2026");
    expect(seen).toContain("240 when last read");
  });

  it("includes empty lists that are not patched ones, and items that could not be used", async () => {
    for (const body of bodies(await mailOf(everything))) {
      expect(body).toContain("an empty list does not mean patched");
      expect(body).toMatch(/microsoft-_-edge(?![\w-])/);
      expect(body).toContain(`${win10}: 3 items`);
    }
  });

  it("says of newly watched products how many KBs they miss, and calls none of them new", async () => {
    const products = {
      [win10]: { before: [aKb()], now: [aKb()] },
      [win11]: { before: null, now: [aKb({ id: "8" }), aKb({ id: "9" })] },
    };
    for (const body of bodies(await mailOf({ products }))) {
      expect(body).toContain(`${win11}: 2 kbs missing`);
      expect(body).not.toContain("new: ");
      expect(body).not.toContain("kb8");
    }
  });
});

describe("a digest's line about itself", () => {
  const audited = async (story: RunStory, changed: Partial<RenderOptions> = {}) => {
    const mail = await mailOf(story, changed);
    const [html = "", text = ""] = bodies(mail);
    return [html.slice(html.indexOf(" products compared") - 10), text.slice(text.indexOf(" products compared") - 10)];
  };

  it("names what was compared with which run, what could not be read, and when the next run is due", async () => {
    for (const line of await audited(everything)) {
      expect(line).toContain("2 of 4 products compared with the run of 22 nov 2026, 1 day earlier");
      expect(line).toContain("1 seen for the first time; 1 could not be read");
      expect(line).toContain("the run started 23 nov 2026, 06:00 cet and took 4 minutes");
      expect(line).toContain("the next run starts 24 nov 2026, 06:00 cet");
    }
  });

  it("says how old the counts are of products that missed runs", async () => {
    const products = {
      [win10]: { before: [], now: [] },
      [win11]: { before: [], now: [], beforeRunId: "2026-11-17" },
    };
    for (const line of await audited({ products })) {
      expect(line).toContain("1 of them with older counts, back to 17 nov 2026");
    }
  });

  it("says by when to check the reporter's health if nothing comes: the grace and half an hour after the next run", async () => {
    const quiet =
      "if no mail has come by 24 nov 2026, 08:30 cet, either nothing changed or the run failed; the health page says which";
    for (const line of await audited(everything)) expect(line).toContain(quiet);
    for (const line of await audited(everything, { nextMail: options.nextRun })) {
      expect(line).toContain("if no mail has come by 24 nov 2026, 08:30 cet, check the reporter's health");
    }
    for (const line of await audited(everything, { nextMail: "2026-11-30T05:00:00.000Z" })) {
      expect(line).toContain("a quiet day brings no mail, but if none has come by 30 nov 2026, 08:30 cet");
    }
    for (const line of await audited(everything, { nextRun: null })) expect(line).not.toContain("if no");
  });

  it("leads to the report, to health and to the portal", async () => {
    const { html, text } = await mailOf({ ...everything, watchlist: { name: "a & b" } });
    const wanted = [
      "https://reporter.example.com/api/report?watchlist=a+%26+b&run=2026-11-23&format=html",
      "https://reporter.example.com/api/health",
      "https://security.microsoft.com",
    ];
    for (const link of wanted) {
      expect(linksOf(html)).toContain(link);
      expect(text.split(/\s/)).toContain(link);
    }
  });
});

describe("a digest's pictures", () => {
  /** Heights of the trend's bars in pixels, oldest first. */
  const barsOf = (html: string) => {
    const [, trend = ""] = html.split("Missing installs, last 30 days");
    return [...(trend.split("</h2>")[1]?.split("<p")[0] ?? "").matchAll(/<td height="(\d+)" class="f-/g)].map(
      ([, px]) => Number(px),
    );
  };
  const now = [aKb({ machineMissedOn: 25 })];

  it("have a bar for each of 30 days, as high as its missing installs, and a gap where no run was", async () => {
    const report = await aReport({ products: { [win10]: { before: now, now } }, installsBefore: [100, 50, 50] });
    const gap: Report = { ...report, trend: report.trend.filter(({ runId }) => runId !== "2026-11-21") };
    const { html, text } = await renderDigest(gap, options);
    expect(barsOf(html)).toEqual([...Array(26).fill(1), 44, 1, 22, 11]);
    expect(text).toContain(`\n${"·".repeat(26)}█·▅▃\n`);
  });

  it("say their numbers in words", async () => {
    const products = { [win10]: { before: now, now } };
    for (const body of bodies(await mailOf({ products, installsBefore: [60, 75, 40] }))) {
      expect(body).toContain("25 now, down 35 from 60 on 20 nov 2026; the highest was 75 on 21 nov 2026");
      expect(body).toContain("1 kb, 25 missing installs");
    }
  });

  it("do not pass a longer list of products off as a rise", async () => {
    const products = { [win10]: { before: now, now }, [win11]: { before: null, now } };
    const { seen } = await mailOf({ products, installsBefore: [{ missingInstalls: 25, read: 1 }] });
    expect(seen).toContain("The list of products changed on 23 Nov 2026, so earlier counts are not comparable.");
  });

  it("wait for a second run", async () => {
    expect((await mailOf({ products: { [win10]: { now } }, previousRunId: null })).html).not.toContain("30 days");
  });

  it("show each product's share of the largest, and the last known counts of what could not be read", async () => {
    const products = {
      [win10]: { before: now, now: [aKb({ machineMissedOn: 200 })] },
      [win11]: { before: now, now: [aKb({ machineMissedOn: 50 })] },
      [edge]: { before: [aKb({ machineMissedOn: 100 })], now: null, failure: forbidden },
    };
    const { html, seen } = await mailOf({ products });
    expect(
      [...html.matchAll(/width="(\d+)%" border="0"[^>]*><tbody><tr><td height="6"/g)].map(([, share]) => share),
    ).toEqual(["100", "50", "25"]);
    expect(seen).toContain("edge\n1 KB, 100 missing installs on 22 Nov 2026");
  });
});

describe("a digest's attachment", () => {
  it("is the full list as CSV, named for watchlist and run", async () => {
    const report = await aReport({ ...everything, runId: "2026-11-23T10:17Z", watchlist: { name: "Sérvers / all" } });
    const { attachments, text } = await renderDigest(report, options);
    expect(attachments).toEqual([
      { filename: "missing-kbs-S_rvers_all-2026-11-23T1017Z.csv", type: "text/csv", content: reportCsv(report) },
    ]);
    expect(text).toContain("The full list is attached as CSV.");
  });

  it("is left off where there is nothing to list", async () => {
    const { attachments, text } = await mailOf({ products: { [win10]: { before: [], now: [] } } });
    expect(attachments).toEqual([]);
    expect(text).not.toContain("full list is");
  });
});

describe("a digest's html", () => {
  it("nests its tags", async () => {
    const open: string[] = [];
    for (const { name, closes } of tagsOf((await mailOf(everything)).html)) {
      if (name === "meta") continue;
      if (closes) expect(open.pop()).toBe(name);
      else open.push(name);
    }
    expect(open).toEqual([]);
  });

  it("needs no image, script or font from anywhere", async () => {
    const { html } = await mailOf(everything);
    const known = "html head meta title style body table thead tbody tr td th h1 h2 p a b span".split(" ");
    expect(
      tagsOf(html)
        .map(({ name }) => name)
        .filter((name) => !known.includes(name)),
    ).toEqual([]);
    expect(html).not.toMatch(/url\(|@import|\ssrc=/);
  });

  it("is readable in light and in dark: every text has a contrast of 4.5 at least with its ground", async () => {
    const { html } = await mailOf(everything);
    const grounds: Readonly<Record<string, string>> = { onButton: "button", caution: "caution" };
    const inks = new Map(
      [...html.matchAll(/class="(?:r )?i-(\w+)" style="(?:border-top:[^;]*;)?color:(#\w{6})/g)].map(
        ([, name = "", colour = ""]) => [name, colour],
      ),
    );
    const fills = new Map(
      [...html.matchAll(/class="f-(\w+)"[^>]*? bgcolor="(#\w{6})"/g)].map(([, name = "", colour = ""]) => [
        name,
        colour,
      ]),
    );
    expect([...inks.keys()].sort()).toEqual(["better", "caution", "link", "muted", "onButton", "text", "worse"]);
    const dark = (selector: string) =>
      new RegExp(`\\.${selector}\\{(?:background-)?color:(#\\w{6})!important\\}`).exec(html)?.[1] ?? "";
    for (const [ink, colour] of inks) {
      for (const ground of new Set(["card", grounds[ink] ?? "card"])) {
        if (ink === "onButton" && ground === "card") continue;
        expect(contrast(colour, fills.get(ground) ?? ""), `${ink} on ${ground}`).toBeGreaterThanOrEqual(4.5);
        expect(contrast(dark(`i-${ink}`), dark(`f-${ground}`)), `${ink} on ${ground}, dark`).toBeGreaterThanOrEqual(
          4.5,
        );
      }
    }
  });
});

/** WCAG's contrast of two colours. */
function contrast(a: string, b: string): number {
  const luminance = (colour: string) => {
    const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
      const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05;
  };
  const [darker = 0, lighter = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return lighter / darker;
}

describe("renderText", () => {
  it("keeps to 78 columns but for links", async () => {
    const text = renderText(await aReport(everything), options);
    const long = text.split("\n").filter((line) => line.length > 78 && !/https:\/\/\S+$/.test(line));
    expect(long).toEqual([]);
    expect(text.endsWith("\n")).toBe(true);
  });

  it("says nothing of an attachment", async () => {
    expect(renderText(await aReport(everything), options)).not.toContain("attached");
  });
});
