import { afterEach, describe, expect, test } from "vitest";
import { estateFacts, estateTrouble } from "../../local/advisory-data.ts";
import { type AdvisoryFeeds, type AdvisoryFeedsOptions, startAdvisoryFeeds } from "../../local/advisory-feeds.ts";
import { createEstate } from "../../local/estate.ts";
import { lineageOf } from "../../shared/core/advisory.ts";

let feeds: AdvisoryFeeds | null = null;
afterEach(async () => {
  await feeds?.close();
  feeds = null;
});

async function start(options: Partial<AdvisoryFeedsOptions>): Promise<AdvisoryFeeds> {
  feeds = await startAdvisoryFeeds({ kbs: [], kev: [], ...options });
  return feeds;
}

/** Node's fetch unzips; this shows what was sent. */
function get(url: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, { headers: { accept: "application/json", "accept-encoding": "identity", ...headers } });
}

interface Month {
  DocumentTracking: { InitialReleaseDate: string };
  Vulnerability: [Vulnerability, Vulnerability];
}

interface Vulnerability {
  CVE: string;
  Threats: { Type: number; Description: { Value: string } }[];
  Remediations: [Record<string, unknown>, Record<string, unknown>];
}

interface Catalogue {
  count: number;
  vulnerabilities: [unknown, unknown];
}

async function readJson<Content>(url: string): Promise<Content> {
  return (await (await get(url)).json()) as Content;
}

function readMonth({ msrcUrl }: AdvisoryFeeds, id: string): Promise<Month> {
  return readJson(`${msrcUrl}/cvrf/${id}`);
}

async function monthsOf({ msrcUrl }: AdvisoryFeeds): Promise<{ ID: string; CurrentReleaseDate: string }[]> {
  type Months = { value: { ID: string; CurrentReleaseDate: string }[] };
  return (await readJson<Months>(`${msrcUrl}/updates`)).value;
}

const august = { id: "5063709", released: "2026-08-11", cves: ["CVE-2026-1", "CVE-2026-2"] };
const september = { id: "5065429", released: "2026-09-08", cves: ["CVE-2026-2"], supersedes: ["5063709", "5063877"] };

