import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addDays } from "../../shared/core/day.ts";
import { DefenderError, RowError, StorageError, type Store } from "../../shared/ports.ts";
import { formatDay } from "../../shared/render/words.ts";
import { raiseAlerts } from "../../shared/run/raise-alerts.ts";
import {
  alertsOf,
  cve,
  day,
  exploitedNow,
  exploitedWorld,
  item,
  kbs,
  onlyAlert,
  otherCve,
  quiet,
  raise,
  windows10,
  windows11,
} from "../support/alerts.ts";
import { aWatchlist, chainOf } from "../support/builders.ts";
import { askFor, crashingAt, handleAll } from "../support/drive.ts";
import { type FakeWorld, fakeWorld } from "../support/fake-world.ts";

const both = aWatchlist({ heartbeatDay: "none", softwareIds: [windows10, windows11] });
const forbidden = new DefenderError("Defender answered 403.", { permanent: true });
const deliveries = ({ ports }: FakeWorld) =>
  ports.queue.waiting.flatMap(({ message }) => ("deliver" in message ? [message.deliver] : []));
const damage = (world: FakeWorld, calls: Partial<Store>) => Object.assign(world.ports.store, calls);

describe("a CVE that becomes exploited", () => {
  test("alerts a watchlist in which a KB that closes it was missing, and queues its mail", async () => {
    const world = await exploitedWorld();
    await raise(world.ports);
    expect(await onlyAlert(world)).toMatchObject({
      ...{
        tenant: "home",
        watchlist: "default",
        cve,
        sources: ["kev"],
        since: "2026-11-23",
        ransomware: true,
        more: 0,
      },
      ...{ openedAt: "2026-11-23T14:17:00.000Z", mail: { status: "pending", attempts: 0 } },
      gaps: [
        ...[
          { id: "5070001", softwareId: windows10, machineMissedOn: 85, firstSeen: "2026-11-23", readOn: "2026-11-23" },
        ],
      ],
    });
    expect(deliveries(world)).toEqual([chainOf()]);
  });

  test("is one alert for all KBs and products, and each CVE has one", async () => {
    const world = fakeWorld([both]);
    const list = [item("5070001", 85), item("5070002", 3), item("5070003", 99)];
    await day(world, "2026-11-23", { [windows10]: list, [windows11]: [item("5070003", 4)] });
    await raise(world.ports, cve, otherCve, "CVE-2026-9");
    const alerts = await world.ports.store.listAlerts(chainOf());
    expect(alerts.map(({ cve, gaps }) => [cve, gaps.map(({ id, machineMissedOn }) => [id, machineMissedOn])])).toEqual([
      [
        cve,
        [
          ["5070003", 99],
          ["5070001", 85],
          ["5070003", 4],
        ],
      ],
      [
        otherCve,
        [
          ["5070001", 85],
          ["5070002", 3],
        ],
      ],
    ]);
    expect(deliveries(world)).toHaveLength(1);
  });

  test("of what could not be read is as of its last snapshot, and says so", async () => {
    const world = fakeWorld([both]);
    await day(world, "2026-11-20", { [windows10]: [item("5070001", 85)], [windows11]: [item("5070003", 4)] });
    world.answers.set(windows11, forbidden as never);
    await day(world, "2026-11-21", { [windows10]: [item("5070001", 80)] });
    await raise(world.ports);
    const { gaps } = await onlyAlert(world);
    expect(gaps.map(({ id, machineMissedOn, firstSeen, readOn }) => [id, machineMissedOn, firstSeen, readOn])).toEqual([
      ["5070001", 80, "2026-11-20", "2026-11-21"],
      ["5070003", 4, "2026-11-20", "2026-11-20"],
    ]);
  });

  test("comes from the last scheduled run, not from one asked for since", async () => {
    const world = await exploitedWorld();
    world.answers.set(windows10, []);
    const asked = { watchlist: "default", runId: "2026-11-23T14:00Z", openedAt: "2026-11-23T14:00:00.000Z" };
    world.setClock(asked.openedAt);
    await askFor(world, { ...asked, mail: false });
    await handleAll(world, Date.parse("2026-11-23T14:10:00Z"));
    await raise(world.ports);
    expect(await alertsOf(world)).toEqual([[cve, "pending"]]);
  });

  const silent: [string, () => Promise<FakeWorld>][] = [
    [
      "where its KB was resolved",
      async () => {
        const world = await exploitedWorld();
        await day(world, "2026-11-24", { [windows10]: [item("5070009", 7)] });
        return world;
      },
    ],
    [
      "where nothing that closes it is missing",
      async () => {
        const world = fakeWorld([quiet]);
        await day(world, "2026-11-23", { [windows10]: [item("5070002", 7)] });
        return world;
      },
    ],
    ["before the first run", async () => fakeWorld([quiet])],
    ["with ALERT_EXPLOITED=false", () => exploitedWorld([{ ...quiet, alertExploited: false }])],
    ["without readers", () => exploitedWorld([{ ...quiet, mailTo: [] }])],
  ];
  test.each(silent)("alerts nobody %s", async (_, open) => {
    const world = await open();
    world.ports.queue.waiting.splice(0);
    await raise(world.ports);
    expect([await alertsOf(world), deliveries(world)]).toEqual([[], []]);
  });

  test("that is none, or that no KB closes, reads nothing", async () => {
    const world = await exploitedWorld();
    const dead = crashingAt({ call: 1, after: false }, world.ports);
    await raiseAlerts(new Map(), kbs, dead);
    await raiseAlerts(exploitedNow(cve), [], dead);
    await raise(dead, "CVE-2026-9");
    expect(world.logs.filter(({ level }) => level === "error")).toEqual([]);
    await raise(dead);
    expect(world.logs.filter(({ level }) => level === "error")).toHaveLength(1);
  });
});

