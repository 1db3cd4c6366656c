import { beforeAll, describe, expect, test } from "vitest";
import type { OutgoingMail } from "../../shared/ports.ts";
import { aCatalogue, chainOf } from "../support/builders.ts";
import { configured } from "../support/fake-world.ts";
import { readCsv } from "../support/read-csv.ts";
import { item, type PlayedStory, play, type StoryDay } from "../support/story.ts";

const [windows10, windows11, net] = ["microsoft-_-windows_10", "microsoft-_-windows_11", "microsoft-_-.net_framework"];
const sql = "microsoft-_-sql_server_2019";
const broken = { status: 500 };

/** A mail's plain text on one line; empty where no mail came. */
const textOf = (mail: OutgoingMail | null | undefined) => mail?.text.replace(/\s+/g, " ") ?? "";
const subjectsOf = ({ mails }: PlayedStory) => mails.map((mail) => mail?.subject ?? null);
/** The part of a mail under a title. */
const partOf = (mail: OutgoingMail | null | undefined, title: string) =>
  mail?.text.split("\n\n").find((part) => part.startsWith(title)) ?? "";

async function csv(story: PlayedStory, query = ""): Promise<Record<string, string>[]> {
  const { body } = await story.report(`watchlist=default&format=csv${query}`);
  const [head = [], ...lines] = readCsv(body.replace(/^\ufeff/, ""));
  return lines.map((cells) => Object.fromEntries(head.map((column, index) => [column, cells[index] ?? ""])));
}

/** The days after one another from a date on; `days` says what changes on some of them, by their place. */
function inARow(from: string, count: number, days: Readonly<Record<number, Partial<StoryDay>>>): StoryDay[] {
  return Array.from({ length: count }, (_, index) => {
    const date = new Date(Date.parse(from) + index * 86_400_000).toISOString().slice(0, 10);
    return { date, ...days[index] };
  });
}

test("a KB that is new for one product and known for another is new on the machines of the one", async () => {
  const story = await play({
    watchlist: { softwareIds: [windows10, net] },
    rules: { graceMinutes: 0 },
    days: [
      { date: "2026-09-20", answers: { [windows10]: [item("5066835", 512)], [net]: [] } },
      { date: "2026-11-22", answers: { [net]: [item("5049993", 5)] } },
      { date: "2026-11-23", answers: { [net]: [item("5049993", 5), item("5066835", 3)] } },
    ],
  });
  const mail = story.mails[2];
  expect(mail?.subject).toBe("New: KB5066835, .NET Framework, 3 machines");
  expect(textOf(mail)).toMatch(/^KB5066835 is new in \.NET Framework, on 3 machines\./);
  const added = partOf(mail, "NEW: 1 KB");
  expect(added).toMatch(/first seen today\n {2}\.NET Framework +3 +10\n {2}Windows 10 +512 unchanged +10$/);
  expect(added).not.toMatch(/overdue|stalled|64 days/);
  expect(partOf(mail, "Overdue")).toMatch(
    /^Overdue: 1 KB\. None since the last report\. On up to 512 machines: see the/,
  );
  expect(await csv(story)).toMatchObject([
    { id: "5066835", softwareId: windows10, change: "unchanged", machineMissedOn: "512", overdueDays: "50" },
    { id: "5066835", softwareId: net, change: "new", machineMissedOn: "3", ageDays: "0", overdueDays: "0" },
    { id: "5049993", softwareId: net, change: "unchanged" },
  ]);
});