describe("MSRC", () => {
  test("lists a month from the evening of its first release on", async () => {
    let now = new Date("2026-09-08T12:00:00Z");
    const msrc = await start({ kbs: [august, september], now: () => now });
    expect((await monthsOf(msrc)).map(({ ID }) => ID)).toEqual(["2026-Aug"]);
    expect((await get(`${msrc.msrcUrl}/cvrf/2026-Sep`)).status).toBe(404);
    now = new Date("2026-09-08T18:00:00Z");
    expect((await monthsOf(msrc)).map(({ ID }) => ID)).toEqual(["2026-Aug", "2026-Sep"]);
    expect((await get(`${msrc.msrcUrl}/cvrf/2026-Sep`)).status).toBe(200);
  });

  test("names a month's KBs under the CVEs that they close", async () => {
    const exploited = { ...august, exploitedCves: ["CVE-2026-2"], severity: "Critical", restart: "maybe" } as const;
    const other = { id: "5063877", released: "2026-08-11", cves: ["CVE-2026-2"], hotpatch: true, restart: null };
    const msrc = await start({ kbs: [exploited, other], now: () => new Date("2026-09-01") });
    const { Vulnerability } = await readMonth(msrc, "2026-Aug");
    const [first, second] = Vulnerability;
    expect([first.CVE, second.CVE]).toEqual(["CVE-2026-1", "CVE-2026-2"]);
    const texts = (type: number) =>
      second.Threats.filter(({ Type }) => Type === type).map(({ Description }) => Description.Value);
    expect(texts(1)[0]).toMatch(/;Exploited:Yes;/);
    expect(texts(3)).toEqual(["Critical"]);
    const [fix, hotpatch] = second.Remediations;
    expect(fix).toMatchObject({ Type: 2, Description: { Value: "5063709" }, RestartRequired: { Value: "Maybe" } });
    expect(fix).not.toHaveProperty("Supercedence");
    expect(hotpatch).toMatchObject({ Description: { Value: "5063877" }, SubType: "Security Hotpatch Update" });
    expect(hotpatch).not.toHaveProperty("RestartRequired");
  });

  test("names several superseded KBs in one text", async () => {
    const msrc = await start({ kbs: [september], now: () => new Date("2026-10-01") });
    const { Vulnerability } = await readMonth(msrc, "2026-Sep");
    expect(Vulnerability[0].Remediations[0].Supercedence).toBe("5063709; 5063877");
  });

  test("changes a month's date when a KB in it is revised, and shows the new version alone", async () => {
    let now = new Date("2026-08-20");
    const revised = { ...august, revised: "2026-08-20", exploitedCves: ["CVE-2026-1"] };
    const msrc = await start({ kbs: [august, revised], now: () => now });
    const look = async () => {
      const { Vulnerability } = await readMonth(msrc, "2026-Aug");
      const [month] = await monthsOf(msrc);
      const yes = JSON.stringify(Vulnerability).includes("Exploited:Yes");
      return { day: month?.CurrentReleaseDate.slice(0, 10), yes, kbs: Vulnerability[0].Remediations.length };
    };
    expect(await look()).toEqual({ day: "2026-08-11", yes: false, kbs: 1 });
    now = new Date("2026-08-21");
    expect(await look()).toEqual({ day: "2026-08-20", yes: true, kbs: 1 });
  });

  test("dates a month by its Patch Tuesday, whatever came out of band", async () => {
    const early = { id: "5070886", released: "2026-08-04" };
    const msrc = await start({ kbs: [early, august, { ...august, id: "5063877" }], now: () => new Date("2026-09-01") });
    const { DocumentTracking } = await readMonth(msrc, "2026-Aug");
    expect(DocumentTracking.InitialReleaseDate).toBe("2026-08-11T08:00:00");
  });

  test("sends a month as XML unless JSON is asked for", async () => {
    const msrc = await start({ kbs: [august], now: () => new Date("2026-09-01") });
    const answer = await get(`${msrc.msrcUrl}/cvrf/2026-Aug`, { accept: "*/*" });
    expect(answer.headers.get("content-type")).toContain("application/xml");
    expect(await answer.text()).toMatch(/^<\?xml /);
  });
});

describe("CISA's catalogue", () => {
  test("has a CVE from the evening of the day it is dated on", async () => {
    let now = new Date("2026-11-12T17:00:00Z");
    const old = { cve: "CVE-2020-1472", since: "2021-11-03", ransomware: true };
    const cisa = await start({ kev: [old, { cve: "CVE-2026-5", since: "2026-11-12" }], now: () => now });
    const read = async () => readJson<Catalogue>(cisa.kevUrl);
    const before = await read();
    expect(before).toMatchObject({ count: 1, catalogVersion: "2021.11.03" });
    expect(before.vulnerabilities[0]).toMatchObject({ cveID: "CVE-2020-1472", knownRansomwareCampaignUse: "Known" });
    now = new Date("2026-11-12T18:30:00Z");
    const after = await read();
    expect(after).toMatchObject({ count: 2, catalogVersion: "2026.11.12", dateReleased: "2026-11-12T18:00:00.000Z" });
    expect(after.vulnerabilities[1]).toMatchObject({
      ...{ cveID: "CVE-2026-5", dateAdded: "2026-11-12", dueDate: "2026-12-03", knownRansomwareCampaignUse: "Unknown" },
    });
  });
});

