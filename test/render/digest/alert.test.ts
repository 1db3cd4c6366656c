import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AlertGap, type ExploitedAlert, mostGaps } from "../../../shared/core/alert.ts";
import { renderAlert } from "../../../shared/render/digest/alert.ts";
import { cveLinks } from "../../../shared/render/link.ts";
import type { RenderOptions } from "../../../shared/render/words.ts";
import { aGap, anAlert } from "../../support/advisories-contract.ts";
import { anyText } from "../../support/any-rows.ts";
import { linksOf, tagsOf, visibleText } from "../../support/mail-text.ts";

const options: RenderOptions = {
  timeZone: "Europe/Berlin",
  reportUrl: "https://reporter.example.com",
  portalUrl: "https://security.microsoft.com",
  nextRun: null,
  graceMinutes: 120,
};
const cve = "CVE-2026-20001";
const gap = (parts: Partial<AlertGap> = {}) => aGap({ id: "5068861", machineMissedOn: 85, ...parts });
const windows10 = { softwareId: "microsoft-_-windows_10" };

function mailOf(parts: Partial<ExploitedAlert> = {}, changed: Partial<RenderOptions> = {}) {
  const alert = anAlert({ watchlist: "Client PCs", gaps: [gap()], ...parts });
  const mail = renderAlert(alert, { ...options, ...changed });
  const seen = visibleText(mail.html);
  return { ...mail, seen, bodies: [seen, mail.text].map((body) => body.toLowerCase().replace(/\s+/g, " ")) };
}

describe("the subject of an alert", () => {
  it.each<[string, Partial<ExploitedAlert>, string]>([
    ["one KB in one product", {}, "KB5068861 missing on 85 Windows 11 machines"],
    ["one machine", { gaps: [gap({ machineMissedOn: 1 })] }, "KB5068861 missing on 1 Windows 11 machine"],
    ["an unknown number", { gaps: [gap({ machineMissedOn: null })] }, "KB5068861 missing in Windows 11"],
    ["thousands", { gaps: [gap({ machineMissedOn: 12_345 })] }, "KB5068861 missing on 12,345 Windows 11 machines"],
    [
      "several products, which are not summed",
      { gaps: [gap(), gap({ ...windows10, machineMissedOn: 40 })] },
      "KB5068861 missing on 85 Windows 11 machines and in 1 more product",
    ],
    [
      "several KBs",
      { gaps: [gap(), gap({ id: "2" }), gap({ id: "2", ...windows10 }), gap({ id: "3" })] },
      "KB5068861 missing on 85 Windows 11 machines, and 2 more updates",
    ],
    [
      "more than the alert holds",
      { gaps: [gap(), gap({ id: "2" })], more: 7 },
      "KB5068861 missing on 85 Windows 11 machines, and at least 1 more update",
    ],
    [
      "more products than the alert holds",
      { gaps: [gap(), gap(windows10)], more: 7 },
      "KB5068861 missing on 85 Windows 11 machines and in at least 1 more product",
    ],
  ])("names the CVE, and of %s the first KB, product and machines", (_, parts, lead) => {
    expect(mailOf(parts).subject).toBe(`Exploited now: ${cve}; ${lead}`);
  });
});

