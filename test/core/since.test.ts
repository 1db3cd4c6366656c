import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addDays } from "../../shared/core/day.ts";
import { isWorse } from "../../shared/core/due.ts";
import type { Counts } from "../../shared/core/missing-kb.ts";
import type { ProductRow, Report } from "../../shared/core/report.ts";
import type { KbEntry } from "../../shared/core/row.ts";
import { incomparable, type SinceDigest } from "../../shared/core/since.ts";
import type { Thresholds } from "../../shared/core/watchlist.ts";
import { type Answer, anItem, emptyOverWeaknesses, entriesOf, failed, startDays } from "../support/play-days.ts";

const windows10 = "microsoft-_-windows_10";
const windows11 = "microsoft-_-windows_11";
const dotNet = "microsoft-_-.net_framework";
const fiveMachines = { minMachines: 5, minPercent: 0, minCves: 1 };

/** The days from 1 November of one product, and what happened since the digest of the first one. */
async function sinceFirst(
  answers: readonly Answer[],
  thresholds = { minMachines: 1, minPercent: 0, minCves: 1 },
): Promise<{ report: Report; since: SinceDigest }> {
  const days = startDays({ softwareIds: [windows10], thresholds });
  let report: Report | undefined;
  for (const [index, answer] of answers.entries()) {
    report = (await days.play(addDays("2026-11-01", index), { [windows10]: answer })).report;
  }
  if (!report) throw new Error("there is a day");
  return { report, since: await days.since("2026-11-01", report) };
}