describe("a conditional request", () => {
  const both = (one: AdvisoryFeeds) => [`${one.msrcUrl}/updates`, one.kevUrl];

  test("gets nothing while nothing has changed, by ETag or by date", async () => {
    let now = new Date("2026-09-01");
    const kev = [
      { cve: "CVE-2026-1", since: "2026-08-01" },
      { cve: "CVE-2026-2", since: "2026-09-08" },
    ];
    const two = await start({ kbs: [august, september], kev, now: () => now });
    for (const url of both(two)) {
      now = new Date("2026-09-01");
      const first = await get(url);
      const tag = { "if-none-match": first.headers.get("etag") ?? "" };
      const date = { "if-modified-since": first.headers.get("last-modified") ?? "" };
      await first.text();
      for (const headers of [tag, date, { ...tag, ...date }, { "if-none-match": `"x", W/${tag["if-none-match"]}` }]) {
        const again = await get(url, headers);
        expect([again.status, await again.text()]).toEqual([304, ""]);
        expect(again.headers.get("etag")).toBe(tag["if-none-match"]);
      }
      now = new Date("2026-09-09");
      expect((await get(url, { ...tag, ...date })).status).toBe(200);
      expect((await get(url, date)).status).toBe(200);
    }
  });

  test("with another ETag gets the document, whatever its date", async () => {
    const one = await start({ kbs: [august], now: () => new Date("2026-09-01") });
    const headers = { "if-none-match": '"other"', "if-modified-since": new Date("2026-12-01").toUTCString() };
    for (const url of both(one)) expect((await get(url, headers)).status).toBe(200);
  });
});

test("answers are zipped where the caller allows it", async () => {
  const one = await start({ kbs: [august], kev: [{ cve: "CVE-2026-1", since: "2026-08-01" }] });
  for (const url of [`${one.msrcUrl}/cvrf/2026-Aug`, one.kevUrl]) {
    const plain = await get(url);
    expect(plain.headers.get("content-encoding")).toBeNull();
    const text = await plain.text();
    const zipped = await get(url, { "accept-encoding": "gzip, deflate" });
    expect(zipped.headers.get("content-encoding")).toBe("gzip");
    expect(await zipped.text()).toBe(text);
    expect(one.calls.at(-1)?.bytes).toBeLessThan(one.calls.at(-2)?.bytes ?? 0);
  }
});

test("calls are noted with what was sent, also those that no feed answers", async () => {
  const one = await start({ now: () => new Date("2026-09-01") });
  await get(`${one.msrcUrl}/releases`);
  const text = await (await get(one.kevUrl)).text();
  expect(one.calls).toMatchObject([
    { feed: null, path: "/cvrf/v3.0/releases", status: 404, bytes: 0 },
    { feed: "kev", status: 200, bytes: text.length },
  ]);
});

test("new facts hold from the next request on", async () => {
  const one = await start({ now: () => new Date("2026-09-01") });
  expect(await monthsOf(one)).toEqual([]);
  one.setFacts({ kbs: [august], kev: [] });
  expect((await monthsOf(one)).map(({ ID }) => ID)).toEqual(["2026-Aug"]);
});

describe("a fault", () => {
  test("takes the place of so many answers of one feed", async () => {
    const one = await start({ now: () => new Date("2026-09-01") });
    one.setFault("kev", { status: 503, body: "no" }, 2);
    const statuses = [];
    for (let times = 0; times < 3; times += 1) statuses.push((await get(one.kevUrl)).status);
    expect(statuses).toEqual([503, 503, 200]);
    one.setFault("msrc", (request) => request.socket.resetAndDestroy());
    await expect(monthsOf(one)).rejects.toThrow();
    one.setFault("msrc", null);
    expect(await monthsOf(one)).toEqual([]);
  });
});

