import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import type { MsrcKb } from "../../../shared/core/advisory.ts";
import { readCatalogue } from "../../../shared/io/advisories/kev.ts";
import { readList, readMonth } from "../../../shared/io/advisories/msrc.ts";
import { decodeMonth, encodeMonth } from "../../../shared/io/storage/advisory-rows.ts";
import { FeedError } from "../../../shared/ports.ts";
import { fuzzing, fuzzRuns, mutated } from "../../support/fuzz.ts";
import {
  aFix,
  aKevDocument,
  aKevItem,
  aMonthDocument,
  aMonthList,
  anExploitStatus,
  aSeverity,
  aVulnerability,
} from "../../support/msrc-documents.ts";

function kbsOf(...vulnerabilities: readonly unknown[]): readonly MsrcKb[] {
  return readMonth("2025-Nov", aMonthDocument(vulnerabilities)).content;
}

/** The one KB of a vulnerability that is fixed like this. */
function kbFixedBy(parts: object, kb: unknown = "5068861"): MsrcKb | undefined {
  return kbsOf(aVulnerability("CVE-2025-62215", { Remediations: [aFix(kb, parts)] }))[0];
}

const plain: MsrcKb = {
  ...{ id: "5068861", released: "2025-11-11", severity: "Important", cves: ["CVE-2025-62215"], exploitedCves: [] },
  ...{ restart: "yes", supersedes: ["5066835"], hotpatch: false },
};

