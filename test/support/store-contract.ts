import { describe, expect, it } from "vitest";
import type { Comparison } from "../../shared/core/comparison.ts";
import { type Mail, mailStatuses } from "../../shared/core/mail.ts";
import type { LeftProduct, ReadFailure, Run, RunKey } from "../../shared/core/run.ts";
import type { Totals } from "../../shared/core/totals.ts";
import { type Store, type StoredRun, TooLargeError } from "../../shared/ports.ts";
import { aKb, aSnapshot } from "./builders.ts";
import { aChain, anyChains } from "./chains.ts";

export const someTotals: Totals = {
  ...{ new: 1, worsened: 2, improved: 3, resolved: 4, returned: 5, moreCves: 10, replaced: 13, exploited: 14 },
  ...{ baseline: 6, read: 7, notRead: 8, missingKbs: 9, missingInstalls: 3_000_000_000, overdue: 11, stalled: 12 },
};

export const pendingMail: Mail = {
  status: "pending",
  at: "2026-11-23T05:04:00.000Z",
  attempts: 0,
  unknownOutcomes: 0,
};

/** A run to store; its lists need not match its totals. */
export function aStoredRun(parts: Partial<Run> = {}): Run {
  return {
    watchlist: "default",
    runId: "2026-11-23",
    tenant: "home",
    day: "2026-11-23",
    openedAt: "2026-11-23T05:00:00.000Z",
    committedAt: "2026-11-23T05:04:00.000Z",
    previousRunId: null,
    rules: {
      ...{ thresholds: { minMachines: 1, minPercent: 0, minCves: 1 }, timeZone: "UTC" },
      ...{ dueDays: 14, dueDaysExploited: 3, dueFrom: "released" },
    },
    comparisons: [],
    left: [],
    failures: [],
    totals: someTotals,
    mail: pendingMail,
    ...parts,
  };
}

const comparisons: Comparison[] = [
  { softwareId: "microsoft-_-windows_11", previous: "2026-11-22", current: "2026-11-23" },
  { softwareId: "microsoft-_-edge", previous: null, current: "2026-11-23" },
  {
    softwareId: "microsoft-_-windows_10",
    previous: "2026-11-20",
    current: "2026-11-20",
    lastReported: { "5041585": { machineMissedOn: 240 }, "5066835": { machineMissedOn: null, cveAddressed: 0 } },
    heldBack: { "5041585": { cveAddressed: 14 } },
  },
  { softwareId: "microsoft-_-office", previous: null, current: null },
  { softwareId: "microsoft-_-teams", previous: null, current: "2026-11-23", firstEmptyOn: "2026-11-23" },
  { softwareId: "microsoft-_-sql_server", previous: "2026-11-22", current: "2026-11-23", lateBaseline: true },
];

const left: LeftProduct[] = [
  { softwareId: "microsoft-_-word", previous: "2026-11-19", current: "2026-11-20", leftOn: "2026-11-20" },
  {
    ...{ softwareId: "microsoft-_-excel", previous: null, current: "2026-11-01", leftOn: "2026-11-02" },
    heldBack: { "5041585": { machineMissedOn: 31 } },
  },
];

const failures: ReadFailure[] = [
  {
    ...{ softwareId: "microsoft-_-office", reason: "It is gone.", permanent: true, since: "2026-11-01", misses: 22 },
    ...{ permanentSince: "2026-11-02", unknownSince: "2026-11-03" },
  },
  { softwareId: "microsoft-_-windows_10", reason: "Busy.", permanent: false, since: "2026-11-21", misses: 3 },
  {
    ...{ softwareId: "microsoft-_-visio", reason: "Gone.", permanent: false, since: "2026-11-21", misses: 3 },
    isGone: true,
  },
];

