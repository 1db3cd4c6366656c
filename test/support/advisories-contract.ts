import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { Advisory, KevEntry, RunFacts } from "../../shared/core/advisory.ts";
import type { AlertGap, ExploitedAlert } from "../../shared/core/alert.ts";
import type { Mail } from "../../shared/core/mail.ts";
import { type FeedState, type Store, type StoredMonth, TooLargeError } from "../../shared/ports.ts";
import { aMsrcKb } from "./builders.ts";
import { aChain } from "./chains.ts";
import { aStoredRun, pendingMail } from "./store-contract.ts";

const readAt = { msrc: "2026-11-23T04:17:00.000Z", kev: null };

/** Facts of one exploited KB, one plain one and one that MSRC does not know. */
export function someFacts(parts: Readonly<Record<string, Advisory | null>> = {}): RunFacts {
  const exploited: Advisory["exploited"] = [
    { cve: "CVE-2026-20001", sources: ["msrc", "kev"], since: "2026-11-12", ransomware: true },
    { cve: "CVE-2026-20002", sources: ["msrc"], since: null, ransomware: false },
  ];
  const bare = { severity: null, restart: null, supersedes: [], hotpatch: false, exploited: [] };
  const advisories: [string, Advisory | null][] = [
    [
      "5070001",
      {
        ...{ released: "2026-11-10", severity: "Critical", restart: "maybe", hotpatch: true },
        ...{ supersedes: ["5066001", "5066002"], exploited },
      },
    ],
    ["5070002", { ...bare, released: "2026-10-13" }],
    ["4540673", null],
    ["__proto__", null],
    ...Object.entries(parts),
  ];
  return { advisories: new Map(advisories), readAt };
}

/** Facts that take about so many characters after compression. */
function largeFacts(characters: number): RunFacts {
  const ids = Array.from({ length: Math.ceil(characters / 40) }, () => randomBytes(30).toString("base64"));
  return { advisories: new Map(ids.map((id) => [id, null])), readAt };
}

/** Tests of runs' facts that every store must pass. */
export function describeFacts(kind: string, open: () => Store): void {
  describe(`the facts of a run in ${kind}`, () => {
    const store = open();
    const aRun = () => aStoredRun(aChain());

    it("are read as they were committed, in their order", async () => {
      const run = aRun();
      expect(await store.commitRun(run, null, someFacts())).toBe(true);
      const facts = await store.readFacts(run);
      expect(facts).toEqual(someFacts());
      expect([...(facts?.advisories.keys() ?? [])]).toEqual([...someFacts().advisories.keys()]);
    });

    it("are null for a run without, and for one that does not exist", async () => {
      const [bare, none] = [aRun(), aRun()];
      await store.commitRun(bare, null);
      expect([await store.readFacts(bare), await store.readFacts(none)]).toEqual([null, null]);
    });

    it("belong to their run alone, and are no runs themselves", async () => {
      const run = aRun();
      const other = { ...run, runId: "2026-11-23T10:17Z" };
      const [facts, others] = [someFacts(), someFacts({ "5079999": null })];
      await store.commitRun(run, null, facts);
      await store.commitRun(other, null, others);
      expect([await store.readFacts(run), await store.readFacts(other)]).toEqual([facts, others]);
      expect((await store.listRuns(run)).map(({ runId }) => runId)).toEqual([run.runId, other.runId]);
    });

    it("are not those of a commit that came too late", async () => {
      const run = aRun();
      await store.commitRun(run, null, someFacts());
      expect(await store.commitRun(run, null, someFacts({ "5079999": null }))).toBe(false);
      expect(await store.readFacts(run)).toEqual(someFacts());
    });

    it("go with their run, and with no other", async () => {
      const run = aRun();
      const other = { ...run, runId: "2026-11-23T10:17Z" };
      for (const one of [run, other]) await store.commitRun(one, null, someFacts());
      await store.deleteRun(run);
      await store.deleteRun(run);
      expect([await store.readFacts(run), await store.readFacts(other)]).toEqual([null, someFacts()]);
      expect(await store.commitRun(run, null)).toBe(true);
      expect(await store.readFacts(run)).toBeNull();
    });

    it("take as many rows as they need", async () => {
      const run = aRun();
      const facts = largeFacts(2_000_000);
      expect(await store.commitRun(run, null, facts)).toBe(true);
      expect(await store.readFacts(run)).toEqual(facts);
      await store.deleteRun(run);
      expect(await store.readFacts(run)).toBeNull();
    });

    it("that are too many are refused with a sentence, and the run with them", async () => {
      const run = aRun();
      const committed = Promise.resolve().then(() => store.commitRun(run, null, largeFacts(5_000_000)));
      await expect(committed).rejects.toThrow(TooLargeError);
      await expect(committed).rejects.toThrow(/KBs of watchlist ".+" does not fit beside its run\. Split it/);
      expect(await store.readRun(run, run.runId)).toBeNull();
    });
  });
}