describe("a product that could not be read", () => {
  let story: PlayedStory;
  beforeAll(async () => {
    story = await play({
      watchlist: { softwareIds: [windows10, windows11] },
      rules: { graceMinutes: 0 },
      days: [
        { date: "2026-09-20", answers: { [windows10]: [item("5066835", 512)], [windows11]: [item("5049993", 5)] } },
        { date: "2026-11-22" },
        {
          date: "2026-11-23",
          answers: { [windows10]: broken, [windows11]: [item("5049993", 5), item("5066835", 3)] },
        },
        { date: "2026-11-24" },
        { date: "2026-11-25" },
        { date: "2026-11-26", answers: { [windows10]: [item("5066835", 510)] } },
        { date: "2026-11-27", answers: { [windows11]: [item("5049993", 5), item("5066835", 4)] } },
      ],
    });
  });

  test("is neither overdue nor stalled in a mail, and keeps its counts with their date", () => {
    const mail = story.mails[2];
    expect(mail?.subject).toBe("New: KB5066835, Windows 11, 3 machines; Windows 10 could not be read");
    expect(partOf(mail, "NEW: 1 KB")).toMatch(/Windows 11 +3 +10\n {2}Windows 10 +512 last known/);
    expect(textOf(mail)).toContain("1 more could not be read. On up to 5 machines: see the report.");
    expect(textOf(mail)).toContain("last read 22 Nov 2026: 1 KB, 512 missing installs");
  });

  test("is the news of the second day, and says since when, but not of the third", () => {
    expect(story.mails[3]?.subject).toBe("Windows 10 could not be read since 23 Nov; nothing else got worse");
    expect(textOf(story.mails[3])).toContain("! COULD NOT BE READ: 1 PRODUCT Defender returned 500");
    expect(textOf(story.mails[3])).toContain(
      `- ${windows10}: since 23 Nov 2026, 2 runs in a row; last read 22 Nov 2026: 1 KB, 512 missing installs`,
    );
    expect(story.mails[4]).toBeNull();
  });

  test("can be read again, which the next digest says", () => {
    expect(story.mails[5]).toBeNull();
    const mail = story.mails[6];
    expect(mail?.subject).toBe("Worse: KB5066835, Windows 11, 4 machines (+1)");
    expect(textOf(mail)).toContain("Windows 10 can be read again.");
    expect(textOf(mail)).toContain(`CAN BE READ AGAIN: 1 PRODUCT - ${windows10}: 1 KB missing`);
    // It fell from 512 on the day on which it could be read again, and no mail came.
    expect(textOf(mail)).toContain("Better since the digest of 24 Nov: 1 KB. KB5066835 Windows 10: 510 machines (−2)");
  });

  test("has its last counts in the CSV of that day, and the day on which they were read", async () => {
    const lines = await csv(story, "&run=2026-11-24");
    expect(lines.filter(({ softwareId }) => softwareId === windows10)).toMatchObject([
      { change: "not-read", machineMissedOn: "512", overdueDays: "0", stalled: "false", lastReadOn: "2026-11-22" },
    ]);
  });
});

test("a KB on 0 machines is missing nowhere: not new, not overdue, and resolved where it was missing", async () => {
  const story = await play({
    watchlist: { softwareIds: [windows10], mailWhen: "worse" },
    days: [
      { date: "2026-10-01", answers: { [windows10]: [item("5049993", 5)] } },
      { date: "2026-11-21", answers: { [windows10]: [item("5049993", 0)] } },
      { date: "2026-11-22", answers: { [windows10]: [item("5049993", 0), item("5066835", 0)] } },
      { date: "2026-11-23" },
      { date: "2026-11-24", answers: { [windows10]: [item("5049993", 2), item("5066835", 1)] } },
    ],
  });
  expect(subjectsOf(story)).toEqual([
    "Watching 1 product: 1 KB missing",
    null,
    null,
    null,
    "New: KB5066835, Windows 10, 1 machine; 1 back",
  ]);
  // Read again where it fell to 0, and where it had been there never.
  expect(story.reads).toEqual([1, 2, 1, 1, 1]);
  const kinds = async (run: string) => (await csv(story, `&run=${run}`)).map(({ id, change }) => `${id} ${change}`);
  expect(await kinds("2026-11-21")).toEqual(["5049993 resolved"]);
  expect(await kinds("2026-11-22")).toEqual([]);
  expect(await kinds("2026-11-23")).toEqual([]);
  const { totals } = (await story.report("run=2026-11-23&format=json")).json as { totals: object };
  expect(totals).toMatchObject({ missingKbs: 0, missingInstalls: 0, overdue: 0, new: 0, resolved: 0, read: 1 });
});

