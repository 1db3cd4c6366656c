import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RunSummary } from "../../shared/core/run.ts";
import { isScheduled } from "../../shared/core/run-id.ts";
import { homeTenant, type Watchlist } from "../../shared/core/watchlist.ts";
import { type Ports, RowError, type Store } from "../../shared/ports.ts";
import { subject } from "../../shared/render/headline.ts";
import { loadPastRuns } from "../../shared/run/past-runs.ts";
import { type ReplayedRun, replay } from "../../shared/run/replay.ts";
import { aCatalogue, aWatchlist } from "../support/builders.ts";
import type { FakeWorld } from "../support/fake-world.ts";
import { item, type PlayedStory, play, type Story, type StoryAnswer, type StoryDay } from "../support/story.ts";

const chain = { tenant: homeTenant, watchlist: "default" };
const [windows10, windows11, net] = ["microsoft-_-windows_10", "microsoft-_-windows_11", "microsoft-_-.net_framework"];
const products = [windows10, windows11, net];

/** The same ports, of which everything fails that writes, sends or asks Defender. */
function readOnly({ ports }: FakeWorld): Ports {
  const refuse = async () => {
    throw new Error("A preview changes nothing.");
  };
  const isRead = (name: string) => /^(read|list|latest)/.test(name);
  const store = Object.fromEntries(
    Object.entries(ports.store).map(([name, call]) => [name, isRead(name) ? call : refuse]),
  ) as unknown as Store;
  const defender = { ...ports.defender, getMissingKbs: refuse, getSoftware: refuse };
  return { ...ports, store, defender, mailer: { send: refuse }, queue: { ...ports.queue, send: refuse } };
}

async function replayed(
  world: FakeWorld,
  settingsOf: (run: ReplayedRun["run"]) => Watchlist,
  { count = 90, most }: { count?: number; most?: number } = {},
) {
  const ports = readOnly(world);
  const past = await loadPastRuns(chain, count, ports.store, most);
  const runs: ReplayedRun[] = [];
  for await (const run of replay(past, settingsOf, ports)) runs.push(run);
  return { past, runs };
}

function settings(parts: Story["watchlist"]): Watchlist {
  const thresholds = { minMachines: 1, minPercent: 0, minCves: 1, ...parts.thresholds };
  return aWatchlist({ heartbeatDay: "none", ...parts, thresholds });
}

const would = ({ would }: ReplayedRun) => would && subject(would.report, would.since);
const was = ({ was }: ReplayedRun) => was && subject(was.report, was.since);

/** The subject of the mail of each scheduled run; `null` where none came. */
async function mailed({ world }: PlayedStory): Promise<(string | null)[]> {
  const byRun = new Map(world.inbox.map((mail) => [mail.runId, mail.subject]));
  return (await scheduled(world)).map(({ runId }) => byRun.get(runId) ?? null);
}

async function scheduled({ ports }: FakeWorld): Promise<RunSummary[]> {
  return (await ports.store.listRuns(chain)).filter(({ runId }) => isScheduled(runId));
}

const kb = fc.record({
  id: fc.constantFrom("5000001", "5000002", "5000003"),
  machines: fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: 0, max: 14 }) },
    { weight: 1, arbitrary: fc.constant(null) },
  ),
  cves: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 5, max: 8 }) }, { weight: 1, arbitrary: fc.constant(null) }),
});
const list = fc
  .uniqueArray(kb, { selector: ({ id }) => id, maxLength: 3 })
  .map((kbs) => kbs.map(({ id, machines, cves }) => item(id, machines, cves)));
const answer: fc.Arbitrary<StoryAnswer> = fc.oneof(
  { weight: 8, arbitrary: list },
  { weight: 1, arbitrary: fc.constantFrom({ status: 500 }, { status: 404 }, { status: 403 }) },
);
const someDays = fc
  .array(
    fc.record(
      {
        answers: fc.dictionary(fc.constantFrom(...products), answer, { noNullPrototype: true }),
        weaknesses: fc.dictionary(fc.constantFrom(...products), fc.constantFrom(0, 2, null), {
          noNullPrototype: true,
        }),
        software: fc.uniqueArray(fc.constantFrom(...products), { minLength: 1 }),
        asked: fc.boolean(),
      },
      { requiredKeys: ["answers"] },
    ),
    { minLength: 4, maxLength: 14 },
  )
  .map((days) =>
    days.flatMap(({ asked, ...day }, index): StoryDay[] => {
      const date = new Date(Date.UTC(2026, 9, 1 + index)).toISOString().slice(0, 10);
      if (!asked) return [{ date, ...day }];
      return [
        { date, ...day },
        { date, at: `${date}T13:17:00Z`, onDemand: `${date}T13:17Z` },
      ];
    }),
  );
const someSettings = fc.record({
  thresholds: fc.record({
    minMachines: fc.constantFrom(0, 1, 5, 9),
    minPercent: fc.constantFrom(0, 0, 50),
    minCves: fc.integer({ min: 0, max: 3 }),
  }),
  mailWhen: fc.constantFrom("worse", "changed", "always"),
  heartbeatDay: fc.constantFrom("none", "Monday"),
  dueDays: fc.integer({ min: 0, max: 10 }),
  dueDaysExploited: fc.integer({ min: 0, max: 4 }),
  dueFrom: fc.constantFrom("released", "first-seen"),
}) satisfies fc.Arbitrary<Story["watchlist"]>;
const rules = { graceMinutes: 0 };
/** The second KB replaces the first; the third closes an exploited CVE. */
const catalogue = aCatalogue(
  {
    "5000001": { released: "2026-09-08" },
    "5000002": { released: "2026-09-30", supersedes: ["5000001"] },
    "5000003": { released: "2026-10-02", cves: ["CVE-2026-20009"] },
  },
  [{ cve: "CVE-2026-20009", since: "2026-10-03", ransomware: false }],
);