describe("since the last digest", () => {
  test("what got better or was resolved is listed with the digest's counts, what rose and what came and went is counted", async () => {
    const { report, since } = await sinceFirst(
      [
        [anItem("1", 10), anItem("2", 10), anItem("3", 10), anItem("4", 10), anItem("5", 10)],
        [anItem("1", 7), anItem("2", 10), anItem("4", 10, 4), anItem("5", 12), anItem("6", 1)],
        [anItem("1", 7), anItem("2", 10), anItem("4", 10, 4), anItem("5", 12)],
        [anItem("1", 7), anItem("2", 9), anItem("4", 10, 4), anItem("5", 12)],
      ],
      fiveMachines,
    );
    expect(entriesOf(report)[1]).toBe("windows_10 2 improved 9/10 was 10/10");
    expect(entriesOf(since)).toEqual([
      "windows_10 1 improved 7/10 was 10/10",
      "windows_10 3 resolved - was 10/10",
      "windows_10 4 improved 10/4 was 10/10",
    ]);
    expect(since).toMatchObject({ runId: "2026-11-01", day: "2026-11-01", rose: 1, cameAndWent: 1 });
    expect([since.readable, since.watched]).toEqual([[], []]);
  });

  test("is listed worst first, with figures of the entries", async () => {
    const { since } = await sinceFirst([
      [anItem("1", 10), anItem("2", 30), anItem("3", 20)],
      [anItem("2", 5)],
      [anItem("2", 5)],
    ]);
    expect(since.rows.map(({ id, kind }) => [id, kind])).toEqual([
      ["2", "improved"],
      ["3", "resolved"],
      ["1", "resolved"],
    ]);
    expect(since.rows[0]).toMatchObject({ firstSeen: "2026-11-01", entries: [{ peak: 30, reasons: [] }] });
  });

  test("nothing is better while machines are above what was last reported", async () => {
    const days = startDays({ softwareIds: [windows10], thresholds: fiveMachines });
    await days.play("2026-11-01", { [windows10]: [anItem("1", 10)] });
    await days.play("2026-11-02", { [windows10]: [anItem("1", 14)] });
    await days.play("2026-11-03", { [windows10]: [anItem("1", 12)] });
    const above = await days.play("2026-11-04");
    expect((await days.since("2026-11-02", above.report)).rows).toEqual([]);
    const back = await days.play("2026-11-05", { [windows10]: [anItem("1", 10)] });
    expect(entriesOf(await days.since("2026-11-02", back.report))).toEqual(["windows_10 1 improved 10/10 was 14/10"]);
  });

  test("nothing is better that fell and rose again below the thresholds", async () => {
    const { report, since } = await sinceFirst(
      [[anItem("1", 100)], [anItem("1", 50)], [anItem("1", 53)], [anItem("1", 54)]],
      fiveMachines,
    );
    expect(entriesOf(report)).toEqual(["windows_10 1 unchanged 54/10 was 50/10"]);
    expect([since.rows, since.rose]).toEqual([[], 0]);
  });

  test("nothing is better while machines are unknown that were known, but fewer CVEs are if they never were", async () => {
    const lost = await sinceFirst([[anItem("1", 10, 9)], [anItem("1", null, 4)], [anItem("1", null, 4)]]);
    expect(lost.since.rows).toEqual([]);
    const never = await sinceFirst([[anItem("1", null, 9)], [anItem("1", null, 4)], [anItem("1", null, 4)]]);
    expect(entriesOf(never.since)).toEqual(["windows_10 1 improved ?/4 was ?/9"]);
  });

  test.each([
    [1, ["windows_10 1 improved 10/4 was 10/9", "windows_10 2 improved 9/9 was 10/9"]],
    [0, ["windows_10 2 improved 9/9 was 10/9"]],
  ])("fewer CVEs with WORSE_MIN_CVES=%i", async (minCves, expected) => {
    const fell = [anItem("1", 10, 4), anItem("2", 9, 9)];
    const first = [anItem("1", 10, 9), anItem("2", 10, 9)];
    const { since } = await sinceFirst([first, fell, fell], { minMachines: 1, minPercent: 0, minCves });
    expect(entriesOf(since)).toEqual(expected);
  });

  test("what a digest in between said that was not delivered is said: new, back and worse", async () => {
    const { report, since } = await sinceFirst([
      [anItem("1", 10), anItem("2", 10), anItem("3", 10, 4)],
      [anItem("1", 30), anItem("2", 10), anItem("3", 8, 6), anItem("4", 5)],
      [anItem("1", 30), anItem("2", 10), anItem("3", 8, 6), anItem("4", 5)],
      [anItem("1", 30), anItem("2", 10), anItem("3", 8, 6), anItem("4", 4)],
    ]);
    // Better than a day before is still new to those who never heard of it.
    expect(entriesOf(report)).toContain("windows_10 4 improved 4/10 was 5/10");
    expect(entriesOf(since)).toEqual([
      "windows_10 1 worsened 30/10 was 10/10",
      "windows_10 3 more-cves 8/6 was 10/4",
      "windows_10 4 new 4/10 was -",
    ]);
    expect(since.rose).toBe(0);
  });

  test("a rise that the last digest held back counts from what was last reported", async () => {
    const days = startDays({ softwareIds: [windows10], thresholds: fiveMachines });
    await days.play("2026-11-01", { [windows10]: [anItem("1", 10)] });
    await days.play("2026-11-02", { [windows10]: [anItem("1", 12)] });
    await days.play("2026-11-03", { [windows10]: [anItem("1", 15)] });
    const { report } = await days.play("2026-11-04");
    expect(entriesOf(report)).toEqual(["windows_10 1 unchanged 15/10 was 15/10"]);
    expect(entriesOf(await days.since("2026-11-02", report))).toEqual(["windows_10 1 worsened 15/10 was 10/10"]);
  });

  test("also of a product that could not be read today, because the next digest follows this one", async () => {
    const { report, since } = await sinceFirst([
      [anItem("1", 10), anItem("2", 9)],
      [anItem("1", 12), anItem("2", 8), anItem("4", 5)],
      failed,
    ]);
    expect(entriesOf(report)).toContain("windows_10 4 not-read 5/10 was 5/10");
    expect(entriesOf(since)).toEqual(["windows_10 1 worsened 12/10 was 10/10", "windows_10 4 new 5/10 was -"]);
    expect(since).toMatchObject({ readable: [], rose: 0, cameAndWent: 0 });
  });

  test("a first list of KBs in between is a baseline, and nothing of it is new", async () => {
    const days = startDays({ softwareIds: [windows10] });
    await days.play("2026-11-01", { [windows10]: emptyOverWeaknesses });
    await days.play("2026-11-03", { [windows10]: [anItem("1", 10)] });
    const { report } = await days.play("2026-11-04");
    expect(await days.since("2026-11-01", report)).toMatchObject({ rows: [], watched: [windows10] });
  });

  test("what the report itself shows as changed is not repeated", async () => {
    const { report, since } = await sinceFirst([
      [anItem("1", 10), anItem("2", 10), anItem("3", 10), anItem("4", 10)],
      [anItem("1", 5), anItem("2", 5), anItem("3", 10)],
      [anItem("1", 4), anItem("2", 6), anItem("4", 2)],
    ]);
    expect(report.rows.map(({ kind }) => kind).toSorted()).toEqual(["improved", "resolved", "returned", "worsened"]);
    expect(since).toMatchObject({ rows: [], rose: 0, cameAndWent: 0 });
  });

  test("entries that came and went are counted for each product, but none that was listed then", async () => {
    const days = startDays({ softwareIds: [windows10, windows11] });
    await days.play("2026-11-01", { [windows10]: [anItem("1", 1)], [windows11]: [] });
    const [came, went] = [[anItem("1", 1), anItem("2", 1)], [anItem("1", 1)]];
    await days.play("2026-11-02", { [windows10]: came, [windows11]: came });
    await days.play("2026-11-03", { [windows10]: went, [windows11]: [] });
    const { report } = await days.play("2026-11-04");
    expect(await days.since("2026-11-01", report)).toMatchObject({ cameAndWent: 3, rows: [] });
    // On the day on which they go, the report shows them.
    expect((await days.since("2026-11-03", report)).cameAndWent).toBe(0);
  });

  test("of a product that is not read or not patched by KBs today nothing is resolved", async () => {
    const first = [anItem("1", 10), anItem("2", 1)];
    for (const today of [failed, emptyOverWeaknesses]) {
      const { since } = await sinceFirst([first, [anItem("1", 10), anItem("3", 1)], [anItem("1", 10)], today]);
      expect(since).toMatchObject({ rows: [], rose: 0, cameAndWent: 0, readable: [], watched: [] });
    }
    const { since } = await sinceFirst([first, [anItem("1", 10)], []]);
    expect(entriesOf(since)).toEqual(["windows_10 2 resolved - was 1/10"]);
  });

  test("what left the list without a claim is not resolved later", async () => {
    const first = [anItem("1", 10), anItem("2", 1)];
    const { report, since } = await sinceFirst([
      first,
      [...first, anItem("3", 1)],
      emptyOverWeaknesses,
      [anItem("4", 1)],
      [anItem("4", 1)],
    ]);
    expect(entriesOf(report)).toEqual(["windows_10 4 unchanged 1/10 was 1/10"]);
    expect(entriesOf(since)).toEqual(["windows_10 4 new 1/10 was -"]);
    expect(since.cameAndWent).toBe(0);
  });
});

