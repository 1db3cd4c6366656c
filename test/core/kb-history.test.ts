import { describe, expect, test } from "vitest";
import { machinesSeen, productsThatMissed, sightingIn, sightKb } from "../../shared/core/kb-history.ts";
import { aKb, aSnapshot } from "../support/builders.ts";

const comparison = { softwareId: "microsoft-_-windows_10", previous: "2026-11-22", current: "2026-11-23" };
const unknown = { machineMissedOn: null, cveAddressed: null };

describe("a sighting of a KB", () => {
  test("has its counts if the product was read and misses it", () => {
    const snapshot = aSnapshot({ missingKbs: [aKb({ id: "1", machineMissedOn: 7, cveAddressed: null }), aKb()] });
    expect(sightKb("1", comparison, snapshot)).toEqual({
      softwareId: "microsoft-_-windows_10",
      state: "missing",
      machineMissedOn: 7,
      cveAddressed: null,
    });
  });

  test("is of a KB that is not missing if the product was read without it", () => {
    expect(sightKb("1", comparison, aSnapshot({ missingKbs: [aKb()] }))).toMatchObject({
      state: "not-missing",
      ...unknown,
    });
  });

  test("claims nothing if the run could not read the product, even though an older snapshot is shown", () => {
    const stale = { ...comparison, previous: "2026-11-22", current: "2026-11-22" };
    const snapshot = aSnapshot({ runId: "2026-11-22", missingKbs: [aKb({ id: "1" })] });
    expect(sightKb("1", stale, snapshot)).toMatchObject({ state: "not-read", ...unknown });
    const never = { ...comparison, previous: null, current: null };
    expect(sightKb("1", never, null)).toMatchObject({ state: "not-read", ...unknown });
  });
});

describe("the history of a KB", () => {
  const point = {
    runId: "2026-11-23",
    day: "2026-11-23",
    sightings: [
      { softwareId: "a", state: "not-missing" as const, ...unknown },
      { softwareId: "b", state: "missing" as const, machineMissedOn: 7, cveAddressed: 1 },
      { softwareId: "c", state: "missing" as const, ...unknown },
      { softwareId: "d", state: "not-read" as const, ...unknown },
    ],
  };

  test("knows on how many machines a run saw it, and never treats unknown as 0", () => {
    const seen = ["a", "b", "c", "d", "not watched"].map((id) => machinesSeen(sightingIn(point, id)));
    expect(seen).toEqual([0, 7, null, null, null]);
  });

  test("names each product that ever missed it once", () => {
    expect(productsThatMissed({ id: "1", points: [point, { ...point, runId: "2026-11-24" }] })).toEqual(["b", "c"]);
  });
});
