import { describe, expect, test } from "vitest";
import { sightKb } from "../../shared/core/kb-history.ts";
import { aKb, aSnapshot } from "../support/builders.ts";

const comparison = { softwareId: "microsoft-_-windows_10", previous: "2026-11-22", current: "2026-11-23" };
const unknown = { machineMissedOn: null, cveAddressed: null };

describe("a sighting of a KB", () => {
  test("tells its counts where the software was measured and misses it", () => {
    const snapshot = aSnapshot({ missingKbs: [aKb({ id: "1", machineMissedOn: 7, cveAddressed: null }), aKb()] });
    expect(sightKb("1", comparison, snapshot)).toEqual({
      softwareId: "microsoft-_-windows_10",
      state: "missing",
      machineMissedOn: 7,
      cveAddressed: null,
    });
  });

  test("says that it is not missing where the software was measured without it", () => {
    expect(sightKb("1", comparison, aSnapshot({ missingKbs: [aKb()] }))).toMatchObject({
      state: "not-missing",
      ...unknown,
    });
  });

  test("claims nothing where the run could not read the software, though an older snapshot stands in", () => {
    const stale = { ...comparison, previous: "2026-11-22", current: "2026-11-22" };
    const snapshot = aSnapshot({ runId: "2026-11-22", missingKbs: [aKb({ id: "1" })] });
    expect(sightKb("1", stale, snapshot)).toMatchObject({ state: "not-read", ...unknown });
    const never = { ...comparison, previous: null, current: null };
    expect(sightKb("1", never, null)).toMatchObject({ state: "not-read", ...unknown });
  });
});
