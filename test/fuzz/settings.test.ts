import fc from "fast-check";
import { expect, test } from "vitest";
import { scheduledRunId } from "../../shared/core/run-id.ts";
import { nextRun } from "../../shared/run/next-run.ts";
import { type SettingName, settingNames } from "../../shared/settings/table.ts";
import { readSettings, type Settings, SettingsError } from "../../shared/settings.ts";
import { anyText, fuzzing, fuzzRuns, mutated, mutatedText } from "../support/fuzz.ts";

const canary = "cAnArY0fTheKey";

/** Correct values: fuzzing starts next to them. */
const right: Record<SettingName, string> = {
  SOFTWARE_IDS: "microsoft-_-windows_11,microsoft-_-edge_chromium-based\n7-zip-_-7-zip",
  MAIL_TO: 'Ann <a@contoso.com>; "B, C" <b@contoso.com>',
  MAIL_FROM: "Missing KBs <reporter@contoso.com>",
  WATCHLISTS: JSON.stringify([
    { name: "Servers", softwareIds: ["a-_-b"], mailTo: ["a@contoso.com"], tenantId: "contoso.com" },
  ]),
  WATCHLISTS_URL: "https://streporter.blob.core.windows.net/configuration/watchlists.json",
  REPORT_SCHEDULE: "0 0 5,17 * Jan-Mar/2 Mon-Fri",
  REPORT_TIME_ZONE: "Europe/Berlin",
  REPORT_GRACE_MINUTES: "120",
  WORSE_MIN_MACHINES: "5",
  WORSE_MIN_PERCENT: "10",
  WORSE_MIN_CVES: "2",
  MAIL_WHEN: "changed",
  HEARTBEAT_DAY: "Friday",
  DUE_DAYS: "14",
  DUE_DAYS_EXPLOITED: "3",
  DUE_FROM: "first-seen",
  ALERT_EXPLOITED: "false",
  REPORT_URL: "https://reporter.azurewebsites.net",
  RETENTION_DAYS: "400",
  AUTH: "key",
  DEFENDER_CLOUD: "gcc-high",
  DEFENDER_URL: "https://eu.api.security.microsoft.com",
  DEFENDER_CALLS_PER_MINUTE: "100",
  DEFENDER_CALLS_PER_HOUR: "1500",
  DEFENDER_APP_ID: "11111111-2222-3333-4444-555555555555",
  ADVISORIES: "on",
  MSRC_URL: "https://mirror.contoso.com/cvrf/v3.0",
  KEV_URL: "https://mirror.contoso.com/kev.json",
  REPORTER_STORAGE: `DefaultEndpointsProtocol=https;AccountName=streporter;AccountKey=${canary}==;EndpointSuffix=core.windows.net`,
  REPORTER_STORAGE__tableServiceUri: "https://streporter.table.core.windows.net",
  REPORTER_STORAGE__queueServiceUri: "https://streporter.queue.core.windows.net",
  REPORTER_STORAGE__accountName: "streporter",
  REPORTER_STORAGE__credential: "managedidentity",
  REPORTER_STORAGE__clientId: "11111111-2222-3333-4444-555555555555",
  AZURE_CLIENT_ID: "11111111-2222-3333-4444-555555555555",
  MAIL_TRANSPORT: "acs",
  ACS_ENDPOINT: "https://acs-kbs.europe.communication.azure.com",
  SENDGRID_API_KEY: `SG.key-id.${canary}`,
  SENDGRID_REGION: "eu",
  SENDGRID_URL: "https://api.eu.sendgrid.com",
  SENDGRID_SANDBOX: "true",
};

const anyValue = (name: SettingName) =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constant(right[name]) },
    { weight: 2, arbitrary: mutatedText(right[name]) },
    { weight: 1, arbitrary: anyText },
  );

const anyWatchlists = mutated(JSON.parse(right.WATCHLISTS)).map((value) => JSON.stringify(value));

