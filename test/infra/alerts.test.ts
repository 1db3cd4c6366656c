import { describe, expect, test } from "vitest";
import { checkValues } from "../../scripts/deployment-values.ts";
import { checkHealth } from "../../shared/http/health.ts";
import { formatLog, logTexts } from "../../shared/log.ts";
import { DefenderError } from "../../shared/ports.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { mailLogs } from "../../shared/run/send-mail.ts";
import { infra } from "../support/bicep.ts";
import { aWatchlist } from "../support/builders.ts";
import { handleAll } from "../support/drive.ts";
import { fakeWorld } from "../support/fake-world.ts";

const alerts = infra("alerts.bicep");
const noRun = infra("queries/no-run.kql");
const refused = infra("queries/refused.kql");

/** What the queries look for: `startswith '…'`. */
function startsOf(query: string): string[] {
  return [...query.matchAll(/Message startswith '([^']+)'/g)].map(([, start = ""]) => start);
}

/** The log lines of a day on which one product is read, one fails and the mail is refused. */
async function linesOfADay(): Promise<Map<string, string>> {
  const world = fakeWorld([aWatchlist({ softwareIds: ["read", "forbidden"], mailWhen: "always" })]);
  world.answers.set("read", [{ id: "5041585", machineMissedOn: 1 }]);
  world.answers.set("forbidden", new DefenderError("Defender refused.", { permanent: true }));
  world.outcomes.push({ status: "refused", reason: "The sender is not verified." });
  await scheduleRuns(world.ports);
  await handleAll(world, Date.parse("2026-11-24T05:00:00Z"));
  return new Map(world.logs.map(({ message, fields }) => [message, formatLog(message, fields)]));
}

/** What a deployment with this ALERT_WITHOUT_RUN_HOURS is refused for. */
function faultsOf(hours: string): string {
  return checkValues({ ALERT_WITHOUT_RUN_HOURS: hours }, infra("main.parameters.json")).faults.join();
}

/** As KQL does it: everything from the first brace on. */
function fieldsOf(line: string | undefined): Record<string, unknown> {
  return JSON.parse(line?.slice(line.indexOf("{")) ?? "{}");
}

describe("the alert on absent runs", () => {
  test("finds the line that a scheduled commit logs, with its watchlist", async () => {
    const line = (await linesOfADay()).get(logTexts.committed) ?? "";
    expect(startsOf(noRun).some((start) => line.startsWith(start))).toBe(true);
    expect(fieldsOf(line)).toMatchObject({ watchlist: "default", run: "2026-11-23" });
    expect(Date.parse(String(fieldsOf(line).committedAt))).toBe(Date.parse("2026-11-23T05:00:00Z"));
    expect(noRun).toContain(
      "count_distinctif(tostring(run.watchlist), not(isOpened) and tostring(run.run) !contains 'T' and not(isLate))",
    );
    expect(noRun).toContain("isLate = todatetime(run.committedAt) <= ago({hours}h)");
  });

  test("finds the line of the schedule, with the number of watchlists", async () => {
    const line = (await linesOfADay()).get(logTexts.opened) ?? "";
    expect(startsOf(noRun).some((start) => line.startsWith(start))).toBe(true);
    expect(fieldsOf(line)).toMatchObject({ watchlists: 1 });
    expect(noRun).toContain("Opened = minif(tolong(run.watchlists), isOpened)");
  });

  test("fires if one watchlist is missing or nothing was opened, and looks back further than the hours it allows", () => {
    expect(alerts).toMatch(
      /metricMeasureColumn: 'Missing'\s+timeAggregation: 'Maximum'\s+operator: 'GreaterThan'\s+threshold: 0/,
    );
    expect(noRun).toContain("project Missing = max_of(coalesce(Opened, 1), 1) - Committed");
    expect(alerts).toContain("overrideQueryTimeRange: 'P2D'");
    expect(faultsOf("47")).not.toContain("ALERT_WITHOUT_RUN_HOURS");
    expect(faultsOf("48")).toContain("ALERT_WITHOUT_RUN_HOURS");
    expect(noRun).toContain("ago({hours}h)");
  });
});

describe("the alert on what a person must fix", () => {
  test("finds the line of a refused mail", async () => {
    const line = (await linesOfADay()).get(mailLogs.refused) ?? "";
    expect(startsOf(refused).some((start) => line.startsWith(start))).toBe(true);
  });

  test("finds the line that health logs about poison messages, and the platform's own", async () => {
    const { ports, logs } = fakeWorld();
    await checkHealth({ ...ports, queue: { ...ports.queue, countPoison: async () => 2 } });
    const [line] = logs.map(({ message, fields }) => formatLog(message, fields));
    expect(fieldsOf(line)).toEqual({ messages: 2 });
    expect(startsOf(refused).some((start) => line?.startsWith(start))).toBe(true);
    expect(refused).toContain("Moving message to queue 'runs-poison'");
  });

  test("finds nothing else that the app logs", () => {
    const others = [...Object.values(logTexts), ...Object.values(mailLogs)].filter(
      (text) => text !== mailLogs.refused && text !== logTexts.poison,
    );
    for (const text of others) {
      for (const start of startsOf(refused)) expect(formatLog(text, { a: 1 }).startsWith(start)).toBe(false);
    }
  });
});

test.each([noRun, refused])("an alert works before the table of logs exists", (query) => {
  // A query over a table that does not exist fails, and a failing query alerts nobody.
  const [source = ""] = query.split("\n").filter((line) => !line.startsWith("//"));
  expect(source).toBe("union isfuzzy=true (datatable(TimeGenerated: datetime, Message: string) []), AppTraces");
  expect(query.match(/AppTraces/g)).toHaveLength(1);
});

describe("the workbook", () => {
  const { items, fallbackResourceIds } = JSON.parse(infra("workbook.json")) as {
    items: { name: string; content: { query?: string } }[];
    fallbackResourceIds: string[];
  };
  const query = (name: string) => items.find((item) => item.name === name)?.content.query ?? "";

  test("queries the reporter's own workspace", () => {
    expect(fallbackResourceIds).toEqual(["{workspaceId}"]);
    expect(alerts).toContain("replace(loadTextContent('workbook.json'), '{workspaceId}', workspace.id)");
  });

  test.each([
    ["runs", logTexts.committed],
    ["exposure", logTexts.committed],
    ["coverage", logTexts.committed],
    ["not-read", logTexts.notRead],
    ["reads", logTexts.read],
    ["throttling", logTexts.read],
    ["mails", mailLogs.refused],
  ])('uses for %s only fields that the line "%s" has', async (name, text) => {
    const line = (await linesOfADay()).get(text);
    const used = [...query(name).matchAll(/\bf\.(\w+)/g)].map(([, field]) => field);
    expect(used.length).toBeGreaterThan(0);
    expect(Object.keys(fieldsOf(line))).toEqual(expect.arrayContaining(used));
    expect(startsOf(query(name)).some((start) => line?.startsWith(start))).toBe(true);
  });
});

test("health is tested from two places, and both must fail before the alert fires", () => {
  expect(alerts).toContain("Locations: [");
  expect(alerts).toContain("failedLocationCount: length(testLocations)");
  expect(infra("main.bicep")).toMatch(/healthUrl: '\$\{reporter\.outputs\.url\}\/api\/health'/);
});