test("the count before in the CSV is the one last reported, of entries that did not change too", async () => {
  const story = await play({
    watchlist: { softwareIds: [windows10], thresholds: { minMachines: 5 } },
    days: [
      { date: "2026-11-21", answers: { [windows10]: [item("5049993", 240), item("5066835", 100)] } },
      { date: "2026-11-22", answers: { [windows10]: [item("5049993", 240), item("5066835", 103)] } },
      { date: "2026-11-23" },
      { date: "2026-11-24", answers: { [windows10]: [item("5049993", 240)] } },
    ],
  });
  expect(subjectsOf(story).slice(1)).toEqual([null, null, null]);
  const before = async (run: string) =>
    (await csv(story, `&run=${run}`)).map(
      (line) => `${line.id} ${line.change} ${line.previousMachineMissedOn} → ${line.machineMissedOn}`,
    );
  expect(await before("2026-11-23")).toEqual(["5049993 unchanged 240 → 240", "5066835 unchanged 100 → 103"]);
  expect(await before("2026-11-24")).toEqual(["5049993 unchanged 240 → 240", "5066835 resolved 100 → "]);
});

describe("a run asked for in a zone ahead of UTC", () => {
  let story: PlayedStory;
  beforeAll(async () => {
    const [first, later] = [item("5066835", 100), [item("5066835", 120), item("5068861", 4)]];
    story = await play({
      watchlist: { softwareIds: [windows10] },
      rules: { timeZone: "Asia/Tokyo", schedule: "0 0 22 * * *" },
      days: [
        { date: "2026-11-21", at: "2026-11-21T22:00:00Z", answers: { [windows10]: [first] } },
        { date: "2026-11-22", at: "2026-11-22T22:00:00Z" },
        {
          ...{ date: "2026-11-22", at: "2026-11-22T23:00:00Z", onDemand: "2026-11-22T23:00Z" },
          answers: { [windows10]: later },
        },
        { date: "2026-11-23", at: "2026-11-23T22:00:00Z" },
      ],
    });
  });

  test("comes after the scheduled run of its morning, and belongs to its day", async () => {
    const runs = await story.world.ports.store.listRuns(chainOf());
    expect(runs.map(({ runId, day }) => [runId, day])).toEqual([
      ["2026-11-22", "2026-11-22"],
      ["2026-11-23", "2026-11-23"],
      ["2026-11-22T23:00Z", "2026-11-23"],
      ["2026-11-24", "2026-11-24"],
    ]);
    expect(await csv(story, "&run=2026-11-22T23:00Z")).toMatchObject([
      { id: "5068861", change: "new", firstSeen: "2026-11-23", ageDays: "0" },
      { id: "5066835", change: "worsened", firstSeen: "2026-11-22", ageDays: "1" },
    ]);
  });

  test("compares with the run of that morning, the same day", async () => {
    const { body } = await story.report("run=2026-11-22T23:00Z&format=text");
    expect(body.replace(/\s+/g, " ")).toContain("compared with Monday 23 Nov 2026 ");
  });

  test("is where a KB was first seen, though the next scheduled run reports it", () => {
    const mail = story.mails[3];
    expect(mail?.subject).toBe("New: KB5068861, Windows 10, 4 machines; 1 worse, +20");
    expect(partOf(mail, "NEW: 1 KB")).toContain("KB5068861 October 2026 Security Updates; 1 day old");
    expect(textOf(mail)).toContain("compared with Monday 23 Nov 2026 ");
  });
});

