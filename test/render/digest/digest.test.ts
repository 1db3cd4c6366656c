import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Report } from "../../../shared/core/report.ts";
import type { SinceDigest } from "../../../shared/core/since.ts";
import { renderDigest } from "../../../shared/render/digest/digest.ts";
import { renderText } from "../../../shared/render/digest/text.ts";
import { reportCsv } from "../../../shared/render/export/csv.ts";
import type { RenderOptions } from "../../../shared/render/words.ts";
import { anyStory } from "../../support/any-report.ts";
import { aCatalogue, aKb, aReport, type ProductStory, type RunStory } from "../../support/builders.ts";
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

async function mailOf(
  story: RunStory,
  changed: Partial<RenderOptions> = {},
  since: Partial<SinceDigest> | null = null,
) {
  const nothing = {
    runId: "2026-11-16",
    day: "2026-11-16",
    rows: [],
    readable: [],
    watched: [],
    lost: [],
    rose: 0,
    cameAndWent: 0,
  };
  const digest = since && { ...nothing, ...since };
  const mail = await renderDigest(await aReport(story), { ...options, ...changed }, digest);
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

/** A KB that got better and one that is resolved. */
async function someBetter(): Promise<Report["rows"]> {
  const before = [aKb({ id: "900", machineMissedOn: 20 }), aKb({ id: "901", machineMissedOn: 50 })];
  const now = [aKb({ id: "900", machineMissedOn: 5 })];
  return (await aReport({ products: { [win10]: { before, now } } })).rows;
}

describe("digest", () => {
  it("says what happened, what to install first, what got worse, what happened since the last one, what could not be read", async () => {
    const since = { rows: await someBetter(), rose: 1 };
    for (const body of bodies(await mailOf(everything, {}, since))) {
      const order = [
        "kb100 is new in windows 10, on 240 machines; 1 got worse, by 12 machines; 1 is back",
        "monday 23 nov 2026 · compared with sunday 22 nov 2026",
        "install first",
        "these 3 of 7 updates close 3 of 7 gaps: see the report.",
        "new: 1 kb",
        "worse: 1 kb",
        "back after being resolved: 1 kb",
        "overdue: 1 kb. none since the last report.",
        "better: 2 kbs.",
        "resolved: 1 kb.",
        "better since the digest of 16 nov: 1 kb.",
        "resolved since the digest of 16 nov: 1 kb.",
        "since the digest of 16 nov. 1 kb rose below the thresholds.",
        "could not be read: 1 product",
        "now watched: 1 product",
        "not patched by kbs: 1 product",
        "unusable items: 1 product",
        "3 of 4 products read, 23 nov, 06:00–06:04 cet.",
      ].map((words) => body.indexOf(words));
      expect(order).not.toContain(-1);
      expect(order).toEqual([...order].sort((a, b) => a - b));
    }
  });

  it("has no charts where something got worse", async () => {
    for (const body of bodies(await mailOf(everything))) {
      expect(body).not.toMatch(/last 30 days|missing by product/);
    }
  });

  it("says the same in plain text as in html", async () => {
    const since = { rows: await someBetter(), readable: [win10], watched: [edge], rose: 2, cameAndWent: 1 };
    const { html, seen, text } = await mailOf(everything, {}, since);
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
    expect(seen.match(/^KB1 A/gm)).toHaveLength(1);
    expect(seen).toContain("Windows 10\n240 (+12)\n14 (+5)\nWindows 11\n31 unchanged\n14");
    expect(text).toMatch(/^ {2}Windows 10 +240 \(\+12\) +14 \(\+5\)$/m);
    expect(text).toMatch(/^ {2}Windows 11 +31 unchanged +14$/m);
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
    const [, table = ""] = seen.split("New: 4 KBs");
    expect(table.match(/^KB\d/gm)).toEqual(["KB4", "KB3", "KB2", "KB1"]);
  });

  it("says of one product of a KB what differs from the rest", async () => {
    const kb = aKb({ id: "1", machineMissedOn: 31 });
    const products: Record<string, ProductStory> = {
      [win10]: { before: [], now: [kb] },
      [win11]: { before: [kb], now: null, failure: forbidden },
      [edge]: { before: [kb], now: [] },
    };
    const { seen } = await mailOf({ products });
    expect(seen).toContain("Windows 10\n31\n14\nWindows 11\n31 last known\n14\nEdge\ngone (was 31)");
  });

  it("shows an unknown count as unknown, and no change of it", async () => {
    const before = [aKb({ machineMissedOn: null, cveAddressed: 2 })];
    const now = [aKb({ machineMissedOn: 9, cveAddressed: 3 })];
    const { seen } = await mailOf({ products: { [win10]: { before, now } } });
    expect(seen).toContain("Windows 10\n9 now known\n3 (+1)");
    const lost = await mailOf({ products: { [win10]: { before: [], now: [aKb({ machineMissedOn: null })] } } });
    expect(lost.seen).toContain("Windows 10\n?\n14");
  });

  it("links a KB to the host that describes it and to no other", async () => {
    const kbs = [
      aKb({ id: "1", url: "https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB1" }),
      aKb({ id: "2", url: "https://evil.example/kb/2" }),
      aKb({ id: "3", url: null }),
    ];
    const { html, text } = await mailOf({ products: { [win10]: { before: [], now: kbs } } }, { reportUrl: null });
    expect(new Set(linksOf(html))).toEqual(
      new Set(["https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB1", options.portalUrl]),
    );
    expect(text).not.toContain("evil.example");
  });

  it("names other products that the KB is for", async () => {
    const kb = aKb({ name: "N", productsNames: ["edge", "windows_10", "windows_11"], firstSeen: "2026-11-23" });
    const { seen } = await mailOf({ products: { [win10]: { before: [], now: [kb] } } });
    expect(seen).toContain("KB5041585 N · also for edge and windows 11 · first seen today");
  });
});

describe("what a digest says to install", () => {
  const kev = [{ cve: "CVE-2026-1234", since: "2026-11-12", ransomware: true }];
  const catalogue = aCatalogue(
    { "1": { cves: ["CVE-2026-1234"], released: "2026-11-21" }, "2": { supersedes: ["3"], restart: "maybe" }, "3": {} },
    kev,
  );
  const missing = [
    aKb({ id: "1", machineMissedOn: 5, firstSeen: "2026-11-21" }),
    ...["2", "3", "4", "5", "6"].map((id) => aKb({ id, machineMissedOn: 90 - Number(id) })),
  ];
  const quiet = { [win10]: { before: missing, now: missing } };
  const rise = missing.map((kb) => ({ ...kb, machineMissedOn: (kb.machineMissedOn ?? 0) + 1 }));

  it("is all of it on a quiet day: what is exploited first, with why and by when, and what each closes besides", async () => {
    for (const body of bodies(await mailOf({ products: quiet, catalogue }))) {
      expect(body).toContain("install these 5 updates: they close 6 of 6 gaps 1. kb1 on windows 10");
      expect(body).toMatch(
        /kb1 on windows 10( ·|;) 5 machines( ·|;) needs a restart.+exploited: cve-2026-1234 in cisa kev since 12 nov, used by ransomware.+due in 1 day/,
      );
      expect(body).toMatch(/2. kb2 on windows 10( ·|;) 88 machines( ·|;) also closes kb3( ·|;) may need a restart/);
      expect(body).not.toContain(" kb3 on ");
    }
  });

  it("is the most urgent where something got worse, with how much that closes", async () => {
    for (const body of bodies(await mailOf({ products: { [win10]: { before: missing, now: rise } }, catalogue }))) {
      expect(body).toMatch(/install first 1\. kb1 .*2\. kb2 .*3\. kb4 /);
      expect(body).not.toContain(" 4. ");
      expect(body).toContain("these 3 of 5 updates close 4 of 6 gaps: see the report.");
    }
  });

  it("is overdue by the days of its oldest gap", async () => {
    const old = [aKb({ id: "1", firstSeen: "2026-11-01" }), aKb({ id: "2", firstSeen: "2026-11-05" })];
    const { seen } = await mailOf({ products: { [win10]: { before: old, now: old } } });
    expect(seen).toContain("KB1 on Windows 10 · 240 machines · 8 days overdue");
    expect(seen).toContain("KB2 on Windows 10 · 240 machines · 4 days overdue");
  });

  it("is at most ten updates", async () => {
    const now = Array.from({ length: 14 }, (_, index) => aKb({ id: `${index}` }));
    const { seen } = await mailOf({ products: { [win10]: { before: now, now } } });
    expect(seen).toContain("\nInstall first\n");
    expect(seen.match(/^\d+\.$/gm)).toHaveLength(10);
    expect(seen).toContain("These 10 of 14 updates close 10 of 14 gaps: see the report.");
  });

  it("is the one KB alone where that is the news, with what its reader needs", async () => {
    const one = (id: string, known: RunStory["catalogue"]) =>
      mailOf({
        products: { [win10]: { before: missing, now: [...missing, aKb({ id, firstSeen: "2026-11-23" })] } },
        ...(known && { catalogue: known }),
      });
    const known = await one("77", aCatalogue({ "77": { released: "2026-11-23" } }));
    for (const body of bodies(known)) {
      expect(body).toMatch(/released 23 nov 2026( ·|;) not known to be exploited( ·|;) needs a restart/);
      expect(body).toContain("nothing else got worse. 7 updates close all 7 gaps: see the report.");
      expect(body).not.toMatch(/install (first|these)/);
    }
    const places = [
      "https://security.microsoft.com/vulnerability-management-inventories/applications/microsoft-_-windows_10",
      "https://www.catalog.update.microsoft.com/Search.aspx?q=KB77",
    ];
    for (const place of places) {
      expect(linksOf(known.html)).toContain(place);
      expect(known.text).toContain(place);
    }
    for (const body of bodies(await one("78", aCatalogue({})))) {
      expect(body).toContain("not known to msrc");
      expect(body).not.toContain("exploited");
    }
    for (const body of bodies(await one("79", undefined))) expect(body).not.toMatch(/msrc|exploited|restart/);
  });

  it("claims that nothing else got worse only where everything was read", async () => {
    const products = {
      [win10]: { before: [], now: [aKb({ id: "77" })] },
      [win11]: { before: [aKb()], now: null, failure: forbidden },
    };
    for (const body of bodies(await mailOf({ products }))) expect(body).not.toContain("nothing else");
  });
});

describe("what is exploited or replaced in a digest", () => {
  const kev = [{ cve: "CVE-2026-1234", since: "2026-11-12", ransomware: false }];

  it("comes first in its section, with the reason", async () => {
    const catalogue = aCatalogue({ "1": { cves: ["CVE-2026-1234"] }, "2": {} }, kev);
    const now = [aKb({ id: "2", machineMissedOn: 900 }), aKb({ id: "1", machineMissedOn: 5 })];
    const { seen } = await mailOf({ products: { [win10]: { before: [], now } }, catalogue });
    const [, table = ""] = seen.split("New: 2 KBs");
    expect(table.match(/^KB\d/gm)).toEqual(["KB1", "KB2"]);
    expect(table).toContain("exploited: CVE-2026-1234 in CISA KEV since 12 Nov");
  });

  it("is named by its successor, and counted", async () => {
    const catalogue = aCatalogue({ "1": {}, "2": { supersedes: ["1"] } });
    const before = [aKb({ id: "1", machineMissedOn: 10 })];
    const now = [
      aKb({ id: "2", machineMissedOn: 20, line: { ids: ["1"], listedOn: "2026-11-23", since: "2026-11-10" } }),
    ];
    const gone = [{ id: "1", firstSeen: "2026-11-20", peak: 10, goneOn: "2026-11-23", replacedBy: "2" }];
    const products = { [win10]: { before, now, snapshot: { gone } } };
    for (const body of bodies(await mailOf({ products, catalogue }))) {
      expect(body).toContain("worse: 1 kb");
      expect(body).toContain("replaces kb1");
      expect(body).toContain("replaced by newer updates: 1 kb.");
      expect(body).not.toMatch(/resolved|new: /);
    }
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
    const [, table = ""] = seen.split("Overdue: 2 KBs\n1 since the last report.");
    expect(table.match(/^KB\d/gm)).toEqual(["KB2", "KB1"]);
  });

  it("call nothing overdue that could not be read, but count it", async () => {
    const notRead = aKb({ id: "1", firstSeen: "2026-09-01" });
    const read = aKb({ id: "2", firstSeen: "2026-09-01" });
    const products = {
      [win10]: { before: [notRead], now: null, failure: forbidden },
      [win11]: { before: [read], now: [read] },
    };
    const { seen } = await mailOf({ products });
    expect(seen).toContain(
      "Overdue: 1 KB. None since the last report; 1 more could not be read. On up to 240 machines: see the report.",
    );
    expect(seen).not.toMatch(/^KB1/m);
  });

  it("list, where something got worse, only what became overdue since the last report, and count the rest", async () => {
    const long = [
      aKb({ id: "1", firstSeen: "2026-09-01" }),
      aKb({ id: "2", firstSeen: "2026-09-01", machineMissedOn: 900 }),
    ];
    const lately = aKb({ id: "3", machineMissedOn: 3, firstSeen: "2026-11-08" });
    const before = [...long, lately];
    const products = { [win10]: { before, now: [...before, aKb({ id: "4", firstSeen: "2026-11-23" })] } };
    const { seen } = await mailOf({ products });
    const [, table = ""] = seen.split("Overdue: 3 KBs\n1 since the last report.\n");
    expect(table.match(/^KB\d/gm)).toEqual(["KB3"]);
    expect(table).toContain("2 more, on up to 900 machines: see the report and the attached list.");
  });

  it("show what stalled with the numbers behind it", async () => {
    const kb = aKb({ machineMissedOn: 210, peak: 250, firstSeen: "2026-10-01" });
    const { seen } = await mailOf({ products: { [win10]: { before: [kb], now: [kb] } } });
    expect(seen).toContain("stalled at 210, peak 250");
  });
});

describe("a first digest", () => {
  it("says what to install, furthest reaching first, and claims no age for it", async () => {
    const now = [
      aKb({ id: "1", machineMissedOn: 3, firstSeen: "2026-11-23" }),
      aKb({ id: "2", firstSeen: "2026-11-23" }),
    ];
    const products = { [win10]: { now }, [win11]: { now: null, failure: forbidden } };
    const { seen } = await mailOf({ products, previousRunId: null });
    expect(seen).toContain("Monday 23 Nov 2026 · the first run; the next one shows what changed");
    expect(seen).toContain("Windows 11 could not be read. Of the others, 2 KBs are missing.");
    expect(seen).toContain("Install these 2 updates: they close 2 of 2 gaps");
    expect(seen.match(/^KB\d/gm)).toEqual(["KB2", "KB1"]);
    expect(seen).toContain("Missing now: 2 KBs. On up to 240 machines: see the report and the attached list.");
    expect(seen).not.toMatch(/today|days? old|Now watched: /);
    expect(seen.indexOf("Could not be read: 1 product")).toBeLessThan(seen.indexOf("Install these"));
  });
});

describe("good news in a digest", () => {
  const before = [aKb({ id: "1", machineMissedOn: 240, cveAddressed: 14 }), aKb({ id: "2", machineMissedOn: 31 })];
  const now = [aKb({ id: "1", machineMissedOn: 200, cveAddressed: 12 })];

  it("is short, and no fall is called patched", async () => {
    const mail = await mailOf({ products: { [win10]: { before, now } } });
    for (const body of bodies(mail)) {
      expect(body).toContain("better: 1 kb. kb1 windows 10: 200 machines (−40) and 12 cves (−2)");
      expect(body).toContain("resolved: 1 kb. kb2 windows 10: was on 31 machines");
      expect(body).not.toMatch(/patched|installed|fixed|remediated/);
    }
  });

  it("names what fell most, and counts the others", async () => {
    const kbs = [10, 20, 30, 40].map((fall) => ({ id: `${fall}`, machineMissedOn: 500 - fall }));
    const products = {
      [win10]: { before: kbs.map(({ id }) => aKb({ id, machineMissedOn: 500 })), now: kbs.map(aKb) },
    };
    for (const body of bodies(await mailOf({ products }))) {
      expect(body).toContain(
        "better: 4 kbs. kb40 windows 10: 460 machines (−40); kb30 windows 10: 470 machines (−30); 2 more, on up to 490 machines: see the report and the attached list.",
      );
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
      expect(body).toContain("3 products could not be read. nothing else got worse.");
      expect(body.match(/grant software\.read\.all/g)).toHaveLength(1);
      expect(body).toContain("this stays until someone fixes it. ");
      for (const id of [win10, win11]) {
        expect(body).toContain(
          `${id}: since 20 nov 2026, 3 runs in a row; last read 19 nov 2026: 1 kb, 240 missing installs`,
        );
      }
      expect(body).toContain(`${edge}: this run only; never read before`);
    }
  });

  it("comes first where nothing could be read", async () => {
    const { seen } = await mailOf({
      products: { [win10]: { before: [aKb()], now: null, failure: forbidden } },
      installsBefore: [7],
    });
    expect(seen.indexOf("Could not be read: 1 product")).toBeLessThan(seen.indexOf("1 update closes the only gap"));
    expect(seen).toContain("Monday 23 Nov 2026 · the last report was of Sunday 22 Nov 2026");
    expect(seen).not.toContain("Install first");
  });

  it("includes empty lists that are not patched ones, and items that could not be used", async () => {
    for (const body of bodies(await mailOf(everything))) {
      expect(body).toContain("defender counts weaknesses but lists no kbs: that does not mean patched.");
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
    }
  });
});

describe("what a digest says of products besides their KBs", () => {
  const quiet: Record<string, ProductStory> = { [win10]: { before: [aKb()], now: [aKb()] } };
  const unknown: ProductStory = {
    now: null,
    failure: { reason: "Defender does not know this product.", permanent: true, isUnknown: true },
  };

  it("names an id that Defender does not know with what to do, apart from what could not be read", async () => {
    const products = {
      ...quiet,
      "microsoft-_-windws_11": unknown,
      [edge]: { before: [aKb()], now: null, failure: forbidden },
    };
    for (const body of bodies(await mailOf({ products }))) {
      expect(body).toContain(
        "unknown id: 1 product defender does not know this id. look it up in defender's software inventory and correct the watchlist.",
      );
      expect(body.match(/microsoft-_-windws_11/g)).toHaveLength(1);
      expect(body).toContain("could not be read: 1 product ");
    }
    const two = await mailOf({ products: { ...quiet, a: unknown, b: unknown } });
    for (const body of bodies(two)) {
      expect(body).toContain("unknown id: 2 products defender does not know these ids. look each up in");
      expect(body).not.toContain("be read:");
    }
  });

  it("says below the headline what could not be read, and of an unknown id no more than that", async () => {
    const worse = { [win10]: { before: [aKb({ machineMissedOn: 1 })], now: [aKb({ machineMissedOn: 2 })] } };
    const notRead = await mailOf({
      products: { ...worse, [edge]: { before: [aKb()], now: null, failure: forbidden } },
    });
    expect(notRead.seen).toContain("\nEdge could not be read: whether it got worse is unknown.\n");
    const unknownId = await mailOf({ products: { ...worse, "microsoft-_-windws_11": unknown } });
    expect(unknownId.seen).toContain("\nDefender does not know the id microsoft-_-windws_11.\n");
    expect(unknownId.seen).not.toContain("is unknown");
  });

  it("comes last but for what could not be read, where that is why the digest comes", async () => {
    const products = {
      ...quiet,
      [edge]: { before: [aKb()], now: null, failure: forbidden },
      [win11]: { before: null, now: [aKb({ id: "9" })] },
    };
    for (const body of bodies(await mailOf({ products }))) {
      const places = ["could not be read: 1 product", "2 updates close all 3 gaps", "now watched: 1 product"];
      const order = places.map((words) => body.indexOf(words));
      expect(order).not.toContain(-1);
      expect(order).toEqual(order.toSorted((a, b) => a - b));
      expect(body).toContain("nothing else got worse. windows 11 is now watched.");
    }
  });

  it("says of a product that left the inventory that what it missed is not called resolved", async () => {
    const failure = { reason: "Defender does not find this product.", permanent: false };
    const report = await aReport({ products: { ...quiet, [edge]: { before: [aKb()], now: null, failure } } });
    const since = (unknownSince: string): Report => ({
      ...report,
      products: report.products.map((row) => ({ ...row, failure: row.failure && { ...row.failure, unknownSince } })),
    });
    const left = await renderDigest(since("2026-11-09"), options);
    for (const body of bodies({ ...left, seen: visibleText(left.html) })) {
      expect(body).toContain("left the inventory: 1 product not found for 14 days or longer, and not called resolved.");
      expect(body).toMatch(/microsoft-_-edge: this run only; last read 22 nov 2026: 1 kb, 240 missing installs/);
      expect(body).not.toContain("be read: 1 product");
    }
    const notYet = await renderDigest(since("2026-11-10"), options);
    expect(notYet.text).toContain("COULD NOT BE READ: 1 PRODUCT");
    expect(notYet.text).not.toContain("INVENTORY: ");
  });

  it("says where two answers of the run differed", async () => {
    const products = { ...quiet, [edge]: { before: [aKb()], now: [aKb()], snapshot: { differed: true as const } } };
    for (const body of bodies(await mailOf({ products }))) {
      expect(body).toContain("two answers differed: 1 product what either answer listed counts as missing.");
      expect(body).toMatch(/microsoft-_-edge: 1 kb missing/);
    }
  });

  it("says how many KBs are no longer listed of a product that still has weaknesses", async () => {
    const snapshot = { emptiness: { verdict: "not-kb-patched", checkedOn: "2026-11-23" } } as const;
    const products = { ...quiet, [edge]: { before: [aKb({ id: "7" }), aKb({ id: "8" })], now: [], snapshot } };
    for (const body of bodies(await mailOf({ products }))) {
      expect(body).toContain("microsoft-_-edge: 2 kbs no longer listed, and not known to be resolved");
      expect(body).not.toMatch(/(?<!known to be )resolved/);
    }
  });
});

describe("a digest after runs without one", () => {
  const quiet = { products: { [win10]: { before: [aKb()], now: [aKb()] }, [edge]: { before: [], now: [] } } };

  it("says what got better and what is resolved since the last one", async () => {
    for (const body of bodies(await mailOf(quiet, {}, { rows: await someBetter() }))) {
      expect(body).toContain("better since the digest of 16 nov: 1 kb. kb900 windows 10: 5 machines (−15)");
      expect(body).toContain("resolved since the digest of 16 nov: 1 kb. kb901 windows 10: was on 50 machines");
      expect(body).not.toMatch(/rose|read again|now watched/);
    }
  });

  it("says what can be read again, and what is watched since", async () => {
    for (const body of bodies(await mailOf(quiet, {}, { readable: [win10], watched: [edge] }))) {
      expect(body).toMatch(/can be read again: 1 product (- )?microsoft-_-windows_10: 1 kb missing/);
      expect(body).toMatch(/now watched since the digest of 16 nov: 1 product (- )?microsoft-_-edge: 0 kbs missing/);
    }
  });

  it("leaves no empty line where a title says it all", async () => {
    expect((await mailOf(quiet, {}, { readable: [win10] })).html).not.toMatch(/<p[^>]*><\/p>/);
  });

  it("does not say 0 KBs of a product that is not patched by KBs", async () => {
    const snapshot = { emptiness: { verdict: "not-kb-patched", checkedOn: "2026-11-23" } } as const;
    const products = { [edge]: { before: [], beforeSnapshot: snapshot, now: [], snapshot } };
    for (const body of bodies(await mailOf({ products }, {}, { readable: [edge] }))) {
      expect(body).toMatch(/can be read again: 1 product (- )?microsoft-_-edge: not patched by kbs/);
      expect(body).not.toContain("0 kbs");
    }
  });

  it.each([
    [2, 1, "2 KBs rose below the thresholds; 1 came and went."],
    [1, 0, "1 KB rose below the thresholds."],
    [0, 3, "3 came and went."],
  ])("counts %d that rose and %d that came and went", async (rose, cameAndWent, words) => {
    const { seen, text } = await mailOf(quiet, {}, { rose, cameAndWent });
    for (const body of [seen, text.replace(/\s+/g, " ")])
      expect(body).toContain(`Since the digest of 16 Nov. ${words}`);
  });

  /** New in one product, and worse in another. */
  async function someLate() {
    const products = {
      [win10]: { before: [], now: [aKb({ id: "902", machineMissedOn: 3 })] },
      [edge]: { before: [aKb({ id: "903", machineMissedOn: 5 })], now: [aKb({ id: "903", machineMissedOn: 9 })] },
    };
    return (await aReport({ products })).rows;
  }

  const failedNow = { before: [aKb()], now: null, failure: { reason: "Defender answered 500.", permanent: false } };
  const none = { before: [], now: [] };
  const late =
    "Since the digest of 16 Nov: KB902 is new in Windows 10, on 3 machines; KB903 got worse in Edge: 9 machines (+4).";
  const lateSubject = "New since 16 Nov: KB902, Windows 10, 3 machines; 1 worse, +4";
  it.each<[string, RunStory["products"], string, string]>([
    ["is quiet", { [win10]: { before: [aKb()], now: [aKb()] } }, late, `${lateSubject}; 1 KB missing`],
    [
      "got better",
      { [win10]: { before: [aKb()], now: [] } },
      `${late} KB5041585 is resolved in Windows 10.`,
      `${lateSubject}; 0 KBs missing`,
    ],
    [
      "got worse",
      { [win10]: { before: [], now: [aKb({ machineMissedOn: 2 })] } },
      `KB5041585 is new in Windows 10, on 2 machines. ${late}`,
      "New: KB5041585, Windows 10, 2 machines",
    ],
    [
      "has a new product",
      { [win10]: { before: null, now: [] }, [edge]: none },
      `Windows 10 is now watched. ${late}`,
      `${lateSubject}; 0 KBs missing`,
    ],
    [
      "could not read one product",
      { [win10]: failedNow, [edge]: none },
      `Windows 10 could not be read. ${late}`,
      `Windows 10 could not be read; ${lateSubject}; 1 KB missing`,
    ],
    [
      "could not read anything",
      { [win10]: failedNow },
      `Windows 10 could not be read. ${late}`,
      `Windows 10 could not be read; ${lateSubject}; 1 KB missing`,
    ],
  ])(
    "where the run %s, it says what an earlier digest should have said",
    async (_, products = {}, headline, subject) => {
      const mail = await mailOf({ products }, {}, { rows: await someLate() });
      expect(mail.text.split("\nMonday 23 Nov")[0]?.replace(/\s+/g, " ")).toBe(headline);
      expect(mail.subject).toBe(subject);
      expect(mail.html).toContain('class="f-worse"');
      for (const body of bodies(mail)) {
        expect(body).toMatch(/new since the digest of 16 nov: 1 kb .*kb902 .*windows 10 3/);
        expect(body).toMatch(/worse since the digest of 16 nov: 1 kb .*kb903 .*edge 9 \(\+4\)/);
        expect(body).not.toMatch(/nothing (else )?(got worse|changed:)/);
      }
    },
  );

  it("lists of what an earlier digest should have said no more than there is room for", async () => {
    const now = Array.from({ length: 400 }, (_, index) => aKb({ id: String(5_000_000 + index) }));
    const { rows } = await aReport({ products: { [win10]: { before: [], now } } });
    const { html, text } = await mailOf(quiet, {}, { rows });
    expect(text).toContain("NEW SINCE THE DIGEST OF 16 NOV: 400 KBS");
    expect(text).toContain("390 more, on up to 240 machines.");
    expect(html.length).toBeLessThan(80_000);
  });

  it("names the digests that were refused", async () => {
    const [reason, mayHaveArrived] = ["SendGrid answered 400.", false];
    const digests = [
      { runId: "2026-11-17", reason, mayHaveArrived },
      { runId: "2026-11-18", reason, mayHaveArrived: true },
      { runId: "2026-11-19", reason: "", mayHaveArrived },
    ];
    const mail = await renderDigest(await aReport(quiet), options, null, { digests, more: 2, isFirst: false });
    for (const body of bodies({ seen: visibleText(mail.html), text: mail.text })) {
      expect(body).toContain(
        "not delivered: 5 digests the digest of 17 nov was not delivered: sendgrid answered 400. the digest of 18 nov may not have arrived. the digest of 19 nov was not delivered. and 2 more.",
      );
    }
  });

  it("names every product where none is known to have been sent before", async () => {
    const first = { digests: [], more: 0, isFirst: true };
    const mail = await renderDigest(await aReport(quiet), options, null, first);
    for (const body of bodies({ seen: visibleText(mail.html), text: mail.text })) {
      expect(body).toMatch(
        /all that is missing: 2 products there is no earlier digest to compare these with. .*?: 1 kb missing/,
      );
    }
    const opening = await renderDigest(await aReport({ ...quiet, previousRunId: null }), options, null, first);
    expect(opening.text).not.toMatch(/all that is missing/i);
  });

  it("says nothing of it where nothing happened, or where there was none before", async () => {
    for (const mail of [await mailOf(quiet), await mailOf(quiet, {}, {})]) {
      expect(mail.text).not.toMatch(/since the digest|again/i);
    }
  });
});

describe("a digest's line about itself", () => {
  const audited = async (story: RunStory, changed: Partial<RenderOptions> = {}) => {
    const mail = await mailOf(story, changed);
    return bodies(mail).map((body) => body.slice(body.search(/\d+ of \d+ products? read, /)));
  };

  it("says how much was read and when, and when the next run is due", async () => {
    for (const line of await audited(everything)) {
      expect(line).toMatch(/^3 of 4 products read, 23 nov, 06:00–06:04 cet\. next run 24 nov 2026, 06:00 cet\./);
    }
  });

  it("names both ends of a run over midnight, and no span where the clock stepped back", async () => {
    const lineOf = async (openedAt: string, committedAt: string) => {
      const { text } = await renderDigest({ ...(await aReport({})), openedAt, committedAt }, options);
      return text.replace(/\s+/g, " ");
    };
    const overMidnight = await lineOf("2026-11-23T21:00:00Z", "2026-11-23T23:20:00Z");
    expect(overMidnight).toContain("1 of 1 product read, 23 Nov, 22:00 CET – 24 Nov, 00:20 CET.");
    const back = await lineOf("2026-11-23T05:00:00Z", "2026-11-23T04:00:00Z");
    expect(back).toContain("1 of 1 product read, 23 Nov, 06:00 CET.");
  });

  it("says how old the counts are of products that missed runs", async () => {
    const products = {
      [win10]: { before: [], now: [] },
      [win11]: { before: [], now: [], beforeRunId: "2026-11-17" },
    };
    for (const line of await audited({ products })) {
      expect(line).toContain("1 compared with older counts, back to 17 nov 2026.");
    }
    const all = { [win11]: { before: [], now: [], beforeRunId: "2026-11-17" } };
    const mail = await mailOf({ products: all });
    expect(mail.seen).toContain("compared with Tuesday 17 Nov 2026");
    expect(mail.seen).not.toContain("older counts");
  });

  it("gives days and times of a run asked for in the time zone", async () => {
    const report = await aReport({ runId: "2026-11-23T23:30Z", previousRunId: "2026-11-23" });
    const inBerlin = { ...report, day: "2026-11-24", timeZone: "Europe/Berlin" };
    const { text } = await renderDigest(inBerlin, options);
    const line = text.replace(/\s+/g, " ");
    expect(line).toContain("24 Nov 2026, 00:30 CET · compared with Monday 23 Nov 2026 ");
  });

  it("says by when to check the reporter's health if nothing comes: the grace and half an hour after the next sure mail", async () => {
    for (const line of await audited(everything)) {
      expect(line).toContain("a quiet day brings no mail; where a run failed, the reporter's health says so.");
    }
    for (const line of await audited(everything, { nextMail: options.nextRun })) {
      expect(line).toContain("if you hear nothing by 24 nov 2026, 08:30 cet, check the reporter's health.");
    }
    for (const line of await audited(everything, { nextMail: "2026-11-30T05:00:00.000Z" })) {
      expect(line).toContain("if you hear nothing by 30 nov 2026, 08:30 cet, check the reporter's health.");
    }
    for (const line of await audited(everything, { nextRun: null }))
      expect(line).not.toMatch(/next run|if you|quiet day/);
  });

  it("names the watchlist where there may be several", async () => {
    const { text } = await mailOf({ watchlist: { name: "servers" } });
    expect(text).toContain("\nservers · Monday 23 Nov 2026 · compared with Sunday 22 Nov 2026\n");
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
      expect(body).not.toContain("missing by product");
    }
  });

  it("do not pass a longer list of products off as a rise", async () => {
    const products = { [win10]: { before: now, now } };
    const { seen } = await mailOf({ products, installsBefore: [{ missingInstalls: 9, read: 1 }, { read: 2 }] });
    expect(seen).toContain(
      "The list of products changed on 22 Nov 2026 and 23 Nov 2026, so earlier counts are not comparable.",
    );
  });

  it("wait for a second run", async () => {
    expect((await mailOf({ products: { [win10]: { now } }, previousRunId: null })).html).not.toContain("30 days");
  });

  it("show each product's share of the largest, and the last known counts of what could not be read", async () => {
    const report = await aReport({
      products: {
        [win10]: { before: now, now: [aKb({ machineMissedOn: 200 })] },
        [win11]: { before: now, now: [aKb({ machineMissedOn: 50 })] },
        [edge]: { before: [aKb({ machineMissedOn: 100 })], now: null, failure: forbidden },
      },
    });
    // Of a first run of this watchlist, where another one read the product before.
    const { html } = await renderDigest({ ...report, previousRunId: null }, options);
    const seen = visibleText(html);
    expect(
      [...html.matchAll(/width="(\d+)%" border="0"[^>]*><tbody><tr><td height="6"/g)].map(([, share]) => share),
    ).toEqual(["100", "50", "25"]);
    expect(seen).toContain("Edge\n1 KB, 100 missing installs on 22 Nov 2026");
  });

  it("date the counts of what could not be read by the day in the time zone", async () => {
    const first = await aReport({ products: { [win10]: { before: now, now: null, failure: forbidden } } });
    const report = { ...first, previousRunId: null };
    const products = report.products.map((row) => ({ ...row, current: "2026-11-21T23:30Z", readOn: "2026-11-22" }));
    const { text } = await renderDigest({ ...report, products }, options);
    expect(text.replace(/\s+/g, " ")).toContain("1 KB, 25 missing installs on 22 Nov 2026");
  });
});

describe("a digest's attachment", () => {
  it("is the full list as CSV, named for watchlist and run", async () => {
    const report = await aReport({ ...everything, runId: "2026-11-23T10:17Z", watchlist: { name: "Sérvers / all" } });
    const { attachments, text } = await renderDigest(report, options);
    expect(attachments).toEqual([
      {
        filename: "missing-kbs-S-rvers-all-2026-11-23T1017Z-since-2026-11-22.csv",
        type: "text/csv",
        content: reportCsv(report),
      },
    ]);
    expect(text).toContain("Full list: https://reporter.example.com/api/report");
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
    // With a fall beside what is worse.
    const partly = {
      [win10]: {
        before: [aKb({ id: "1", cveAddressed: 2, machineMissedOn: 9 })],
        now: [aKb({ id: "1", machineMissedOn: 5 })],
      },
    };
    const { html } = await mailOf({
      ...everything,
      products: { ...partly, [win11]: everything.products?.[win11] ?? { now: null } },
    });
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
