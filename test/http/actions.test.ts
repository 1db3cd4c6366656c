import { describe, expect, test } from "vitest";
import { serveActions } from "../../shared/http/actions.ts";
import type { ActionsJson } from "../../shared/render/export/schemas.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { ask, request } from "../support/ask.ts";
import { aCatalogue, aWatchlist } from "../support/builders.ts";
import { handleAll } from "../support/drive.ts";
import { type FakeWorld, fakeWorld } from "../support/fake-world.ts";

const [windows10, windows11] = ["microsoft-_-windows_10", "microsoft-_-windows_11"];

function item(id: string, machineMissedOn: number | null) {
  return { id, name: "November 2026 Security Updates", productsNames: [], machineMissedOn, cveAddressed: 3 };
}

/** Windows 10 misses two KBs of which one replaces the other, Windows 11 the older one alone. */
async function twoProducts(): Promise<FakeWorld> {
  const world = fakeWorld([aWatchlist({ softwareIds: [windows10, windows11] })]);
  world.answers.set(windows10, [item("5065429", 30), item("5066791", 40)]);
  world.answers.set(windows11, [item("5065429", 7), item("5070000", null)]);
  const catalogue = aCatalogue(
    {
      "5065429": { released: "2026-09-08", cves: ["CVE-2026-20001"] },
      "5066791": { released: "2026-10-13", cves: ["CVE-2026-20002"], supersedes: ["5065429"] },
    },
    [{ cve: "CVE-2026-20002", since: "2026-11-20", ransomware: true }],
  );
  world.ports.catalogue = async () => catalogue;
  await scheduleRuns(world.ports);
  await handleAll(world, world.ports.now().getTime());
  return world;
}

const actions = (query: string, { ports }: Pick<FakeWorld, "ports">, accept?: string) =>
  ask(request(query, { headers: { accept } }), (asked) => serveActions(asked, ports));

describe("what to install", () => {
  test("is listed with what each update closes, what is exploited first", async () => {
    const { json } = await actions("", await twoProducts());
    const list = json as unknown as ActionsJson;
    expect([list.runId, list.gaps]).toEqual(["2026-11-23", 4]);
    expect(list.actions).toMatchObject([
      {
        ...{ id: "5066791", exploited: true, machines: 40, since: "2026-09-08", advisoryState: "known" },
        advisory: { exploited: [{ cve: "CVE-2026-20002", sources: ["kev"], since: "2026-11-20", ransomware: true }] },
        installs: [{ softwareId: windows10, id: "5066791", machineMissedOn: 40 }],
        covers: [{ softwareId: windows10, id: "5065429", machineMissedOn: 30 }],
      },
      { id: "5065429", exploited: false, machines: 7, installs: [{ softwareId: windows11 }], covers: [] },
      { id: "5070000", exploited: false, machines: null, advisoryState: "not-known", advisory: null, covers: [] },
    ]);
  });

  test("comes as CSV with a line for each gap", async () => {
    const { body, headers } = await actions("format=csv", await twoProducts());
    const [columns, ...lines] = body.replace("\ufeff", "").trim().split("\r\n");
    const at = (name: string) => columns?.split(",").indexOf(name) ?? -1;
    const cells = (line: string) => ["rank", "install", "softwareId", "id"].map((name) => line.split(",")[at(name)]);
    expect(lines.map(cells)).toEqual([
      ["1", "5066791", windows10, "5066791"],
      ["1", "5066791", windows10, "5065429"],
      ["2", "5065429", windows11, "5065429"],
      ["3", "5070000", windows11, "5070000"],
    ]);
    expect(headers["Content-Disposition"]).toContain("actions.csv");
  });

  test.each([
    ["watchlist=none", 400],
    ["run=2026-11-01", 404],
    ["run=yesterday", 400],
    ["format=html", 400],
    ["kb=1", 400],
  ])("%s answers %d with a problem", async (query, status) => {
    expect((await actions(query, await twoProducts())).status).toBe(status);
  });

  test("answers 404 before the first report", async () => {
    expect((await actions("", fakeWorld())).status).toBe(404);
  });
});