/** One gap of an alert. */
export function aGap(parts: Partial<AlertGap> = {}): AlertGap {
  return {
    ...{ id: "5070001", name: "November 2026 Security Updates", url: "https://support.microsoft.com/help/5070001" },
    ...{ softwareId: "microsoft-_-windows_11", machineMissedOn: 240, firstSeen: "2026-11-11", readOn: "2026-11-23" },
    ...parts,
  };
}

/** An alert to store. */
export function anAlert(parts: Partial<ExploitedAlert> = {}): ExploitedAlert {
  return {
    ...aChain(),
    ...{ cve: "CVE-2026-20001", sources: ["msrc", "kev"], since: "2026-11-23", ransomware: true },
    ...{ openedAt: "2026-11-23T14:17:05.000Z", gaps: [aGap()], more: 0, mail: pendingMail },
    ...parts,
  };
}

/** Tests of alerts that every store must pass. */
export function describeAlerts(kind: string, open: () => Store): void {
  describe(`alerts in ${kind}`, () => {
    const store = open();
    const sent: Mail = { ...pendingMail, status: "sent", attempts: 1 };

    it("are read and listed as they were added, one for each CVE", async () => {
      const first = anAlert();
      const bare = aGap({ name: "", url: null, machineMissedOn: null });
      const second = anAlert({
        ...chainOf(first),
        cve: "CVE-2026-3",
        since: null,
        sources: ["msrc"],
        gaps: [bare, bare],
      });
      for (const alert of [first, second]) expect(await store.addAlert(alert)).toBe(true);
      expect((await store.readAlert(first))?.alert).toEqual(first);
      expect((await store.readAlert(second))?.alert).toEqual(second);
      expect(await store.listAlerts(first)).toEqual([first, second]);
    });

    it("are never replaced, however the watchlist's name is capitalized", async () => {
      const alert = anAlert({ watchlist: `Servers ${crypto.randomUUID()}` });
      const renamed = { ...alert, watchlist: alert.watchlist.toUpperCase() };
      await store.addAlert(alert);
      expect(await store.addAlert({ ...renamed, gaps: [] })).toBe(false);
      expect((await store.readAlert(renamed))?.alert).toEqual(renamed);
    });

    it("are null if none was added, and of their watchlist alone", async () => {
      const [alert, other] = [anAlert(), anAlert()];
      await store.addAlert(alert);
      expect(await store.readAlert(other)).toBeNull();
      expect(await store.listAlerts(other)).toEqual([]);
    });

    it("are no runs, and runs are none of them", async () => {
      const alert = anAlert();
      const run = aStoredRun(chainOf(alert));
      await store.addAlert(alert);
      expect(await store.commitRun(run, null, someFacts())).toBe(true);
      expect(await store.listRuns(alert)).toHaveLength(1);
      expect(await store.listAlerts(alert)).toEqual([alert]);
      await store.deleteRun(run);
      expect(await store.listAlerts(alert)).toEqual([alert]);
    });

    it("have a mail that only the reader of its last version changes", async () => {
      const alert = anAlert();
      await store.addAlert(alert);
      const { version = "" } = (await store.readAlert(alert)) ?? {};
      expect(await store.updateAlertMail(alert, version, sent)).toBe(true);
      expect(await store.updateAlertMail(alert, version, pendingMail)).toBe(false);
      expect((await store.readAlert(alert))?.alert).toEqual({ ...alert, mail: sent });
      expect(await store.updateAlertMail(anAlert(), version, sent)).toBe(false);
    });

    it("count the gaps that do not fit into their row", async () => {
      const gaps = Array.from({ length: 100 }, (_, n) => aGap({ id: `${n}`, url: "x".repeat(20_000) }));
      const alert = anAlert({ gaps, more: 7 });
      await store.addAlert(alert);
      const stored = (await store.readAlert(alert))?.alert;
      expect(stored?.gaps.length).toBeGreaterThan(5);
      expect(stored?.gaps).toEqual(gaps.slice(0, stored?.gaps.length));
      expect(stored?.more).toBe(107 - (stored?.gaps.length ?? 0));
    });

    it("do not exist once deleted, and deleting a missing one is fine", async () => {
      const alert = anAlert();
      await store.addAlert(alert);
      await store.deleteAlert(alert);
      await store.deleteAlert(alert);
      expect([await store.readAlert(alert), await store.listAlerts(alert)]).toEqual([null, []]);
    });
  });
}