describe("products since the last digest", () => {
  test("can be read again, or are newly watched", async () => {
    const days = startDays({ softwareIds: [windows10, windows11] });
    await days.play("2026-11-01", { [windows10]: [anItem("1", 10)], [windows11]: [] });
    await days.play("2026-11-02", { [windows10]: failed });
    const all = { softwareIds: [windows10, windows11, dotNet] };
    await days.play("2026-11-03", { [windows10]: [anItem("1", 8)], [dotNet]: [anItem("2", 3)] }, all);
    const { report } = await days.play("2026-11-04");
    const since = await days.since("2026-11-02", report);
    expect([since.readable, since.watched]).toEqual([[windows10], [dotNet]]);
    // The last known counts are what the digest showed.
    expect(entriesOf(since)).toEqual(["windows_10 1 improved 8/10 was 10/10"]);
    const later = await days.since("2026-11-03", report);
    expect([later.readable, later.watched]).toEqual([[], []]);
    const again = await days.play("2026-11-05", { [windows10]: failed });
    expect((await days.since("2026-11-02", again.report)).readable).toEqual([]);
  });

  test("are newly watched even if they could not be read today, but not if they never were or are first read today", async () => {
    const days = startDays({ softwareIds: [windows10] });
    await days.play("2026-11-01", { [windows10]: [] });
    const all = { softwareIds: [windows10, windows11, dotNet, "edge"] };
    const answers = { [windows11]: [anItem("1", 1)], [dotNet]: failed, edge: failed };
    await days.play("2026-11-02", answers, all);
    const { report } = await days.play("2026-11-03", { [windows11]: failed, edge: [] });
    const since = await days.since("2026-11-01", report);
    expect([since.readable, since.watched]).toEqual([[], [windows11]]);
  });

  test("that were never read at the digest are newly watched, not read again", async () => {
    const days = startDays({ softwareIds: [windows10] });
    await days.play("2026-11-01", { [windows10]: failed });
    await days.play("2026-11-02", { [windows10]: [anItem("1", 1)] });
    const { report } = await days.play("2026-11-03");
    const since = await days.since("2026-11-01", report);
    expect([since.readable, since.watched]).toEqual([[], [windows10]]);
  });

  test("that are a baseline again today are compared with nothing", async () => {
    const days = startDays({ softwareIds: [windows10, windows11], retentionDays: 5 });
    await days.play("2026-11-01", { [windows10]: [], [windows11]: [anItem("1", 9), anItem("2", 9)] });
    await days.play("2026-11-02", {}, { softwareIds: [windows10] });
    const again = { [windows11]: [anItem("1", 4)] };
    const { report } = await days.play("2026-11-20", again, { softwareIds: [windows10, windows11] });
    expect(entriesOf(report)).toEqual(["windows_11 1 baseline 4/10 was -"]);
    expect(await days.since("2026-11-01", report)).toMatchObject({ rows: [], watched: [], readable: [] });
  });
});