describe("a month of MSRC", () => {
  it("says of each KB what it closes and replaces, and when it came", () => {
    expect(kbsOf(aVulnerability("CVE-2025-62215"))).toEqual([plain]);
  });

  it("has a KB once, with all that its CVEs say of it", () => {
    const first = aVulnerability("CVE-2025-62215", {
      Threats: [aSeverity("Important"), anExploitStatus("Yes")],
      Remediations: [aFix("5068861"), aFix("5068865", { Supercedence: "5066793" })],
    });
    const second = aVulnerability("CVE-2025-60724", {
      Threats: [aSeverity("Low"), aSeverity("Critical"), anExploitStatus("No")],
      Remediations: [aFix("5068861", { RestartRequired: { Value: "Maybe" }, Supercedence: "5066835, 5070773" })],
    });
    const both = ["CVE-2025-60724", "CVE-2025-62215"];
    expect(kbsOf(second, first)).toEqual([
      {
        ...{ ...plain, cves: both, exploitedCves: ["CVE-2025-62215"], severity: "Critical" },
        supersedes: ["5066835", "5070773"],
      },
      { ...plain, id: "5068865", exploitedCves: ["CVE-2025-62215"], supersedes: ["5066793"] },
    ]);
    expect(kbsOf(first, second)).toEqual(kbsOf(second, first));
  });

  it.each([["5068861"], ["KB5068861"], ["kb 5068861"], [5_068_861], [" 5068861 "]])("names a KB as %j", (name) => {
    expect(kbFixedBy({}, name)?.id).toBe("5068861");
  });

  it.each([["Release Notes"], ["16.0.5530.1000"], ["KB"], [""], [null], ["1234"], ["5068861 and 5068862"]])(
    "names no KB as %j",
    (name) => {
      expect(kbFixedBy({}, name)).toBeUndefined();
    },
  );

  it.each([0, 1, 3, 5])("names no KB in a remediation of type %d", (Type) => {
    expect(kbFixedBy({ Type })).toBeUndefined();
  });

  it.each([
    ["5066835", ["5066835"]],
    ["5066835; 5066836", ["5066835", "5066836"]],
    ["KB5066835,KB5066836", ["5066835", "5066836"]],
    ["5066835\n5066836<br>5066835", ["5066835", "5066836"]],
    [5_066_835, ["5066835"]],
    ["5068861", []],
    ["5068861 5066835", ["5066835"]],
    ["MS16-087", []],
    ["", []],
    [null, []],
  ])("says with %j that it replaces %j", (Supercedence, ids) => {
    expect(kbFixedBy({ Supercedence })?.supersedes).toEqual(ids);
  });

  it("names 50 KBs that one replaces, and no more", () => {
    const names = Array.from({ length: 80 }, (_, n) => `${5_000_000 + n}`).join(" ");
    expect(kbFixedBy({ Supercedence: names })?.supersedes).toHaveLength(50);
  });

  it.each([
    ["Yes", "yes"],
    ["No", "no"],
    ["maybe", "maybe"],
    ["Perhaps", null],
    [undefined, null],
  ])("says whether a restart is needed: %j", (word, restart) => {
    expect(kbFixedBy({ RestartRequired: { Value: word } })?.restart).toBe(restart);
    if (word === undefined) expect(kbFixedBy({ RestartRequired: undefined })?.restart).toBeNull();
  });

  it.each([
    ["Security Hotpatch Update", true],
    ["SecurityHotpatchUpdate", true],
    ["Security HotPatch Update", true],
    ["Security Update", false],
    ["Monthly Rollup", false],
    [undefined, false],
  ])("says whether a KB is a hotpatch: %s", (SubType, hotpatch) => {
    expect(kbFixedBy({ SubType })?.hotpatch).toBe(hotpatch);
  });

  it.each([
    ["Publicly Disclosed:Yes;Exploited:Yes;Latest Software Release:Exploitation Detected", true],
    ["Exploited: Yes", true],
    ["Publicly Disclosed:Yes;Exploited:No;Latest Software Release:Exploitation More Likely", false],
    ["Publicly Disclosed:Yes;NotExploited:Yes", false],
    ["", false],
  ])("says whether a CVE is exploited: %s", (status, exploited) => {
    const Threats = [{ Type: 1, Description: { Value: status } }];
    const [kb] = kbsOf(aVulnerability("CVE-2025-62215", { Threats }));
    expect(kb?.exploitedCves).toEqual(exploited ? ["CVE-2025-62215"] : []);
    expect(kb?.severity).toBeNull();
  });

  it.each([
    ["2025-11-17T08:00:00", "2025-11-17"],
    ["2025-11-04T08:00:00Z", "2025-11-04"],
    // Published in another month, it says nothing of when this month's KBs came.
    ["2023-07-11T08:00:00", "2025-11-11"],
    ["0001-01-01T00:00:00", "2025-11-11"],
    ["2025-11-31T00:00:00", "2025-11-11"],
    ["soon", "2025-11-11"],
  ])("dates a KB by when its CVE was published in that month: %s", (published, released) => {
    const RevisionHistory = [{ Number: "1.0", Date: published }];
    expect(kbsOf(aVulnerability("CVE-2025-62215", { RevisionHistory }))[0]?.released).toBe(released);
  });

  it("dates a KB by the first revision of a CVE, and by the first of its CVEs", () => {
    const published = (...days: string[]) => ({ RevisionHistory: days.map((day) => ({ Date: `2025-11-${day}` })) });
    const late = aVulnerability("CVE-2025-1000", published("25", "18", "20"));
    expect(kbsOf(late)[0]?.released).toBe("2025-11-18");
    expect(kbsOf(late, aVulnerability("CVE-2025-1001", published("17", "19")))[0]?.released).toBe("2025-11-17");
  });

  it("needs of an entry nothing but its id: other fields may be missing, null or new", () => {
    const bare = { CVE: "CVE-2025-62215", Remediations: [{ Type: 2, Description: { Value: "5068861" } }] };
    const nothing = { severity: null, restart: null, supersedes: [] };
    expect(kbsOf(bare)).toEqual([{ ...plain, ...nothing }]);
    const nulls = { ...bare, Threats: null, RevisionHistory: null, Notes: null, Fresh: [1] };
    const fix = {
      Type: 2,
      Description: { Value: "5068861" },
      Supercedence: null,
      RestartRequired: null,
      SubType: null,
    };
    expect(kbsOf({ ...nulls, Remediations: [fix] })).toEqual([{ ...plain, ...nothing }]);
    expect(kbsOf({ CVE: "CVE-2025-62215" })).toEqual([]);
  });

  it("has KBs of advisories too, which have no CVE", () => {
    expect(kbsOf(aVulnerability("ADV990001"))).toEqual([{ ...plain, cves: [] }]);
  });

  it("is read without its malformed entries, which are counted", () => {
    const entries = [
      aVulnerability("CVE-2025-62215", {
        Threats: ["?", aSeverity("Important")],
        Remediations: [null, aFix("5068861")],
      }),
      { CVE: 7 },
      "CVE-2025-1",
    ];
    expect(readMonth("2025-Nov", aMonthDocument(entries))).toEqual({ content: [plain], skipped: 4 });
  });

  it.each([
    ["no object", "[]", "does not have the shape of one"],
    ["no entries", aMonthDocument([]), "has no entry that can be used"],
    ["only malformed entries", aMonthDocument([{ CVE: null }]), "has no entry that can be used"],
    ["another shape", aMonthDocument([], { Vulnerability: {} }), "does not have the shape of one"],
    [
      "another month",
      { ...aMonthDocument([aVulnerability("CVE-2025-1")]), DocumentTracking: tracking("2025-Oct") },
      "is another month's",
    ],
    [
      "no date",
      { ...aMonthDocument([aVulnerability("CVE-2025-1")]), DocumentTracking: tracking("2025-Nov", "soon") },
      "when it was released",
    ],
    [
      "too many KBs",
      aMonthDocument([
        aVulnerability("CVE-2025-1", { Remediations: Array.from({ length: 5_001 }, (_, n) => aFix(`${10_000 + n}`)) }),
      ]),
      "has more than 5000 KBs",
    ],
  ])("cannot be read with %s", (_, document, reason) => {
    const read = () => readMonth("2025-Nov", document);
    expect(read).toThrow(FeedError);
    expect(read).toThrow(reason);
    expect(read).toThrow(/^MSRC's document of 2025-Nov /);
  });

  test("without a KB is one of which only browsers were updated yet", () => {
    const chromium = aVulnerability("CVE-2025-13042", { Remediations: [aFix("Release Notes")] });
    expect(readMonth("2025-Nov", aMonthDocument([chromium]))).toEqual({ content: [], skipped: 0 });
  });
});

function tracking(id: string, InitialReleaseDate = "2025-10-14T08:00:00") {
  return { Identification: { ID: { Value: id } }, InitialReleaseDate };
}

describe("MSRC's list of months", () => {
  it("has each month with when it was changed", () => {
    const list = aMonthList("2025-Nov", "2025-Oct", "2016-Apr");
    const changedAt = "2025-11-25T08:00:00Z";
    const content = ["2025-Nov", "2025-Oct", "2016-Apr"].map((id) => ({ id, changedAt }));
    expect(readList(list)).toEqual({ content, skipped: 0 });
  });

  it("is read without what is no month, which is counted", () => {
    const list = aMonthList("2025-Nov", "2017-May-B", "../2025-Oct", "2025-nov");
    const { content, skipped } = readList({ value: [...list.value, { ID: "2025-Oct" }, null] });
    expect([content.map(({ id }) => id), skipped]).toEqual([["2025-Nov"], 5]);
  });

  it.each([[{}], [{ value: {} }], [{ value: [] }], [aMonthList("never")], [null]])("cannot be read as %j", (json) => {
    expect(() => readList(json)).toThrow(FeedError);
  });
});

describe("CISA's catalogue", () => {
  it("says since when a CVE is exploited, and whether by ransomware", () => {
    const items = [aKevItem("CVE-2025-62215"), aKevItem("cve-2021-44228", { knownRansomwareCampaignUse: "Known" })];
    expect(readCatalogue(aKevDocument(items))).toEqual({
      content: [
        { cve: "CVE-2021-44228", since: "2025-11-12", ransomware: true },
        { cve: "CVE-2025-62215", since: "2025-11-12", ransomware: false },
      ],
      skipped: 0,
    });
  });

  it("has a CVE once, since the earliest day", () => {
    const known = { dateAdded: "2025-10-01", knownRansomwareCampaignUse: "Known" };
    const items = [aKevItem("CVE-2025-62215"), aKevItem("CVE-2025-62215", known), aKevItem("CVE-2025-62215")];
    expect(readCatalogue(aKevDocument(items)).content).toEqual([
      { cve: "CVE-2025-62215", since: "2025-10-01", ransomware: true },
    ]);
  });

  it("is read without its malformed entries, which are counted", () => {
    const items = [
      aKevItem("CVE-2025-62215", { knownRansomwareCampaignUse: 7 }),
      ...[aKevItem("CVE-2025"), aKevItem(null), aKevItem("CVE-2025-1000", { dateAdded: "2025-02-30" }), []],
    ];
    const content = [{ cve: "CVE-2025-62215", since: "2025-11-12", ransomware: false }];
    expect(readCatalogue(aKevDocument(items))).toEqual({ content, skipped: 4 });
  });

  it.each([
    [{}, "does not have the shape of one"],
    [aKevDocument([]), "has no entry that can be used"],
    [aKevDocument([{}]), "has no entry that can be used"],
    [aKevDocument(Array.from({ length: 10_001 }, () => ({}))), "has more than 10000 entries"],
  ])("cannot be read without what it is for: %#", (json, reason) => {
    expect(() => readCatalogue(json)).toThrow(FeedError);
    expect(() => readCatalogue(json)).toThrow(reason);
  });
});

test("whatever the documents say, they are read or refused, and what is read can be stored", fuzzing, () => {
  const numRuns = fuzzRuns(300);
  const month = aMonthDocument([
    aVulnerability("CVE-2025-62215", { Threats: [aSeverity("Critical"), anExploitStatus("Yes")] }),
    aVulnerability("CVE-2025-60724"),
  ]);
  const refusedOr = <T>(read: () => T): T | null => {
    try {
      return read();
    } catch (error) {
      expect(error).toBeInstanceOf(FeedError);
      return null;
    }
  };
  fc.assert(
    fc.property(mutated(month), (json) => {
      const read = refusedOr(() => readMonth("2025-Nov", json));
      if (!read) return;
      const stored = { id: "2025-Nov", changedAt: "", kbs: read.content };
      expect(decodeMonth(encodeMonth(stored))).toEqual(stored);
    }),
    { numRuns },
  );
  fc.assert(
    fc.property(mutated(aMonthList("2025-Nov", "2025-Oct")), (json) => void refusedOr(() => readList(json))),
    { numRuns },
  );
  const kev = aKevDocument([aKevItem("CVE-2025-62215"), aKevItem("CVE-2021-44228")]);
  fc.assert(
    fc.property(mutated(kev), (json) => void refusedOr(() => readCatalogue(json))),
    { numRuns },
  );
});