const platform = {
  IDENTITY_ENDPOINT: anyText,
  WEBSITE_SITE_NAME: anyText,
  WEBSITE_AUTH_ENABLED: fc.constantFrom("True", "False", ""),
  WEBSITE_AUTH_V2_CONFIG_JSON: anyText,
};

const values: Record<string, fc.Arbitrary<string>> = {
  ...Object.fromEntries(settingNames.map((name) => [name, anyValue(name)])),
  WATCHLISTS: fc.oneof(anyWatchlists, anyValue("WATCHLISTS")),
  ...platform,
};

// A few at a time: of many, some exclude each other, and the rest is never read.
const anyEnvironment: fc.Arbitrary<Record<string, string>> = fc
  .subarray(Object.keys(values), { maxLength: 5 })
  .chain((names) => fc.record(Object.fromEntries(names.map((name) => [name, values[name] ?? anyText]))));

/** The settings, or the problems with them: no environment may lead to anything else. */
function settingsOf(env: Record<string, string>): Settings | readonly string[] {
  try {
    return readSettings(env);
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
}

test("any environment gives usable settings, or a short list of problems by name without a secret", fuzzing, () => {
  const few = (name: SettingName) => ({ [name]: right[name] });
  const needed = { ...few("SOFTWARE_IDS"), ...few("MAIL_TO"), ...few("MAIL_FROM"), ...few("SENDGRID_API_KEY") };
  let accepted = 0;
  fc.assert(
    fc.property(anyEnvironment, fc.boolean(), (any, completed) => {
      const found = settingsOf(completed ? { ...needed, ...any } : any);
      if ("watchlists" in found) {
        accepted += 1;
        return expectUsable(found);
      }
      for (const problem of found) {
        expect(problem).toMatch(/^(\w+|WATCHLISTS\[\d+\].{0,80}): .+[.?] Allowed: .+\. Example: .+$/su);
        expect(problem).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
        expect(problem.length).toBeLessThan(2_000);
      }
      expect(found.join("\n").toLowerCase()).not.toContain(canary.toLowerCase());
      expect(found.length).toBeLessThan(2 * settingNames.length);
    }),
    {
      numRuns: fuzzRuns(300),
      examples: [
        [{ WATCHLISTS: "[".repeat(100_000), ...needed }, false],
        [{ ...needed, SOFTWARE_IDS: "a,".repeat(100_000) }, false],
        [{ ...needed, MAIL_TO: `${"a".repeat(50_000)}@` }, false],
        [{ ...needed, MAIL_TO: '"'.repeat(50_000) }, false],
        [{ ...needed, REPORT_SCHEDULE: "0 ".repeat(50_000) }, false],
        [{ ...needed, REPORT_SCHEDULE: `0 0 5 ${"1,".repeat(20_000)}1 * *` }, false],
        [{ ...needed, REPORTER_STORAGE: ";=".repeat(50_000) }, false],
      ],
    },
  );
  expect(accepted).toBeGreaterThan(0);
});

function expectUsable({ watchlists, rules, defender, storage }: Settings): void {
  for (const { name, softwareIds, mailTo } of watchlists) {
    expect(name).toMatch(/^[a-z0-9][a-z0-9 ._-]{0,62}$/i);
    expect(softwareIds.length).toBeGreaterThan(0);
    expect(mailTo.length).toBeGreaterThan(0);
    for (const text of [...softwareIds, ...mailTo]) expect(text).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  }
  const now = new Date("2026-11-23T05:00:00Z");
  expect(nextRun(rules.schedule, now)?.getTime()).toBeGreaterThan(now.getTime());
  expect(scheduledRunId(now, rules.timeZone)).toMatch(/^2026-11-2[234]$/);
  expect(new URL(defender.baseUrl).protocol).toMatch(/^https?:$/);
  if (storage.kind === "identity") expect(new URL(storage.tableServiceUri).search).toBe("");
}
