import { beforeAll, describe, expect, test } from "vitest";
import { readCsv } from "../support/read-csv.ts";
import { readHtml } from "../support/read-html.ts";
import { item, type PlayedStory, play } from "../support/story.ts";

const [windows10, windows11] = ["microsoft-_-windows_10", "microsoft-_-windows_11"];
const [server2019, net] = ["microsoft-_-windows_server_2019", "microsoft-_-.net_framework"];

async function csv(story: PlayedStory, query = ""): Promise<Record<string, string>[]> {
  const { body } = await story.report(`format=csv${query}`);
  const [head = [], ...lines] = readCsv(body.replace(/^\ufeff/, ""));
  return lines.map((cells) => Object.fromEntries(head.map((column, index) => [column, cells[index] ?? ""])));
}

/** The lines as `KB product: change machines`. */
async function lines(story: PlayedStory, query = ""): Promise<string[]> {
  const all = await csv(story, query);
  return all.map(({ id, softwareId, change, machineMissedOn }) =>
    `${id} ${softwareId?.replace("microsoft-_-", "")}: ${change} ${machineMissedOn}`.trim(),
  );
}

async function page(story: PlayedStory, query = ""): Promise<string> {
  const { body } = await story.report(`format=html${query}`);
  return readHtml(body).text.replace(/\s+/g, " ");
}