test("the trend of a run asked for ends with it, whatever ran later on its day", async () => {
  const story = await play({
    watchlist: { softwareIds: [windows10] },
    days: [
      { date: "2026-11-21", answers: { [windows10]: [item("5066835", 100)] } },
      { date: "2026-11-22", at: "2026-11-22T02:00:00Z", onDemand: "2026-11-22T02:00Z" },
      { date: "2026-11-22", answers: { [windows10]: [item("5066835", 120)] } },
    ],
  });
  const trend = async (run: string) => {
    const { json } = await story.report(`run=${run}&format=json`);
    return (json.trend as { runId: string }[]).map(({ runId }) => runId);
  };
  expect(await trend("2026-11-22T02:00Z")).toEqual(["2026-11-21"]);
  expect(await trend("2026-11-22")).toEqual(["2026-11-21", "2026-11-22"]);
});

test("an answer that is short once resolves nothing, and nothing is back on the next day", async () => {
  const ten = Array.from({ length: 10 }, (_, index) => item(String(5_060_000 + index), 30 + index));
  const story = await play({
    watchlist: { softwareIds: [windows10], mailWhen: "changed" },
    days: [
      { date: "2026-11-20", answers: { [windows10]: ten } },
      { date: "2026-11-21", answers: { [windows10]: { sequence: [ten.slice(0, 6), ten] } } },
      { date: "2026-11-22", answers: { [windows10]: ten } },
    ],
  });
  expect(subjectsOf(story)).toEqual(["Watching 1 product: 10 KBs missing", null, null]);
  // A quiet day costs no call more.
  expect(story.reads).toEqual([1, 2, 1]);
  const { products } = (await story.report("run=2026-11-21&format=json")).json as { products: object[] };
  expect(products).toMatchObject([{ state: "read", differed: true, missingKbs: 10 }]);
  const text = async (run: string) => (await story.report(`run=${run}&format=text`)).body;
  expect(await text("2026-11-21")).toContain("TWO ANSWERS DIFFERED: 1 PRODUCT");
  expect(await text("2026-11-22")).not.toContain("DIFFERED");
});

test("a count that becomes known is reported once, as worse and without a count before", async () => {
  const story = await play({
    watchlist: { softwareIds: [windows10], mailWhen: "worse" },
    days: [
      { date: "2026-11-21", answers: { [windows10]: [item("5049993", 240)] } },
      { date: "2026-11-22", answers: { [windows10]: [item("5049993", 240), item("5068861", null, null)] } },
      { date: "2026-11-23", answers: { [windows10]: [item("5049993", 240), item("5068861", 300, 22)] } },
      { date: "2026-11-24" },
    ],
  });
  expect(subjectsOf(story).slice(1)).toEqual([
    "New: KB5068861, Windows 10, an unknown number of machines",
    "Worse: KB5068861, Windows 10, 300 machines",
    null,
  ]);
  const mail = story.mails[2];
  expect(textOf(mail)).toContain("KB5068861 is now known to be missing on 300 machines in Windows 10.");
  expect(partOf(mail, "WORSE: 1 KB")).toMatch(/Windows 10 +300 now known +22/);
  expect(await csv(story, "&run=2026-11-23&change=worsened")).toMatchObject([
    { id: "5068861", machineMissedOn: "300", previousMachineMissedOn: "", why: "now-known" },
  ]);
});

test("a product that was off the list is compared with what was last reported of it", async () => {
  const story = await play({
    watchlist: { softwareIds: [windows10, windows11], mailWhen: "worse" },
    days: [
      { date: "2026-11-20", answers: { [windows10]: [item("5049993", 5)], [windows11]: [item("5068861", 10)] } },
      { date: "2026-11-21", software: [windows10] },
      {
        ...{ date: "2026-11-22", software: [windows10, windows11] },
        answers: { [windows11]: [item("5068861", 500), item("5072033", 480)] },
      },
    ],
  });
  expect(subjectsOf(story)).toEqual([
    "Watching 2 products: 2 KBs missing",
    null,
    "New: KB5072033, Windows 11, 480 machines; 1 worse, +490",
  ]);
  expect(textOf(story.mails[2])).not.toMatch(/now watched/i);
  expect(textOf(story.mails[2])).toContain("1 compared with older counts, back to 20 Nov 2026.");
  expect(await csv(story, "&change=worse")).toMatchObject([
    { id: "5072033", change: "new", previousMachineMissedOn: "" },
    { id: "5068861", change: "worsened", machineMissedOn: "500", previousMachineMissedOn: "10" },
  ]);
});