describe("replaying past runs", () => {
  test("under the settings that they had gives what they reported", async () => {
    await fc.assert(
      fc.asyncProperty(someDays, someSettings, async (days, tried) => {
        const played = await play({ watchlist: { softwareIds: products, ...tried }, rules, catalogue, days });
        const { runs } = await replayed(played.world, () => settings(tried));
        expect(runs).toHaveLength((await scheduled(played.world)).length);
        for (const { run, replayed, was, would } of runs) {
          expect({ ...replayed, mail: null }).toEqual({ ...run, mail: null });
          expect(would).toEqual(was);
        }
        expect(runs.map(would)).toEqual(await mailed(played));
      }),
      { numRuns: 40 },
    );
  });

  test("under other settings gives what the app would have reported with them from the first run on", async () => {
    await fc.assert(
      fc.asyncProperty(someDays, someSettings, someSettings, async (days, had, tried) => {
        const [played, fresh] = await Promise.all(
          [had, tried].map((one) => play({ watchlist: { softwareIds: products, ...one }, rules, catalogue, days })),
        );
        if (!played || !fresh) throw new Error("two stories are played");
        const { runs } = await replayed(played.world, () => settings(tried));
        expect(runs.map(was)).toEqual(await mailed(played));
        expect(runs.map(would)).toEqual(await mailed(fresh));
        const stored = (await scheduled(fresh.world)).map(({ runId }) => fresh.world.ports.store.readRun(chain, runId));
        const runsOfFresh = (await Promise.all(stored)).map((one) => one && { ...one.run, mail: null });
        expect(runs.map(({ replayed }) => ({ ...replayed, mail: null }))).toEqual(runsOfFresh);
        const overdue = runsOfFresh.map((run) => run?.totals.overdue);
        expect(runs.map(({ overdue }) => overdue.length)).toEqual(overdue);
      }),
      { numRuns: 40 },
    );
  });
});

/** Five days of a KB that gets worse on each of them, in two products. */
function fiveDays(): Promise<PlayedStory> {
  const days = Array.from({ length: 5 }, (_, index): StoryDay => {
    const answers = { [windows10]: [item("5000001", 5 + index)], [windows11]: [item("5000002", 9 - index)] };
    return { date: `2026-10-0${index + 1}`, answers };
  });
  return play({ watchlist: { softwareIds: [windows10, windows11] }, rules, days });
}

describe("past runs", () => {
  const days = ({ runs }: { runs: readonly ReplayedRun[] }) => runs.map(({ run }) => run.day);
  const asConfigured = () => settings({});

  test("are the last ones asked for, and follow the one before them", async () => {
    const { world } = await fiveDays();
    const { past, runs } = await replayed(world, asConfigured, { count: 2 });
    expect([days({ runs }), past.before?.day, past.cut]).toEqual([["2026-10-04", "2026-10-05"], "2026-10-03", null]);
    for (const { run, replayed } of runs) expect(replayed.comparisons).toEqual(run.comparisons);
  });

  test("begin after a snapshot that was deleted, and after the run that compared with it", async () => {
    const { world } = await fiveDays();
    await world.ports.store.deleteSnapshot({ tenant: homeTenant, softwareId: windows11, runId: "2026-10-02" });
    const { past, runs } = await replayed(world, asConfigured);
    expect([days({ runs }), past.cut]).toEqual([["2026-10-04", "2026-10-05"], "not-kept"]);
  });

  test("begin after a damaged snapshot, with one more read for each of the others of its product", async () => {
    const { world } = await fiveDays();
    const { readSnapshot, listSnapshots } = world.ports.store;
    const isDamaged = (softwareId: string) => softwareId === windows10;
    Object.assign(world.ports.store, {
      readSnapshot: async (key: Parameters<typeof readSnapshot>[0]) => {
        if (isDamaged(key.softwareId) && key.runId === "2026-10-01") throw new RowError("It is damaged.");
        return readSnapshot(key);
      },
      listSnapshots: async (...[product, from, to]: Parameters<typeof listSnapshots>) => {
        if (isDamaged(product.softwareId) && from <= "2026-10-01") throw new RowError("It is damaged.");
        return listSnapshots(product, from, to);
      },
    });
    const { past, runs } = await replayed(world, asConfigured);
    expect([days({ runs }), past.cut]).toEqual([["2026-10-03", "2026-10-04", "2026-10-05"], "not-kept"]);
  });

  test("begin after a run that was deleted", async () => {
    const { world } = await fiveDays();
    await world.ports.store.deleteRun({ ...chain, runId: "2026-10-02" });
    const { past, runs } = await replayed(world, asConfigured);
    expect([days({ runs }), past.cut]).toEqual([["2026-10-04", "2026-10-05"], "not-kept"]);
  });

  test("are fewer where their KBs would not fit into memory, and report what all of them would", async () => {
    const { world } = await fiveDays();
    const all = await replayed(world, asConfigured);
    const few = await replayed(world, asConfigured, { most: 6 });
    expect(few.past.cut).toBe("too-large");
    expect(few.runs.length).toBeGreaterThan(0);
    expect(few.runs.length).toBeLessThan(5);
    expect(few.runs.map(would)).toEqual(all.runs.slice(-few.runs.length).map(would));
    const one = await replayed(world, asConfigured, { most: 0 });
    expect(days(one)).toEqual(["2026-10-05"]);
  });
});