describe("the mail of an alert", () => {
  const several = [
    gap(),
    gap({ ...windows10, machineMissedOn: 40, firstSeen: "2025-12-30", readOn: "2026-11-20" }),
    gap({ id: "5068787", softwareId: "microsoft-_-windows_server_2022", machineMissedOn: null, name: "" }),
  ];

  it("says what is missing where, on how many machines, since when, and of which day that is", () => {
    const { seen, text } = mailOf({ gaps: several });
    expect(seen).toContain("Install these updates\nKB and product\nMachines\nMissing since\nAs of\n");
    expect(seen).toContain("Windows 11\n85\n11 Nov\n23 Nov\nWindows 10\n40\n30 Dec 2025\n20 Nov\n");
    expect(seen).toContain("Windows Server 2022\n?\n11 Nov\n23 Nov\n");
    expect(text).toMatch(
      /^KB5068861 November 2026 Security Updates\n {2}Windows 11 +85 +11 Nov +23 Nov\n {2}Windows 10 /m,
    );
    for (const body of mailOf({ gaps: several }).bodies) {
      expect(body).toContain(
        "cve-2026-20001 is exploited. 2 updates that close it are missing, on at least 85 machines.",
      );
      expect(body).toContain("found 23 nov 2026, 15:17 cet, in lists of 20 nov 2026 and later.");
      expect(body).toContain("a machine may be in several of these lists, so they are not added up.");
      expect(body).toContain("watchlist client pcs.");
    }
  });

  it("of one KB in one product is as long as its news", () => {
    for (const body of mailOf().bodies) {
      expect(body).toContain(
        "cve-2026-20001 is exploited. kb5068861, which closes it, is missing on 85 windows 11 machines.",
      );
      expect(body).toContain("install this update");
      expect(body).toContain("in lists of 23 nov 2026.");
      expect(body).not.toContain("added up");
    }
    expect(mailOf().text.split("\n").length).toBeLessThan(30);
  });

  it("of one KB in several products does not sum their machines", () => {
    const { bodies } = mailOf({ gaps: [gap(), gap(windows10)] });
    for (const body of bodies)
      expect(body).toContain("kb5068861, which closes it, is missing in 2 products, on at least 85 machines.");
    const unknown = mailOf({ gaps: [gap({ machineMissedOn: null }), gap({ ...windows10, machineMissedOn: null })] });
    for (const body of unknown.bodies) expect(body).toContain("which closes it, is missing in 2 products.");
  });

  it.each<[string, Partial<ExploitedAlert>, string]>([
    [
      "CISA",
      { sources: ["kev"], ransomware: false },
      "cisa lists it among the known exploited vulnerabilities (kev) since 23 nov 2026. watchlist",
    ],
    ["CISA, and ransomware", { sources: ["kev"] }, "(kev) since 23 nov 2026; ransomware uses it. watchlist"],
    [
      "Microsoft",
      { sources: ["msrc"], since: null, ransomware: false },
      "microsoft says that it is exploited. watchlist",
    ],
    ["both", { ransomware: false }, "(kev) since 23 nov 2026. microsoft also says that it is exploited. watchlist"],
  ])("names its source: %s", (_, parts, words) => {
    for (const body of mailOf(parts).bodies) expect(body).toContain(words);
  });

  it("leads to the CVE, the KB and its report", () => {
    const report = "https://reporter.example.com/api/report?watchlist=Client+PCs&run=latest&format=html";
    const { html, text } = mailOf({ gaps: several });
    const links = [
      `https://msrc.microsoft.com/update-guide/vulnerability/${cve}`,
      `https://www.cisa.gov/known-exploited-vulnerabilities-catalog?search_api_fulltext=${cve}`,
      `https://nvd.nist.gov/vuln/detail/${cve}`,
      ...[`${report}&kb=5068861`, `${report}&kb=5068787`, report],
      ...["https://support.microsoft.com/help/5070001", "https://security.microsoft.com"],
      "https://reporter.example.com/api/health",
    ];
    expect(new Set(linksOf(html))).toEqual(new Set(links));
    for (const link of links) expect(text.split(/\s/)).toContain(link);
    expect(linksOf(mailOf().html).filter((link) => link.startsWith(report))).toEqual([`${report}&kb=5068861`]);
    expect(linksOf(mailOf({ sources: ["msrc"] }).html).join()).not.toContain("cisa.gov");
    expect(linksOf(mailOf({}, { reportUrl: null }).html).join()).not.toContain("reporter.example.com");
  });

  it("shows the KBs on most machines of many, and counts the others", () => {
    const gaps = Array.from({ length: mostGaps }, (_, n) =>
      gap({ id: `${Math.floor(n / 8)}`, softwareId: `a-_-${n}` }),
    );
    const { html, text, bodies } = mailOf({ gaps, more: 50 });
    for (const body of bodies) {
      // Ten KBs of eight products are shown, of each five.
      expect(body).toContain("and 3 more products");
      expect(body).toContain("70 more gaps: see the report.");
    }
    expect(html.length).toBeLessThan(60_000);
    expect(text.length).toBeLessThan(20_000);
  });

  it("says the same in plain text as in html", () => {
    const { seen, text, html } = mailOf({ gaps: several });
    const words = (body: string) => body.toLowerCase().match(/[\p{L}\p{N}][^\s·;]*/gu) ?? [];
    const inHtml = new Set([...words(seen), ...linksOf(html).flatMap(words)]);
    const missing = words(text).filter((word) => !inHtml.has(word.replace(/[:,.]$/, "")) && !inHtml.has(word));
    expect([...new Set(missing)]).toEqual(["links", "in"].filter((word) => missing.includes(word)));
  });
});

