import { describe, expect, test } from "vitest";
import { configure, type GoodVersion, type WatchlistEntry } from "../../shared/core/configuration.ts";
import { aWatchlist } from "../support/builders.ts";

const good = (name: string, version = 1): WatchlistEntry => ({
  name,
  watchlist: aWatchlist({ name, dueDays: version }),
  fault: null,
  source: { name, version },
});
const faulty = (name: string | null): WatchlistEntry => ({
  name,
  watchlist: null,
  fault: `${name} is wrong.`,
  source: "x",
});

const monday = new Date("2026-11-23T05:00:00Z");
const hour = (hours: number) => new Date(monday.getTime() + hours * 3600_000);

/** What was read at each time, one after the other: what is configured and what is wrong. */
function play(...reads: [at: Date, read: readonly WatchlistEntry[] | string][]) {
  let last: GoodVersion[] = [];
  return reads.map(([at, read]) => {
    const { configured, good } = configure(read, last, at);
    last = good;
    const list = configured.list.map(({ name, dueDays }) => `${name} ${dueDays}`).toSorted();
    return { list, faults: configured.faults.map(({ watchlist, isKept }) => ({ watchlist, isKept })) };
  });
}

describe("the watchlists of a document", () => {
  test("are all of it, as long as nothing is wrong", () => {
    expect(play([monday, [good("A"), good("B")]], [hour(1), [good("B", 2)]])).toEqual([
      { list: ["A 1", "B 1"], faults: [] },
      { list: ["B 2"], faults: [] },
    ]);
  });

  test("go on in their last good version for a day, each by itself, and are disabled then", () => {
    const broken = [faulty("A"), good("B", 2)];
    const [, first, later, last, over] = play(
      [monday, [good("A"), good("B")]],
      [hour(24), broken],
      [hour(47), broken],
      [new Date(hour(48).getTime() - 1), broken],
      [hour(48), broken],
    );
    for (const kept of [first, later, last]) {
      expect(kept).toEqual({ list: ["A 1", "B 2"], faults: [{ watchlist: "A", isKept: true }] });
    }
    expect(over).toEqual({ list: ["B 2"], faults: [{ watchlist: "A", isKept: false }] });
  });

  test("are known by name in any capitals", () => {
    const [, kept] = play([monday, [good("Servers")]], [hour(1), [faulty("SERVERS")]]);
    expect(kept).toEqual({ list: ["Servers 1"], faults: [{ watchlist: "SERVERS", isKept: true }] });
  });

  test("have a new day after they were good in between", () => {
    const states = play(
      [monday, [good("A")]],
      [hour(1), [faulty("A")]],
      [hour(20), [good("A", 2)]],
      [hour(21), [faulty("A")]],
      [hour(44), [faulty("A")]],
    );
    expect(states.at(-1)?.list).toEqual(["A 2"]);
  });

  test("are not kept once they were removed, faulty or not", () => {
    const [, , removed, back] = play(
      [monday, [good("A"), good("B")]],
      [hour(1), [faulty("A"), good("B")]],
      [hour(2), [good("B")]],
      [hour(3), [faulty("A"), good("B")]],
    );
    expect(removed).toEqual({ list: ["B 1"], faults: [] });
    expect(back).toEqual({ list: ["B 1"], faults: [{ watchlist: "A", isKept: false }] });
  });

  test("all go on for a day where the document cannot be read, and none is lost where there was none", () => {
    const [, kept, over, back] = play(
      [monday, [good("A"), good("B")]],
      [hour(1), "No answer."],
      [hour(25), "No answer."],
      [hour(26), [good("A"), good("B")]],
    );
    expect(kept).toEqual({ list: ["A 1", "B 1"], faults: [{ watchlist: null, isKept: true }] });
    expect(over).toEqual({ list: [], faults: [{ watchlist: null, isKept: false }] });
    expect(back).toEqual({ list: ["A 1", "B 1"], faults: [] });
    expect(play([monday, "No answer."])).toEqual([{ list: [], faults: [{ watchlist: null, isKept: false }] }]);
  });

  test("that are missing go on while an entry without a name may be one of them", () => {
    const unclear = [faulty(null), good("B")];
    const [, kept, over] = play([monday, [good("A"), good("B")]], [hour(1), unclear], [hour(25), unclear]);
    expect(kept).toEqual({ list: ["A 1", "B 1"], faults: [{ watchlist: null, isKept: true }] });
    expect(over).toEqual({ list: ["B 1"], faults: [{ watchlist: null, isKept: false }] });
  });

  test("are those of the first of two entries with one name", () => {
    const [, both] = play([monday, [good("A")]], [hour(1), [good("A", 2), faulty("A")]]);
    expect(both).toEqual({ list: ["A 2"], faults: [{ watchlist: "A", isKept: false }] });
  });

  test("do not go on in a version that the app no longer accepts", () => {
    const last = [{ entry: { ...good("A"), watchlist: null, fault: "It is wrong now." }, since: null }];
    const { configured } = configure([faulty("A")], last, monday);
    expect(configured.list).toEqual([]);
    expect(configured.faults).toEqual([{ watchlist: "A", message: "A is wrong.", isKept: false }]);
  });
});