function chainOf({ tenant, watchlist }: ExploitedAlert) {
  return { tenant, watchlist };
}

/** A state that has everything but a fault. */
export const someState: FeedState = {
  validators: { etag: '"0x1"', lastModified: "Mon, 23 Nov 2026 04:00:00 GMT", digest: "q1_-" },
  readAt: "2026-11-23T04:17:00.000Z",
};

const missed = { id: "5079999", months: ["2026-Nov", "2026-Oct"] };

/** A month of three KBs. */
export function aMonth(parts: Partial<StoredMonth> = {}): StoredMonth {
  const cves = ["CVE-2026-20001", "CVE-2026-20002"];
  const kbs = [
    aMsrcKb("5070001", { cves, exploitedCves: ["CVE-2026-20002"], supersedes: ["5066001"], hotpatch: true }),
    aMsrcKb("5070002", { severity: null, restart: null, cves: ["CVE-2026-20001"] }),
    aMsrcKb("5070003", { severity: "Low", restart: "no", cves: [], released: "2026-11-17" }),
  ];
  return { id: "2026-Nov", changedAt: "2026-11-20T08:00:00Z", kbs, ...parts };
}

export const someKev: readonly KevEntry[] = [
  { cve: "CVE-2026-20002", since: "2026-11-12", ransomware: true },
  { cve: "CVE-2020-0601", since: "2022-01-01", ransomware: false },
];

/** Tests of what is kept of the feeds that every store must pass; each test opens its own, for there is one set of them. */
export function describeAdvisories(kind: string, open: () => Store): void {
  describe(`what the feeds say in ${kind}`, () => {
    const never = { validators: {}, readAt: null };

    it("is nothing at first", async () => {
      expect(await open().readAdvisories()).toEqual({ msrc: never, months: [], kev: never, exploited: null });
      expect(await open().readFeeds()).toEqual({ msrc: never, kev: never });
    });

    it("is read as it was saved last", async () => {
      const store = open();
      const older = aMonth({ id: "2026-Oct", kbs: [] });
      for (const month of [aMonth({ kbs: [] }), older, aMonth()]) await store.saveMonth(month);
      await store.saveFeed("msrc", { ...someState, notFound: [missed] });
      await store.saveKev([], someState);
      await store.saveKev(someKev, someState);
      const stored = await store.readAdvisories();
      expect(stored).toMatchObject({
        msrc: { ...someState, notFound: [missed] },
        kev: someState,
        exploited: someKev,
      });
      expect(stored.months.toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual([aMonth(), older]);
    });

    it.each(["msrc", "kev"] as const)(
      "has a state of %s, which gets and loses a fault and keeps the facts",
      async (name) => {
        const store = open();
        await store.saveMonth(aMonth());
        await store.saveKev(someKev, { ...someState, readAt: "2026-11-22T04:17:00.000Z" });
        const fault = { reason: "MSRC answered 503.", since: "2026-11-23T03:17:00.000Z" };
        for (const state of [{ ...someState, fault }, someState, never]) {
          await store.saveFeed(name, state);
          const stored = await store.readAdvisories();
          expect(stored[name]).toEqual(state);
          expect([stored.months, stored.exploited]).toEqual([[aMonth()], someKev]);
          expect((await store.readFeeds())[name]).toEqual(state);
        }
      },
    );

    it("forgets KBs that were found since, also where they took several columns", async () => {
      const store = open();
      const many = Array.from({ length: 3_000 }, (_, n) => ({ id: String(5_000_000 + n), months: ["2026-Nov"] }));
      for (const notFound of [many, [missed], many.slice(0, 2_000)]) {
        await store.saveFeed("msrc", { ...someState, notFound });
        expect((await store.readAdvisories()).msrc.notFound).toEqual(notFound);
      }
    });

    it("knows the fault of a feed that has never answered", async () => {
      const store = open();
      const state = { ...never, fault: { reason: "CISA answered 403.", since: "2026-11-23T03:17:00.000Z" } };
      await store.saveFeed("kev", state);
      expect(await store.readAdvisories()).toMatchObject({ kev: state, exploited: null });
    });

    it("refuses a month that does not fit into a row, and keeps the one before", async () => {
      const store = open();
      await store.saveMonth(aMonth());
      const cves = Array.from({ length: 60_000 }, (_, n) => `CVE-2026-${n}`);
      const saved = Promise.resolve().then(() => store.saveMonth(aMonth({ kbs: [aMsrcKb("1", { cves })] })));
      await expect(saved).rejects.toThrow(TooLargeError);
      expect((await store.readAdvisories()).months).toEqual([aMonth()]);
    });
  });
}
