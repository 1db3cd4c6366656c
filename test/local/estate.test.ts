import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { createEstate, type DefenderKb, type Estate } from "../../local/estate.ts";
import { changesBetween, everyRise } from "../../shared/core/change.ts";
import { readMissingKbs } from "../../shared/core/missing-kb.ts";
import { type Snapshot, takeSnapshot } from "../../shared/core/snapshot.ts";

vi.setConfig({ testTimeout: 60_000 });

const today = "2026-11-23";
const estate = createEstate({ seed: 7, today });

function dayAfter(day: string, days: number): string {
  const date = new Date(`${day}T12:00:00Z`);
  date.setUTCDate(date.getUTCDate() + days);
  return date.toISOString().slice(0, 10);
}

/** Days up to `last`, oldest first. */
function daysUpTo(last: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => dayAfter(last, index + 1 - count));
}

const days = fc
  .date({ min: new Date("2000-01-01"), max: new Date("2099-12-31"), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 10));
const softwareIds = fc.constantFrom(...estate.softwareIds);
const seeds = fc.integer({ min: 0, max: 1_000_000 });

function answers(of: Estate, day: string) {
  return of.softwareIds.map((id) => [of.software(id, day), of.missingKbs(id, day), of.trouble(id, day)]);
}

function isSecondTuesday(day: string): boolean {
  const date = new Date(`${day}T12:00:00Z`);
  return date.getUTCDay() === 2 && date.getUTCDate() > 7 && date.getUTCDate() <= 14;
}

test("the same seed and day always give the same answers, another seed gives others", () => {
  fc.assert(
    fc.property(seeds, days, (seed, day) => {
      const options = { seed, today };
      expect(answers(createEstate(options), day)).toEqual(answers(createEstate(options), day));
      expect(answers(createEstate({ ...options, seed: seed + 1 }), day)).not.toEqual(
        answers(createEstate(options), day),
      );
    }),
    { numRuns: 40 },
  );
});

test("no count is ever negative, fractional or above the number of machines that have the product", () => {
  fc.assert(
    fc.property(seeds, days, fc.integer({ min: -3, max: 30 }), softwareIds, (seed, day, fromToday, id) => {
      const other = createEstate({ seed, today: dayAfter(day, fromToday) });
      const installed = other.software(id, day)?.installedMachines ?? 0;
      for (const { machineMissedOn, cveAddressed } of other.missingKbs(id, day)) {
        for (const count of [machineMissedOn, cveAddressed]) {
          expect(count === null || (Number.isSafeInteger(count) && count >= 0)).toBe(true);
        }
        expect(machineMissedOn ?? 0).toBeLessThanOrEqual(installed);
      }
    }),
    { numRuns: 300 },
  );
});

test("there are about 600 machines, never the same for long: some leave and others join", () => {
  const counts = daysUpTo(today, 200).map(
    (day) => estate.software("microsoft-_-edge_chromium-based", day)?.installedMachines ?? 0,
  );
  expect(Math.min(...counts)).toBeGreaterThan(560);
  expect(Math.max(...counts)).toBeLessThanOrEqual(600);
  const steps = counts.map((count, index) => count - (counts[index - 1] ?? count));
  expect(Math.min(...steps)).toBeLessThan(0);
  expect(Math.max(...steps)).toBeGreaterThan(0);
});