/** Tests that every store must pass, run on the store from `open`. Each test uses its own tenant and watchlist. */
export function describeStore(kind: string, open: () => Store): void {
  describe(`snapshots in ${kind}`, () => {
    const store = open();

    it("are read as they were added", async () => {
      const tenant = crypto.randomUUID();
      const left = { id: "4540673", firstSeen: "2026-10-01", peak: null, goneOn: "2026-11-20" };
      const gone = [left, { ...left, id: "4540674", unexplained: true as const }];
      const bare = aKb({ id: "1", name: "", productsNames: [], url: null, machineMissedOn: null, cveAddressed: null });
      const full = aSnapshot({
        tenant,
        missingKbs: [bare, aKb({ goneOn: "2026-11-01", peak: 500 })],
        gone,
        unusable: 3,
      });
      const empty = aSnapshot({ tenant, softwareId: "x", emptiness: { verdict: "clean", checkedOn: "2026-11-19" } });
      await store.addSnapshot(full);
      await store.addSnapshot(empty);
      expect(await store.readSnapshot(full)).toEqual(full);
      expect(await store.readSnapshot(empty)).toEqual(empty);
    });

    it("are null if none was added", async () => {
      expect(await store.readSnapshot(aSnapshot({ tenant: crypto.randomUUID() }))).toBeNull();
    });

    it("are never changed: the first one is kept", async () => {
      const first = aSnapshot({ tenant: crypto.randomUUID(), missingKbs: [aKb()] });
      expect(await store.addSnapshot(first)).toBe(true);
      expect(await store.addSnapshot({ ...first, missingKbs: [], unusable: 1 })).toBe(false);
      expect(await store.readSnapshot(first)).toEqual(first);
    });

    it("have one complete winner among many added at once", async () => {
      const tenant = crypto.randomUUID();
      const rivals = [1, 2, 3, 4, 5].map((n) =>
        aSnapshot({ tenant, missingKbs: [aKb({ name: `${n}` })], unusable: n }),
      );
      await Promise.all(rivals.map((snapshot) => store.addSnapshot(snapshot)));
      expect(rivals).toContainEqual(await store.readSnapshot(aSnapshot({ tenant })));
    });

    it("are kept apart for any ids", async () => {
      const tenant = crypto.randomUUID();
      const ids = [
        "a/b",
        "a\\b",
        "a#b",
        "a?b",
        "a%b",
        "a%2Fb",
        "a=2Fb",
        "a'b",
        "a''b",
        "a|b",
        "a b",
        "ä",
        "日本\u{1F600}",
        "",
      ];
      const long = ["x".repeat(600), `${"x".repeat(600)}y`];
      const all = [...ids, ...long].map((softwareId, n) => aSnapshot({ tenant, softwareId, unusable: n }));
      for (const snapshot of all) await store.addSnapshot(snapshot);
      for (const snapshot of all) {
        expect(await store.readSnapshot(snapshot)).toEqual(snapshot);
        expect(await store.latestSnapshot({ ...snapshot, runId: "2026-11-24" })).toEqual(snapshot);
      }
    });

    it("of more KBs than fit are refused with a sentence, and nothing is stored", async () => {
      const missingKbs = Array.from({ length: 6_000 }, (_, n) => aKb({ id: `${5_000_000 + n}` }));
      const large = aSnapshot({ tenant: crypto.randomUUID(), missingKbs });
      const added = store.addSnapshot(large);
      await expect(added).rejects.toThrow(TooLargeError);
      await expect(added).rejects.toThrow(
        "6000 missing KBs do not fit into one snapshot, which has room for about 2,000",
      );
      expect(await store.readSnapshot(large)).toBeNull();
    });

    it("say whether two answers differed, and why a list is empty", async () => {
      const tenant = crypto.randomUUID();
      const differed = aSnapshot({ tenant, runId: "2026-11-22", missingKbs: [aKb()], differed: true });
      const empty = aSnapshot({ tenant, emptiness: { verdict: "not-kb-patched", checkedOn: "2026-11-20" } });
      for (const snapshot of [differed, empty]) {
        await store.addSnapshot(snapshot);
        expect(await store.readSnapshot(snapshot)).toEqual(snapshot);
      }
    });

    it("of a product are listed from one run id to another, both included, in the order of ids", async () => {
      const tenant = crypto.randomUUID();
      const runIds = ["2026-11-23T23:59Z", "2026-11-20", "2026-11-23", "2026-11-21T10:17Z", "2026-11-21", "2026-11-24"];
      for (const runId of runIds) await store.addSnapshot(aSnapshot({ tenant, runId, missingKbs: [aKb()] }));
      await store.addSnapshot(aSnapshot({ tenant, softwareId: "microsoft-_-windows_100", runId: "2026-11-22" }));
      await store.addSnapshot(aSnapshot({ tenant: `${tenant}x`, runId: "2026-11-22" }));
      const listed = (from: string, to: string) => store.listSnapshots(aSnapshot({ tenant }), from, to);
      const between = ["2026-11-21", "2026-11-21T10:17Z", "2026-11-23"];
      expect(await listed("2026-11-21", "2026-11-23")).toEqual(
        between.map((runId) => aSnapshot({ tenant, runId, missingKbs: [aKb()] })),
      );
      const ids = async (from: string, to: string) => (await listed(from, to)).map(({ runId }) => runId);
      expect(await ids("2026-11-21T00:00Z", "2026-11-23T23:59Z")).toEqual([
        "2026-11-21T10:17Z",
        "2026-11-23",
        "2026-11-23T23:59Z",
      ]);
      expect(await ids("2026-11-22", "2026-11-22")).toEqual([]);
      await expect(listed("' or true", "2026-11-23")).rejects.toThrow("is not a run id");
    });

    it("of several runs are read together, oldest first, without those that do not exist", async () => {
      const tenant = crypto.randomUUID();
      const runIds = ["2026-11-20", "2026-11-21", "2026-11-21T10:17Z", "2026-11-23"];
      const [first, , onDemand, last] = runIds.map((runId) => aSnapshot({ tenant, runId, missingKbs: [aKb()] }));
      for (const runId of runIds) await store.addSnapshot(aSnapshot({ tenant, runId, missingKbs: [aKb()] }));
      await store.addSnapshot(aSnapshot({ tenant, softwareId: "microsoft-_-windows_100", runId: "2026-11-23" }));
      const read = (...wanted: string[]) => store.readSnapshots(aSnapshot({ tenant }), wanted);
      expect(await read("2026-11-23", "2026-11-20", "2026-11-22")).toEqual([first, last]);
      expect(await read("2026-11-21T10:17Z")).toEqual([onDemand]);
      expect(await read("2026-11-24")).toEqual([]);
      expect(await read()).toEqual([]);
    });

    it("of a product have ids, listed from before a run on, the oldest first", async () => {
      const tenant = crypto.randomUUID();
      const runIds = ["2026-11-23T23:59Z", "2025-01-31", "2026-11-23", "2026-11-21T10:17Z", "2026-11-24"];
      for (const runId of runIds) await store.addSnapshot(aSnapshot({ tenant, runId, missingKbs: [aKb()] }));
      await store.addSnapshot(aSnapshot({ tenant, softwareId: "microsoft-_-windows_100", runId: "2026-11-22" }));
      await store.addSnapshot(aSnapshot({ tenant: `${tenant}x`, runId: "2026-11-22" }));
      const listed = (before: string) => store.listSnapshotIds(aSnapshot({ tenant }), before);
      expect(await listed("2026-11-24")).toEqual([
        "2025-01-31",
        "2026-11-21T10:17Z",
        "2026-11-23",
        "2026-11-23T23:59Z",
      ]);
      expect(await listed("2026-11-23")).toEqual(["2025-01-31", "2026-11-21T10:17Z"]);
      expect(await listed("2025-01-31")).toEqual([]);
      await expect(listed("' or true")).rejects.toThrow("is not a run id");
    });

    it("do not exist once deleted, and deleting a missing one is fine", async () => {
      const snapshot = aSnapshot({ tenant: crypto.randomUUID() });
      await store.addSnapshot(snapshot);
      await store.deleteSnapshot(snapshot);
      await store.deleteSnapshot(snapshot);
      expect(await store.readSnapshot(snapshot)).toBeNull();
    });

    it("refuse what is not a run id", async () => {
      await expect(store.addSnapshot(aSnapshot({ runId: "2026/11/23" }))).rejects.toThrow("is not a run id");
      await expect(store.readSnapshot(aSnapshot({ runId: "' or true" }))).rejects.toThrow("is not a run id");
      await expect(store.readSnapshots(aSnapshot(), ["' or true"])).rejects.toThrow("is not a run id");
      await expect(store.latestSnapshot(aSnapshot({ runId: "" }))).rejects.toThrow("is not a run id");
    });
  });

  describe(`the latest snapshot in ${kind}`, () => {
    const store = open();

    async function addRuns(...runIds: string[]): Promise<string> {
      const tenant = crypto.randomUUID();
      for (const runId of runIds) await store.addSnapshot(aSnapshot({ tenant, runId, missingKbs: [aKb()] }));
      return tenant;
    }

    const latestBefore = async (tenant: string, runId: string) =>
      (await store.latestSnapshot(aSnapshot({ tenant, runId })))?.runId ?? null;

    it("is the newest from before a run, scheduled or on demand", async () => {
      const tenant = await addRuns("2026-11-20", "2026-11-21", "2026-11-21T23:59Z", "2026-11-23", "2026-11-24");
      expect(await latestBefore(tenant, "2026-11-23")).toBe("2026-11-21T23:59Z");
      expect(await latestBefore(tenant, "2026-11-21")).toBe("2026-11-20");
      expect(await latestBefore(tenant, "2026-11-23T00:00Z")).toBe("2026-11-23");
      expect(await latestBefore(tenant, "2026-12-24")).toBe("2026-11-24");
    });

    it("is found no matter how long ago it was taken", async () => {
      const tenant = await addRuns("2024-02-28", "2024-02-29", "2026-11-24");
      expect(await latestBefore(tenant, "2026-11-23")).toBe("2024-02-29");
    });

    it("is null if there is none from before", async () => {
      const tenant = await addRuns("2026-11-23", "2026-11-24");
      expect(await latestBefore(tenant, "2026-11-23")).toBeNull();
    });

    it("is of the same product and tenant", async () => {
      const tenant = await addRuns("2026-11-20");
      await store.addSnapshot(aSnapshot({ tenant, softwareId: "microsoft-_-windows_1", runId: "2026-11-21" }));
      await store.addSnapshot(aSnapshot({ tenant, softwareId: "microsoft-_-windows_100", runId: "2026-11-21" }));
      await store.addSnapshot(aSnapshot({ tenant: `${tenant}|`, runId: "2026-11-21" }));
      expect(await store.latestSnapshot(aSnapshot({ tenant }))).toEqual(
        aSnapshot({ tenant, runId: "2026-11-20", missingKbs: [aKb()] }),
      );
    });

    it("is the one before once it is deleted", async () => {
      const tenant = await addRuns("2026-11-20", "2026-11-21");
      await store.deleteSnapshot(aSnapshot({ tenant, runId: "2026-11-21" }));
      expect(await latestBefore(tenant, "2026-11-23")).toBe("2026-11-20");
    });
  });

  describe(`runs in ${kind}`, () => {
    const store = open();

    async function committed(parts: Partial<Run> = {}) {
      const run = aStoredRun({ watchlist: crypto.randomUUID(), ...parts });
      expect(await store.commitRun(run, null)).toBe(true);
      return { run, stored: await read(run) };
    }

    async function read(run: RunKey) {
      const stored = await store.readRun(run, run.runId);
      if (!stored) throw new Error(`No run ${run.runId} of ${run.watchlist}.`);
      return stored;
    }

    it("are read as they were committed, each list in its order", async () => {
      const mail: Mail = { ...pendingMail, status: "refused", attempts: 3, unknownOutcomes: 1, reason: "Bad address." };
      const thresholds = { minMachines: 5, minPercent: 20, minCves: 0 };
      const due = { dueDays: 30, dueDaysExploited: 0, dueFrom: "first-seen" } as const;
      const rules = { thresholds, ...due, timeZone: "Pacific/Auckland" };
      const { run, stored } = await committed({
        previousRunId: "2026-11-22",
        rules,
        comparisons,
        left,
        failures,
        mail,
      });
      expect(stored.run).toEqual(run);
    });

    it("belong to another day than their ids say, as in a time zone ahead of UTC", async () => {
      const parts = { runId: "2026-11-22T23:00Z", day: "2026-11-23", openedAt: "2026-11-22T23:00:10.000Z" };
      const { run } = await committed(parts);
      expect(await store.listRuns(run)).toMatchObject([parts]);
      expect((await read(run)).run).toMatchObject(parts);
    });

    it("are null if none was committed", async () => {
      expect(await store.readRun(aChain(), "2026-11-23")).toBeNull();
      expect(await store.listRuns(aChain())).toEqual([]);
    });

    it("are committed once: the first one is kept", async () => {
      const { run } = await committed({ comparisons });
      expect(await store.commitRun({ ...run, comparisons: [], totals: { ...someTotals, new: 99 } }, null)).toBe(false);
      expect((await read(run)).run).toEqual(run);
    });

    it("have one winner among many committed at once", async () => {
      const run = aStoredRun({ watchlist: crypto.randomUUID() });
      const rivals = [1, 2, 3, 4, 5].map((n) => ({ ...run, totals: { ...someTotals, new: n } }));
      const wins = await Promise.all(rivals.map((rival) => store.commitRun(rival, null)));
      expect(wins.filter(Boolean)).toHaveLength(1);
      expect((await read(run)).run).toEqual(rivals[wins.indexOf(true)]);
    });

    it("follow a run that no other run follows", async () => {
      const { run, stored } = await committed();
      const next = { ...run, runId: "2026-11-24", previousRunId: run.runId };
      const rival = { ...run, runId: "2026-11-25", previousRunId: run.runId };
      expect(await store.commitRun(next, stored)).toBe(true);
      expect(await store.commitRun(rival, stored)).toBe(false);
      expect(await store.readRun(run, rival.runId)).toBeNull();
      expect((await read(next)).run).toEqual(next);
    });

    it("have one winner among many that follow the same run at once", async () => {
      const { run, stored } = await committed();
      const rivals = ["2026-11-24", "2026-11-25", "2026-11-26"].map((runId) => ({ ...run, runId }));
      const wins = await Promise.all(rivals.map((rival) => store.commitRun(rival, stored)));
      expect(wins.filter(Boolean)).toHaveLength(1);
      expect(await store.listRuns(run)).toHaveLength(2);
    });

    it("have one first run, even if others are committed at once", async () => {
      const watchlist = crypto.randomUUID();
      const onDemand = aStoredRun({ watchlist, runId: "2026-11-22T10:17Z" });
      expect(await store.commitRun(onDemand, null)).toBe(true);
      const rivals = ["2026-11-23", "2026-11-24", "2026-11-25"].map((runId) => aStoredRun({ watchlist, runId }));
      const wins = await Promise.all(rivals.map((rival) => store.commitRun(rival, null)));
      expect(wins.filter(Boolean)).toHaveLength(1);
      expect(await store.commitRun(aStoredRun({ watchlist, runId: "2026-11-26" }), null)).toBe(false);
      expect(await store.commitRun({ ...onDemand, runId: "2026-11-26T10:17Z" }, null)).toBe(true);
      expect(await store.listRuns({ tenant: "home", watchlist })).toHaveLength(3);
    });

    it("have a first run again once all are deleted", async () => {
      const { run } = await committed();
      await store.deleteRun(run);
      expect(await store.commitRun({ ...run, runId: "2026-11-24" }, null)).toBe(true);
    });

    it("have a first run again once their beginning is forgotten", async () => {
      const { run } = await committed();
      await store.deleteRun(run);
      await store.deleteBeginning(run);
      await store.deleteBeginning(run);
      const rivals = ["2026-11-24", "2026-11-25"].map((runId) => store.commitRun({ ...run, runId }, null));
      expect((await Promise.all(rivals)).filter(Boolean)).toHaveLength(1);
    });

    it("are not changed by being followed, except for their version", async () => {
      const { run, stored } = await committed({ comparisons, failures });
      await store.commitRun({ ...run, runId: "2026-11-24" }, stored);
      const after = await read(run);
      expect(after.run).toEqual(run);
      expect(after.version).not.toBe(stored.version);
    });

    it("do not follow a run that has changed since it was read", async () => {
      const { run, stored } = await committed();
      const next = { ...run, runId: "2026-11-24" };
      await store.updateMail(run, stored.version, { ...pendingMail, status: "sending" });
      expect(await store.commitRun(next, stored)).toBe(false);
      expect(await store.readRun(run, next.runId)).toBeNull();
      expect(await store.commitRun(next, await read(run))).toBe(true);
    });

    it("do not follow a run that was deleted, even if it was committed again", async () => {
      const { run, stored } = await committed();
      const next = { ...run, runId: "2026-11-24" };
      await store.deleteRun(run);
      expect(await store.commitRun(next, stored)).toBe(false);
      await store.commitRun(run, null);
      expect(await store.commitRun(next, stored)).toBe(false);
      expect(await store.readRun(run, next.runId)).toBeNull();
    });

    it("are listed without their lists, from a given run id on", async () => {
      const { run } = await committed({ runId: "2026-11-23", comparisons, left, failures });
      for (const runId of ["2026-11-24", "2026-11-23T10:17Z", "2026-11-21"]) {
        await store.commitRun({ ...run, runId, previousRunId: "2026-11-20" }, await read(run));
      }
      const listed = await store.listRuns(run);
      expect(listed.map(({ runId }) => runId)).toEqual(["2026-11-21", "2026-11-23", "2026-11-23T10:17Z", "2026-11-24"]);
      const { comparisons: _, left: __, failures: ___, ...summary } = run;
      expect(listed[1]).toEqual(summary);
      const late = await store.listRuns(run, "2026-11-23");
      expect(late).toEqual(listed.slice(1));
    });

    it.each([
      [
        "ahead of UTC, where a day begins before its date does",
        [
          ["2026-11-22T21:00Z", "2026-11-22T21:00:00.000Z"],
          ["2026-11-23", "2026-11-22T22:00:00.000Z"],
          ["2026-11-22T23:00Z", "2026-11-22T23:00:00.000Z"],
          ["2026-11-24", "2026-11-23T22:00:00.000Z"],
        ],
      ],
      [
        "behind UTC, where a day ends after its date does",
        [
          ["2026-11-24T03:00Z", "2026-11-24T03:00:00.000Z"],
          ["2026-11-23", "2026-11-24T06:00:00.000Z"],
          ["2026-11-24T07:00Z", "2026-11-24T07:00:00.000Z"],
          ["2026-11-24", "2026-11-25T06:00:00.000Z"],
        ],
      ],
    ])("are listed in the order in which they were opened, %s", async (_, opened) => {
      const watchlist = crypto.randomUUID();
      let last: StoredRun | null = null;
      for (const [runId = "", openedAt = ""] of opened) {
        const run = aStoredRun({ watchlist, runId, openedAt });
        const isScheduled = !runId.includes("T");
        expect(await store.commitRun(run, isScheduled ? last : null)).toBe(true);
        if (isScheduled) last = await read(run);
      }
      const listed = await store.listRuns({ tenant: "home", watchlist });
      expect(listed.map(({ runId, openedAt }) => [runId, openedAt])).toEqual(opened);
    });

    it("are kept apart by tenant and watchlist, for any name", async () => {
      const chains = anyChains();
      for (const chain of chains) expect(await store.commitRun(aStoredRun(chain), null)).toBe(true);
      for (const chain of chains) {
        expect(await store.listRuns(chain)).toMatchObject([{ ...chain, runId: "2026-11-23" }]);
        expect((await read(aStoredRun(chain))).run).toEqual(aStoredRun(chain));
      }
      const [first, ...others] = chains.map((chain) => aStoredRun(chain));
      if (first) await store.deleteRun(first);
      for (const run of others) expect((await read(run)).run).toEqual(run);
    });

    it("of a name that is used again for another tenant begin anew", async () => {
      const { run } = await committed();
      const moved = { ...run, tenant: `${run.tenant}2`, runId: "2026-11-24" };
      expect(await store.commitRun(moved, null)).toBe(true);
      expect(await store.listRuns(moved)).toMatchObject([{ runId: "2026-11-24" }]);
    });

    it("are of the same watchlist however its name is capitalized", async () => {
      const watchlist = `Servers ${crypto.randomUUID()}`;
      const run = aStoredRun({ watchlist });
      await store.commitRun(run, null);
      const renamed = watchlist.toUpperCase();
      expect((await read({ ...run, watchlist: renamed })).run).toEqual({ ...run, watchlist: renamed });
      expect(await store.listRuns({ ...run, watchlist: renamed })).toMatchObject([
        { watchlist: renamed, runId: run.runId },
      ]);
      expect(await store.commitRun({ ...run, watchlist: renamed, runId: "2026-11-24" }, null)).toBe(false);
    });

    it("do not exist once deleted, and deleting a missing one is fine", async () => {
      const { run } = await committed();
      await store.deleteRun(run);
      await store.deleteRun(run);
      expect(await store.readRun(run, run.runId)).toBeNull();
    });

    it("refuse what is not a run id", async () => {
      await expect(store.readRun(aChain(), "../2026-11-23")).rejects.toThrow("is not a run id");
      await expect(store.listRuns(aChain(), "' or true")).rejects.toThrow("is not a run id");
      await expect(store.commitRun(aStoredRun({ runId: "latest" }), null)).rejects.toThrow("is not a run id");
    });

    it("keep only the start of long reasons", async () => {
      const long = "Because of this. ".repeat(100);
      const [failure] = failures;
      const { stored } = await committed({
        comparisons,
        failures: failure ? [{ ...failure, reason: long }] : [],
        mail: { ...pendingMail, reason: long },
      });
      for (const reason of [stored.run.failures[0]?.reason, stored.run.mail.reason]) {
        expect(reason).toHaveLength(300);
        expect(reason).toMatch(/^Because of this\. .*…$/);
      }
    });

    describe("have a mail, which", () => {
      const claim: Mail = { status: "sending", at: "2026-11-23T05:05:00.000Z", attempts: 1, unknownOutcomes: 0 };

      it("takes another status and changes nothing else", async () => {
        const { run, stored } = await committed({ comparisons, failures });
        expect(await store.updateMail(run, stored.version, claim)).toBe(true);
        const after = await read(run);
        expect(after.run).toEqual({ ...run, mail: claim });
        expect((await store.listRuns(run))[0]?.mail).toEqual(claim);
      });

      it("gets and loses its reason", async () => {
        const { run, stored } = await committed();
        const failed: Mail = { ...claim, status: "pending", reason: "SendGrid answered 503." };
        await store.updateMail(run, stored.version, failed);
        const again = await read(run);
        expect(again.run.mail).toEqual(failed);
        await store.updateMail(run, again.version, { ...claim, status: "sent" });
        expect((await read(run)).run.mail).toEqual({ ...claim, status: "sent" });
      });

      it.each(["2026-11-16", null])("keeps %s as the run of the digest before it", async (since) => {
        const { run, stored } = await committed();
        expect(stored.run.mail).not.toHaveProperty("since");
        await store.updateMail(run, stored.version, { ...claim, since });
        const after = await read(run);
        expect(after.run.mail).toEqual({ ...claim, since });
        expect((await store.listRuns(run))[0]?.mail).toEqual({ ...claim, since });
        await store.updateMail(run, after.version, { ...claim, since, status: "sent" });
        expect((await read(run)).run.mail).toEqual({ ...claim, since, status: "sent" });
      });

      it("keeps all that is known of it, and loses what no longer holds", async () => {
        const { run, stored } = await committed();
        const full: Mail = {
          ...{ status: "pending", at: claim.at, attempts: 2, unknownOutcomes: 1, crashes: 3, reason: "SendGrid: 401." },
          ...{ isAccountTrouble: true, retryAt: "2026-11-23T06:05:00.000Z", since: "2026-11-16", isResent: true },
        };
        expect(await store.updateMail(run, stored.version, full)).toBe(true);
        const after = await read(run);
        expect(after.run.mail).toEqual(full);
        expect((await store.listRuns(run))[0]?.mail).toEqual(full);
        await store.updateMail(run, after.version, claim);
        expect((await read(run)).run.mail).toEqual(claim);
      });

      it.each(mailStatuses)("can be %s", async (status) => {
        const { run, stored } = await committed();
        await store.updateMail(run, stored.version, { ...claim, status });
        expect((await read(run)).run.mail).toEqual({ ...claim, status });
      });

      it("is not updated by a reader of an older version", async () => {
        const { run, stored } = await committed();
        await store.updateMail(run, stored.version, claim);
        expect(await store.updateMail(run, stored.version, { ...claim, status: "sent" })).toBe(false);
        expect((await read(run)).run.mail).toEqual(claim);
      });

      it("is claimed by only one of many at once", async () => {
        const { run, stored } = await committed();
        const claims = [1, 2, 3, 4, 5, 6].map(() => store.updateMail(run, stored.version, claim));
        expect((await Promise.all(claims)).filter(Boolean)).toHaveLength(1);
      });

      it("is not updated if its run was deleted", async () => {
        const { run, stored } = await committed();
        await store.deleteRun(run);
        expect(await store.updateMail(run, stored.version, claim)).toBe(false);
        expect(await store.readRun(run, run.runId)).toBeNull();
      });
    });
  });
}