test("what got better on days without a mail is in the next digest", async () => {
  const story = await play({
    watchlist: { softwareIds: [windows10], mailWhen: "worse", heartbeatDay: "Monday" },
    days: inARow("2026-11-16", 8, {
      0: { answers: { [windows10]: [item("5001", 10), item("5002", 50), item("5003", 20)] } },
      2: { answers: { [windows10]: [item("5001", 10), item("5003", 20)] } },
      3: { answers: { [windows10]: [item("5001", 10), item("5003", 5)] } },
    }),
  });
  expect(subjectsOf(story)).toEqual([
    "Watching 1 product: 3 KBs missing",
    ...Array(6).fill(null),
    "Better since 16 Nov: KB5003, Windows 10, 5 machines (−15); 1 resolved; 2 KBs missing",
  ]);
  const monday = textOf(story.mails[7]);
  expect(monday).toMatch(
    /^Nothing got worse\. Since the digest of 16 Nov: KB5003 got better in Windows 10: 5 machines \(−15\); KB5002 is resolved in Windows 10\./,
  );
  expect(monday).toContain("Better since the digest of 16 Nov: 1 KB. KB5003 Windows 10: 5 machines (−15)");
  expect(monday).toContain("Resolved since the digest of 16 Nov: 1 KB. KB5002 Windows 10: was on 50 machines");
  expect(story.reads).toEqual([1, 1, 2, 1, 1, 1, 1, 1]);
});

test("a product that is added on a Tuesday is announced on Tuesday, and none of its KBs is new", async () => {
  const story = await play({
    watchlist: { softwareIds: [windows10], mailWhen: "worse", heartbeatDay: "Monday" },
    days: inARow("2026-11-16", 4, {
      0: { answers: { [windows10]: [item("5001", 10)], [net]: [item("5004", 8), item("5001", 3)] } },
      1: { software: [windows10, net] },
    }),
  });
  expect(subjectsOf(story)).toEqual([
    "Watching 1 product: 1 KB missing",
    ".NET Framework is now watched; 2 KBs missing",
    null,
    null,
  ]);
  expect(textOf(story.mails[1])).toContain(`NOW WATCHED: 1 PRODUCT - ${net}: 2 KBs missing`);
});

test("an id that Defender does not know is mailed at once, by name and with what to do, and not again", async () => {
  const story = await play({
    watchlist: { softwareIds: [windows10], mailWhen: "worse" },
    days: inARow("2026-11-16", 5, {
      0: { answers: { [windows10]: [item("5001", 10)] } },
      1: {
        software: [windows10, "microsoft-_-windws_11"],
        answers: { "microsoft-_-windws_11": { status: 404 } },
        weaknesses: { "microsoft-_-windws_11": null },
      },
      3: { software: [windows10, windows11], answers: { [windows11]: [item("5001", 3)] } },
    }),
  });
  expect(subjectsOf(story)).toEqual([
    "Watching 1 product: 1 KB missing",
    "Defender does not know the id microsoft-_-windws_11; nothing else got worse",
    null,
    "Windows 11 is now watched; 1 KB missing",
    null,
  ]);
  expect(textOf(story.mails[1])).toContain(
    "! UNKNOWN ID: 1 PRODUCT Defender does not know this id. Look it up in Defender's software inventory and correct the watchlist. - microsoft-_-windws_11",
  );
});