describe("what the feeds say of the simulated organisation", () => {
  const today = "2026-11-26";
  const estate = createEstate({ seed: 7, today });
  const facts = estateFacts(today);
  const known = new Map(facts.kbs.map((kb) => [kb.id, kb]));
  const daysAgo = (days: number, from = today) =>
    new Date(Date.parse(from) - days * 86_400_000).toISOString().slice(0, 10);
  const listedOn = (day: string) =>
    estate.softwareIds.flatMap((id) => estate.missingKbs(id, day).flatMap((kb) => (kb.id === null ? [] : [kb.id])));

  test.each(["2024-02-29", "2026-10-14", "2026-11-11", "2026-11-26", "2027-01-03"])(
    "it dates each KB before the day on which it is first listed, and none by a year too early: %s",
    (end) => {
      const other = createEstate({ seed: 3, today: end });
      const kbs = new Map(estateFacts(end).kbs.map((kb) => [kb.id, kb]));
      for (let ago = 31; ago >= 0; ago -= 1) {
        const day = daysAgo(ago, end);
        for (const { id } of other.softwareIds.flatMap((softwareId) => other.missingKbs(softwareId, day))) {
          const kb = kbs.get(id ?? "");
          if (!kb) continue;
          expect(kb.released < day, `${id} on ${day}`).toBe(true);
          expect(kb.released >= daysAgo(340, day), `${id} on ${day}`).toBe(true);
        }
      }
    },
  );

  test("MSRC knows all listed KBs but one or two", () => {
    const missing = new Set(listedOn(today).filter((id) => !known.has(id)));
    expect(missing.size).toBeGreaterThan(0);
    expect(missing.size).toBeLessThan(3);
  });

  test("each KB is there once, and replaces only what was released before it, if MSRC knows it", () => {
    expect(known.size).toBe(facts.kbs.length);
    for (const { id, released, supersedes = [] } of facts.kbs) {
      for (const old of supersedes) {
        const before = known.get(old);
        if (before && old !== id) expect(before.released < released, `${id} replaces ${old}`).toBe(true);
      }
    }
    expect(facts.kbs.some(({ supersedes = [] }) => supersedes.some((old) => !known.has(old)))).toBe(true);
    expect(facts.kbs.some(({ id, supersedes = [] }) => supersedes.includes(id))).toBe(true);
  });

  test("the day after a Patch Tuesday, a KB leaves the list of Windows Server 2022 for the one that replaces it", () => {
    const listed = (day: string) => estate.missingKbs("microsoft-_-windows_server_2022", day).map(({ id }) => id);
    expect(listed("2026-11-10")).toContain("5066782");
    expect(listed("2026-11-11")).not.toContain("5066782");
    expect(listed("2026-11-11")).toContain("5068787");
    const kbs = new Map(facts.kbs.map((kb) => [kb.id, { ...full, ...kb }]));
    const lineage = lineageOf({ kbs, kev: new Map(), readAt: { msrc: null, kev: null } });
    expect(lineage.replacedBy("5068787")).toContain("5066782");
    expect(lineage.replacedBy("5068840")).not.toContain("5066782");
  });

  test.each(["2026-10-14", "2026-11-11", "2026-11-26", "2027-01-03", "2027-02-20"])(
    "a CVE becomes exploited in the middle of the month before %s, while KBs that close it are missing",
    (end) => {
      const other = createEstate({ seed: 7, today: end });
      const { kbs, kev } = estateFacts(end);
      const since = daysAgo(12, end);
      const [cve] = kev.filter((entry) => entry.since === since && entry.ransomware).map((entry) => entry.cve);
      const closing = kbs.filter(({ cves = [] }) => cve !== undefined && cves.includes(cve)).map(({ id }) => id);
      const missing = other.softwareIds.filter((id) =>
        other.missingKbs(id, since).some((kb) => kb.id !== null && closing.includes(kb.id)),
      );
      expect(missing.length).toBeGreaterThan(1);
    },
  );

  test("both feeds have a bad weekend, which is over four days before today", () => {
    const trouble = estateTrouble(today);
    const days = Array.from({ length: 31 }, (_, index) => daysAgo(30 - index));
    const bad = days.filter((day) => trouble("msrc", day) || trouble("kev", day));
    expect(bad).toEqual(["2026-11-21", "2026-11-22"]);
  });

  test("on that weekend MSRC answers with a page, and on Sunday CISA's file has lost most entries", async () => {
    let now = new Date("2026-11-21T05:00:00Z");
    const one = await start({ ...facts, now: () => now, trouble: estateTrouble(today) });
    const months = () => get(`${one.msrcUrl}/updates`);
    const count = async () => (await readJson<Catalogue>(one.kevUrl)).count;
    const page = await months();
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html"]);
    const all = await count();
    now = new Date("2026-11-22T05:00:00Z");
    expect((await months()).headers.get("content-type")).toBe("text/html");
    expect(await count()).toBeLessThan(all / 5);
    now = new Date("2026-11-23T05:00:00Z");
    expect((await months()).headers.get("content-type")).toContain("json");
    expect(await count()).toBe(all);
  });
});

const full = {
  ...{ severity: null, cves: [], exploitedCves: [], restart: null, supersedes: [], hotpatch: false },
};