describe("a report and what happened since the last digest", () => {
  const count = fc.option(fc.integer({ min: 0, max: 9 }), { freq: 8 });
  const list = fc.uniqueArray(fc.tuple(fc.constantFrom("1", "2", "3", "4"), count, count), { selector: ([id]) => id });
  const answer: fc.Arbitrary<Answer> = fc.oneof(
    { weight: 8, arbitrary: list.map((items) => items.map(([id, machines, cves]) => anItem(id, machines, cves))) },
    { weight: 1, arbitrary: fc.constant(failed) },
    { weight: 1, arbitrary: fc.constant(emptyOverWeaknesses) },
  );
  const thresholds = fc.record({
    minMachines: fc.integer({ min: 1, max: 5 }),
    minPercent: fc.constantFrom(0, 50),
    minCves: fc.integer({ min: 0, max: 3 }),
  });
  const history = fc.array(fc.tuple(answer, answer), { minLength: 3, maxLength: 6 });

  type Story = [answers: [Answer, Answer][], limits: Thresholds];
  const story: fc.Arbitrary<Story> = fc.tuple(history, thresholds);

  /** CVEs that rise a little while machines fall, and a little more while machines are unknown: together past the threshold. */
  const fellThenRose: Story = [
    [
      [[anItem("2", 4, 2)], []],
      [[anItem("2", 1, 3)], []],
      [[anItem("2", null, 4)], []],
    ],
    { minMachines: 1, minPercent: 0, minCves: 2 },
  ];

  /** Plays a story, a day each, and says in the last report what happened since the first. */
  async function play([answers, limits]: Story) {
    const days = startDays({ softwareIds: [windows10, windows11], thresholds: limits });
    const reports: Report[] = [];
    for (const [index, [one, other]] of answers.entries()) {
      const day = addDays("2026-11-01", index);
      reports.push((await days.play(day, { [windows10]: one, [windows11]: other })).report);
    }
    const [first, last] = [reports[0], reports.at(-1)];
    if (!first || !last) throw new Error("there are reports");
    const since = await days.since("2026-11-01", last);
    const passed = reports.slice(1, -1);
    return { digest: entriesIn(first), now: entriesIn(last), said: entriesIn(since), passed, last, since };
  }

  test("never repeat each other", async () => {
    await fc.assert(
      fc.asyncProperty(story, async (story) => {
        const { now, said } = await play(story);
        for (const [name, { kind, current }] of said) {
          const today = now.get(name);
          if (kind === "resolved") expect(today).toBeUndefined();
          else if (isWorse(kind)) expect([isWorse(today?.kind ?? "new"), today?.current]).toEqual([false, current]);
          else expect([today?.kind, today?.current]).toEqual(["unchanged", current]);
        }
      }),
    );
  });

  test("compare with the counts that the digest showed", async () => {
    await fc.assert(
      fc.asyncProperty(story, async (story) => {
        const { digest, said } = await play(story);
        for (const [name, { kind, current, previous }] of said) {
          if (isWorse(kind)) continue;
          expect(previous).toEqual(digest.get(name)?.current);
          if (kind === "improved") expectLess(current, previous);
        }
      }),
    );
  });

  test("say worse only of what a run in between called worse, or better: then its counts were reported anew", async () => {
    await fc.assert(
      fc.asyncProperty(story, async (story) => {
        const { said, passed } = await play(story);
        const before = new Set(passed.flatMap((report) => [...worseIn(report), ...betterIn(report)]));
        for (const [name, { kind }] of said) if (isWorse(kind)) expect(before).toContain(name);
      }),
      { examples: [[fellThenRose]] },
    );
  });

  test("say worse of all that a run in between called new, and of what it called worse and is past the thresholds today", async () => {
    await fc.assert(
      fc.asyncProperty(story, async (story) => {
        const { digest, now, said, passed, last } = await play(story);
        const { minMachines, minPercent } = story[1];
        const [today, baselines] = [new Set(worseIn(last)), new Set([...passed, last].flatMap(baselinesIn))];
        const isPast = (name: string) => {
          const [then, current] = [digest.get(name)?.current, now.get(name)?.current];
          const machines = then?.machineMissedOn ?? null;
          if (!then || machines === null) return !then;
          const rise = (current?.machineMissedOn ?? 0) - machines;
          return rise >= minMachines && rise * 100 >= minPercent * machines;
        };
        const open = passed.flatMap(worseIn).filter((name) => {
          const entry = now.get(name);
          return entry?.current && !today.has(name) && !baselines.has(entry.softwareId);
        });
        const expected = open.filter(isPast);
        expect(expected.filter((name) => !isWorse(said.get(name)?.kind ?? "unchanged"))).toEqual([]);
      }),
    );
  });

  test("say resolved of exactly what a run in between called so, and is absent today from a product that was read", async () => {
    await fc.assert(
      fc.asyncProperty(story, async (story) => {
        const { digest, now, said, passed, last, since } = await play(story);
        const readToday = new Set(last.products.filter(wasReadOrEmpty).map(({ softwareId }) => softwareId));
        // The last that a run in between said of each entry.
        const lastSaid = new Map(passed.flatMap((report) => [...entriesIn(report)]));
        const left = [...lastSaid]
          .filter(isResolved)
          .filter(([name, entry]) => !now.has(name) && readToday.has(entry.softwareId));
        const known = left.filter(([name]) => digest.has(name));
        const names = [...said].filter(isResolved).map(([name]) => name);
        expect(names.toSorted()).toEqual(known.map(([name]) => name).toSorted());
        expect(since.cameAndWent).toBe(left.length - known.length);
      }),
    );
  });
});

