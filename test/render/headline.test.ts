import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Report } from "../../shared/core/report.ts";
import type { KbEntry } from "../../shared/core/row.ts";
import type { SinceDigest } from "../../shared/core/since.ts";
import { verdictOf } from "../../shared/core/verdict.ts";
import { headline, subject } from "../../shared/render/headline.ts";
import { productLabel } from "../../shared/render/words.ts";
import { anyStory, hostileText } from "../support/any-report.ts";
import { aCatalogue, aKb, aReport, type ProductStory, type RunStory } from "../support/builders.ts";

const old = "2026-11-01";
const win10 = "microsoft-_-windows_10";
const win11 = "microsoft-_-windows_11";
const sql = "microsoft-_-sql_server_2019";
const failure = { reason: "Defender answered 500.", permanent: false };
const notRead: ProductStory = { before: [aKb({ id: "9" })], now: null, failure };

async function summaryOf(story: RunStory, since: SinceDigest | null = null) {
  const report = await aReport(story);
  return { subject: subject(report, since), headline: headline(report, since) };
}

/** A product of KBs with these machines before and now; `null`: not listed. */
function product(kbs: Readonly<Record<string, readonly [before: number | null, now: number | null]>>): ProductStory {
  const listed = (at: 0 | 1) =>
    Object.entries(kbs).flatMap(([id, counts]) => {
      const machineMissedOn = counts[at];
      return machineMissedOn === null ? [] : [aKb({ id, machineMissedOn })];
    });
  return { before: listed(0), now: listed(1) };
}

