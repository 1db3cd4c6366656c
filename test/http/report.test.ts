import { beforeAll, describe, expect, test } from "vitest";
import { serveReport } from "../../shared/http/report.ts";
import { DefenderError } from "../../shared/ports.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { ask, request } from "../support/ask.ts";
import { aWatchlist } from "../support/builders.ts";
import { handleAll } from "../support/drive.ts";
import { configured, type FakeWorld, fakeWorld } from "../support/fake-world.ts";

const [windows10, windows11] = ["microsoft-_-windows_10", "microsoft-_-windows_11"];
const item = (id: string, machineMissedOn: number) => ({ id, machineMissedOn, cveAddressed: 1 });
const unreadable = new DefenderError("Defender answered 403.", { permanent: true });

let world: FakeWorld;

/** Three days: 5066835 grows on Windows 10 and leaves it; on the 22nd Windows 11 could not be read. */
beforeAll(async () => {
  world = fakeWorld([aWatchlist({ softwareIds: [windows10, windows11] }), aWatchlist({ name: "Contoso servers" })]);
  await day("2026-11-21", [item("5066835", 12)], [item("5068861", 100)]);
  await day("2026-11-22", [item("5066835", 20), item("5041585", 4)], unreadable);
  await day("2026-11-23", [item("5041585", 4)], [item("5068861", 90)]);
});

async function day(date: string, ten: readonly unknown[], eleven: readonly unknown[] | DefenderError): Promise<void> {
  world.setClock(`${date}T05:00:00Z`);
  world.answers.set(windows10, ten).set(windows11, eleven);
  await scheduleRuns(world.ports);
  await handleAll(world, world.ports.now().getTime() + 3 * 3_600_000);
}

const reportOf = (query: string, headers: Record<string, string> = {}, { ports } = world) =>
  ask(request(query, { headers }), (asked) => serveReport(asked, ports));
const report = (query: string, headers?: Record<string, string>) =>
  reportOf(["watchlist=default", query].filter(Boolean).join("&"), headers);

interface Row {
  id: string;
  change: string;
}
const changesOf = ({ json }: Awaited<ReturnType<typeof report>>) =>
  Object.fromEntries((json.rows as Row[]).map(({ id, change }) => [id, change]));