describe("the day after a Patch Tuesday", () => {
  const patchTuesdays = daysUpTo(today, 800).filter(isSecondTuesday);

  test("brings updates named after the month that no machine missed the day before", () => {
    expect(patchTuesdays).toHaveLength(26);
    for (const tuesday of patchTuesdays) {
      const month = new Date(`${tuesday}T12:00:00Z`).toLocaleDateString("en", { month: "long", year: "numeric" });
      const named = (day: string) =>
        estate.missingKbs("microsoft-_-windows_11", day).filter(({ name }) => name === `${month} Security Updates`);
      expect(named(tuesday)).toEqual([]);
      expect(named(dayAfter(tuesday, 1)).length).toBeGreaterThanOrEqual(2);
    }
  });

  test("starts a falling curve: half within two weeks, and fewer each week except for a few that join", () => {
    for (const tuesday of patchTuesdays.slice(0, -2)) {
      const fresh = estate.missingKbs("microsoft-_-windows_11", dayAfter(tuesday, 1));
      const ids = fresh.filter(({ machineMissedOn }) => (machineMissedOn ?? 0) > 60).map(({ id }) => id);
      expect(ids.length).toBeGreaterThan(0);
      for (const id of ids) {
        const counts = [1, 8, 15, 22, 29].map((age) =>
          machines(estate.missingKbs("microsoft-_-windows_11", dayAfter(tuesday, age)), id),
        );
        const known = counts.filter((count) => count !== null);
        const [first = 0] = known;
        expect(known.every((count, index) => count <= (known[index - 1] ?? count) + 6)).toBe(true);
        expect(counts[2] ?? 0).toBeLessThan(first / 2);
      }
    }
  });
});

function machines(kbs: readonly DefenderKb[], id: string | null): number | null {
  return kbs.find((kb) => kb.id === id)?.machineMissedOn ?? null;
}

/** What one product missed on each of 200 days. */
function history(softwareId: string) {
  return daysUpTo(dayAfter(today, -10), 200).map((day) => estate.missingKbs(softwareId, day));
}

test("some updates stall: a month old, and most of the machines that ever missed them still do", () => {
  const answers = history("microsoft-_-.net_framework");
  const stalled = answers.at(-1)?.filter(({ id, name }) => {
    const peak = Math.max(...answers.map((kbs) => machines(kbs, id) ?? 0));
    return name?.startsWith("October") && (machines(answers.at(-1) ?? [], id) ?? 0) >= peak * 0.8;
  });
  expect(stalled?.length).toBeGreaterThan(0);
});

/** Each KB of one product, day by day; `undefined` if it was not listed. */
function sightings(softwareId: string): (DefenderKb | undefined)[][] {
  const answers = history(softwareId);
  const ids = new Set(answers.flat().map(({ id }) => id));
  return [...ids].map((id) => answers.map((kbs) => kbs.find((kb) => kb.id === id)));
}

test("some updates leave the list and come back", () => {
  const cameBack = estate.softwareIds.flatMap(sightings).filter((days) => {
    const left = days.findIndex((kb, index) => !kb && days[index - 1]);
    return left > 0 && days.slice(left).some(Boolean);
  });
  expect(cameBack.length).toBeGreaterThan(1);
});

test("some updates turn out to address more CVEs than was first reported", () => {
  const risen = estate.softwareIds.flatMap(sightings).filter((days) => {
    const counts = days.map((kb) => kb?.cveAddressed ?? null).filter((count) => count !== null);
    return (counts.at(-1) ?? 0) > (counts[0] ?? 0);
  });
  expect(risen.length).toBeGreaterThan(3);
});

test("answers sometimes have what real ones have: null counts, an id twice, an item without an id", () => {
  const all = estate.softwareIds.flatMap((id) => history(id));
  const kbs = all.flat();
  expect(kbs.some(({ id, machineMissedOn }) => id && machineMissedOn === null)).toBe(true);
  expect(kbs.some(({ id, cveAddressed }) => id && cveAddressed === null)).toBe(true);
  expect(kbs.some(({ id }) => id === null)).toBe(true);
  expect(kbs.some(({ url }) => url === null)).toBe(true);
  expect(all.some((answer) => new Set(answer.map(({ id }) => id)).size < answer.length)).toBe(true);
});

test("one product has weaknesses but no KBs, at any time", () => {
  fc.assert(
    fc.property(days, (day) => {
      expect(estate.missingKbs("microsoft-_-edge_chromium-based", day)).toEqual([]);
      expect(estate.software("microsoft-_-edge_chromium-based", day)?.weaknesses).toBeGreaterThan(0);
    }),
  );
});

test("Windows 10 and Server 2019 share an update that addresses another number of CVEs for each", () => {
  const client = estate.missingKbs("microsoft-_-windows_10", today);
  const server = estate.missingKbs("microsoft-_-windows_server_2019", today);
  const shared = client.filter(({ id, cveAddressed }) =>
    server.some((kb) => kb.id === id && kb.cveAddressed !== cveAddressed),
  );
  expect(shared.length).toBeGreaterThan(0);
});