describe("subject and headline", () => {
  it("name the KB, the product and the machines where there is one, and count the rest by the largest rise", async () => {
    const products = {
      "microsoft-_-windows_server_2022": product({ "5070884": [null, 41] }),
      [win11]: product({
        "1": [71, 85],
        "2": [9, 10],
        "3": [9, 10],
        "4": [9, 10],
        "5": [9, 10],
        "6": [9, 10],
      }),
    };
    expect(await summaryOf({ products })).toEqual({
      subject: "New: KB5070884, Windows Server 2022, 41 machines; 6 worse, most +14",
      headline: "KB5070884 is new in Windows Server 2022, on 41 machines; 6 KBs got worse, the most by 14 machines.",
    });
  });

  it("leave out names before they leave out a kind of change", async () => {
    const many = { "2": [9, 10], "3": [9, 10], "4": [9, null], "5": [null, 3] } as const;
    const gone = [{ id: "5", firstSeen: old, peak: 4, goneOn: "2026-11-10" }];
    const products = (label: string, kb: string): Record<string, ProductStory> => ({
      [`microsoft-_-${label}`]: product({ [kb]: [null, 41] }),
      [win11]: { ...product(many), beforeSnapshot: { gone } },
      [sql]: { ...notRead, failedSince: { since: "2026-11-21", misses: 3 } },
    });
    const subjectOf = async (label: string, kb = "5070884") =>
      (await summaryOf({ products: products(label, kb) })).subject;
    expect(await subjectOf("edge")).toBe(
      "New: KB5070884, Edge, 41 machines; 2 worse, most +1; 1 back; SQL Server 2019 could not be read since 21 Nov",
    );
    expect(await subjectOf("windows_server_2022_core")).toBe(
      "New: KB5070884, Windows Server 2022 Core, 41 machines; 2 worse, most +1; 1 back; 1 product could not be read",
    );
    expect(await subjectOf("windows_server_2022_core", "50708840000000000000")).toBe(
      "1 new; 2 worse, most +1; 1 back; 1 product could not be read",
    );
  });

  it("say what rose and by how much, not how large it already was", async () => {
    const products = {
      [win10]: { before: [aKb({ machineMissedOn: 850 })], now: [aKb({ machineMissedOn: 850 })] },
      [win11]: { before: [aKb({ machineMissedOn: 10 })], now: [aKb({ machineMissedOn: 12 })] },
    };
    expect(await summaryOf({ products })).toEqual({
      subject: "Worse: KB5041585, Windows 11, 12 machines (+2)",
      headline: "KB5041585 got worse in Windows 11: 12 machines (+2).",
    });
  });

  it("show of a KB that rose for several products the largest rise", async () => {
    const products = { [win10]: product({ "1": [500, 503] }), [win11]: product({ "1": [20, 120] }) };
    expect(await summaryOf({ products })).toEqual({
      subject: "Worse: KB1, 2 products, 120 machines (+100)",
      headline: "KB1 got worse in 2 products: 120 machines (+100).",
    });
  });

  it("show the CVEs of a KB whose machines did not change", async () => {
    const [before, now] = [[aKb({ id: "1", cveAddressed: 14 })], [aKb({ id: "1", cveAddressed: 15 })]];
    expect(await summaryOf({ products: { [win10]: { before, now } } })).toEqual({
      subject: "Worse: KB1, Windows 10, 15 CVEs (+1)",
      headline: "KB1 got worse in Windows 10: 15 CVEs (+1).",
    });
    expect(await summaryOf({ products: { [win10]: { before: now, now: before } } })).toEqual({
      subject: "Better: KB1, Windows 10, 14 CVEs (−1)",
      headline: "Nothing got worse: KB1 got better in Windows 10: 14 CVEs (−1).",
    });
  });

  it("say of a count that was unknown that it is now known", async () => {
    const [before, now] = [[aKb({ id: "1", machineMissedOn: null })], [aKb({ id: "1", machineMissedOn: 300 })]];
    expect(await summaryOf({ products: { [win10]: { before, now } } })).toEqual({
      subject: "Worse: KB1, Windows 10, 300 machines",
      headline: "KB1 is now known to be missing on 300 machines in Windows 10.",
    });
  });

  it("say of a KB that is new for several products how far it reaches at most", async () => {
    const products = { [win10]: product({ "1": [null, 500] }), [win11]: product({ "1": [null, 20] }) };
    expect(await summaryOf({ products })).toEqual({
      subject: "New: KB1, 2 products, up to 500 machines",
      headline: "KB1 is new in 2 products, on up to 500 machines.",
    });
  });

  it("list what is new, worse, back and with more CVEs, in this order", async () => {
    const products: Record<string, ProductStory> = {
      [win10]: {
        before: [aKb({ id: "2", machineMissedOn: 70 }), aKb({ id: "4", machineMissedOn: 9, cveAddressed: 1 })],
        now: [
          aKb({ id: "1", machineMissedOn: 512 }),
          aKb({ id: "2", machineMissedOn: 77 }),
          aKb({ id: "3", machineMissedOn: 30 }),
          aKb({ id: "4", machineMissedOn: 8, cveAddressed: 2 }),
        ],
        beforeSnapshot: { gone: [{ id: "3", firstSeen: old, peak: 40, goneOn: "2026-11-10" }] },
      },
    };
    expect(await summaryOf({ products })).toEqual({
      subject: "New: KB1, Windows 10, 512 machines; 1 worse, +7; 1 back; 1 with more CVEs",
      headline: "KB1 is new in Windows 10, on 512 machines; 1 got worse, by 7 machines; 1 is back; 1 lists more CVEs.",
    });
  });

  it("say that the number of machines is unknown where no count is known", async () => {
    const products = { [win10]: { before: [], now: [aKb({ machineMissedOn: null })] } };
    expect(await summaryOf({ products })).toEqual({
      subject: "New: KB5041585, Windows 10, an unknown number of machines",
      headline: "KB5041585 is new in Windows 10, on an unknown number of machines.",
    });
  });

  it("say that it is only better", async () => {
    const products = { [win10]: product({ "1": [240, 200], "2": [240, null], "3": [31, null] }) };
    expect(await summaryOf({ products })).toEqual({
      subject: "Better: KB1, Windows 10, 200 machines (−40); 2 resolved",
      headline: "Nothing got worse: KB1 got better in Windows 10: 200 machines (−40); 2 KBs are resolved.",
    });
  });

  it("say that nothing changed, and how much is still missing", async () => {
    const products = { [win10]: { before: [aKb()], now: [aKb()] } };
    expect(await summaryOf({ products })).toEqual({
      subject: "Nothing changed, 1 KB missing",
      headline: "Nothing changed: 1 KB is missing.",
    });
    const clean = await summaryOf({ products: { [win10]: { before: [], now: [] } } });
    expect(clean.headline).toBe("Nothing changed: Defender lists no missing KBs.");
  });

  it("say that nothing could be read, whatever was known before", async () => {
    const products = {
      [win10]: { before: [aKb()], now: null, failure },
      [win11]: { before: null, now: null, failure },
    };
    expect(await summaryOf({ products })).toEqual({
      subject: "None of the 2 products could be read",
      headline: "None of the 2 products could be read.",
    });
    const failedSince = { since: "2026-11-21", misses: 3 };
    expect(await summaryOf({ products: { [sql]: { ...notRead, failedSince } } })).toEqual({
      subject: "SQL Server 2019 could not be read since 21 Nov",
      headline: "SQL Server 2019 could not be read since 21 Nov.",
    });
  });

  it("say of a first run what is watched, and call none of it new", async () => {
    const products = {
      [win10]: { now: [aKb({ id: "1" }), aKb({ id: "2", machineMissedOn: 300, firstSeen: old })] },
      [win11]: { now: [aKb({ id: "2", machineMissedOn: 20 })] },
    };
    expect(await summaryOf({ products, previousRunId: null })).toEqual({
      subject: "Watching 2 products: 2 KBs missing, 1 overdue",
      headline: "Now watching 2 products: 2 KBs are missing, on up to 300 machines.",
    });
  });

  it("say of later products that they are now watched, and call none of it new", async () => {
    const products = { [win10]: { before: [aKb()], now: [aKb()] }, [win11]: { before: null, now: [aKb({ id: "9" })] } };
    expect(await summaryOf({ products })).toEqual({
      subject: "Windows 11 is now watched; 2 KBs missing",
      headline: "Windows 11 is now watched; nothing else changed.",
    });
    const two = await summaryOf({ products: { ...products, [sql]: { before: null, now: [] } } });
    expect(two.subject).toBe("2 more products are now watched; 2 KBs missing");
  });

  it("begin with what could not be read where nothing else got worse, and claim nothing of it", async () => {
    const failedSince = { since: "2026-11-21", misses: 3 };
    const quiet = { [win10]: product({ "1": [5, 5] }), [sql]: { ...notRead, failedSince } };
    expect(await summaryOf({ products: quiet })).toEqual({
      subject: "SQL Server 2019 could not be read since 21 Nov; nothing else got worse",
      headline: "SQL Server 2019 could not be read since 21 Nov. Nothing else got worse.",
    });
    const better = { [win10]: product({ "1": [5, null] }), [sql]: notRead };
    expect(await summaryOf({ products: better })).toEqual({
      subject: "SQL Server 2019 could not be read; nothing else got worse",
      headline: "SQL Server 2019 could not be read. Nothing else got worse: KB1 is resolved in Windows 10.",
    });
    const worse = { [win10]: product({ "1": [5, 6] }), [sql]: notRead, [win11]: notRead };
    expect(await summaryOf({ products: worse })).toEqual({
      subject: "Worse: KB1, Windows 10, 6 machines (+1); 2 products could not be read",
      headline: "KB1 got worse in Windows 10: 6 machines (+1).",
    });
  });

  it("name an id that Defender does not know as it is written, and a product that left the inventory", async () => {
    const unknown = { now: null, failure: { ...failure, permanent: true, isUnknown: true } };
    const products = { [win10]: product({ "1": [5, 5] }), "microsoft-_-windws_11": unknown };
    expect((await summaryOf({ products })).subject).toBe(
      "Defender does not know the id microsoft-_-windws_11; nothing else got worse",
    );
    const report = await aReport({ products: { [win10]: product({ "1": [5, 5] }), [sql]: notRead } });
    const gone = (unknownSince: string): Report => ({
      ...report,
      products: report.products.map((row) => ({ ...row, failure: row.failure && { ...row.failure, unknownSince } })),
    });
    expect(headline(gone("2026-11-09"))).toContain("SQL Server 2019 has left Defender's inventory.");
    expect(headline(gone("2026-11-10"))).toContain("SQL Server 2019 could not be read.");
  });

  const vulnerable = { emptiness: { verdict: "not-kb-patched", checkedOn: "2026-11-23" } } as const;

  it("never call a list unchanged that went empty over open weaknesses, on that day or later", async () => {
    const emptied = await summaryOf({ products: { [win10]: { before: [aKb()], now: [], snapshot: vulnerable } } });
    expect(emptied).toEqual({
      subject: "Defender no longer lists KBs for Windows 10 but still counts weaknesses; nothing got worse",
      headline: "Nothing got worse. Defender no longer lists KBs for Windows 10 but still counts weaknesses.",
    });
    const later = await summaryOf({
      products: { [win10]: { before: [], beforeSnapshot: vulnerable, now: [], snapshot: vulnerable } },
    });
    expect(later).toEqual({
      subject: "Nothing changed: Defender lists no KBs but counts weaknesses of Windows 10",
      headline: "Nothing changed: Defender lists no KBs but counts weaknesses of Windows 10.",
    });
  });

  it("name the watchlist where there may be several, and the minute of no run", async () => {
    const story = { runId: "2026-11-23T10:17Z", previousRunId: "2026-11-23", watchlist: { name: "servers" } };
    expect((await summaryOf(story)).subject).toBe("New: KB5041585, Windows 10, 240 machines · servers");
    const long = await summaryOf({ ...story, watchlist: { name: "s".repeat(200) } });
    expect(long.subject).toMatch(/^New: KB5041585, Windows 10, 240 machines · s{70,}…$/);
    expect(long.subject).toHaveLength(120);
    const full = { now: null, failure: { ...failure, isUnknown: true, permanent: true } };
    const products = { [`${"x".repeat(80)}`]: full, [win10]: product({ "1": [5, 5] }) };
    expect((await summaryOf({ ...story, products })).subject).toMatch(
      /^Defender does not know .*… *; nothing else got worse$/,
    );
  });
});