describe("once for each watchlist and CVE", () => {
  test("however often it becomes exploited, and whatever is missing by then", async () => {
    const world = await exploitedWorld();
    await raise(world.ports);
    const first = await onlyAlert(world);
    await day(world, "2026-11-24", { [windows10]: [item("5070001", 90), item("5070003", 5)] });
    await raise(world.ports, cve, otherCve);
    const [again, other] = await world.ports.store.listAlerts(chainOf());
    expect(again).toEqual({ ...first, mail: expect.objectContaining({ status: "sent" }) });
    expect(other).toMatchObject({ cve: otherCve, gaps: [{ machineMissedOn: 90 }] });
    await handleAll(world, Date.parse("2026-11-25T00:00:00Z"));
    expect(world.inbox.flatMap(({ cve }) => cve ?? [])).toEqual([cve, otherCve]);
  });

  test("where the process dies at any call and the refresh is repeated", async () => {
    for (let call = 1; ; call++) {
      for (const after of [false, true]) {
        const world = await exploitedWorld([both, { ...both, name: "second" }]);
        await raise(crashingAt({ call, after }, world.ports), cve, otherCve).catch(() => {});
        const isOver = deliveries(world).length === 2;
        await raise(world.ports, cve, otherCve);
        await handleAll(world, Date.parse("2026-11-23T15:00:00Z"));
        const mailed = world.inbox.map(({ watchlist, cve }) => `${watchlist} ${cve}`).sort();
        const wanted = ["default", "second"].flatMap((name) => [`${name} ${cve}`, `${name} ${otherCve}`]);
        expect([call, after, mailed]).toEqual([call, after, wanted]);
        if (isOver) return expect(call).toBeGreaterThan(10);
      }
    }
  });

  test("where two processes refresh at once", async () => {
    const world = await exploitedWorld();
    await Promise.all([raise(world.ports), raise(world.ports)]);
    await handleAll(world, Date.parse("2026-11-23T15:00:00Z"));
    expect(await alertsOf(world)).toEqual([[cve, "sent"]]);
    expect(world.inbox).toHaveLength(1);
  });
});

