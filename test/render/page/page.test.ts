import { Script } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { actionList } from "../../../shared/core/action-list.ts";
import type { FeedTimes } from "../../../shared/core/advisory.ts";
import type { Report } from "../../../shared/core/report.ts";
import { openApiDocument } from "../../../shared/render/export/openapi.ts";
import { renderEmptyPage, renderPage } from "../../../shared/render/page/page.tsx";
import type { PageView } from "../../../shared/render/page/view.ts";
import { anyStory, hostileText } from "../../support/any-report.ts";
import { aCatalogue, aKb, aReport } from "../../support/builders.ts";
import {
  aView,
  largeReport,
  sampleHistory,
  sampleLines,
  sampleOptions,
  sampleReport,
} from "../../support/page-samples.ts";
import { readHtml, type Tag } from "../../support/read-html.ts";

const sample = await sampleReport();
const everything = {
  search: "KB",
  change: "missing",
  overdue: true,
  stalled: false,
  sort: "age",
  order: "asc",
} as const;

/** Pages that show everything there is. */
function samplePages(report: Report, parts: Partial<PageView> = {}): string[] {
  const query = { watchlist: report.watchlist, run: "latest" as const };
  const progress = { runId: "2026-11-23T10:17Z", read: 4, total: 12 };
  return [
    renderPage(aView(report, { query, ...parts })),
    renderPage(aView(report, { query: { ...query, ...everything }, ...parts, watchlists: ["default", "servers"] })),
    renderPage(aView(report, { query: { ...query, kb: "5066835" }, history: sampleHistory(), ...parts })),
    renderPage(aView(report, { query, progress: { ...progress, state: "running" }, ...parts })),
    renderPage(aView(report, { query, progress: { ...progress, state: "committed" }, ...parts })),
    renderEmptyPage({ watchlist: "default", watchlists: ["default"], nonce: "n", options: sampleOptions, ...parts }),
  ];
}

function shape({ name, attributes }: Tag): string {
  return `${name} ${Object.keys(attributes).toSorted().join(" ")}`;
}

function all(html: string, name: string): Tag["attributes"][] {
  return readHtml(html)
    .tags.filter((tag) => tag.name === name)
    .map(({ attributes }) => attributes);
}