describe("subject and headline of what is exploited", () => {
  const kev = [{ cve: "CVE-2026-1", since: "2026-11-12", ransomware: false }];
  const exploited = (...ids: string[]) =>
    aCatalogue(Object.fromEntries(ids.map((id) => [id, { cves: ["CVE-2026-1"] }])), kev);
  const more = { "2": [9, 12], "3": [null, 5], "4": [null, 300] } as const;

  it("name it first, with how many others got worse", async () => {
    const products = { [win11]: product({ "1": [71, 85], ...more }) };
    expect(await summaryOf({ products, catalogue: exploited("1") })).toEqual({
      subject: "Exploited: KB1, Windows 11, 85 machines (+14); 2 new, 2 worse",
      headline: "KB1 is being exploited and reached 14 more machines; 2 are new; 1 got worse, by 3 machines.",
    });
  });

  it.each<[string, ProductStory, string, string]>([
    ["new", product({ "1": [null, 41] }), "41 machines", "is new in Windows 11, on 41 machines"],
    [
      "back",
      { ...product({ "1": [null, 5] }), beforeSnapshot: { gone: [{ id: "1", firstSeen: old, peak: 5, goneOn: old }] } },
      "5 machines",
      "is back in Windows 11, on 5 machines",
    ],
    [
      "listed with more CVEs",
      { before: [aKb({ id: "1", cveAddressed: 2 })], now: [aKb({ id: "1", machineMissedOn: 200, cveAddressed: 3 })] },
      "3 CVEs (+1)",
      "lists more CVEs in Windows 11, on fewer machines: 3 CVEs (+1)",
    ],
  ])("say in one sentence that it is %s", async (_, story, figure, words) => {
    expect(await summaryOf({ products: { [win11]: story }, catalogue: exploited("1") })).toEqual({
      subject: `Exploited: KB1, Windows 11, ${figure}`,
      headline: `KB1 is being exploited and ${words}.`,
    });
  });

  it("name at most two of several", async () => {
    const products = { [win11]: product({ "1": [71, 85], ...more }) };
    expect(await summaryOf({ products, catalogue: exploited("1", "4") })).toEqual({
      subject: "2 exploited; 2 new; 2 worse, most +14",
      headline: "KB4 and KB1 are being exploited and got worse; 1 is new; 1 got worse, by 3 machines.",
    });
    const { headline } = await summaryOf({ products, catalogue: exploited("1", "2", "3", "4") });
    expect(headline).toBe("KB4, KB3 and 2 more KBs are being exploited and got worse.");
  });

  it("say on other days how many are missing", async () => {
    const products = { [win11]: product({ "1": [5, 5] }) };
    const { subject } = await summaryOf({ products, catalogue: exploited("1") });
    expect(subject).toBe("Nothing changed, 1 KB missing, 1 exploited");
    const first = await summaryOf({ products, previousRunId: null, catalogue: exploited("1") });
    expect(first.subject).toBe("Watching 1 product: 1 KB missing, 1 exploited, 1 overdue");
  });
});