describe("several watchlists", () => {
  const contoso = "5a1c0f5e-0000-4000-8000-000000000001";

  test("of two tenants get each their own", async () => {
    const world = fakeWorld([quiet, { ...quiet, tenant: contoso, mailTo: ["ops@contoso.example"] }]);
    const read = world.ports.defender.getMissingKbs;
    world.ports.defender.getMissingKbs = async (tenant, ...rest) => {
      await read(tenant, ...rest);
      return tenant === contoso ? [item("5070001", 3)] : [item("5070001", 85)];
    };
    await day(world, "2026-11-23");
    world.inbox.splice(0);
    await raise(world.ports);
    await handleAll(world, Date.parse("2026-11-23T15:00:00Z"));
    const mails = world.inbox.map(({ tenant, to, subject }) => [tenant, to, subject]);
    expect(mails.sort()).toEqual([
      [contoso, ["ops@contoso.example"], `Exploited now: ${cve}; KB5070001 missing on 3 Windows 10 machines`],
      ["home", quiet.mailTo, `Exploited now: ${cve}; KB5070001 missing on 85 Windows 10 machines`],
    ]);
  });

  test("read each snapshot once, however many there are and however many CVEs", async () => {
    const world = await exploitedWorld([both, { ...both, name: "b" }, { ...both, name: "c" }]);
    const { readSnapshot } = world.ports.store;
    const reads: string[] = [];
    damage(world, {
      readSnapshot: (key) => {
        reads.push(key.softwareId);
        return readSnapshot(key);
      },
    });
    await raise(world.ports, cve, otherCve);
    expect(reads.sort()).toEqual([windows10, windows11]);
  });

  const broken = { ...quiet, name: "broken" };
  test.each([
    ["a damaged row", new RowError("Row (a, b) of table Runs is damaged.")],
    ["an exception that nobody thought of", new TypeError("x is not a function")],
  ])("do not depend on one with %s", async (_, error) => {
    const world = await exploitedWorld([broken, quiet]);
    const { readRun } = world.ports.store;
    damage(world, {
      readRun: async (chain, runId) => {
        if (chain.watchlist === "broken") throw error;
        return readRun(chain, runId);
      },
    });
    await raise(world.ports);
    expect([await alertsOf(world), await alertsOf(world, chainOf("broken"))]).toEqual([[[cve, "pending"]], []]);
    expect(world.logs.filter(({ level }) => level === "error")).toEqual([
      {
        ...{ level: "error", message: "alerts not raised" },
        fields: { ...chainOf("broken"), reason: String(error) },
      },
    ]);
  });

  test("leave out a product whose snapshot is damaged, or gone", async () => {
    for (const found of [new RowError("It is damaged."), null]) {
      const world = fakeWorld([both]);
      await day(world, "2026-11-23", { [windows10]: [item("5070001", 85)], [windows11]: [item("5070003", 4)] });
      const { readSnapshot } = world.ports.store;
      damage(world, {
        readSnapshot: async (key) => {
          if (key.softwareId !== windows10) return readSnapshot(key);
          if (found) throw found;
          return null;
        },
      });
      await raise(world.ports);
      expect((await onlyAlert(world)).gaps.map(({ id }) => id)).toEqual(["5070003"]);
    }
  });

  test("all fail where storage does, so that the refresh is repeated", async () => {
    const outage = new StorageError("Azure Storage did not answer.", { status: null, code: "ECONNREFUSED" }, null);
    const fail = async () => {
      throw outage;
    };
    for (const call of ["listRuns", "readRun", "readSnapshot", "addAlert"] as const) {
      const world = await exploitedWorld([broken, quiet]);
      damage(world, { [call]: fail });
      await expect(raise(world.ports)).rejects.toBe(outage);
    }
    const world = await exploitedWorld();
    world.ports.queue.send = fail;
    await expect(raise(world.ports)).rejects.toBe(outage);
  });
});

describe("any history", () => {
  const products = [windows10, windows11];
  const closes = new Map<string, readonly string[]>(kbs.map(({ id, cves }) => [id, cves]));
  const list = fc.uniqueArray(fc.constantFrom(...closes.keys(), "5070009"), { maxLength: 3 });
  const anyDay = fc.record({
    lists: fc.tuple(list, list),
    /** What becomes exploited that day: also what was before, for it may leave the catalogue and come back. */
    becomes: fc.subarray([cve, otherCve]),
    /** Where the process dies; then another repeats the refresh. */
    crash: fc.option(fc.record({ call: fc.integer({ min: 1, max: 20 }), after: fc.boolean() })),
  });
  type Day = typeof anyDay extends fc.Arbitrary<infer One> ? One : never;

  async function live(world: FakeWorld, date: string, { lists, becomes, crash }: Day): Promise<void> {
    const items = products.map((id, n) => [id, (lists[n] ?? []).map((kb) => item(kb, 5))] as const);
    await day(world, date, Object.fromEntries(items));
    if (becomes.length > 0) {
      if (crash) await raise(crashingAt(crash, world.ports), ...becomes).catch(() => {});
      await raise(world.ports, ...becomes);
    }
    await handleAll(world, Date.parse(`${date}T23:00:00Z`));
  }

  /** Of each watchlist, the CVEs that become exploited while a KB against them is missing. */
  function dueOn({ lists, becomes }: Day): string[] {
    return products.flatMap((product, n) => {
      const missing = new Set(lists[n]?.flatMap((kb) => closes.get(kb) ?? []));
      return becomes.filter((id) => missing.has(id)).map((id) => `${product} ${id}`);
    });
  }

  test("mails each CVE once to each watchlist, on the first day on which it becomes exploited and a KB against it is missing", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyDay, { minLength: 1, maxLength: 6 }), async (history) => {
        const world = fakeWorld(products.map((id) => ({ ...quiet, name: id, softwareIds: [id] })));
        const dates = history.map((_, index) => addDays("2026-11-02", index));
        for (const [index, one] of history.entries()) await live(world, dates[index] ?? "", one);
        const all = history.flatMap((one, index) => dueOn(one).map((name) => [name, dates[index] ?? ""] as const));
        // Of several days of one name, the first is kept last.
        const expected = new Map(all.toReversed());
        const mails = world.inbox
          .filter((mail) => mail.cve)
          .map((mail) => [`${mail.watchlist} ${mail.cve}`, mail.text] as const);
        expect(mails.map(([name]) => name).sort()).toEqual([...expected.keys()].sort());
        for (const [name, text] of mails) expect(text).toContain(`in lists of ${formatDay(expected.get(name) ?? "")}.`);
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});