describe("a report", () => {
  test("is of the latest run unless another is named", async () => {
    expect(changesOf(await report("format=json"))).toEqual({
      "5066835": "resolved",
      "5041585": "unchanged",
      "5068861": "improved",
    });
    expect(changesOf(await report("format=json&run=2026-11-22"))).toEqual({
      "5066835": "worsened",
      "5041585": "new",
      "5068861": "not-read",
    });
  });

  test("compares any two runs", async () => {
    const compared = await report("format=json&from=2026-11-21");
    expect(compared.json.previousRunId).toBe("2026-11-21");
    expect(changesOf(compared)).toEqual({ "5066835": "resolved", "5041585": "new", "5068861": "improved" });
  });

  test("claims nothing of what its run could not read, whatever it is compared with", async () => {
    expect(changesOf(await report("format=json&run=2026-11-22&from=2026-11-21"))["5068861"]).toBe("not-read");
  });

  test("can be of one product", async () => {
    const one = await report(`format=json&softwareId=${windows11}`);
    expect(changesOf(one)).toEqual({ "5068861": "improved" });
    expect(one.json.totals).toMatchObject({ improved: 1, resolved: 0, missingKbs: 1, missingInstalls: 90 });
  });

  test("can be of a product that was on the watchlist then", async () => {
    const later = { ports: { ...world.ports, watchlists: configured([aWatchlist({ softwareIds: [windows10] })]) } };
    const one = await reportOf(`format=json&softwareId=${windows11}`, {}, { ...world, ...later });
    expect([one.status, changesOf(one)]).toEqual([200, { "5068861": "improved" }]);
  });

  test("has a file name with its watchlist and runs", async () => {
    const { headers } = await report("format=csv&run=2026-11-23");
    expect(headers["Content-Disposition"]).toBe(
      'attachment; filename="missing-kbs-default-2026-11-23-since-2026-11-22.csv"',
    );
  });

  test("is a page for a browser, JSON for a caller who accepts anything, and 406 if none of its formats is accepted", async () => {
    const typeFor = async (accept: string) => (await report("", { accept })).headers["Content-Type"];
    expect(await typeFor("text/html,application/xhtml+xml,*/*;q=0.8")).toContain("text/html");
    expect(await typeFor("*/*")).toContain("application/json");
    expect((await report("", { accept: "image/png" })).status).toBe(406);
  });

  test("is not sent again to a caller who has it, unless it changed", async () => {
    const first = await report("format=json");
    const tag = first.headers.ETag ?? "";
    expect((await report("format=json", { "if-none-match": `W/"x", ${tag}` })).status).toBe(304);
    expect((await report("format=json&run=2026-11-22", { "if-none-match": tag })).status).toBe(200);
  });

  test("whose snapshots are older than the retention is gone, not wrong", async () => {
    const key = { tenant: "home", softwareId: windows11, runId: "2026-11-21" };
    const kept = await world.ports.store.readSnapshot(key);
    await world.ports.store.deleteSnapshot(key);
    const gone = await report("format=json&run=2026-11-21");
    if (kept) await world.ports.store.addSnapshot(kept);
    expect([gone.status, gone.json.detail]).toEqual([410, expect.stringContaining("RETENTION_DAYS")]);
  });

  test.each([
    ["", "watchlist"],
    ["watchlist=Servers", "watchlist"],
    ["watchlist=default&format=pdf", "format"],
    ["watchlist=default&run=today", "run"],
    ["watchlist=default&run=2026-11-23&from=2026-11-23", "from"],
    ["watchlist=default&softwareId=microsoft-_-teams", "softwareId"],
    ["watchlist=default&change=bad", "change"],
    ["watchlist=default&overdue=perhaps", "overdue"],
    ["watchlist=default&format=html&page=0", "page"],
    ["watchlist=default&format=html&progress=x", "progress"],
    [`watchlist=default&search=${"x".repeat(301)}`, "search"],
    ["watchlist=default&softwareid=x", "softwareid"],
    ["watchlist=default&days=90", "days"],
  ])("asked for with %j is refused by the parameter's name", async (query, parameter) => {
    const given = await reportOf(query);
    expect([given.status, given.json.parameter]).toEqual([400, parameter]);
  });
});

test.each(["DEFAULT", "contoso SERVERS"])("the watchlist %s is found in any case", async (name) => {
  expect((await reportOf(new URLSearchParams({ watchlist: name }).toString())).status).not.toBe(400);
});

test("a run without a report leads to the list of those that exist", async () => {
  const given = await report("run=2026-10-04");
  expect([given.status, given.json.detail]).toEqual([
    404,
    "There is no report for 2026-10-04. GET /api/history lists the reports that exist.",
  ]);
});

describe("the page", () => {
  test("keeps the function key of its address in its links, and shows a run in progress", async () => {
    const runId = "2026-11-23T05:00Z";
    const openedAt = "2026-11-23T05:00:00.000Z";
    await world.ports.store.addRequest({ tenant: "home", watchlist: "default", runId, openedAt, mail: false });
    const page = await report(`format=html&code=zq9%22%3E&progress=${runId}`);
    expect(page.status).toBe(200);
    expect(page.body).toContain("code=zq9%22%3E");
    expect(page.body).not.toContain('zq9">');
    expect(page.body).toContain("2026-11-23T05%3A00Z");
  });

  test("shows one KB over the runs", async () => {
    const page = await report("format=html&kb=5066835");
    expect(page.status).toBe(200);
    expect(page.body).toContain("5066835");
  });

  test("of a watchlist without a run offers to start one", async () => {
    const page = await reportOf(
      "watchlist=Contoso servers&format=html",
      {},
      fakeWorld([aWatchlist({ name: "Contoso servers" })]),
    );
    expect([page.status, page.headers["Content-Type"]]).toEqual([404, "text/html; charset=utf-8"]);
    expect(page.body).toContain("<form");
  });
});