test("a product that Defender lost is a failed read, and after 14 days it has left the inventory, never resolved", async () => {
  const story = await play({
    watchlist: { softwareIds: [windows10, sql], mailWhen: "changed", heartbeatDay: "Monday" },
    rules: { graceMinutes: 0 },
    days: inARow("2026-11-09", 16, {
      0: { answers: { [windows10]: [item("5001", 10)], [sql]: [item("5009", 4)] } },
      1: { answers: { [sql]: { status: 404 } }, weaknesses: { [sql]: null } },
    }),
  });
  const mails = subjectsOf(story).map((subject, index) => `${9 + index}: ${subject}`);
  expect(mails.filter((line) => !line.endsWith("null"))).toEqual([
    "9: Watching 2 products: 2 KBs missing",
    "11: SQL Server 2019 could not be read since 10 Nov; nothing else got worse",
    "16: SQL Server 2019 could not be read since 10 Nov; nothing else got worse",
    "23: SQL Server 2019 could not be read since 10 Nov; nothing else got worse",
  ]);
  const text = async (run: string) => (await story.report(`run=${run}&format=text`)).body.replace(/\s+/g, " ");
  expect(await text("2026-11-23")).toContain("! COULD NOT BE READ: 1 PRODUCT Defender does not find this product");
  expect(await text("2026-11-24")).toContain("! LEFT THE INVENTORY: 1 PRODUCT");
  expect(await text("2026-11-24")).toContain("SQL Server 2019 has left Defender's inventory.");
  for (let day = 10; day <= 24; day++) expect(await text(`2026-11-${day}`)).not.toMatch(/KB5009 is resolved|RESOLVED/);
});

describe("a list that goes empty over open weaknesses", () => {
  let story: PlayedStory;
  beforeAll(async () => {
    story = await play({
      watchlist: { softwareIds: [windows10], mailWhen: "always" },
      rules: { graceMinutes: 0 },
      days: inARow("2026-11-09", 14, {
        0: { answers: { [windows10]: [item("5001", 10), item("5002", 4)] }, weaknesses: { [windows10]: 41 } },
        1: { answers: { [windows10]: [] } },
      }),
    });
  });

  test("could not be read for seven days, then Defender no longer lists its KBs", () => {
    expect(subjectsOf(story)).toEqual([
      "Watching 1 product: 2 KBs missing",
      "Windows 10 could not be read",
      ...Array(6).fill("Windows 10 could not be read since 10 Nov"),
      "Defender no longer lists KBs for Windows 10 but still counts weaknesses; nothing got worse",
      ...Array(5).fill("Nothing changed: Defender lists no KBs but counts weaknesses of Windows 10"),
    ]);
  });

  test("never ends as nothing changed with 0 KBs missing, or as resolved", () => {
    for (const mail of story.mails.slice(1)) {
      for (const words of [mail?.subject ?? "", textOf(mail)]) {
        expect(words).not.toMatch(/0 KBs|lists no missing KBs|is resolved|are resolved|RESOLVED/);
      }
    }
    expect(textOf(story.mails[8])).toContain(`${windows10}: 2 KBs no longer listed, and not known to be resolved`);
    expect(textOf(story.mails[13])).toContain("NOT PATCHED BY KBS: 1 PRODUCT");
  });
});

test("a first answer that came too early is no baseline of nothing: the list that follows is", async () => {
  const answer = [item("5001", 10), item("5002", 4)];
  const early = await play({
    watchlist: { softwareIds: [windows10], mailWhen: "worse" },
    days: [
      {
        date: "2026-11-20",
        answers: { [windows10]: { sequence: [[], answer] } },
        weaknesses: { [windows10]: 5 },
      },
      { date: "2026-11-21", answers: { [windows10]: answer } },
    ],
  });
  expect(subjectsOf(early)).toEqual(["Watching 1 product: 2 KBs missing", null]);
  const twice = await play({
    watchlist: { softwareIds: [windows10], mailWhen: "worse" },
    days: [
      { date: "2026-11-20", answers: { [windows10]: [] }, weaknesses: { [windows10]: 5 } },
      { date: "2026-11-21", answers: { [windows10]: answer } },
      { date: "2026-11-22", answers: { [windows10]: [...answer, item("5003", 1)] } },
    ],
  });
  expect(subjectsOf(twice)).toEqual([
    "Watching 1 product: Defender lists no KBs but counts weaknesses of Windows 10",
    "Windows 10 is now watched; 2 KBs missing",
    "New: KB5003, Windows 10, 1 machine",
  ]);
});

