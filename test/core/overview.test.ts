import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Mail } from "../../shared/core/mail.ts";
import {
  buildOverview,
  countOverview,
  knownTotal,
  lineEnds,
  newOrWorse,
  type OverviewFacts,
  type OverviewRow,
  overdueShare,
  overviewOrder,
  overviewSorts,
  overviewStates,
  selectOverview,
  urgentStates,
} from "../../shared/core/overview.ts";
import { noTotals, type Totals } from "../../shared/core/totals.ts";
import type { WatchlistStatus } from "../../shared/core/watchlist-status.ts";
import { aWatchlist } from "../support/builders.ts";

const day = "2026-11-23";
const expected = {
  now: new Date(`${day}T12:00:00Z`),
  nextRun: (after: Date) => new Date(after.getTime() + 24 * 3_600_000),
  minutesUntilLate: 120,
};

function aStatus(watchlist: string, parts: Partial<WatchlistStatus> = {}): WatchlistStatus {
  return {
    ...{
      tenant: "home",
      watchlist,
      latest: null,
      failing: null,
      line: [],
      lastDigest: null,
      open: [],
      removedOn: null,
    },
    ...parts,
  };
}

/** A status whose last run, of a day, has these totals. */
function withRun(watchlist: string, totals: Partial<Totals>, parts: Partial<WatchlistStatus> = {}, on = day) {
  const latest = { runId: on, day: on, openedAt: `${on}T05:00:00.000Z`, committedAt: `${on}T05:04:00.000Z` };
  return aStatus(watchlist, { latest: { ...latest, totals: { ...noTotals, read: 3, ...totals } }, ...parts });
}

function overviewOf(statuses: readonly WatchlistStatus[], facts: Partial<OverviewFacts> = {}) {
  const watchlists = statuses.map(({ watchlist, tenant }) => aWatchlist({ name: watchlist, tenant }));
  return buildOverview({ watchlists, faults: [], statuses, expected: () => expected, ...facts });
}

const namesOf = (rows: readonly OverviewRow[]) => rows.map(({ watchlist }) => watchlist);
const rowOf = (status: WatchlistStatus, facts: Partial<OverviewFacts> = {}): OverviewRow => {
  const [row] = overviewOf([status], facts).rows;
  if (!row) throw new Error("There is no row.");
  return row;
};
const mail = (status: Mail["status"], parts: Partial<Mail> = {}): Mail => ({
  ...{ status, at: `${day}T05:05:00.000Z`, attempts: 1, unknownOutcomes: 0 },
  ...parts,
});
const owed = (runId: string, mail: Mail) => ({ runId, committedAt: `${runId}T05:04:00.000Z`, mail });

describe("the order", () => {
  test("has faulty entries, those without a run, late ones and those not read before all others", () => {
    const statuses = [
      ...[withRun("fine", {}), withRun("overdue", { missingKbs: 4, overdue: 4 })],
      ...[
        withRun("partly read", { notRead: 1, missingKbs: 2, overdue: 2 }),
        withRun("not read", { read: 0, notRead: 3 }),
      ],
      ...[withRun("late", {}, {}, "2026-11-21"), aStatus("new"), withRun("Kept", { missingKbs: 1, overdue: 1 })],
    ];
    const faults = [
      { watchlist: "kept", message: "softwareIds: missing." },
      { watchlist: "gone", message: "tenant: not a tenant id." },
    ];
    expect(namesOf(overviewOf(statuses, { faults }).rows)).toEqual([
      ...["Kept", "gone", "new", "late", "not read", "partly read", "overdue", "fine"],
    ]);
  });

  test("has the largest share of overdue KBs first, whatever the size", () => {
    const statuses = [
      withRun("large", { missingKbs: 400, overdue: 100, missingInstalls: 90_000 }),
      withRun("small", { missingKbs: 2, overdue: 1, missingInstalls: 3 }),
      withRun("clean", {}),
    ];
    expect(namesOf(overviewOf(statuses).rows)).toEqual(["small", "large", "clean"]);
  });

  test("breaks ties by what is new or worse, then by missing installs, then by name in any case", () => {
    const statuses = [
      ...[withRun("b", { missingInstalls: 5 }), withRun("C", { missingInstalls: 5 }), withRun("a", {})],
      ...[withRun("d", { moreCves: 1 }), withRun("e", { new: 1, returned: 1 })],
    ];
    expect(namesOf(overviewOf(statuses).rows)).toEqual(["e", "d", "b", "C", "a"]);
  });

  test("does not depend on the order of the configuration", () => {
    const statuses = [
      ...[withRun("a", { overdue: 1, missingKbs: 2 }), withRun("b", { notRead: 1 }), aStatus("c"), withRun("d", {})],
      ...[withRun("e", { new: 3 }), withRun("f", {}, {}, "2026-11-20")],
    ];
    const wanted = namesOf(overviewOf(statuses).rows);
    fc.assert(
      fc.property(fc.shuffledSubarray(statuses, { minLength: statuses.length }), (shuffled) => {
        expect(namesOf(overviewOf(shuffled).rows)).toEqual(wanted);
      }),
    );
  });
});

