import { describe, expect, it } from "vitest";
import { fileName } from "../../../shared/render/export/file-name.ts";
import { aReport } from "../../support/builders.ts";

describe("a report's file name", () => {
  it.each([
    ["default", "2026-11-23", null, "missing-kbs-default-2026-11-23.csv"],
    ["Client PCs", "2026-11-23", "2026-11-22", "missing-kbs-Client-PCs-2026-11-23-since-2026-11-22.csv"],
    ["v1.0_x-y", "2026-11-23T10:17Z", "2026-11-23", "missing-kbs-v1.0_x-y-2026-11-23T1017Z-since-2026-11-23.csv"],
    ['../"a"\r\n; b', "2026-11-23", null, "missing-kbs-..-a-b-2026-11-23.csv"],
  ])("of %j at %s since %s", async (watchlist, runId, previousRunId, name) => {
    expect(fileName({ ...(await aReport({ products: {} })), watchlist, runId, previousRunId }, "csv")).toBe(name);
  });
});