describe("subject and headline since the last digest", () => {
  const quiet = { products: { [win10]: product({ "1": [5, 5] }), [win11]: product({ "2": [3, 3] }) } };
  const since = async (parts: Partial<SinceDigest>): Promise<SinceDigest> => {
    const nothing = { rows: [], readable: [], watched: [], lost: [], rose: 0, cameAndWent: 0 };
    return { runId: "2026-11-16", day: "2026-11-16", ...nothing, ...parts };
  };
  const betterRows = async (...kbs: Parameters<typeof product>[0][]) =>
    (await aReport({ products: Object.fromEntries(kbs.map((one, index) => [`p${index}`, product(one)])) })).rows;

  it("say on a quiet day what got better and what is resolved", async () => {
    const rows = await betterRows({ "5003": [20, 5], "5002": [50, null] });
    expect(await summaryOf(quiet, await since({ rows }))).toEqual({
      subject: "Better since 16 Nov: KB5003, p0, 5 machines (−15); 1 resolved; 2 KBs missing",
      headline:
        "Nothing got worse. Since the digest of 16 Nov: KB5003 got better in p0: 5 machines (−15); KB5002 is resolved in p0.",
    });
    const many = await betterRows({ "1": [20, 5], "2": [50, 10], "3": [9, null], "4": [9, null] });
    expect(await summaryOf(quiet, await since({ rows: many }))).toEqual({
      subject: "2 better since 16 Nov, most −40; 2 resolved; 2 KBs missing",
      headline:
        "Nothing got worse. Since the digest of 16 Nov: 2 KBs got better, the most by 40 machines; 2 KBs are resolved.",
    });
  });

  it("do not say that nothing changed where something rose, or came and went", async () => {
    expect((await summaryOf(quiet, await since({}))).headline).toBe("Nothing changed: 2 KBs are missing.");
    expect((await summaryOf(quiet, await since({ rose: 1 }))).headline).toBe("Nothing got worse: 2 KBs are missing.");
    expect((await summaryOf(quiet, await since({ cameAndWent: 1 }))).headline).toBe(
      "Nothing got worse: 2 KBs are missing.",
    );
  });

  it("say what can be read again", async () => {
    expect((await summaryOf(quiet, await since({ readable: [win11] }))).headline).toBe(
      "Nothing changed: 2 KBs are missing. Windows 11 can be read again.",
    );
    const worse = { products: { [win10]: product({ "1": [5, 6] }), [win11]: product({ "2": [3, 3] }) } };
    expect((await summaryOf(worse, await since({ readable: [win11] }))).headline).toBe(
      "KB1 got worse in Windows 10: 6 machines (+1). Windows 11 can be read again.",
    );
  });

  it("leave to the body what is not the news", async () => {
    const rows = await betterRows({ "5003": [20, 5] });
    const worse = { products: { [win10]: product({ "1": [5, 6] }) } };
    expect((await summaryOf(worse, await since({ rows }))).subject).toBe("Worse: KB1, Windows 10, 6 machines (+1)");
  });
});