describe("a watchlist", () => {
  test("has a row before any status of it was written", () => {
    const { rows } = buildOverview({
      ...{ watchlists: [aWatchlist()], faults: [], statuses: [], expected: () => expected },
    });
    expect(rows).toMatchObject([{ watchlist: "default", tenant: "home", latest: null, states: ["no-run"], due: null }]);
  });

  test("takes the status of its own tenant only, with its name as configured", () => {
    const other = withRun("Servers", { new: 9 }, { tenant: "11111111-2222-3333-4444-555555555555" });
    const own = withRun("servers", { new: 1 });
    const { rows } = overviewOf([other, own], { watchlists: [aWatchlist({ name: "SERVERS" })] });
    expect(rows.map((row) => [row.watchlist, newOrWorse(row)])).toEqual([["SERVERS", 1]]);
  });

  test("that is no longer configured has none", () => {
    expect(overviewOf([withRun("default", {})], { watchlists: [] }).rows).toEqual([]);
  });

  test("is late only past the time that its run may take", () => {
    const status = withRun("default", {}, {}, "2026-11-22");
    const due = "2026-11-23T05:00:00.000Z";
    const at = (time: string) => rowOf(status, { expected: () => ({ ...expected, now: new Date(`${day}T${time}Z`) }) });
    expect([at("07:00:00").due, at("07:00:01").due]).toEqual([null, due]);
    expect(at("07:00:01").states).toEqual(["late"]);
  });

  test("without a run is late when its first is", () => {
    const row = rowOf(aStatus("default", { awaitedSince: "2026-11-22T08:00:00.000Z" }));
    expect(row.states).toEqual(["no-run", "late"]);
  });
});

describe("faults", () => {
  test("are shown with the entry that they are of, its last good version or its name alone", () => {
    const faults = [
      { watchlist: "DEFAULT", message: "One." },
      { watchlist: "default", message: "Two." },
      { watchlist: "new", message: "Three." },
    ];
    const { rows } = overviewOf([withRun("default", { read: 2 })], { faults });
    expect(rows.map(({ watchlist, tenant, faults, states }) => ({ watchlist, tenant, faults, states }))).toEqual([
      { watchlist: "default", tenant: "home", faults: ["One.", "Two."], states: ["faulty"] },
      { watchlist: "new", tenant: null, faults: ["Three."], states: ["faulty", "no-run"] },
    ]);
  });

  test("that are of no entry are the overview's own", () => {
    const { rows, faults } = overviewOf([], { faults: [{ watchlist: null, message: "The list cannot be read." }] });
    expect([rows, faults]).toEqual([[], ["The list cannot be read."]]);
  });
});

describe("the last digest", () => {
  const lastDigest = { runId: "2026-11-20", at: "2026-11-20T05:05:00.000Z" };

  test("is none, or the last one that was sent", () => {
    expect(rowOf(aStatus("default")).digest).toEqual({ status: "none", runId: null, at: null, reason: null });
    const sent = rowOf(withRun("default", {}, { lastDigest }));
    expect(sent.digest).toEqual({ status: "sent", ...lastDigest, reason: null });
    expect(sent.states).toEqual([]);
  });

  test("waits as long as a mail is owed, since the oldest", () => {
    const open = [owed("2026-11-22", mail("pending", { reason: "401." })), owed(day, mail("sending"))];
    const row = rowOf(withRun("default", {}, { lastDigest, open }));
    expect(row.digest).toMatchObject({ status: "waiting", runId: "2026-11-22", reason: "401." });
    expect(row.states).toEqual(["mail"]);
  });

  test("is refused where any was since the last one sent, even if a newer one waits", () => {
    const open = [owed("2026-11-21", mail("refused")), owed("2026-11-22", mail("refused", { reason: "413." }))];
    const row = rowOf(withRun("default", {}, { lastDigest, open: [...open, owed(day, mail("pending"))] }));
    expect(row.digest).toMatchObject({ status: "refused", runId: "2026-11-22", reason: "413." });
    expect(row.states).toEqual(["mail"]);
  });
});