test("other capitals in the name of a watchlist change nothing", async () => {
  const days = [
    { date: "2026-11-20", answers: { [windows10]: [item("5001", 10)] } },
    { date: "2026-11-21", answers: { [windows10]: [item("5001", 12)] } },
  ];
  const story = await play({ watchlist: { name: "Servers", softwareIds: [windows10] }, days: days.slice(0, 1) });
  const { ports } = story.world;
  const { list } = await ports.watchlists();
  ports.watchlists = configured(list.map((one) => ({ ...one, name: "SERVERS" })));
  expect((await ports.store.listRuns(chainOf("SERVERS"))).map(({ runId }) => runId)).toEqual(["2026-11-20"]);
  const { status } = await story.report("watchlist=servers&format=json");
  expect(status).toBe(200);
});

describe("a KB that the next month's replaces", () => {
  const [august, september, october] = ["5063709", "5065429", "5066791"];
  const catalogue = aCatalogue({
    [august]: { released: "2026-08-11" },
    [september]: { released: "2026-09-08", supersedes: [august] },
    [october]: { released: "2026-10-13", supersedes: [september] },
  });
  let story: PlayedStory;
  beforeAll(async () => {
    story = await play({
      watchlist: { softwareIds: [windows10], mailWhen: "changed", dueDays: 30, dueFrom: "first-seen" },
      others: [{ name: "late", softwareIds: [windows10, net] }],
      days: [
        { date: "2026-08-12", answers: { [windows10]: [item(august, 200, 30)], [net]: [] }, catalogue },
        { date: "2026-09-08" },
        { date: "2026-09-09", answers: { [windows10]: [item(september, 200, 60)] } },
        { date: "2026-10-07", answers: { [windows10]: [item(october, 200, 90)] } },
      ],
    });
  });

  test("is no news, and no mail comes of it", () => {
    expect(story.mails.slice(1)).toEqual([null, null, null]);
  });

  test("is replaced in the CSV, and the new one keeps the age of the line", async () => {
    const lines = async (run: string) =>
      (await csv(story, `&run=${run}`)).map(({ id, change, firstSeen, ageDays, overdueDays, replacedBy }) => {
        return [id, change, firstSeen, ageDays, overdueDays, replacedBy].join(" ");
      });
    expect(await lines("2026-09-09")).toEqual([
      `${september} unchanged 2026-08-12 28 0 `,
      `${august} replaced 2026-08-12 28 0 ${september}`,
    ]);
    expect(await lines("2026-10-07")).toEqual([
      `${october} unchanged 2026-08-12 56 26 `,
      `${september} replaced 2026-08-12 56 0 ${october}`,
    ]);
  });

  test("is the same for each watchlist that has the product, and in a comparison over months", async () => {
    const kinds = async (query: string) => {
      const { body } = await story.report(`${query}&format=json`);
      const { rows }: { rows: { id: string; change: string }[] } = JSON.parse(body);
      return rows.map(({ id, change }) => `${id} ${change}`);
    };
    const last = [`${october} unchanged`, `${september} replaced`];
    expect(await kinds("watchlist=default&run=2026-10-07")).toEqual(last);
    expect(await kinds("watchlist=late&run=2026-10-07")).toEqual(last);
    expect(await kinds("watchlist=default&run=2026-10-07&from=2026-08-12")).toEqual([
      `${october} unchanged`,
      `${august} replaced`,
    ]);
  });
});