/** The links and forms that lead to the reporter itself. */
function ownAddresses(html: string): string[] {
  const links = all(html, "a").map(({ href = "" }) => href);
  const forms = all(html, "form").flatMap(({ method, action = "" }) => (method === "post" ? [action] : []));
  const polled = all(html, "section").flatMap((section) => [section["data-status"], section["data-done"]]);
  return [...links, ...forms, ...polled].filter(
    (address): address is string => address !== undefined && !/^(https:|#)/.test(address),
  );
}

const trusted =
  /^(\?|#|(history|actions)\?|(overview|products)(\?|$)|openapi\.json(\?|$)|https:\/\/((support|security|msrc|www\.catalog\.update)\.microsoft\.com|www\.cisa\.gov|nvd\.nist\.gov)\/?)/;

describe("the page, whatever it is given", () => {
  test("has no tag, attribute or link that it would not have for harmless text", async () => {
    const large = await largeReport(4, 60);
    const harmless = [...samplePages(sample, { code: "key" }), ...samplePages(large)];
    const known = new Set(harmless.flatMap((html) => readHtml(html).tags.map(shape)));
    await fc.assert(
      fc.asyncProperty(
        anyStory(hostileText),
        hostileText,
        hostileText,
        fc.boolean(),
        async (story, text, code, one) => {
          const report = await aReport(story);
          const [softwareId = text] = Object.keys(story.products ?? {});
          const query = { ...everything, watchlist: text, run: "latest" as const, search: text, softwareId };
          const history = { ...sampleHistory(), id: text };
          const asked = one ? { ...query, kb: text } : query;
          const html = renderPage(aView(report, { query: asked, code, history, watchlists: [text, "other"] }));
          const { tags } = readHtml(html);
          expect(tags.map(shape).filter((tag) => !known.has(tag))).toEqual([]);
          expect(tags.filter(({ name }) => name === "script")).toHaveLength(1);
          expect(all(html, "a").filter(({ href = "" }) => !trusted.test(href))).toEqual([]);
        },
      ),
      { numRuns: 50 },
    );
  });

  test("needs no style attribute and no inline handler, which its content security policy forbids", () => {
    for (const html of samplePages(sample)) {
      for (const { attributes } of readHtml(html).tags) {
        expect(Object.keys(attributes).filter((name) => name === "style" || /^on/.test(name))).toEqual([]);
      }
      expect(all(html, "style")).toEqual([{ nonce: expect.stringMatching(/./) }]);
    }
  });

  test("carries its complete script and style sheet: it can load nothing else", () => {
    const [, style, script] =
      /<style nonce="[^"]+">([^<]+)<\/style>.*<script nonce="[^"]+">(.+)<\/script>/s.exec(renderPage(aView(sample))) ??
      [];
    expect(style).toContain("@media print");
    expect(style).not.toContain("@import");
    expect(script).not.toMatch(/\b(import|require)\b/);
    expect(() => new Script(script ?? "")).not.toThrow();
  });

  test("stays small for any estate", async () => {
    const limit = 300_000;
    const apart = await largeReport(500, 40);
    expect(apart.rows).toHaveLength(20_000);
    expect(renderPage(aView(apart)).length).toBeLessThan(limit);
    const shared = Object.fromEntries(
      Array.from({ length: 2_000 }, (_, index) => [
        `vendor-_-product_${index}`,
        { before: [], now: [aKb(), aKb({ id: "2" })] },
      ]),
    );
    const together = await aReport({ products: shared });
    expect(renderPage(aView(together)).length).toBeLessThan(limit);
    const query = { watchlist: "default", run: "latest" as const, kb: "5041585" };
    expect(renderPage(aView(together, { query })).length).toBeLessThan(limit);
  });
});

describe("links and forms", () => {
  test("carry the function key of the address, and only to the reporter itself", () => {
    for (const html of samplePages(sample, { code: "k&y=1" })) {
      for (const address of ownAddresses(html)) {
        expect(new URL(address, "https://a/api/report").searchParams.get("code")).toBe("k&y=1");
      }
      const hidden = all(html, "input").filter(({ name, type }) => name === "code" && type === "hidden");
      expect(hidden).toHaveLength(all(html, "form").length);
      for (const { href = "" } of all(html, "a")) if (/^https:/.test(href)) expect(href).not.toContain("code");
    }
    for (const html of samplePages(sample)) expect(html).not.toMatch(/[?&;]code=|name="code"/);
  });

  test("use no parameter that the OpenAPI document does not list", async () => {
    const samples = [...samplePages(sample), ...samplePages(await largeReport(60, 2))];
    const { paths } = JSON.parse(JSON.stringify(openApiDocument("0")));
    const isListed = (path: string, parameter: string): boolean =>
      paths[path].get.parameters.some(({ name }: { name: string }) => name === parameter);
    const addresses = samples
      .flatMap(ownAddresses)
      .map((address) => new URL(address, "https://a/api/report"))
      .filter(({ pathname }) => paths[pathname]?.get?.parameters !== undefined);
    const strange = addresses.filter(({ pathname, searchParams }) =>
      [...searchParams.keys()].some((name) => !isListed(pathname, name)),
    );
    expect(addresses.length).toBeGreaterThan(100);
    expect(strange).toEqual([]);
    const fields = samples.flatMap((html) => [...all(html, "input"), ...all(html, "select")]);
    expect(fields.filter(({ name = "" }) => !isListed("/api/report", name))).toEqual([]);
  });

  test("exports are of the run that the page shows, even if it was asked for as the latest", () => {
    const html = renderPage(aView(sample, { query: { watchlist: "default", run: "latest", overdue: true, page: 2 } }));
    const exports = ownAddresses(html).filter((address) => /format=/.test(address) && !/^history/.test(address));
    expect(exports).toHaveLength(8);
    for (const address of exports) {
      expect(new URL(address, "https://a/api/report").searchParams.get("run")).toBe("2026-11-23");
    }
    expect(exports).toContain("?watchlist=default&run=2026-11-23&overdue=true&format=csv");
  });

  test("Read now posts the watchlist to the call that starts runs, and waits while one is under way", () => {
    const html = renderPage(aView(sample));
    const post = all(html, "form").filter(({ method }) => method === "post");
    expect(post).toEqual([
      { method: "post", action: "runs", class: "measure" },
      { method: "post", action: "preview", class: "try" },
    ]);
    const busy = renderPage(
      aView(sample, { progress: { runId: "2026-11-23T10:17Z", state: "queued", read: 0, total: 12 } }),
    );
    expect(all(html, "button").filter((button) => "disabled" in button)).toHaveLength(0);
    expect(all(busy, "button").filter((button) => "disabled" in button)).toHaveLength(1);
    expect(ownAddresses(busy)).toContain("runs/default/2026-11-23T10%3A17Z");
  });

  test("show what was asked for", () => {
    const html = renderPage(
      aView(sample, { query: { watchlist: "default", run: "2026-11-23", from: "2026-11-20", ...everything } }),
    );
    const selected = all(html, "option").filter((option) => "selected" in option);
    expect(selected.map(({ value }) => value)).toEqual(["2026-11-23", "2026-11-20", "missing", "", "age"]);
    expect(all(html, "input").filter((input) => "checked" in input)).toMatchObject([{ name: "overdue" }]);
    expect(all(html, "input").find(({ id }) => id === "search")).toMatchObject({ value: "KB" });
  });
});

describe("the table of KBs", () => {
  test("holds every KB once over its pages, in the report's order", async () => {
    const report = await largeReport(5, 51);
    const shown = [1, 2, 3].flatMap((page) => {
      const html = renderPage(aView(report, { query: { watchlist: "default", run: "latest", page } }));
      return all(html, "th").flatMap((head) => (head.class === "c-kb" && head["data-v"] ? [head["data-v"]] : []));
    });
    expect(shown).toEqual(report.rows.map(({ id }) => id));
    const last = readHtml(renderPage(aView(report, { query: { watchlist: "default", run: "latest", page: 3 } }))).text;
    expect(last).toContain("201–255 of 255 KBs");
  });

  test("says what it is sorted by, and each heading reverses its own order", () => {
    const html = renderPage(
      aView(sample, { query: { watchlist: "default", run: "latest", sort: "machines", page: 2 } }),
    );
    const sorted = all(html, "th").filter((head) => head["aria-sort"] !== undefined);
    expect(sorted).toMatchObject([{ "data-sort": "machines", "aria-sort": "descending" }]);
    const links = all(html, "a").map(({ href }) => href);
    expect(links).toContain("?watchlist=default&run=latest&sort=machines&order=asc#kbs");
    expect(links).toContain("?watchlist=default&run=latest&sort=cves#kbs");
  });

  test("shows the counts of several products side by side and never their sum", async () => {
    const kb = (machineMissedOn: number) => aKb({ machineMissedOn });
    const products = {
      "microsoft-_-windows_10": { before: [kb(200)], now: [kb(212)] },
      "microsoft-_-windows_11": { before: [kb(300)], now: [kb(300)] },
    };
    const { text } = readHtml(renderPage(aView(await aReport({ products }))));
    expect(text).toMatch(/Windows 10\s+212\s+\+12\s/);
    expect(text).toMatch(/Windows 11\s+unchanged\s+300\s/);
    expect(text).not.toContain("512");
  });

  test("names three products of a KB and links to the others", async () => {
    const ids = Array.from({ length: 12 }, (_, index) => [`vendor-_-p${index}`, { before: [], now: [aKb()] }]);
    const html = renderPage(aView(await aReport({ products: Object.fromEntries(ids) })));
    expect(readHtml(html).text).toMatch(/9 more\s+products of KB5041585/);
    expect(all(html, "a").map(({ href }) => href)).toContain("?watchlist=default&run=latest&kb=5041585");
  });

  test("says so where nothing matches, and where nothing is missing", async () => {
    const none = renderPage(aView(sample, { query: { watchlist: "default", run: "latest", search: "nothing" } }));
    expect(readHtml(none).text).toContain("None of 22 KBs match.");
    const clean = await aReport({ products: { a: { before: [], now: [] } } });
    expect(readHtml(renderPage(aView(clean))).text).toContain("No KB is missing, and none was.");
  });
});

describe("what is exploited", () => {
  const words = (view: PageView) => readHtml(renderPage(view)).text.replace(/\s+/g, " ");
  const query = { watchlist: "default", run: "latest" as const };

  test("is marked in words, with who says so and since when", () => {
    const row =
      /<tr role="row" data-rank="\d+" data-text="kb5068861\n.*?<\/tr>/s.exec(renderPage(aView(sample)))?.[0] ?? "";
    expect(readHtml(row).text.replace(/\s+/g, " ")).toMatch(
      / ! Exploited CVE-2026-60709 in CISA KEV since 12 Nov, used by ransomware and CVE-2026-60710 according to MSRC $/,
    );
  });

  test("is not claimed of what MSRC does not know, nor of what is not exploited", () => {
    const cells = [
      ...renderPage(aView(sample)).matchAll(
        /data-v="(\d+)"><a class="number".*?class="c-exploited"[^>]*>(.*?)<\/td>/gs,
      ),
    ];
    const shown = new Map(cells.map(([, id = "", cell = ""]) => [id, readHtml(cell).text.replace(/\s+/g, " ").trim()]));
    expect(shown.get("5001716")).toBe("not known to MSRC");
    expect(shown.get("5072936")).toBe("none known");
    expect(shown.get("5068861")).toMatch(/^! Exploited/);
  });

  test("is not spoken of where the run had no facts, but that is said", async () => {
    const report = await aReport({ products: { a: { before: [aKb()], now: [aKb()] } } });
    expect(words(aView(report))).toContain("Whether any of them is exploited is not known");
    expect(words(aView(report))).not.toMatch(/! Exploited|none known/);
    expect(renderPage(aView(report))).not.toContain('class="c-exploited');
  });

  test("can be selected alone, and the page says so", () => {
    const text = words(aView(sample, { query: { ...query, exploited: true } }));
    expect(text).toContain("KBs: exploited");
    expect(text).toContain("2 of 22 KBs");
  });

  test("is dated: the page says how old its facts are, in amber where they are too old", async () => {
    const products = { a: { before: [aKb()], now: [aKb()] } };
    const catalogue = aCatalogue({ "5041585": {} });
    const pageOf = async (readAt: FeedTimes) =>
      renderPage(aView(await aReport({ products, catalogue: { ...catalogue, readAt } })));
    const fresh = "2026-11-23T04:17:00.000Z";
    expect(readHtml(await pageOf({ msrc: fresh, kev: fresh })).text).toContain(
      "Facts of MSRC and CISA: 23 Nov 2026, 04:17 UTC.",
    );
    expect(await pageOf({ msrc: fresh, kev: fresh })).not.toContain("facts-age warning");
    const old = await pageOf({ msrc: "2026-11-20T04:17:00.000Z", kev: null });
    expect(old).toContain("facts-age warning");
    expect(readHtml(old).text).toContain(
      "Facts: MSRC 20 Nov 2026, 04:17 UTC; CISA never read. What MSRC and CISA said may be out of date.",
    );
  });
});

describe("what to install", () => {
  const html = renderPage(aView(sample));
  const part = (from: string, to: string) =>
    readHtml(html.slice(html.indexOf(from), html.indexOf(to, html.indexOf(from)))).text.replace(/\s+/g, " ");

  test("comes first: five updates at most, the most urgent first, each with its reason", () => {
    const first = part('<ol class="first">', "</ol>");
    expect(html.match(/<ol class="first">.*?<\/ol>/s)?.[0].match(/<li>/g)).toHaveLength(5);
    expect(first).toMatch(/^ KB5072033 3 products at least 640 machines /);
    expect(first).toContain("! Exploited New overdue through KB5068861: CVE-2026-60709 in CISA KEV since 12 Nov");
    expect(first).toContain("also closes 3 older KBs");
    expect(first).toContain(
      "KB5066367 Exchange Server 2019 2 machines with Exchange Server 2019 in Defender ! Exploited",
    );
    expect(first).toContain("last known");
  });

  test("is complete below, with what each update closes, and in exports", () => {
    const { actions, gaps } = actionList(sample);
    const all = part('<section id="actions"', "</section>");
    expect(all).toContain(`${actions.length} updates close all ${gaps} gaps.`);
    for (const { row } of actions) expect(all).toContain(`KB${row.id} `);
    expect(all).toContain("KB5068861, Windows 11: 512");
    expect(ownAddresses(html)).toContain("actions?watchlist=default&run=2026-11-23&format=csv");
  });

  test("of a filter is what closes the product's gaps, not what the filter shows", () => {
    const query = { watchlist: "default", run: "latest" as const, search: "KB5066835" };
    const filtered = readHtml(renderPage(aView(sample, { query }))).text.replace(/\s+/g, " ");
    expect(filtered).toContain("Install first, all products KB5072033");
  });

  test("is nothing where nothing is missing", async () => {
    const clean = await aReport({ products: { a: { before: [], now: [] } } });
    expect(readHtml(renderPage(aView(clean))).text).toContain("Nothing to install: no KB is missing.");
  });

  test("of a filter that finds nothing says so of what was selected alone", () => {
    const text = readHtml(
      renderPage(aView(sample, { query: { watchlist: "default", run: "latest", search: "none" } })),
    ).text;
    expect(text).toContain("No selected KB is missing.");
    expect(text).not.toMatch(/No KB is missing|not everything could be read/);
  });

  test.each([
    ["could not be read", { a: { before: [], now: [] }, b: { before: null, now: null } }],
    [
      "is not patched by KBs",
      { a: { before: [], now: [], snapshot: { emptiness: { verdict: "not-kb-patched", checkedOn: "2026-11-23" } } } },
    ],
    ["had an item that could not be used", { a: { before: [], now: [], snapshot: { unusable: 1 } } }],
  ] as const)("is not said to be nothing where a product %s", async (_, products) => {
    const text = readHtml(renderPage(aView(await aReport({ products })))).text.replace(/\s+/g, " ");
    expect(text).not.toMatch(/no KB is missing|nothing is missing/i);
    expect(text).toContain("Nothing to install: no missing KB is known, but not everything could be read.");
  });
});

describe("a KB that was replaced", () => {
  test("names the one in its place, with a link", () => {
    const html = renderPage(aView(sample));
    const row = /<tr role="row" data-rank="\d+" data-text="kb5066782\n.*?<\/tr>/s.exec(html)?.[0] ?? "";
    expect(readHtml(row).text.replace(/\s+/g, " ")).toContain("→ Replaced by KB5068787");
    expect(all(row, "a").map(({ href }) => href)).toContain("?watchlist=default&run=latest&kb=5068787");
  });
});

describe("the report page", () => {
  test("lists every product that could not be read, with the reason and the age of its counts", () => {
    const { text } = readHtml(renderPage(aView(sample)));
    const words = text.replace(/\s+/g, " ");
    expect(words).toContain("2 of 12 products on the watchlist could not be read");
    expect(words).toContain(
      "answered 404 ResourceNotFound three times. 21 Nov 2026, 3 runs 22 Nov 2026, 1 day earlier",
    );
    expect(words).toContain("the app role Software.Read.All is missing. This needs action. this run never");
  });

  test("gives the forecast with the numbers that it is based on", async () => {
    const products = { a: { before: [aKb({ machineMissedOn: 60 })], now: [aKb({ machineMissedOn: 50 })] } };
    const report = await aReport({ products, installsBefore: [100, 90, 80, 70, 60] });
    const { text } = readHtml(renderPage(aView(report)));
    expect(text).toContain(
      "Forecast: none missing by 28 Nov 2026 at the pace of the last 6 runs: from 100 missing installs on 18 Nov to 50 on 23 Nov, −10 a day.",
    );
  });

  test("of one KB shows its counts in every product and its history by run", () => {
    const query = { watchlist: "default", run: "latest" as const, kb: "5072033" };
    const html = renderPage(aView(sample, { query, history: sampleHistory("5072033") }));
    const words = readHtml(html).text.replace(/\s+/g, " ");
    expect(words).toContain("In 3 products");
    for (const id of ["windows_11", "windows_10", "windows_server_2022"]) expect(words).toContain(`microsoft-_-${id}`);
    expect(words).toContain("23 Nov 2026 133 not missing");
    expect(words).toContain("6 Nov 2026 229 not read");
  });

  test("of one KB exports that KB, and leads back to the same run", () => {
    const query = { watchlist: "default", run: "2026-11-23", from: "2026-11-20", kb: "5072033" };
    const html = renderPage(aView(sample, { query }));
    const exports = ownAddresses(html).filter(
      (address) => address.includes("format=") && !address.startsWith("history"),
    );
    const kbs = exports.map((address) => new URLSearchParams(address.slice(1)).get("kb"));
    expect(kbs).toEqual(["5072033", "5072033", "5072033", null, null, null]);
    expect(ownAddresses(html)).toContain("?watchlist=default&run=2026-11-23&from=2026-11-20#kbs");
  });

  test("of one KB that the rest of the filter leaves out says so, and shows the way to all of it", () => {
    const query = { watchlist: "default", run: "latest" as const, kb: "5072033", softwareId: "mozilla-_-firefox" };
    const html = renderPage(aView(sample, { query }));
    expect(readHtml(html).text).toContain("The report lists KB5072033, but none of its products match.");
    expect(ownAddresses(html)).toContain("?watchlist=default&run=latest&kb=5072033");
  });

  test("says what a filter selects, and that the rest of the watchlist is there", () => {
    const query = {
      watchlist: "default",
      run: "latest" as const,
      change: "new" as const,
      softwareId: "microsoft-_-windows_11",
    };
    const words = readHtml(renderPage(aView(sample, { query }))).text.replace(/\s+/g, " ");
    expect(words.startsWith(" KBs: new, Windows 11 · default · 23 Nov 2026")).toBe(true);
    expect(words).toContain("1 of 22 KBs, on up to 640 machines: 1 new.");
    expect(words).toContain(
      "2 of 12 products on the watchlist could not be read: Exchange Server 2019 since 21 Nov and SharePoint Server.",
    );
    expect(words).toContain(
      "1 of 12 products watched What each misses, and its 30 days Counts are of the selected KBs alone.",
    );
    expect(words).toContain("Missing installs over time, Windows 11");
    expect(words).not.toMatch(/Nothing (got|else got|changed)/);
  });

  test("is amber and says first what could not be read, where nothing that could be got worse", async () => {
    const report = await aReport({
      products: {
        "microsoft-_-windows_11": { before: [aKb()], now: [aKb({ machineMissedOn: 239 })] },
        "microsoft-_-sql_server_2019": { before: [aKb()], now: null, failure: { reason: "500", permanent: false } },
      },
    });
    const html = renderPage(aView(report));
    expect(all(html, "section").map((section) => section.class)).toContain("summary v-partly-read");
    expect(html).toMatch(/class="headline">SQL Server 2019 could not be read/);
  });

  test("counts nothing where nothing could be read, but says what was missing then", async () => {
    const kb = aKb({ firstSeen: "2026-10-01", machineMissedOn: 300 });
    const report = await aReport({ products: { a: { before: [kb], now: null, beforeRunId: "2026-11-20" } } });
    const html = renderPage(aView(report));
    const words = readHtml(html).text.replace(/\s+/g, " ");
    expect(words).toContain(
      "Nothing could be read, so what changed is not known. 1 missing KBs when last read, 20 Nov 300 missing installs when last read, 20 Nov 1 overdue when last read, 20 Nov 1 stalled when last read, 20 Nov",
    );
    expect(words).toContain("Whether 1 KB is overdue is unknown: not read.");
    expect(html).not.toContain('class="overdue"');
  });

  test("says why a KB is worse, and shows more CVEs on fewer machines as neither worse nor better", async () => {
    const kb = (id: string, machineMissedOn: number | null, cveAddressed: number | null = 3) =>
      aKb({ id, machineMissedOn, cveAddressed });
    const html = renderPage(
      aView(
        await aReport({
          products: {
            a: {
              before: [kb("1", 10), kb("2", 10), kb("3", 10), kb("4", null), kb("5", 10, null), kb("6", 10)],
              now: [kb("1", 12), kb("2", 10, 5), kb("3", 12, 5), kb("4", 300), kb("5", 12, 7), kb("6", 9, 5)],
            },
          },
        }),
      ),
    );
    const rows = [
      ...html.matchAll(
        /class="c-kb" data-v="(\d)".*?<span class="badge k-([a-z-]+)">.*?<\/span> [\w ]+<\/span>(?:<span class="why">([^<]*))?/gs,
      ),
    ];
    const why = rows.map(([, id, kind, words]) => [id, kind, words]);
    expect(why.toSorted()).toEqual([
      ["1", "worsened", "more machines"],
      ["2", "worsened", "more CVEs"],
      ["3", "worsened", "more machines and CVEs"],
      ["4", "worsened", "now known: 300 machines"],
      ["5", "worsened", "more machines; now known: 7 CVEs"],
      ["6", "more-cves", undefined],
    ]);
    expect(why.at(-1)?.[0]).toBe("6");
    expect(html).toContain(
      '<span class="figure warn"><a href="?watchlist=default&amp;run=latest&amp;change=more-cves#kbs">',
    );
  });

  test("says of each product how it was read", async () => {
    const failure = { reason: "404", permanent: true, isUnknown: true };
    const open = { emptiness: { verdict: "not-kb-patched" as const, checkedOn: "2026-11-23" } };
    const report = await aReport({
      products: {
        a: { before: null, now: null, failure },
        b: { before: [aKb()], now: null, beforeRunId: "2026-11-20" },
        c: { before: [aKb()], now: [], snapshot: open },
        d: { before: [], now: [], snapshot: open },
        e: { before: [aKb()], now: [aKb()], snapshot: { differed: true } },
        f: { before: null, now: [aKb()] },
      },
    });
    const words = readHtml(renderPage(aView(report))).text.replace(/\s+/g, " ");
    const [, table = ""] = words.split("6 products watched");
    for (const line of [
      "a machines with a in Defender Not read Defender does not know this id ? ? never not compared",
      "b machines with b in Defender Not read last read 20 Nov 1 240 20 Nov 2026 not compared",
      "c machines with c in Defender Not patched by KBs Defender no longer lists its KBs but still counts weaknesses 0 0",
      "d machines with d in Defender Not patched by KBs Defender reports weaknesses but lists no KBs for them 0 0",
      "e machines with e in Defender Read two answers differed in this run; what either listed is shown 1 240",
      "f machines with f in Defender Read read for the first time 1 240 23 Nov 2026 compared with nothing",
    ])
      expect(table).toContain(line);
  });

  test("draws the days of the products whose lines it has, and says the same in words", () => {
    const lines = sampleLines(sample);
    const html = renderPage(aView(sample, { lines }));
    const words = [...html.matchAll(/class="spark".*?<title>([^<]*)/g)].map(([, title]) => title);
    expect(words).toHaveLength(lines.size);
    expect(words[0]).toMatch(/^30 runs: [\d,]+ missing installs on 25 Oct, 1,368 on 23 Nov; at most/);
    expect(renderPage(aView(sample))).not.toContain('class="spark"');
  });

  test("offers to start a run, unless its reader may not", () => {
    for (const page of samplePages(sample)) expect(readHtml(page).text).toContain("Read now");
    for (const page of samplePages(sample, { mayStart: false })) {
      expect(readHtml(page).text).not.toContain("Read now");
      expect(page).not.toContain('method="post"');
    }
  });

  test("before the first run says how to start one", () => {
    const frame = { watchlist: "default", watchlists: ["default"], nonce: "n", options: sampleOptions };
    const { text } = readHtml(renderEmptyPage(frame));
    expect(text).toContain("There is no report yet.");
    expect(text).toContain("24 Nov 2026, 06:00 CET");
  });
});