describe("a figure", () => {
  const claimed = (row: OverviewRow) => [newOrWorse(row), knownTotal(row, "overdue"), overdueShare(row)];

  test("is unknown without a run", () => {
    const row = rowOf(aStatus("default"));
    expect([...claimed(row), knownTotal(row, "missingKbs"), knownTotal(row, "read")]).toEqual(Array(5).fill(null));
  });

  test("of a run that read nothing claims nothing, and repeats counts only where some were known", () => {
    const never = rowOf(withRun("default", { read: 0, notRead: 2 }));
    expect([...claimed(never), knownTotal(never, "missingKbs")]).toEqual([null, null, null, null]);
    expect([knownTotal(never, "read"), knownTotal(never, "notRead")]).toEqual([0, 2]);
    const before = rowOf(withRun("default", { read: 0, notRead: 2, missingKbs: 7, missingInstalls: 90 }));
    expect([...claimed(before), knownTotal(before, "missingInstalls")]).toEqual([null, null, null, 90]);
  });

  test("of a run that read some products is that of the run", () => {
    const row = rowOf(withRun("default", { notRead: 1, missingKbs: 8, overdue: 2, new: 1, worsened: 2 }));
    expect(claimed(row)).toEqual([3, 2, 0.25]);
    expect(row.states).toEqual(["not-read", "worse", "overdue"]);
  });

  test("is a share of nothing overdue where nothing is missing", () => {
    expect(overdueShare(rowOf(withRun("default", {})))).toBe(0);
  });
});

describe("a selection", () => {
  const tenant = "8f2c0a4e-3b1d-4c5f-9a7e-112233445566";
  const overview = overviewOf([
    withRun("Contoso servers", { missingKbs: 9, overdue: 3, missingInstalls: 40 }),
    withRun("Contoso clients", { missingKbs: 10, overdue: 2, missingInstalls: 900, new: 1 }, { tenant }),
    withRun("Fabrikam", { notRead: 2 }, {}, "2026-11-20"),
    aStatus("Northwind"),
  ]);
  const select = (selection: Parameters<typeof selectOverview>[1]) => namesOf(selectOverview(overview, selection));

  test("finds words in name and tenant, in any case", () => {
    expect(select({ search: "CONTOSO serv" })).toEqual(["Contoso servers"]);
    expect(select({ search: "8F2C contoso" })).toEqual(["Contoso clients"]);
    expect(select({ search: "contoso fabrikam" })).toEqual([]);
  });

  test("by state has those that the count of that state counts", () => {
    const counts = countOverview(overview);
    for (const state of overviewStates) expect(select({ state })).toHaveLength(counts[state]);
    expect(counts).toEqual({ faulty: 0, "no-run": 1, late: 1, "not-read": 1, worse: 1, overdue: 2, mail: 0 });
  });

  test.each([
    ["worst", ["Northwind", "Fabrikam", "Contoso servers", "Contoso clients"]],
    ["watchlist", ["Contoso clients", "Contoso servers", "Fabrikam", "Northwind"]],
    ["tenant", ["Contoso clients", "Northwind", "Fabrikam", "Contoso servers"]],
    ["day", ["Fabrikam", "Contoso servers", "Contoso clients", "Northwind"]],
    ["not-read", ["Fabrikam", "Contoso servers", "Contoso clients", "Northwind"]],
    ["kbs", ["Contoso clients", "Contoso servers", "Fabrikam", "Northwind"]],
    ["installs", ["Contoso clients", "Contoso servers", "Fabrikam", "Northwind"]],
    ["worse", ["Contoso clients", "Fabrikam", "Contoso servers", "Northwind"]],
    ["overdue", ["Contoso servers", "Contoso clients", "Fabrikam", "Northwind"]],
    ["overdue-share", ["Contoso servers", "Contoso clients", "Fabrikam", "Northwind"]],
  ] as const)("sorts by %s, what is unknown last", (sort, names) => {
    expect(select({ sort })).toEqual(names);
  });

  test.each(overviewSorts)("sorts by %s the other way too, and what is unknown stays last", (sort) => {
    const order = overviewOrder[sort] === "asc" ? "desc" : "asc";
    const names = select({ sort, order });
    expect(names.toSorted()).toEqual(select({ sort }).toSorted());
    const isByName = sort === "worst" || sort === "watchlist" || sort === "tenant";
    if (!isByName) expect(names.at(-1)).toBe("Northwind");
    else if (sort !== "tenant") expect(names).toEqual(select({ sort }).toReversed());
  });
});

test("the urgent states come first among the states", () => {
  expect(overviewStates.slice(0, urgentStates.length)).toEqual([...urgentStates]);
});

test("a line has ends from two runs on", () => {
  const line = [
    { day: "2026-11-21", missingInstalls: 40 },
    { day: "2026-11-22", missingInstalls: 90 },
    { day: "2026-11-23", missingInstalls: 30 },
  ];
  expect(lineEnds({ line: line.slice(0, 1) })).toBeNull();
  expect(lineEnds({ line })).toEqual({ first: line[0], last: line[2], most: line[1], change: -10 });
});