type NamedEntry = [name: string, entry: KbEntry];

/** The entries of some rows by product and KB. */
function entriesIn({ rows }: Pick<Report, "rows">): Map<string, KbEntry> {
  const named = rows.flatMap(({ id, entries }) =>
    entries.map((entry): NamedEntry => [`${entry.softwareId} ${id}`, entry]),
  );
  return new Map(named);
}

function isResolved([, { kind }]: NamedEntry): boolean {
  return kind === "resolved";
}

function wasReadOrEmpty({ state }: ProductRow): boolean {
  return state === "read" || state === "empty";
}

/** Fewer machines, or as many and fewer CVEs. */
function expectLess(current: Counts | null, previous: Counts | null): void {
  const [machines, before] = [current?.machineMissedOn, previous?.machineMissedOn];
  if (machines === before) expect(Number(current?.cveAddressed)).toBeLessThan(Number(previous?.cveAddressed));
  else expect(Number(machines)).toBeLessThan(Number(before));
}

function baselinesIn({ products }: Report): string[] {
  return products.flatMap(({ softwareId, baseline }) => (baseline ? [softwareId] : []));
}

function worseIn(report: Report): string[] {
  return [...entriesIn(report)].flatMap(([name, { kind }]) => (isWorse(kind) ? [name] : []));
}

function betterIn(report: Report): string[] {
  return [...entriesIn(report)].flatMap(([name, { kind }]) => (kind === "improved" ? [name] : []));
}

describe("products that no digest can be compared with", () => {
  const product = (softwareId: string, baseline: boolean, readOn: string | null) => ({ softwareId, baseline, readOn });
  const products = [
    product("known", false, "2026-11-23"),
    product("lost", false, "2026-11-22"),
    product("first seen", true, "2026-11-23"),
    product("never read", false, null),
  ] as unknown as Report["products"];
  const named = (lost: string[] | null, isFirst: boolean, previousRunId: string | null = "2026-11-22") =>
    incomparable({ products, previousRunId }, lost && { lost }, isFirst).map(({ softwareId }) => softwareId);

  test("are all that were read before, where no digest was ever sent", () => {
    expect(named(null, true)).toEqual(["known", "lost"]);
  });

  test("are otherwise those of which nobody knows what it showed", () => {
    expect(named(["lost", "first seen", "never read"], false)).toEqual(["lost"]);
    expect(named([], false)).toEqual([]);
  });

  test("are none in the first run, whose products are all seen for the first time", () => {
    expect(named(null, true, null)).toEqual([]);
  });
});