describe("the subject of any report", () => {
  type Kind = KbEntry["kind"];
  const words = [
    ["new", "New", "new"],
    ["worsened", "Worse", "worse"],
    ["returned", "Back", "back"],
    ["more-cves", "More CVEs", "with more CVEs"],
  ] as const satisfies [Kind, string, string][];

  const entriesOf = (report: Report, kind: Kind) =>
    report.rows.flatMap(({ id, entries }) =>
      entries.filter((entry) => entry.kind === kind).map((entry) => ({ id, entry })),
    );
  const countKbs = (entries: readonly { id: string }[]) => new Set(entries.map(({ id }) => id)).size;
  const rise = ({ current, previous }: KbEntry, of: "machineMissedOn" | "cveAddressed") =>
    (current?.[of] ?? 0) - (previous?.[of] ?? current?.[of] ?? 0);

  /** The parts of a subject that are about a kind of change, in their order. */
  function partsOf(line: string): { kind: Kind; text: string; kb: string | undefined }[] {
    return line.split("; ").flatMap((text) => {
      for (const [kind, title, word] of words) {
        const [, kb] = new RegExp(`^${title}: KB(\\w+), `).exec(text) ?? [];
        if (kb || new RegExp(`^\\d+ ${word}(,|$)`).test(text)) return [{ kind, text, kb }];
      }
      return [];
    });
  }

  /** The subject without its watchlist and without the digits of product names. */
  function plainSubject(report: Report): string {
    let line = subject(report).replace(/ · .*$/, "");
    for (const { softwareId } of report.products) line = line.replaceAll(productLabel(softwareId), "It");
    return line;
  }

  it("is one line of at most 120 characters, whatever its texts are", async () => {
    await fc.assert(
      fc.asyncProperty(anyStory(hostileText), fc.boolean(), async (story, isLong) => {
        const report = await aReport(story);
        const rows = report.rows.map((row) => ({ ...row, id: row.id.repeat(9) }));
        const line = subject(isLong ? { ...report, rows } : report);
        expect(line.length).toBeLessThanOrEqual(120);
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
        expect(line).not.toBe("");
      }),
      { numRuns: 300 },
    );
  });

  it("begins with the worst kind and leaves none out", async () => {
    await fc.assert(
      fc.asyncProperty(anyStory(), async (story) => {
        const report = await aReport(story);
        fc.pre(report.totals.read > 0);
        const present = words.map(([kind]) => kind).filter((kind) => entriesOf(report, kind).length > 0);
        expect(partsOf(plainSubject(report)).map(({ kind }) => kind)).toEqual(present);
        if (present.length > 0) expect(partsOf(plainSubject(report).split("; ")[0] ?? "")).toHaveLength(1);
      }),
      { numRuns: 300 },
    );
  });

  it("has no figure but counts of its kinds and those of their own entries", async () => {
    await fc.assert(
      fc.asyncProperty(anyStory(), async (story) => {
        const report = await aReport(story);
        for (const { kind, text, kb } of partsOf(plainSubject(report))) {
          const own = entriesOf(report, kind);
          if (kb) expectOfOne(text, kb, own);
          else expectCounted(text, kind, own);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  function expectOfOne(text: string, kb: string, own: readonly { id: string; entry: KbEntry }[]): void {
    expect(own.every(({ id }) => id === kb)).toBe(true);
    const [, figure = "", sign = "", by = 0] = /(\d+) (?:machine|CVE)s?(?: \(([+−])(\d+)\))?$/.exec(text) ?? [];
    const of = /\d CVE/.test(text) ? "cveAddressed" : "machineMissedOn";
    const wanted = [figure === "" ? null : Number(figure), (sign === "−" ? -1 : 1) * Number(by)];
    expect(own.map(({ entry }) => [entry.current?.[of] ?? null, rise(entry, of)])).toContainEqual(wanted);
    if (own.length > 1) expect(text).toContain(`, ${own.length} products, `);
  }

  function expectCounted(text: string, kind: Kind, own: readonly { id: string; entry: KbEntry }[]): void {
    expect(Number.parseInt(text, 10)).toBe(countKbs(own));
    const rises = own.map(({ entry }) => Math.max(0, rise(entry, "machineMissedOn")));
    const most = kind === "worsened" ? Math.max(0, ...rises) : 0;
    expect(Number(/\+(\d+)$/.exec(text)?.[1] ?? 0)).toBe(most);
  }

  it("never calls a day quiet or only better on which something could not be read", async () => {
    await fc.assert(
      fc.asyncProperty(anyStory(), async (story) => {
        const report = await aReport(story);
        fc.pre(report.totals.notRead > 0);
        // What got worse comes first in a headline, and the caution below it says what could not be read.
        const lines = verdictOf(report) === "worse" ? [subject(report)] : [subject(report), headline(report)];
        for (const line of lines) {
          expect(line).toMatch(/could not be read|None of the/);
          expect(line).not.toMatch(/Nothing changed|^Better|^Resolved/);
        }
      }),
      { numRuns: 300 },
    );
  });
});