/** The parameters of the page's links with this text. */
async function linked(story: PlayedStory, query: string, text: string): Promise<Record<string, string>[]> {
  const { body } = await story.report(`format=html${query}`);
  const links = [...body.matchAll(/<a href="\?([^"#]*)[^>]*>([^<]*)</g)].filter(([, , words]) =>
    words?.startsWith(text),
  );
  return links.map(([, address = ""]) => Object.fromEntries(new URLSearchParams(address.replaceAll("&amp;", "&"))));
}

const json = async (story: PlayedStory, query = "") => (await story.report(`format=json${query}`)).json;
const text = async (story: PlayedStory, query = "") =>
  (await story.report(`format=text${query}`)).body.replace(/\s+/g, " ");

describe("a KB that is new for one product and known of another", () => {
  let story: PlayedStory;
  beforeAll(async () => {
    story = await play({
      watchlist: { softwareIds: [windows10, net] },
      days: [
        { date: "2026-09-20", answers: { [windows10]: [item("5066835", 512)], [net]: [] } },
        { date: "2026-11-22", answers: { [net]: [item("5049993", 5)] } },
        { date: "2026-11-23", answers: { [net]: [item("5049993", 5), item("5066835", 3)] } },
      ],
    });
  });

  test("is new on the machines of the one, with the other beside it under its own name", async () => {
    const words = await page(story);
    expect(words).toContain("KB5066835 is new in .NET Framework, on 3 machines");
    expect(words).toMatch(
      /\+ New 3 10 0 days due 7 Dec first seen 23 Nov 2026 \.NET Framework and 1 more \.NET Framework 3 machines with \.NET Framework in Defender Windows 10 unchanged 512 /,
    );
    // Both products need it; of the row only the entry says so.
    expect(words.match(/[\w ]{9}512 machines/g)).toEqual(["at least 512 machines", "nchanged 512 machines"]);
  });

  test("is not overdue under New", async () => {
    expect(await lines(story, "&change=new")).toEqual(["5066835 .net_framework: new 3"]);
    expect(await csv(story, "&change=new")).toMatchObject([{ ageDays: "0", overdueDays: "0", stalled: "false" }]);
    expect(await page(story, "&change=new")).toContain(
      "KBs: new Show the full report 1 of 2 KBs, on up to 3 machines: 1 new.",
    );
    expect((await json(story, "&change=new")).totals).toMatchObject({
      new: 1,
      missingInstalls: 3,
      overdue: 0,
      stalled: 0,
    });
  });
});

describe("a product that could not be read", () => {
  let story: PlayedStory;
  const failed = { status: 500 };
  beforeAll(async () => {
    story = await play({
      watchlist: { softwareIds: [windows10, windows11] },
      rules: { graceMinutes: 0 },
      days: [
        { date: "2026-09-20", answers: { [windows10]: [item("5066835", 512)], [windows11]: [item("5049993", 5)] } },
        { date: "2026-11-22" },
        {
          date: "2026-11-23",
          answers: { [windows10]: failed, [windows11]: [item("5049993", 5), item("5066835", 3)] },
        },
      ],
    });
  });

  test("is neither overdue nor stalled in any form, and keeps its counts", async () => {
    expect((await csv(story)).find(({ softwareId }) => softwareId === windows10)).toMatchObject({
      ...{ change: "not-read", machineMissedOn: "512", previousMachineMissedOn: "512" },
      ...{ overdueDays: "0", stalled: "false", runDay: "2026-11-23", lastReadOn: "2026-11-22" },
    });
    const { totals, products, rows } = (await json(story)) as Record<string, never>;
    expect(totals).toMatchObject({ overdue: 1, stalled: 1, new: 1, read: 1, notRead: 1 });
    expect(products).toMatchObject([{ state: "not-read", lastReadOn: "2026-11-22" }, { state: "read" }]);
    expect(rows).toMatchObject([
      { id: "5066835", change: "new", machineMissedOn: 3, overdueDays: 0, stalled: false },
      { id: "5049993", change: "unchanged", overdueDays: 50, stalled: true },
    ]);
    expect(await lines(story, "&overdue=true")).toEqual(["5049993 windows_11: unchanged 5"]);
  });

  test("shows on the page what it missed when it was last read", async () => {
    const words = await page(story);
    expect(words).toContain("1 overdue and 1 more when last read, 22 Nov");
    expect(words).toContain("1 stalled and 1 more when last read, 22 Nov");
    expect(words).toContain("517 missing installs (±0 in 30 days) 509 of these last read 22 Nov");
    expect(words).toContain("Windows 11 3 machines with Windows 11 in Defender Windows 10 not read 512");
    expect(words).toContain("Not read last read 22 Nov");
  });
});

test("the count last reported is exported of every entry that had one, and read from there as the change", async () => {
  const story = await play({
    watchlist: { softwareIds: [windows10], thresholds: { minMachines: 5 } },
    days: [
      { date: "2026-11-21", answers: { [windows10]: [item("5049993", 240), item("5066835", 100)] } },
      { date: "2026-11-22", answers: { [windows10]: [item("5049993", 240), item("5066835", 103)] } },
      { date: "2026-11-23" },
    ],
  });
  const counts = (await csv(story)).map((line) => [
    line.id,
    line.change,
    line.machineMissedOn,
    line.previousMachineMissedOn,
  ]);
  expect(counts).toEqual([
    ["5049993", "unchanged", "240", "240"],
    ["5066835", "unchanged", "103", "100"],
  ]);
  expect((await json(story)).rows).toMatchObject([
    { entries: [{ previous: { machineMissedOn: 240, cveAddressed: 10 } }] },
    { entries: [{ previous: { machineMissedOn: 100 } }] },
  ]);
  // A rise that is held back is not shown as a change.
  const words = await page(story);
  expect([words.includes("= Unchanged 103 "), words.includes("103 +3")]).toEqual([true, false]);
});

describe("a comparison", () => {
  let story: PlayedStory;
  const days = ["2026-11-20", "2026-11-21", "2026-11-23"];
  beforeAll(async () => {
    story = await play({
      watchlist: { softwareIds: [windows10] },
      days: days.map((date, index) => ({ date, answers: { [windows10]: [item(String(5_000_001 + index), 9)] } })),
    });
  });

  test("backwards is refused, with what there is to compare with and how to turn it round", async () => {
    const given = await story.report("format=text&run=2026-11-20&from=2026-11-23");
    expect([given.status, given.headers["Content-Type"]]).toEqual([400, "application/problem+json; charset=utf-8"]);
    expect(given.json).toMatchObject({
      parameter: "from",
      detail:
        "Comparisons go forward in time, but 2026-11-23 is later than 2026-11-20. No run before 20 Nov 2026 exists. To see what changed between the two, ask for run=2026-11-23&from=2026-11-20.",
      allowed: [],
    });
    expect((await story.report("run=2026-11-21&from=latest")).json).toMatchObject({
      detail: expect.stringContaining('"from" can be a run before 21 Nov 2026, such as 2026-11-20.'),
      allowed: ["2026-11-20"],
    });
  });

  test("backwards is a page for a browser", async () => {
    const given = await story.report("format=html&run=2026-11-20&from=2026-11-23", "text/html,*/*;q=0.8");
    expect([given.status, given.headers["Content-Type"]]).toEqual([400, "text/html; charset=utf-8"]);
    expect(readHtml(given.body).text).toContain("Comparisons go forward in time");
  });

  test("forward is of any two runs, and the page offers only earlier ones to compare with", async () => {
    expect(await lines(story, "&run=2026-11-23&from=2026-11-20")).toEqual([
      "5000003 windows_10: new 9",
      "5000001 windows_10: resolved",
    ]);
    const { body } = await story.report("format=html&run=2026-11-21");
    const [, offered = ""] = /<select id="from".*?>(.*?)<\/select>/.exec(body) ?? [];
    expect([...offered.matchAll(/value="([^"]*)"/g)].map(([, value]) => value)).toEqual(["", "2026-11-20"]);
  });

  test("with a run that is no longer kept is 410, with one that never was 404", async () => {
    const statusOf = async (query: string) => (await story.report(query)).status;
    expect(await statusOf("run=2025-10-18")).toBe(410);
    expect(await statusOf("run=2025-10-19")).toBe(404);
    expect(await statusOf("from=2025-10-18")).toBe(410);
    expect((await story.report("run=2025-10-18")).json.detail).toBe(
      "The report of 2025-10-18 is no longer kept. Reports are kept for 400 days (RETENTION_DAYS). GET /api/history lists the reports that exist.",
    );
  });
});

describe("a filtered export", () => {
  let story: PlayedStory;
  beforeAll(async () => {
    story = await play({
      watchlist: { softwareIds: [windows10, windows11, server2019] },
      days: [
        {
          date: "2026-11-22",
          answers: {
            [windows10]: [item("5066835", 100), item("5049993", 7)],
            [windows11]: [item("5066835", 50)],
            [server2019]: [],
          },
        },
        {
          date: "2026-11-23",
          answers: {
            [windows10]: [item("5066835", 100)],
            [windows11]: [item("5068861", 4)],
            [server2019]: [item("5066835", 2)],
          },
        },
      ],
    });
  });

  test.each([
    [
      "",
      [
        "5068861 windows_11: new 4",
        "5066835 windows_10: unchanged 100",
        "5066835 windows_11: resolved",
        "5066835 windows_server_2019: new 2",
        "5049993 windows_10: resolved",
      ],
    ],
    ["&change=new", ["5068861 windows_11: new 4", "5066835 windows_server_2019: new 2"]],
    ["&change=resolved", ["5066835 windows_11: resolved", "5049993 windows_10: resolved"]],
    ["&change=unchanged", ["5066835 windows_10: unchanged 100"]],
    ["&change=worse&search=server", ["5066835 windows_server_2019: new 2"]],
    ["&kb=kb 5066835&change=missing", ["5066835 windows_10: unchanged 100", "5066835 windows_server_2019: new 2"]],
  ])("%s has each entry that matches and no other", async (query, expected) => {
    expect(await lines(story, query)).toEqual(expected);
    const rows = (await json(story, query)).rows as { id: string; entries: { softwareId: string; change: string }[] }[];
    const entries = rows.flatMap(({ id, entries }) =>
      entries.map((entry) => `${id} ${entry.softwareId} ${entry.change}`),
    );
    const listed = (await csv(story, query)).map(({ id, softwareId, change }) => `${id} ${softwareId} ${change}`);
    expect(entries).toEqual(listed);
  });
});

describe("figures of a filtered report", () => {
  let story: PlayedStory;
  beforeAll(async () => {
    story = await play({
      watchlist: { softwareIds: [windows10, windows11] },
      days: [
        {
          date: "2026-10-01",
          answers: {
            [windows10]: [item("5049993", 240), item("5060000", 3)],
            [windows11]: [item("5049993", 20)],
          },
        },
        { date: "2026-11-22" },
        { date: "2026-11-23", answers: { [windows10]: [item("5049993", 240), item("5068861", 12)] } },
      ],
    });
  });

  test("are of the selected entries alone in JSON, which names the filter", async () => {
    const found = await json(story, "&search=5068861");
    expect(found).toMatchObject({
      filter: { search: "5068861" },
      totals: { new: 1, resolved: 0, missingKbs: 1, missingInstalls: 12, overdue: 0, read: 1, notRead: 0 },
      trendOf: "watchlist",
      products: [{ softwareId: windows10, missingKbs: 1, missingInstalls: 12 }],
      trend: [
        { day: "2026-11-22", totals: { missingInstalls: 243 } },
        { day: "2026-11-23", totals: { missingInstalls: 252 } },
      ],
    });
    expect(await json(story)).toMatchObject({
      filter: null,
      trendOf: "watchlist",
      totals: { new: 1, resolved: 1, overdue: 1 },
    });
  });

  test("of one product have the trend of that product", async () => {
    expect(await json(story, `&softwareId=${windows11}`)).toMatchObject({
      filter: { softwareId: windows11 },
      trendOf: windows11,
      trend: [{ totals: { missingInstalls: 20 } }, { totals: { missingInstalls: 20 } }],
      totals: { missingInstalls: 20, new: 0, overdue: 1 },
    });
    const words = await page(story, `&softwareId=${windows11}`);
    expect(words).toContain("KBs: Windows 11 Show the full report 1 of 3 KBs, on up to 20 machines.");
    expect(words).toContain("Missing installs over time, Windows 11 20 missing installs on 23 Nov");
    expect(words).toContain("1 of 1 missing KB is overdue.");
  });

  test("say what is still of all products", async () => {
    const words = await page(story, "&change=new");
    expect(words).toContain("Missing installs over time, all products");
    expect(words).toContain("No forecast yet for all products");
    expect(await text(story, "&change=new")).toContain("MISSING INSTALLS, LAST 30 DAYS, ALL PRODUCTS");
  });

  test.each([
    [
      "&search=5049993",
      "KBs: “5049993”. 1 of 3 KBs, on up to 240 machines.",
      "KB5049993 October 2026 Security Updates; unchanged; 53 days old; ! 39 days overdue; ! stalled at 240, peak 240",
    ],
    ["&change=resolved", "KBs: resolved. 1 of 3 KBs: 1 resolved.", "KB5060000 October 2026 Security Updates; resolved"],
    [`&softwareId=${windows11}`, "KBs: Windows 11. 1 of 3 KBs, on up to 20 machines.", "stalled at 20, peak 20"],
  ])("text with %s names the filter and lists what it selects", async (query, headline, line) => {
    const words = await text(story, query);
    expect(words.startsWith(headline)).toBe(true);
    expect(words).toContain(line);
    expect(words).not.toContain("5068861");
  });
});

describe("days in a zone ahead of UTC", () => {
  let story: PlayedStory;
  beforeAll(async () => {
    story = await play({
      watchlist: { softwareIds: [windows10] },
      rules: { timeZone: "Asia/Tokyo", schedule: "0 0 22 * * *" },
      days: [
        { date: "2026-11-21", at: "2026-11-21T22:00:00Z", answers: { [windows10]: [item("5066835", 100)] } },
        { date: "2026-11-22", at: "2026-11-22T22:00:00Z" },
        {
          date: "2026-11-22",
          at: "2026-11-22T23:00:00Z",
          onDemand: "2026-11-22T23:00Z",
          answers: { [windows10]: [item("5066835", 120), item("5068861", 4)] },
        },
      ],
    });
  });

  test("the latest report is the scheduled one, with a link to the newer one that was asked for", async () => {
    expect(await json(story)).toMatchObject({
      runId: "2026-11-23",
      newerRuns: ["2026-11-22T23:00Z"],
      day: "2026-11-23",
    });
    const newer = "A newer run of 23 Nov 2026, 08:00 GMT+9 was asked for";
    expect(await linked(story, "", newer)).toEqual([{ watchlist: "default", run: "2026-11-22T23:00Z" }]);
    expect(await text(story)).toContain(
      "A newer run of 23 Nov 2026, 08:00 GMT+9 was asked for: run=2026-11-22T23:00Z.",
    );
    expect(await json(story, "&run=2026-11-22T23:00Z")).toMatchObject({ newerRuns: [] });
  });

  test("a run asked for is of its day in the zone, and the runs are listed as they happened", async () => {
    const asked = "&run=2026-11-22T23:00Z";
    expect(await csv(story, `${asked}&change=new`)).toMatchObject([
      { firstSeen: "2026-11-23", runDay: "2026-11-23", ageDays: "0" },
    ]);
    expect(await page(story, asked)).toContain("Compared with 23 Nov 2026, the same day.");
    const { body } = await story.report("format=html");
    const [, offered = ""] = /<select id="run".*?>(.*?)<\/select>/.exec(body) ?? [];
    expect([...offered.matchAll(/value="([^"]*)"/g)].map(([, value]) => value)).toEqual([
      "latest",
      "2026-11-22T23:00Z",
      "2026-11-23",
      "2026-11-22",
    ]);
  });
});

test("after a day that could not be read, a report names the run whose counts it compares with", async () => {
  const story = await play({
    watchlist: { softwareIds: [windows10] },
    rules: { graceMinutes: 0 },
    days: [
      { date: "2026-11-21", answers: { [windows10]: [item("5066835", 100)] } },
      { date: "2026-11-22", answers: { [windows10]: { status: 500 } } },
      { date: "2026-11-23", answers: { [windows10]: [item("5066835", 120)] } },
    ],
  });
  expect(await page(story)).toContain("Compared with 21 Nov 2026, 2 days earlier.");
});

describe("one KB", () => {
  let story: PlayedStory;
  beforeAll(async () => {
    story = await play({
      watchlist: { softwareIds: [windows10, windows11] },
      days: [
        { date: "2026-11-22", answers: { [windows10]: [item("5066136", 9)], [windows11]: [item("5066136", 4)] } },
        {
          date: "2026-11-23",
          answers: { [windows10]: [item("5066136", 9), item("5068861", 1)], [windows11]: [item("5066136", 6)] },
        },
      ],
    });
  });

  test.each(["KB5066136", "5066136", "kb 5066136", "KB%205066136"])("is found as kb=%s in every form", async (kb) => {
    expect(await lines(story, `&kb=${kb}`)).toEqual([
      "5066136 windows_10: unchanged 9",
      "5066136 windows_11: worsened 6",
    ]);
    expect(await json(story, `&kb=${kb}`)).toMatchObject({
      filter: { kb: "5066136" },
      totals: { missingKbs: 1, worsened: 1 },
    });
    expect(await text(story, `&kb=${kb}`)).toContain("KB5066136. 1 of 2 KBs, on up to 6 machines: 1 worse.");
    expect(await page(story, `&kb=${kb}`)).toContain("In 2 products");
  });

  test("has a page that exports that KB", async () => {
    const kb = { watchlist: "default", run: "2026-11-23", kb: "5066136" };
    const [ofKb, ofAll] = [await linked(story, "&kb=5066136", "CSV"), await linked(story, "&kb=5066136", "JSON")];
    expect(ofKb).toEqual([
      { ...kb, format: "csv" },
      { watchlist: "default", run: "2026-11-23", format: "csv" },
    ]);
    expect(ofAll[0]).toEqual({ ...kb, format: "json" });
  });

  test("that the report does not have is 404, as a page for a browser", async () => {
    for (const format of ["html", "csv", "json", "text"]) {
      const given = await story.report(`format=${format}&kb=KB5999999`);
      expect([given.status, given.json.parameter]).toEqual([404, "kb"]);
    }
    const shown = await story.report("kb=KB5999999", "text/html");
    expect([shown.status, shown.headers["Content-Type"]]).toEqual([404, "text/html; charset=utf-8"]);
    expect(readHtml(shown.body).text).toContain("KB5999999 is not in the report of 23 Nov 2026");
  });
});
