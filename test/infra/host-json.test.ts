import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const { logging } = JSON.parse(readFileSync("host.json", "utf8"));

test("host.json keeps the debug lines of the host and its SDKs out of the exported logs", () => {
  // In OpenTelemetry mode the host lets Azure.* and Microsoft.Azure.WebJobs.* through at Debug, in rules of its own for this
  // logger. Only rules for the same logger, and for longer names, win over them. The logger's name is case-sensitive.
  expect(logging.OpenTelemetry.logLevel).toEqual({
    "Azure.Core": "Warning",
    "Microsoft.Azure.WebJobs.Extensions.Storage": "Information",
  });
});

test("host.json logs what the app says, which alerts and workbook search for", () => {
  expect(logging.logLevel.default).toBe("Information");
  const names = Object.keys({ ...logging.logLevel, ...logging.OpenTelemetry.logLevel });
  expect(names.filter((name) => /^(Function|Host\.Function|Host\.Triggers)/.test(name))).toEqual([]);
});