test("some reads fail at first, with every kind of trouble, and succeed later", () => {
  const troubles = daysUpTo(today, 200).flatMap((day) => estate.softwareIds.map((id) => estate.trouble(id, day)));
  const passing = troubles.filter(({ statuses, allDay }) => statuses.length > 0 && !allDay);
  expect(new Set(passing.map(({ statuses }) => statuses.join()))).toEqual(new Set(["404", "404,404", "500", "429"]));
  expect(passing.length).toBeLessThan(troubles.length / 20);
});

test("the organisation has no products but its own", () => {
  expect(estate.software("microsoft-_-windows_95", today)).toBeNull();
  expect(estate.missingKbs("microsoft-_-windows_95", today)).toEqual([]);
});

describe("today's story", () => {
  /** The kinds of change of one product from yesterday to today, as the reporter's own core sees them. */
  function kindsToday(of: Estate, softwareId: string, day: string, historyDays: number): string[] {
    const key = { tenant: "home", openedAt: `${day}T05:00:00.000Z` };
    let before: Snapshot | null = null;
    let current: Snapshot | null = null;
    for (const runId of daysUpTo(day, historyDays)) {
      before = current;
      const reading = readMissingKbs(of.missingKbs(softwareId, runId));
      current = takeSnapshot({ ...key, softwareId, runId, day: runId }, reading, before);
    }
    const changes = before && current ? changesBetween(before, current, { thresholds: everyRise }) : [];
    // More CVEs on fewer machines are rare.
    return changes.map(({ kind }) => kind).filter((kind) => kind !== "unchanged" && kind !== "more-cves");
  }

  function isUnreadable(of: Estate, softwareId: string, day: string): boolean {
    return of.trouble(softwareId, day).allDay;
  }

  test("has every kind of change, a baseline and a product that cannot be read, on any day", () => {
    for (let index = 0; index < 400; index += 1) {
      const day = dayAfter("2023-12-20", index * 5);
      const story = createEstate({ seed: index, today: day });
      const readable = story.softwareIds.filter((id) => !isUnreadable(story, id, day));
      const kinds = new Set(
        readable
          .filter((id) => id !== story.addedToday)
          .flatMap((id) => kindsToday(story, id, day, index % 20 === 0 ? 30 : 5)),
      );
      expect([...kinds].sort(), day).toEqual(["improved", "new", "resolved", "returned", "worsened"]);
      expect(readable, day).toContain(story.addedToday);
      expect(story.missingKbs(story.addedToday, day).length, day).toBeGreaterThan(0);
      expect(readable, day).toHaveLength(story.softwareIds.length - 1);
    }
  });

  test("read its unreadable product three days ago", () => {
    fc.assert(
      fc.property(seeds, days, (seed, day) => {
        const story = createEstate({ seed, today: day });
        const [id = ""] = story.softwareIds.filter((each) => isUnreadable(story, each, day));
        const unreadable = [0, 1, 2, 3].map((ago) => isUnreadable(story, id, dayAfter(day, -ago)));
        expect(unreadable).toEqual([true, true, true, false]);
        expect(story.missingKbs(id, dayAfter(day, -3)).length).toBeGreaterThan(0);
      }),
      { numRuns: 60 },
    );
  });

  test("is undisturbed: the days that it depends on have no oddities and no passing trouble", () => {
    fc.assert(
      fc.property(seeds, days, fc.integer({ min: -4, max: 0 }), softwareIds, (seed, day, ago, id) => {
        const story = createEstate({ seed, today: day });
        const kbs = story.missingKbs(id, dayAfter(day, ago));
        expect(kbs.every((kb) => kb.id && kb.machineMissedOn !== null && kb.cveAddressed !== null)).toBe(true);
        expect(new Set(kbs.map((kb) => kb.id)).size).toBe(kbs.length);
        const { statuses, allDay } = story.trouble(id, dayAfter(day, ago));
        expect(statuses.length > 0).toBe(allDay);
      }),
      { numRuns: 300 },
    );
  });
});