describe("an alert about hostile data", () => {
  const hostile = fc.oneof(
    anyText,
    fc.constantFrom(
      "<script>alert(1)</script>",
      `"><img src=x onerror=alert(1)>`,
      "javascript:alert(1)",
      "\u202egnp.exe",
    ),
    fc.constant("<&\"'".repeat(2_000)),
    fc.constant("W".repeat(5_000)),
  );
  const hostileGap = fc
    .record({
      id: hostile,
      name: hostile,
      softwareId: hostile,
      url: fc.option(hostile),
      machineMissedOn: fc.option(fc.maxSafeNat()),
    })
    .map(aGap);
  const hostileAlert = fc.record({
    // A watchlist's name has at most a hundred characters.
    ...{ watchlist: hostile.map((name) => name.slice(0, 100).toWellFormed()), cve: hostile, more: fc.nat() },
    gaps: fc.array(hostileGap, { minLength: 1, maxLength: mostGaps }),
  });

  it("has no tag, link or invisible character that is not its own, and is of bounded size", () => {
    const tags = new Set("html head meta title style body table thead tbody tr td th h1 h2 p a b span".split(" "));
    const ours = ["https://reporter.example.com/api/", "https://security.microsoft.com"];
    fc.assert(
      fc.property(hostileAlert, (parts) => {
        const { subject, html, text, seen } = mailOf(parts);
        const found = tagsOf(html);
        expect(found.filter(({ name }) => !tags.has(name))).toEqual([]);
        expect(html.match(/</g)?.length).toBe(found.length + 1);
        expect(linksOf(html).filter((link) => !ours.some((start) => link.startsWith(start)))).toEqual([]);
        const lines = [subject, ...seen.split("\n"), ...text.split("\n")];
        expect(lines.filter((line) => /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(line))).toEqual([]);
        expect(subject.length).toBeLessThan(200);
        expect(html.length).toBeLessThan(80_000);
        expect(text.length).toBeLessThan(80_000);
      }),
      { numRuns: 100 },
    );
  });

  it("links to no CVE whose id is not one", () => {
    for (const id of [
      "",
      "CVE-2026-123",
      `${cve}?x`,
      `${cve}/..`,
      "cve-2026-20001",
      `CVE-2026-${"1".repeat(20)}`,
      `${cve}\n`,
    ])
      expect(cveLinks(id)).toBeNull();
    expect(cveLinks("CVE-2026-1234")).not.toBeNull();
    expect(linksOf(mailOf({ cve: "CVE-2026-1/../x" }).html).join()).not.toMatch(/msrc|nvd|cisa/);
    expect(mailOf({ cve: "CVE-2026-1/../x" }).seen).not.toContain("About");
  });
});
