import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { Ajv } from "ajv";
import { Cron } from "croner";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { calendarDay, daysBetween } from "../shared/core/day.ts";
import { entryPlaces } from "../shared/settings/json.ts";
import { type SettingName, settingNames, settingsTable } from "../shared/settings/table.ts";
import { parseWatchlists, type WatchlistDefaults, watchlistProperties } from "../shared/settings/watchlists.ts";
import { readSettings, type Settings, SettingsError } from "../shared/settings.ts";

/** Milliseconds for tests that read thousands of environments. */
const busyMachine = 60_000;

type Environment = Record<string, string | undefined>;

const complete = {
  SOFTWARE_IDS: "microsoft-_-windows_11",
  MAIL_TO: "ops@contoso.com",
  MAIL_FROM: "reporter@contoso.com",
  SENDGRID_API_KEY: "SG.id.secret",
};
const accountString =
  "DefaultEndpointsProtocol=https;AccountName=streporter;AccountKey=bm90IGEga2V5;EndpointSuffix=core.windows.net";
const tableUri = "https://streporter.table.core.windows.net";
const queueUri = "https://streporter.queue.core.windows.net";
const byUris = { REPORTER_STORAGE__tableServiceUri: tableUri, REPORTER_STORAGE__queueServiceUri: queueUri };
const tenantId = "6f0bc1a2-93d4-4be5-8f67-a8b9c0d1e2f3";
const clientId = "11111111-2222-3333-4444-555555555555";

function settingsWith(env: Environment): Settings {
  return readSettings({ ...complete, ...env });
}

function errorOf(env: Environment): SettingsError {
  try {
    readSettings(env);
  } catch (error) {
    if (error instanceof SettingsError) return error;
    throw error;
  }
  throw new Error("These settings were accepted.");
}

function problemsWith(env: Environment): readonly string[] {
  return errorOf({ ...complete, ...env }).problems;
}

/** Settings that define several watchlists. */
function watchlists(...entries: unknown[]): Environment {
  return { SOFTWARE_IDS: undefined, MAIL_TO: undefined, WATCHLISTS: JSON.stringify(entries) };
}

const servers = { name: "Servers", softwareIds: ["microsoft-_-windows_server_2022"], mailTo: ["ops@contoso.com"] };

describe("absent settings take their default", () => {
  test("four settings are enough, and all others take the documented values", () => {
    expect(readSettings(complete)).toEqual({
      watchlists: [
        {
          name: "default",
          softwareIds: ["microsoft-_-windows_11"],
          ...{ vendor: null, leftOut: [] },
          mailTo: ["ops@contoso.com"],
          mailTogether: false,
          tenant: "home",
          thresholds: { minMachines: 1, minPercent: 0, minCves: 1 },
          mailWhen: "worse",
          heartbeatDay: "Monday",
          ...{ dueDays: 14, dueDaysExploited: 3, dueFrom: "released", alertExploited: true },
          readerRole: null,
        },
      ],
      watchlistsDocument: null,
      rules: {
        timeZone: "UTC",
        graceMinutes: 120,
        retentionDays: 400,
        schedule: "0 0 5 * * *",
        reportUrl: null,
        callsPerMinute: 100,
        callsPerHour: 1500,
        portalUrl: "https://security.microsoft.com",
      },
      mailFrom: "reporter@contoso.com",
      identity: {
        kind: "developer",
        clientId: null,
        appId: null,
        authorityHost: "https://login.microsoftonline.com",
      },
      defender: {
        baseUrl: "https://api.securitycenter.microsoft.com",
        scope: "https://api.securitycenter.microsoft.com/.default",
      },
      advisories: {
        msrcUrl: "https://api.msrc.microsoft.com/cvrf/v3.0",
        kevUrl: "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json",
      },
      storage: { kind: "connectionString", connectionString: "UseDevelopmentStorage=true" },
      mail: { transport: "sendgrid", apiKey: "SG.id.secret", region: "global", url: null, sandbox: false },
      auth: "key",
      warnings: [],
    });
  });

  test("a setting of white space only counts as absent", () => {
    const blank = Object.fromEntries(settingNames.map((name) => [name, " \t\n"]));
    expect(readSettings({ ...blank, ...complete })).toEqual(readSettings(complete));
  });

  test("each of the four required settings is reported by name", () => {
    const names = errorOf({}).problems.map((problem) => problem.split(":")[0]);
    expect(names.sort()).toEqual(Object.keys(complete).sort());
  });

  test("with Azure Communication Services an endpoint is required, and no key of SendGrid", () => {
    const { SENDGRID_API_KEY: _, ...others } = complete;
    const acs = { ...others, MAIL_TRANSPORT: "acs" };
    expect(errorOf(acs).problems).toEqual([
      expect.stringMatching(/^ACS_ENDPOINT: is missing\. Allowed: .*Example: https:/),
    ]);
    const endpoint = "https://acs-kbs.europe.communication.azure.com";
    const { mail, warnings } = readSettings({ ...acs, ACS_ENDPOINT: endpoint, SENDGRID_SANDBOX: "true" });
    expect(mail).toEqual({ transport: "acs", endpoint });
    expect(warnings).toEqual([]);
  });

  test("an app in Azure must be given its storage, because no emulator runs there", () => {
    for (const variable of ["WEBSITE_SITE_NAME", "WEBSITE_INSTANCE_ID"]) {
      expect(problemsWith({ [variable]: "func-reporter" })).toEqual([
        expect.stringMatching(/^REPORTER_STORAGE: is missing.*Allowed: .*Example: /),
      ]);
    }
  });
});

interface Row {
  pick: (settings: Settings) => unknown;
  good: readonly (readonly [text: string, value: unknown])[];
  bad: readonly string[];
  with?: Environment;
}

const one = ({ watchlists: [first] }: Settings) => first;
const sendGrid = ({ mail }: Settings) => (mail.transport === "sendgrid" ? mail : undefined);
const badUrls = ["example.com", "http://example.com", "ftp://example.com", "https://u:p@example.com"];
const rows: Record<SettingName, Row> = {
  SOFTWARE_IDS: {
    pick: (settings) => one(settings)?.softwareIds,
    good: [[" a-_-b ,\r\nc-_-.d\n,e-_-f;", ["a-_-b", "c-_-.d", "e-_-f"]]],
    bad: ["Microsoft Edge", "edge", ",", `a-_-${"b".repeat(253)}`, "a-_-b\u0007", "a-_-\u202eb", '"a-_-b"', "[a-_-b"],
  },
  MAIL_TO: {
    pick: (settings) => one(settings)?.mailTo,
    good: [
      [
        'a@b.example; Ann <c@d.example>\n"Doe, Jo" <e@f.example>,',
        ["a@b.example", "Ann <c@d.example>", "Doe, Jo <e@f.example>"],
      ],
      ["together: a@b.example; c@d.example", ["a@b.example", "c@d.example"]],
    ],
    bad: [
      "together:",
      "a@b.example, together: c@d.example",
      "altogether: a@b.example",
      "nobody",
      "a@b",
      "a b@c.example",
      "Ann <a@b.example",
      "Ann a@b.example",
      ";",
      "Doe, Jo <e@f.example>",
    ],
  },
  MAIL_FROM: {
    pick: ({ mailFrom }) => mailFrom,
    good: [["Reporter  <r@contoso.com>", "Reporter <r@contoso.com>"]],
    bad: [
      "a@b.example, c@d.example",
      "@b.example",
      "a@",
      ".a@b.example",
      "a..b@c.example",
      "a@b.example\nBcc: c@d.example",
    ],
  },
  WATCHLISTS: {
    pick: (settings) => one(settings)?.name,
    good: [[JSON.stringify([servers]), "Servers"]],
    bad: ["Servers", "{}", "[]", "[{]", '[{"name": "a"', "[\u201cname\u201d]"],
    with: { SOFTWARE_IDS: undefined, MAIL_TO: undefined },
  },
  WATCHLISTS_URL: {
    pick: ({ watchlistsDocument }) => watchlistsDocument?.url,
    good: [
      "https://streporter.blob.core.windows.net/configuration/watchlists.json",
      "https://streporter.z12.blob.storage.azure.net/configuration/watchlists.json",
      "https://streporter.blob.core.usgovcloudapi.net/configuration/folder/watchlists%20of%20today.json",
      "http://127.0.0.1:10000/devstoreaccount1/configuration/watchlists.json",
    ].map((url) => [url, url] as const),
    bad: [
      "watchlists.json",
      "http://streporter.blob.core.windows.net/configuration/watchlists.json",
      "https://streporter.blob.core.windows.net/watchlists.json",
      "https://streporter.blob.core.windows.net/configuration/watchlists.json?sig=secret",
      "https://user:secret@streporter.blob.core.windows.net/configuration/watchlists.json",
      "https://streporter.blob.core.windows.net.evil.example/configuration/watchlists.json",
      "https://evil.example/.blob.core.windows.net/configuration/watchlists.json",
      "https://streporter.table.core.windows.net/configuration/watchlists.json",
      "https://raw.githubusercontent.com/contoso/watchlists/main/watchlists.json",
    ],
    with: { SOFTWARE_IDS: undefined, MAIL_TO: undefined },
  },
  REPORT_SCHEDULE: {
    pick: ({ rules }) => rules.schedule,
    good: [
      ["0  30 6 * * 1-5", "0 30 6 * * 1-5"],
      ["0 0 5 * jan-Mar Monday,fri", "0 0 5 * 1-3 1,5"],
      ["0 0 5 1/10 */2 *", "0 0 5 1-31/10 */2 *"],
      ["0 0 05 29 2 *", "0 0 5 29 2 *"],
    ],
    bad: [
      "0 5 * * *",
      "%REPORT_SCHEDULE%",
      "@daily",
      "05:00:00",
      "60 0 5 * * *",
      "0 60 5 * * *",
      "0 0 24 * * *",
      "0 0 5 0 * *",
      "0 0 5 32 * *",
      "0 0 5 * 13 *",
      "0 0 5 * * 7",
      "0 0 22-2 * * *",
      "0 0 */0 * * *",
      "0 0 5,, * * *",
      "0 0 *-5 * * *",
      "0 0 5 L * *",
      "0 0 5 ? * *",
      "0 0 5 31 2,4 *",
      "0 0 5 * * 1 *",
    ],
  },
  REPORT_TIME_ZONE: {
    pick: ({ rules }) => rules.timeZone,
    good: [
      ["europe/berlin", "Europe/Berlin"],
      ["utc", "UTC"],
      ["Asia/Kolkata", "Asia/Kolkata"],
    ],
    bad: ["Mars/Base", "W. Europe Standard Time", "+01:00"],
  },
  REPORT_GRACE_MINUTES: { pick: ({ rules }) => rules.graceMinutes, good: [["0", 0]], bad: ["-1", "1441", "2h", "1.5"] },
  WORSE_MIN_MACHINES: {
    pick: (settings) => one(settings)?.thresholds.minMachines,
    good: [["25", 25]],
    bad: ["many", "1000001", "1e3", "5 %"],
  },
  WORSE_MIN_PERCENT: {
    pick: (settings) => one(settings)?.thresholds.minPercent,
    good: [["10", 10]],
    bad: ["10%", "-5", "10001"],
  },
  WORSE_MIN_CVES: {
    pick: (settings) => one(settings)?.thresholds.minCves,
    good: [
      ["0", 0],
      ["5", 5],
    ],
    bad: ["none", "-1", "1001"],
  },
  MAIL_WHEN: { pick: (settings) => one(settings)?.mailWhen, good: [["Changed", "changed"]], bad: ["never"] },
  HEARTBEAT_DAY: {
    pick: (settings) => one(settings)?.heartbeatDay,
    good: [
      ["FRIDAY", "Friday"],
      ["none", "none"],
    ],
    bad: ["Mon", "1"],
  },
  DUE_DAYS: { pick: (settings) => one(settings)?.dueDays, good: [["30", 30]], bad: ["soon", "3651"] },
  DUE_DAYS_EXPLOITED: {
    pick: (settings) => one(settings)?.dueDaysExploited,
    good: [["0", 0]],
    bad: ["soon", "3651"],
  },
  DUE_FROM: {
    pick: (settings) => one(settings)?.dueFrom,
    good: [["First-Seen", "first-seen"]],
    bad: ["firstseen", "listed"],
  },
  ALERT_EXPLOITED: {
    pick: (settings) => one(settings)?.alertExploited,
    good: [
      ["false", false],
      ["TRUE", true],
    ],
    bad: ["no", "0"],
  },
  ADVISORIES: { pick: ({ advisories }) => advisories, good: [["none", null]], bad: ["off", "true"] },
  MSRC_URL: {
    pick: ({ advisories }) => advisories?.msrcUrl,
    good: [
      ["https://mirror.contoso.com/cvrf/v3.0/", "https://mirror.contoso.com/cvrf/v3.0"],
      ["http://127.0.0.1:8080", "http://127.0.0.1:8080"],
    ],
    bad: [...badUrls, "https://mirror.contoso.com/cvrf?api-version=3.0"],
  },
  KEV_URL: {
    pick: ({ advisories }) => advisories?.kevUrl,
    good: [["https://mirror.contoso.com/kev.json", "https://mirror.contoso.com/kev.json"]],
    bad: [...badUrls, "https://mirror.contoso.com/kev.json#1"],
  },
  REPORT_URL: {
    pick: ({ rules }) => rules.reportUrl,
    good: [
      ["https://Reporter.example.com/kb/", "https://reporter.example.com/kb"],
      ["http://localhost:7071", "http://localhost:7071"],
    ],
    bad: [
      ...badUrls,
      "https://example.com/api",
      "https://example.com/?code=x",
      `https://example.com/${"/".repeat(2000)}`,
    ],
  },
  RETENTION_DAYS: { pick: ({ rules }) => rules.retentionDays, good: [["40", 40]], bad: ["39", "3651", "forever"] },
  AUTH: {
    pick: ({ auth }) => auth,
    good: [["ENTRA", "entra"]],
    bad: ["none", "anonymous"],
    with: { WEBSITE_AUTH_ENABLED: "True" },
  },
  DEFENDER_CLOUD: {
    pick: ({ defender }) => defender.baseUrl,
    good: [["GCC-High", "https://api-gov.securitycenter.microsoft.us"]],
    bad: ["usgov", "constructor", "china"],
  },
  DEFENDER_URL: {
    pick: ({ defender }) => defender.baseUrl,
    good: [
      ["https://eu.api.security.microsoft.com/", "https://eu.api.security.microsoft.com"],
      ["http://127.0.0.1:8443", "http://127.0.0.1:8443"],
      ["http://[::1]:8443", "http://[::1]:8443"],
    ],
    bad: [...badUrls, "https://example.com/api", "http://localhost.example.com", "http://127.0.0.1.example.com"],
  },
  DEFENDER_CALLS_PER_MINUTE: {
    pick: ({ rules }) => rules.callsPerMinute,
    good: [["50", 50]],
    bad: ["0", "10001", "fast"],
  },
  DEFENDER_CALLS_PER_HOUR: {
    pick: ({ rules }) => rules.callsPerHour,
    good: [["750", 750]],
    bad: ["0", "100001", "1,500"],
  },
  DEFENDER_APP_ID: {
    pick: ({ identity }) => identity.appId,
    good: [[tenantId.toUpperCase(), tenantId]],
    bad: ["my-app", `${tenantId}0`],
  },
  REPORTER_STORAGE: {
    pick: ({ storage }) => storage.kind === "connectionString" && storage.connectionString,
    good: [
      ["usedevelopmentstorage=TRUE;", "UseDevelopmentStorage=true"],
      [accountString, accountString],
      [
        "SharedAccessSignature=sv=1&sig=x;TableEndpoint=https://a.example;QueueEndpoint=http://localhost:1",
        "SharedAccessSignature=sv=1&sig=x;TableEndpoint=https://a.example;QueueEndpoint=http://localhost:1",
      ],
      [
        "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;TableEndpoint=http://127.0.0.1:1/a;QueueEndpoint=http://127.0.0.1:2/a",
        "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;TableEndpoint=http://127.0.0.1:1/a;QueueEndpoint=http://127.0.0.1:2/a",
      ],
    ],
    bad: [
      "streporter",
      "https://streporter.table.core.windows.net",
      "AccountName=streporter;AccountKey=bm90IGEga2V5",
      accountString.replace("https", "http"),
      accountString.replace("bm90IGEga2V5", "not a key!"),
      accountString.replace("AccountName=streporter;", ""),
      accountString.replace(";EndpointSuffix=core.windows.net", ""),
      "SharedAccessSignature=sv=1&sig=x;TableEndpoint=https://a.example",
      "SharedAccessSignature=sv=1&sig=x;TableEndpoint=http://a.example;QueueEndpoint=https://a.example",
    ],
  },
  REPORTER_STORAGE__tableServiceUri: {
    pick: ({ storage }) => storage.kind === "identity" && storage.tableServiceUri,
    good: [
      [`${tableUri}/`, tableUri],
      ["http://127.0.0.1:10002/devstoreaccount1", "http://127.0.0.1:10002/devstoreaccount1"],
    ],
    bad: [...badUrls, `${tableUri}?sv=1&sig=x`],
    with: byUris,
  },
  REPORTER_STORAGE__queueServiceUri: {
    pick: ({ storage }) => storage.kind === "identity" && storage.queueServiceUri,
    good: [[`${queueUri}/`, queueUri]],
    bad: [...badUrls, `${queueUri}#x`],
    with: byUris,
  },
  REPORTER_STORAGE__accountName: {
    pick: ({ storage }) => storage,
    good: [["streporter", { kind: "identity", tableServiceUri: tableUri, queueServiceUri: queueUri }]],
    bad: ["st", "St-Reporter", "streporter.evil.example/"],
  },
  REPORTER_STORAGE__credential: {
    pick: ({ identity }) => identity.kind,
    good: [["managedidentity", "managed"]],
    bad: ["workloadidentity"],
    with: byUris,
  },
  REPORTER_STORAGE__clientId: {
    pick: ({ identity }) => identity.clientId,
    good: [[clientId, clientId]],
    bad: ["my-identity"],
    with: byUris,
  },
  AZURE_CLIENT_ID: { pick: ({ identity }) => identity.clientId, good: [[clientId, clientId]], bad: ["my-identity"] },
  MAIL_TRANSPORT: {
    pick: ({ mail }) => mail.transport,
    good: [
      ["SendGrid", "sendgrid"],
      ["ACS", "acs"],
    ],
    bad: ["smtp", "azure"],
    with: { ACS_ENDPOINT: "https://acs-kbs.europe.communication.azure.com" },
  },
  ACS_ENDPOINT: {
    pick: ({ mail }) => mail.transport === "acs" && mail.endpoint,
    good: [
      ["https://acs-kbs.communication.azure.com/", "https://acs-kbs.communication.azure.com"],
      ["https://acs-kbs.europe.communication.azure.com", "https://acs-kbs.europe.communication.azure.com"],
      ["http://127.0.0.1:8025", "http://127.0.0.1:8025"],
    ],
    bad: [
      ...badUrls,
      "https://acs-kbs.communication.azure.com.example.org",
      "https://communication.azure.com",
      "https://acs-kbs.communication.azure.com/emails:send",
      "endpoint=https://acs-kbs.communication.azure.com/;accesskey=abc",
    ],
    with: { MAIL_TRANSPORT: "acs" },
  },
  SENDGRID_API_KEY: {
    pick: (settings) => sendGrid(settings)?.apiKey,
    good: [[" SG.id.secret\r\n", "SG.id.secret"]],
    bad: ["id.secret", '"SG.id.secret"', "SG.id secret", "SG.", "SG.id\u00e9"],
  },
  SENDGRID_REGION: { pick: (settings) => sendGrid(settings)?.region, good: [["EU", "eu"]], bad: ["europe"] },
  SENDGRID_URL: {
    pick: (settings) => sendGrid(settings)?.url,
    good: [["http://localhost:3000/", "http://localhost:3000"]],
    bad: [...badUrls, "https://api.sendgrid.com/v3"],
  },
  SENDGRID_SANDBOX: {
    pick: (settings) => sendGrid(settings)?.sandbox,
    good: [
      ["True", true],
      ["false", false],
    ],
    bad: ["yes", "1"],
  },
};

describe.each(Object.entries(rows))("%s", (name, row) => {
  test.each(row.good)("accepts %j", (text, value) => {
    expect(row.pick(settingsWith({ ...row.with, [name]: text }))).toEqual(value);
  });

  test.each(row.bad)("refuses %j by name and says what is allowed", (text) => {
    const problems = problemsWith({ ...row.with, [name]: text });
    expect(problems).toEqual([expect.stringMatching(/^\w+: [^\n]+[.?] Allowed: [^\n]+\. Example: [^\n]+$/)]);
    expect(problems[0]?.split(":")[0]).toBe(name);
  });

  test("gives an example that can be used as it is", () => {
    const [problem] = problemsWith({ ...row.with, [name]: row.bad[0] });
    const example = problem?.split(". Example: ")[1];
    expect(() => settingsWith({ ...row.with, [name]: example })).not.toThrow();
  });

  test("says what to do about a Key Vault reference that was not resolved", () => {
    const reference = " @microsoft.keyvault(SecretUri=https://vault.example/secrets/hidden)";
    const problems = problemsWith({ ...row.with, [name]: reference });
    expect(problems).toEqual([expect.stringMatching(`^${name}: holds a Key Vault reference that was not resolved`)]);
    expect(problems[0]).toContain("Key Vault Secrets User");
    expect(problems[0]).toContain("a restart does not read the vault again");
    expect(problems[0]).not.toContain("hidden");
  });
});

test("every default is a value that its setting accepts", () => {
  for (const [name, { default: value }] of Object.entries(settingsTable)) {
    if (value !== null) expect(settingsWith({ [name]: String(value) })).toEqual(settingsWith({}));
  }
});

describe("all faults are reported at once", () => {
  const faulty = {
    MAIL_TO: "nobody",
    MAIL_FROM: "reporter@contoso.com",
    SENDGRID_API_KEY: "@Microsoft.KeyVault(VaultName=kv;SecretName=hidden)",
    REPORT_TIME_ZONE: "Mars/Base",
    DEFENDER_URL: "http://defender.example.com",
  };

  test("one line names every faulty setting, and how many there are", () => {
    const error = errorOf(faulty);
    expect(error.message).toMatch(
      /^The app does not start because of an error in 5 settings\. .*environment variables.*local\.settings\.json/,
    );
    for (const [index, problem] of error.problems.entries()) {
      expect(error.message).toContain(`(${index + 1}) ${problem}`);
    }
    expect(error.problems.map((problem) => problem.split(":")[0]).sort()).toEqual([
      "DEFENDER_URL",
      "MAIL_TO",
      "REPORT_TIME_ZONE",
      "SENDGRID_API_KEY",
      "SOFTWARE_IDS",
    ]);
    expect(error.name).toBe("SettingsError");
  });

  test("the message is singular for one faulty setting", () => {
    expect(errorOf({ ...complete, AUTH: "none" }).message).toMatch(/ an error in 1 setting\. /);
  });

  test("the message stays one line, whatever the values contain", () => {
    const ends = ["\n", "\r\n", "\u0085", "\u2028", "\u2029", "\v", "\f"];
    const broken = settingNames.map((name) => [name, ends.map((end) => `one${end}two`).join(" ")]);
    const { message, problems } = errorOf({ ...Object.fromEntries(broken), [`MAIL_T${ends.join("")}`]: "x" });
    expect(problems.length).toBeGreaterThan(20);
    expect(message).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
    expect(new SettingsError(["MAIL_TO: a\r\nb\u2028c\u0085d."]).problems).toEqual([
      "MAIL_TO: a\\r\\nb\\u2028c\\u0085d.",
    ]);
  });

  test("the message fits a log record, with the number of the faults left out", () => {
    const many = Array.from({ length: 300 }, (_, index) => `WATCHLISTS[${index}].mailTo: ${"x".repeat(200)}`);
    const { message, problems } = new SettingsError(many);
    expect(message.length).toBeLessThan(32_768);
    const shown = [...message.matchAll(/\(\d+\) /g)].length;
    expect(message).toMatch(new RegExp(` and ${300 - shown} more$`));
    expect(problems).toHaveLength(300);
  });

  test("a number is accepted up to both ends of its range, and refused with the reason", () => {
    for (const minutes of [0, 1440]) {
      expect(settingsWith({ REPORT_GRACE_MINUTES: ` ${minutes} ` }).rules.graceMinutes).toBe(minutes);
    }
    const faultOf = (minutes: string) => problemsWith({ REPORT_GRACE_MINUTES: minutes })[0]?.split(". ")[0];
    expect(faultOf("1441")).toBe('REPORT_GRACE_MINUTES: "1441" is out of range');
    expect(faultOf("-1")).toBe('REPORT_GRACE_MINUTES: "-1" is out of range');
    expect(faultOf("soon")).toBe('REPORT_GRACE_MINUTES: "soon" is not a whole number');
    const [ofJson] = problemsWith(watchlists({ ...servers, dueDays: { days: 7 } }));
    expect(ofJson).toContain("dueDays: the value is not a whole number");
  });

  test("a long value is shown in part", () => {
    expect(problemsWith({ AUTH: "x".repeat(60) })[0]).toContain(`"${"x".repeat(60)}"`);
    expect(problemsWith({ AUTH: "x".repeat(61) })[0]).toContain(`"${"x".repeat(60)}…"`);
  });

  test("several faults of one setting are on one line, and only the first few of many are shown", () => {
    const [problem, ...others] = problemsWith({ SOFTWARE_IDS: "Alpha,Beta,Gamma,Delta,Epsilon" });
    expect(others).toEqual([]);
    expect(problem).toMatch(/"Alpha".*"Beta".*"Gamma".*; and 2 more\. Allowed/);
    expect(problem).not.toContain("Delta");
  });

  test("broken JSON is reported together with the other faults, with its line and column", () => {
    const broken = { ...faulty, MAIL_TO: undefined, WATCHLISTS: '[{"name": "a"\n "mailTo": []}]' };
    const problem = errorOf(broken).problems.find((line) => line.startsWith("WATCHLISTS"));
    expect(errorOf(broken).problems).toHaveLength(4);
    expect(problem).toContain("is not valid JSON at line 2, column 2");
    const late = { ...watchlists(), WATCHLISTS: `[${"\n".repeat(11)}${" ".repeat(14)}{"name" 1}]` };
    expect(problemsWith(late)).toEqual([expect.stringContaining("at line 12, column 23: unexpected 1.")]);
    expect(problemsWith(watchlists()).at(0)).toContain("is empty");
    for (const cut of ["[", '[{"name": "a"', '[{"na', '[{"name":\n', "[{}, \n", "[\n{}\n"]) {
      expect(problemsWith({ ...watchlists(), WATCHLISTS: cut })).toEqual([
        expect.stringContaining("it ends too early."),
      ]);
    }
  });

  test.each([
    ["[{},\n ]", "at line 2, column 2: remove the comma before ]"],
    ['[{"name": "a",}]', "at line 1, column 15: remove the comma before }"],
    ["[\n{\u201cname\u201d: 1}]", 'at line 2, column 2: use straight quotation marks (") instead of \u201c'],
    ['[{"name": \u201ca\u201d}]', 'at line 1, column 11: use straight quotation marks (") instead of \u201c'],
    ["[{'name': 1}]", "at line 1, column 3: use double quotation marks (\") instead of '"],
    ['[{"name": "a"},\n\n // all of them\n {}]', "at line 3, column 2: comments are not allowed"],
    ['[{"name": ["a", nul]}]', "at line 1, column 17: unexpected n"],
    ['[{"a": [[], {}, "]\\"", true, -1.5e3, null, "x"]}, ;]', "at line 1, column 51: unexpected ;"],
    ["\ufeff[,]", "at line 1, column 2: unexpected ,"],
    ['[{"name": "a" "mailTo": 1}]', 'at line 1, column 15: unexpected "'],
    ["[01]", "at line 1, column 3: unexpected 1"],
    ['[{"name": "a\nb"}]', "at line 1, column 13: unexpected character"],
  ])("broken JSON is named with its place and what to do: %j", (text, fault) => {
    expect(() => JSON.parse(text.replace("\ufeff", ""))).toThrow(SyntaxError);
    expect(problemsWith({ ...watchlists(), WATCHLISTS: text })).toEqual([
      expect.stringContaining(`WATCHLISTS: is not valid JSON ${fault}. Allowed: `),
    ]);
  });
});

describe("software ids", () => {
  test.each([
    ["Microsoft Edge", "microsoft-_-edge_chromium-based"],
    ["microsoft  edge", "microsoft-_-edge "],
    ["Windows Server 2012 R2", "microsoft-_-windows_server_2012_r2"],
    ["Microsoft Windows 10", "microsoft-_-windows_10"],
    [".NET Framework", "microsoft-_-.net_framework"],
    ["Chrome", "google-_-chrome"],
    ["Adobe Acrobat Reader DC", "adobe-_-acrobat_reader_dc"],
  ])("the display name %s is refused with the likely id %s", (name, id) => {
    expect(problemsWith({ SOFTWARE_IDS: name })).toEqual([expect.stringContaining(id)]);
    expect(problemsWith({ SOFTWARE_IDS: name })).toEqual([expect.stringContaining("is a display name")]);
  });

  test("the likely id follows the fault as a question", () => {
    expect(problemsWith({ SOFTWARE_IDS: "Adobe Reader;Chrome;a-_-b" })).toEqual([
      expect.stringMatching(
        /^SOFTWARE_IDS: "Adobe Reader" is a display name, not a software id; "Chrome" is .* id\. Did you mean adobe-_-reader, google-_-chrome\? Allowed: /,
      ),
    ]);
  });

  test("the old Edge is accepted with a warning that names the current one", () => {
    const { warnings } = settingsWith({ SOFTWARE_IDS: "microsoft-_-edge" });
    expect(warnings).toEqual([expect.stringContaining("microsoft-_-edge_chromium-based")]);
  });

  test("each id is kept once, in order of first appearance, however the list is separated", () => {
    const id = fc.stringMatching(/^[a-z]{1,3}-_-[a-z0-9._-]{1,4}$/);
    const separator = fc.constantFrom(",", ";", "\n", "\r\n", " , ", ",,", ";,", ",\n\t");
    fc.assert(
      fc.property(fc.array(fc.tuple(id, separator), { minLength: 1 }), (entries) => {
        const text = entries.map(([name, after]) => name + after).join("");
        const unique = entries.map(([name]) => name).filter((name, index, all) => all.indexOf(name) === index);
        const { watchlists: read, warnings } = settingsWith({ SOFTWARE_IDS: text });
        expect(read[0]?.softwareIds).toEqual(unique);
        expect(warnings).toHaveLength(unique.length < entries.length ? 1 : 0);
      }),
    );
  });

  test.each([
    ["vendor:microsoft", { softwareIds: [], vendor: "microsoft", leftOut: [] }],
    ["Vendor: Microsoft", { softwareIds: [], vendor: "microsoft", leftOut: [] }],
    ["vendor:*;!a-_-b, ! c-_-d", { softwareIds: [], vendor: "*", leftOut: ["a-_-b", "c-_-d"] }],
    ["google-_-chrome\nvendor:microsoft", { softwareIds: ["google-_-chrome"], vendor: "microsoft", leftOut: [] }],
  ])("%j finds products by their vendor", (text, expected) => {
    const { watchlists: read, warnings } = settingsWith({ SOFTWARE_IDS: text });
    expect(read[0]).toMatchObject(expected);
    expect(warnings).toEqual([]);
    const entry = { ...servers, softwareIds: text.split(/[,;\n]/) };
    expect(settingsWith(watchlists(entry)).watchlists[0]).toMatchObject(expected);
  });

  test.each([
    [
      "vendor:adobe",
      /"vendor:adobe" is neither vendor:microsoft nor vendor:\*; only Microsoft's .* mean vendor:microsoft\?/,
    ],
    ["vendor:all", /mean vendor:\*\?/],
    ["vendor:", /"vendor:" is neither/],
    ["vendor=microsoft", /"vendor=microsoft" is neither .* mean vendor:microsoft\?/],
    ["a-_-b,!c-_-d", /leaves out c-_-d, but only what vendor:microsoft or vendor:\* finds can be left out/],
    ["!c-_-d", /contains no id/],
    ["vendor:*,!", /has a "!" without an id/],
    ["vendor:*,!vendor:microsoft", /"vendor:microsoft" cannot be left out; leave out ids/],
    ["vendor:*,!Microsoft Edge", /"Microsoft Edge" is a display name.* mean microsoft-_-edge_chromium-based/],
    ["vendor:*,a-_-b,!a-_-b", /both names and leaves out a-_-b/],
  ])("%j is refused with what to write instead", (text, expected) => {
    expect(problemsWith({ SOFTWARE_IDS: text })).toEqual([expect.stringMatching(expected)]);
  });

  test("vendor:* beside vendor:microsoft is accepted with a warning", () => {
    const { watchlists: read, warnings } = settingsWith({ SOFTWARE_IDS: "vendor:microsoft,vendor:*" });
    expect(read[0]?.vendor).toBe("*");
    expect(warnings).toEqual([expect.stringContaining("includes vendor:microsoft")]);
  });

  test("5,000 ids are accepted and one more is not", () => {
    const ids = Array.from({ length: 5_001 }, (_, index) => `a-_-${index}`);
    expect(one(settingsWith({ SOFTWARE_IDS: ids.slice(1).join() }))?.softwareIds).toHaveLength(5_000);
    expect(problemsWith({ SOFTWARE_IDS: ids.join() })).toEqual([expect.stringContaining("several watchlists")]);
  });

  test("120,000 characters of ids are accepted and one more is not", () => {
    const ids = Array.from({ length: 1_200 }, (_, index) => `a-_-${index}`.padEnd(100, "x"));
    expect(one(settingsWith({ SOFTWARE_IDS: ids.join() }))?.softwareIds).toHaveLength(1_200);
    expect(problemsWith({ SOFTWARE_IDS: `${ids.join()}x` })).toEqual([expect.stringContaining("several watchlists")]);
  });

  test("an id of 256 characters is accepted", () => {
    const id = `a-_-${"b".repeat(252)}`;
    expect(one(settingsWith({ SOFTWARE_IDS: id }))?.softwareIds).toEqual([id]);
  });
});

describe("misspelt names", () => {
  test.each([
    ["MAIL_T0", "MAIL_TO"],
    ["MAILTO", "MAIL_TO"],
    ["SOFTWARE_ID", "SOFTWARE_IDS"],
  ])("%s is named where %s is missing", (typo, name) => {
    const problems = problemsWith({ [name]: undefined, [typo]: "x" });
    expect(problems).toEqual([
      expect.stringMatching(`^${name}: is missing; ${typo} is set, but is not a setting\\. Allowed`),
    ]);
  });

  test("a variable close to an absent setting gets a warning", () => {
    const { warnings } = settingsWith({ REPORTURL: "https://a.example", Due_Days: "3", WATCHLIST: "[]" });
    expect(warnings.toSorted()).toEqual([
      "Due_Days: is not a setting. Did you mean DUE_DAYS?",
      "REPORTURL: is not a setting. Did you mean REPORT_URL?",
      "WATCHLIST: is not a setting. Did you mean WATCHLISTS?",
    ]);
  });

  test("no warning for an empty one, for one whose setting is given, or for the variables of others", () => {
    const others = {
      PATH: "/bin",
      MAIL: "/var/mail",
      AZURE_TENANT_ID: tenantId,
      WEBSITE_SITE_NAME: "",
      MAIL_FORM: " ",
    };
    expect(settingsWith({ ...others, SOFTWARE_ID: "a-_-b", MAILTO: "x" }).warnings).toEqual([]);
  });
});

describe("mail addresses", () => {
  test("one address under two names or in other case gets one mail, with a warning", () => {
    const { watchlists: read, warnings } = settingsWith({ MAIL_TO: "Ann <a@b.example>; A@B.example, c@d.example" });
    expect(read[0]?.mailTo).toEqual(["Ann <a@b.example>", "c@d.example"]);
    expect(warnings).toEqual(["MAIL_TO: lists some addresses more than once; each gets one mail: a@b.example."]);
  });

  test.each([
    ["a@b.example, c@d.example", false],
    ["together: a@b.example, c@d.example", true],
    [" TOGETHER :\na@b.example\nc@d.example", true],
    ["together:a@b.example;c@d.example;", true],
  ])("the readers of %j see each other: %j", (MAIL_TO, mailTogether) => {
    const mailTo = ["a@b.example", "c@d.example"];
    expect(one(settingsWith({ MAIL_TO }))).toMatchObject({ mailTo, mailTogether });
  });

  test('"together:" in an array is refused: whom would it hold for?', () => {
    expect(problemsWith(watchlists({ ...servers, mailTo: ["together: a@b.example", "c@d.example"] }))).toEqual([
      expect.stringContaining('mailTo: "together:" is allowed only at the start of one string with all addresses.'),
    ]);
  });

  test("1,000 addresses are accepted and one more is not", () => {
    const to = Array.from({ length: 1_001 }, (_, index) => `a${index}@b.example`);
    expect(one(settingsWith({ MAIL_TO: to.slice(1).join(";") }))?.mailTo).toHaveLength(1_000);
    expect(problemsWith({ MAIL_TO: to.join(";") })).toEqual([expect.stringContaining("distribution list")]);
  });

  test.each([
    "Ann\r\nBcc: evil@x.example <a@b.example>",
    "Ann\u0000 <a@b.example>",
    "Ann \u202e<a@b.example>",
    '"Ann\\" <a@b.example>',
    'Ann "x" <a@b.example>',
    "Ann <evil@x.example> <a@b.example>",
    "a@b.example,c@d.example",
    `${"a".repeat(65)}@b.example`,
    `a@${"b".repeat(64)}.example`,
    `a@${"b.".repeat(130)}example`,
    `${"n".repeat(129)} <a@b.example>`,
    "a@-b.example",
    "a@b.1",
    "\u00e4@b.example",
  ])("the entry %j is refused: it could smuggle in a header or is not an address", (mailTo) => {
    const [problem, ...others] = problemsWith(watchlists({ ...servers, mailTo: [mailTo] }));
    expect(others).toEqual([]);
    expect(problem).toMatch(/^WATCHLISTS\[0\] \(Servers\) mailTo: .*is not a mail address[^\n]*$/);
  });

  test(
    "whatever is accepted is one line with one address, alone or at the end in angle brackets",
    () => {
      const text = fc.oneof(
        fc.string({ unit: "binary" }),
        fc
          .array(
            fc.constantFrom("together:", "a@b.example", "Ann", "<", ">", '"', ",", ";", " ", "@", "\n", "\u202e", "\\"),
          )
          .map((all) => all.join("")),
      );
      fc.assert(
        fc.property(text, (mailTo) => {
          try {
            for (const address of one(settingsWith({ MAIL_TO: mailTo }))?.mailTo ?? []) {
              expect(address).toMatch(/^[^<>"\\\p{Cc}\p{Cf}]* <[^<>\s"@]+@[^<>\s"@]+>$|^[^<>\s"@]+@[^<>\s"@]+$/u);
            }
          } catch (error) {
            expect(error).toBeInstanceOf(SettingsError);
          }
        }),
        { numRuns: 1_000 },
      );
    },
    busyMachine,
  );
});

describe("watchlists", () => {
  test("each takes its own values, and the other settings where it has none", () => {
    const env = {
      ...watchlists(servers, {
        name: "Edge team",
        softwareIds: "a-_-b, c-_-d",
        mailTo: "Together : Ann <a@b.example>; c@d.example",
        tenantId: tenantId.toUpperCase(),
        minMachines: 7,
        minPercent: "20",
        minCves: 0,
        mailWhen: "always",
        ...{ dueDays: 3, dueDaysExploited: 1, dueFrom: "first-seen", alertExploited: true },
        readerRole: " Reports.Read.Edge ",
      }),
      AUTH: "entra",
      WEBSITE_AUTH_ENABLED: "True",
      WORSE_MIN_MACHINES: "2",
      WORSE_MIN_PERCENT: "5",
      WORSE_MIN_CVES: "3",
      MAIL_WHEN: "changed",
      HEARTBEAT_DAY: "none",
      ...{ DUE_DAYS: "21", DUE_DAYS_EXPLOITED: "2", DUE_FROM: "released", ALERT_EXPLOITED: "false" },
    };
    expect(settingsWith(env).watchlists).toEqual([
      {
        ...servers,
        ...{ vendor: null, leftOut: [] },
        mailTogether: false,
        tenant: "home",
        thresholds: { minMachines: 2, minPercent: 5, minCves: 3 },
        mailWhen: "changed",
        heartbeatDay: "none",
        ...{ dueDays: 21, dueDaysExploited: 2, dueFrom: "released", alertExploited: false },
        readerRole: null,
      },
      {
        name: "Edge team",
        softwareIds: ["a-_-b", "c-_-d"],
        ...{ vendor: null, leftOut: [] },
        mailTo: ["Ann <a@b.example>", "c@d.example"],
        mailTogether: true,
        tenant: tenantId,
        thresholds: { minMachines: 7, minPercent: 20, minCves: 0 },
        mailWhen: "always",
        heartbeatDay: "none",
        ...{ dueDays: 3, dueDaysExploited: 1, dueFrom: "first-seen", alertExploited: true },
        readerRole: "Reports.Read.Edge",
      },
    ]);
  });

  test.each([
    [true, true],
    [false, false],
    ["false", false],
  ])("alertExploited may be a boolean or a word: %j", (alertExploited, value) => {
    expect(one(settingsWith(watchlists({ ...servers, alertExploited })))?.alertExploited).toBe(value);
  });

  test.each([[0], ["no"], [[]]])("alertExploited may be nothing else, such as %j", (alertExploited) => {
    expect(problemsWith(watchlists({ ...servers, alertExploited }))).toEqual([
      expect.stringMatching(/^WATCHLISTS\[0\] \(Servers\) alertExploited: .* Allowed: true, false\. Example: false$/),
    ]);
  });

  test("a null or empty property counts as absent", () => {
    const empty = { tenantId: null, minMachines: null, mailWhen: "", dueDays: " " };
    expect(settingsWith(watchlists({ ...servers, ...empty }))).toEqual(settingsWith(watchlists(servers)));
  });

  test.each([
    ["name", "../etc"],
    ["name", "-x"],
    ["name", "a".repeat(64)],
    ["name", 7],
    ["softwareIds", ["Microsoft Edge"]],
    ["softwareIds", ["a-_-b", 5]],
    ["softwareIds", []],
    ["softwareIds", { id: "a-_-b" }],
    ["mailTo", ["nobody"]],
    ["mailTo", [null]],
    ["mailTo", true],
    ["tenantId", "contoso"],
    ["tenantId", "home"],
    ["tenantId", "con/toso.com"],
    ["tenantId", 5],
    ["minMachines", -1],
    ["minMachines", 1.5],
    ["minPercent", true],
    ["mailWhen", "never"],
    ["dueDays", "soon"],
    ["readerRole", "Reports Read"],
    ["readerRole", ".Read"],
    ["readerRole", "r".repeat(121)],
    ["readerRole", 5],
  ])("a faulty %s is reported with the watchlist and its index: %j", (property, value) => {
    const label = property === "name" ? /^WATCHLISTS\[1\]/ : new RegExp(`^WATCHLISTS\\[1\\] \\(B\\) ${property}: `);
    const problems = problemsWith(watchlists(servers, { ...servers, name: "B", [property]: value }));
    expect(problems).toEqual([expect.stringMatching(label)]);
    expect(problems).toEqual([expect.stringMatching(/[.?] Allowed: .*\. Example: /)]);
  });

  test("a role for readers is refused where the app does not know its callers", () => {
    expect(problemsWith(watchlists({ ...servers, readerRole: "Reports.Read.Servers" }))).toEqual([
      expect.stringMatching(/^WATCHLISTS\[0\] \(Servers\) readerRole: needs AUTH=entra: .* Allowed: .* Example: /),
    ]);
  });

  test.each([1, null, "Servers", [servers]])("an entry that is not an object is refused alone: %j", (entry) => {
    expect(problemsWith(watchlists(servers, entry, { ...servers, name: "B", dueDays: -1 }))).toEqual([
      expect.stringMatching(/^WATCHLISTS\[1\]: is not an object\. Allowed: .*\. Example: \[/),
      expect.stringMatching(/^WATCHLISTS\[2\] \(B\) dueDays: "-1" is out of range\./),
    ]);
  });

  test("a list of anything but strings is refused", () => {
    expect(problemsWith(watchlists({ ...servers, mailTo: ["a@b.example", 5] }))).toEqual([
      expect.stringMatching(/^WATCHLISTS\[0\] \(Servers\) mailTo: must contain only strings\. /),
    ]);
  });

  test("each missing property is reported", () => {
    expect(problemsWith(watchlists({})).map((line) => line.split(":")[0])).toEqual([
      "WATCHLISTS[0] name",
      "WATCHLISTS[0] softwareIds",
      "WATCHLISTS[0] mailTo",
    ]);
  });

  test.each([
    ["sofwareIds", "softwareIds"],
    ["softwareID", "softwareIds"],
    ["mailto", "mailTo"],
    ["tenant", "tenantId"],
  ])("the unknown property %s is refused with the one that was probably meant: %s", (typo, meant) => {
    const problems = problemsWith(watchlists({ ...servers, [typo]: "x" }));
    expect(problems).toEqual([
      expect.stringContaining(`has an unknown property "${typo}". Did you mean ${meant}? Allowed`),
    ]);
  });

  test("an unknown property that resembles none is refused with the list of the known ones", () => {
    const [problem] = problemsWith({
      ...watchlists(),
      WATCHLISTS: `[{"__proto__": {}, ${JSON.stringify(servers).slice(1)}]`,
    });
    expect(problem).toContain('has an unknown property "__proto__". Allowed: name, softwareIds, mailTo, tenantId');
  });

  test("names that differ only in case are refused, because files and addresses carry them", () => {
    const problems = problemsWith(watchlists(servers, { ...servers, name: "SERVERS" }));
    expect(problems).toEqual([
      expect.stringMatching(
        /^WATCHLISTS\[1\] \(SERVERS\) name: duplicates the name of WATCHLISTS\[0\] \(names are case-insensitive\)/,
      ),
    ]);
  });

  test("they replace SOFTWARE_IDS and MAIL_TO and are refused together with them", () => {
    const problems = problemsWith({ WATCHLISTS: JSON.stringify([servers]) });
    expect(problems).toEqual([expect.stringMatching(/^WATCHLISTS: .*SOFTWARE_IDS and MAIL_TO/)]);
  });

  test("2,000 are accepted and one more is not", () => {
    const many = Array.from({ length: 2_001 }, (_, index) => ({ ...servers, name: `w${index}` }));
    expect(settingsWith(watchlists(...many.slice(1))).watchlists).toHaveLength(2_000);
    expect(problemsWith(watchlists(...many))).toEqual([expect.stringContaining("has 2001 entries; at most 2000")]);
  });

  test("the address of their document replaces all others and is refused together with them", () => {
    const WATCHLISTS_URL = "https://streporter.blob.core.windows.net/configuration/watchlists.json";
    expect(problemsWith({ WATCHLISTS_URL })).toEqual([
      expect.stringMatching(
        /^WATCHLISTS_URL: is set together with SOFTWARE_IDS and MAIL_TO, which it replaces\. Allowed: /,
      ),
    ]);
    const both = { ...watchlists({ ...servers, dueDays: -1 }), MAIL_TO: "nobody", WATCHLISTS_URL };
    expect(problemsWith(both).map((line) => line.split(": ", 2).join(": "))).toEqual([
      "WATCHLISTS_URL: is set together with MAIL_TO and WATCHLISTS, which it replaces. Allowed",
      'MAIL_TO: "nobody" is not a mail address. Allowed',
    ]);
    const read = settingsWith({ SOFTWARE_IDS: undefined, MAIL_TO: undefined, WATCHLISTS_URL, DUE_DAYS: "7" });
    expect([read.watchlists, read.watchlistsDocument?.url]).toEqual([[], WATCHLISTS_URL]);
    expect(read.watchlistsDocument?.defaults.dueDays).toBe(7);
  });

  test("another tenant needs an app registration only where a managed identity signs in", () => {
    const abroad = watchlists(servers, { ...servers, name: "Customer", tenantId: "Fabrikam.com" });
    expect(settingsWith(abroad).watchlists[1]?.tenant).toBe("fabrikam.com");
    const managed = { ...abroad, IDENTITY_ENDPOINT: "http://127.0.0.1:1/token" };
    expect(problemsWith(managed)).toEqual([
      expect.stringMatching(/^DEFENDER_APP_ID: is missing.*: Customer\. Allowed/),
    ]);
    expect(settingsWith({ ...managed, DEFENDER_APP_ID: clientId }).identity.appId).toBe(clientId);
    expect(problemsWith({ ...managed, DEFENDER_APP_ID: "x" })).toHaveLength(1);
    expect(settingsWith({ ...managed, ...watchlists(servers) }).identity.appId).toBeNull();
  });
});

describe("a document of watchlists", () => {
  const WATCHLISTS_URL = "https://streporter.blob.core.windows.net/configuration/watchlists.json";

  function defaultsWith(env: Environment = {}): WatchlistDefaults {
    const { watchlistsDocument } = settingsWith({
      SOFTWARE_IDS: undefined,
      MAIL_TO: undefined,
      WATCHLISTS_URL,
      ...env,
    });
    if (watchlistsDocument === null) throw new Error("There is no document.");
    return watchlistsDocument.defaults;
  }

  function parse(text: string, env?: Environment) {
    const entries = parseWatchlists(text, defaultsWith(env));
    if (typeof entries === "string") throw new Error(entries);
    return entries;
  }

  const edge = { name: "Edge", softwareIds: "a-_-b; c-_-d", mailTo: "a@b.example", dueDays: 3 };

  test("is read as the setting WATCHLISTS is, with the same defaults", () => {
    const env = { WORSE_MIN_MACHINES: "2", MAIL_WHEN: "changed", HEARTBEAT_DAY: "none", DUE_DAYS: "21" };
    const entries = parse(JSON.stringify([servers, edge]), env);
    expect(entries.map(({ watchlist }) => watchlist)).toEqual(
      settingsWith({ ...watchlists(servers, edge), ...env }).watchlists,
    );
    expect(entries.map(({ name, fault, source }) => [name, fault, source])).toEqual([
      ["Servers", null, servers],
      ["Edge", null, edge],
    ]);
  });

  test("loses only its faulty entries, each with all its faults, its place and what to do", () => {
    const text = `[
  {"name": "A", "softwareIds": ["a-_-b"], "mailTo": ["nobody"], "dueDays": -1},
  {"name": "B", "softwareIds": ["a-_-b"], "mailTo": ["a@b.example"]}, {"name": "C", "mailto": "a@b.example", "softwareIds": "a-_-b"},
  7,
    {"name": "../etc", "softwareIds": ["a-_-b"], "mailTo": ["a@b.example"]}
]`;
    const entries = parse(text);
    expect(entries.map(({ name, watchlist }) => [name, watchlist?.name])).toEqual([
      ["A", undefined],
      ["B", "B"],
      ["C", undefined],
      [null, undefined],
      [null, undefined],
    ]);
    const [a, b, c, number, unnamed] = entries.map(({ fault }) => fault);
    expect(b).toBeNull();
    expect(a).toMatch(
      /^Entry 1 \(A\) mailTo: "nobody" is not a mail address\. Allowed: .* Example: .*\. Entry 1 \(A\) dueDays: "-1" is out of range\. Allowed: a whole number from 0 to 3650\. Example: 30\. Correct it at line 2, column 3\.$/,
    );
    expect(c).toMatch(
      /^Entry 3 \(C\): has an unknown property "mailto"\. Did you mean mailTo\? Allowed: .*Entry 3 \(C\) mailTo: is missing\..* Correct it at line 3, column 71\.$/,
    );
    expect(number).toMatch(/^Entry 4: is not an object\. Allowed: .* Correct it at line 4, column 3\.$/);
    expect(unnamed).toMatch(/^Entry 5 \(\.\.\/etc\) name: .* Correct it at line 5, column 5\.$/);
  });

  test("has each name once, in any capitals: the later entry is the faulty one", () => {
    const [first, second] = parse(JSON.stringify([servers, { ...edge, name: "SERVERS" }]));
    expect([first?.fault, second?.watchlist]).toEqual([null, null]);
    expect(second?.fault).toContain(
      "Entry 2 (SERVERS) name: duplicates the name of Entry 1 (names are case-insensitive).",
    );
  });

  test.each([
    ["[]", "is empty"],
    ["{}", "is not an array"],
    ["", "it ends too early"],
    [`[{"name": "A",}]`, "is not valid JSON at line 1, column 15: remove the comma before }."],
    [JSON.stringify(Array.from({ length: 2_001 }, () => servers)), "has 2001 entries; at most 2000 are allowed"],
  ])("cannot be read at all where it is %.20j", (text, fault) => {
    const read = parseWatchlists(text, defaultsWith());
    expect(read).toMatch(/^The document: .*\. Allowed: .*\. Example: .*\. Correct it\.$/);
    expect(read).toContain(fault);
  });

  test("has entries of other tenants only where the app can sign in there", () => {
    const text = JSON.stringify([servers, { ...edge, tenantId }]);
    const managed = { IDENTITY_ENDPOINT: "http://127.0.0.1:1/token" };
    expect(parse(text).map(({ fault }) => fault)).toEqual([null, null]);
    expect(parse(text, { ...managed, DEFENDER_APP_ID: clientId }).map(({ fault }) => fault)).toEqual([null, null]);
    const [home, abroad] = parse(text, managed).map(({ fault }) => fault);
    expect(home).toBeNull();
    expect(abroad).toContain("Entry 2 (Edge) tenantId: needs the setting DEFENDER_APP_ID");
  });

  test("has roles for readers only where the app knows its callers", () => {
    const text = JSON.stringify([{ ...servers, readerRole: "Reports.Read.Servers" }]);
    expect(parse(text)[0]?.fault).toContain("Entry 1 (Servers) readerRole: needs AUTH=entra");
    expect(parse(text, { AUTH: "entra", WEBSITE_AUTH_ENABLED: "True" })[0]?.watchlist?.readerRole).toBe(
      "Reports.Read.Servers",
    );
  });

  test("shows no secret in its faults", () => {
    const secret = "SG.canary.canary";
    const text = JSON.stringify([
      { ...servers, [secret]: 1, name: secret, mailTo: [secret], tenantId: secret, readerRole: `${secret} ` },
      secret,
    ]);
    expect(
      parse(text)
        .map(({ fault }) => fault)
        .join(),
    ).not.toMatch(/canary/i);
    expect(parseWatchlists(`[${secret}]`, defaultsWith())).not.toMatch(/canary/i);
  });

  test("gives the place of every entry, whatever is in them", () => {
    const indented = fc.integer({ min: 0, max: 3 });
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { minLength: 1 }), indented, (values, indent) => {
        const text = JSON.stringify(values, null, indent);
        const lines = text.split("\n");
        const places = entryPlaces(text);
        expect(places).toHaveLength(values.length);
        for (const [index, { line, column }] of places.entries()) {
          const rest = [lines[line - 1]?.slice(column - 1), ...lines.slice(line)].join("\n");
          const expected = JSON.stringify(values.slice(index), null, indent);
          expect(rest).toBe(expected.slice(expected.search(/[^[\s]|(?<=\[\s*)\[/)));
        }
      }),
    );
  });

  test("of 2,000 entries is read within a second, even if every one is faulty", () => {
    const many = Array.from({ length: 2_000 }, (_, n) => ({
      ...servers,
      name: `Customer ${n}`,
      dueDays: n % 2 ? -1 : 7,
    }));
    const text = JSON.stringify(many, null, 2);
    const started = performance.now();
    const entries = parse(text);
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(entries.filter(({ watchlist }) => watchlist)).toHaveLength(1_000);
    expect(entries[1_999]?.fault).toContain(`Correct it at line ${1_999 * 10 + 2}, column 3.`);
  });

  describe("as its schema says", () => {
    const schema = JSON.parse(readFileSync("docs/watchlists.schema.json", "utf8"));
    const validate = new Ajv({ strict: true }).compile(schema);
    const entraDefaults = () => defaultsWith({ AUTH: "entra", WEBSITE_AUTH_ENABLED: "True" });
    const isAccepted = (document: unknown) => {
      const read = parseWatchlists(JSON.stringify(document), entraDefaults());
      return typeof read !== "string" && read.every(({ fault }) => fault === null);
    };

    test("has every property that the app reads, with an example that both accept", () => {
      expect(Object.keys(schema.items.properties)).toEqual(Object.keys(watchlistProperties));
      for (const [name, { examples }] of Object.entries<{ examples: unknown[] }>(schema.items.properties)) {
        const document = [{ ...servers, [name]: examples[0] }];
        expect([name, validate(document), isAccepted(document)]).toEqual([name, true, true]);
      }
    });

    test.each([
      [],
      [1],
      [{}],
      [{ ...servers, extra: 1 }],
      [{ ...servers, name: "../etc" }],
      [{ ...servers, name: "a".repeat(64) }],
      [{ ...servers, softwareIds: [] }],
      [{ ...servers, softwareIds: ["Edge"] }],
      [{ ...servers, softwareIds: "" }],
      [{ ...servers, mailTo: ["nobody"] }],
      [{ ...servers, mailTo: 5 }],
      [{ ...servers, tenantId: 5 }],
      [{ ...servers, minMachines: -1 }],
      [{ ...servers, minPercent: 1.5 }],
      [{ ...servers, mailWhen: "never" }],
      [{ ...servers, dueDays: 3_651 }],
      [{ ...servers, readerRole: "with space" }],
      Array.from({ length: 2_001 }, (_, n) => ({ ...servers, name: `w${n}` })),
    ])("refuses what the app refuses: %.80j", (...document: unknown[]) => {
      // A row of each is spread over the arguments.
      expect([validate(document), isAccepted(document)]).toEqual([false, false]);
    });
  });
});

describe("identity and storage", () => {
  test.each([
    [{}, "developer"],
    [{ IDENTITY_ENDPOINT: "http://127.0.0.1:1/token" }, "managed"],
    [{ MSI_ENDPOINT: "http://127.0.0.1:1/token" }, "managed"],
    [byUris, "developer"],
    [{ ...byUris, REPORTER_STORAGE__credential: "ManagedIdentity" }, "managed"],
  ])("with %j the app signs in as %s", (env, kind) => {
    expect(settingsWith(env).identity.kind).toBe(kind);
  });

  test("one identity is used for Defender and storage, under either name", () => {
    const both = { ...byUris, AZURE_CLIENT_ID: clientId, REPORTER_STORAGE__clientId: clientId.toUpperCase() };
    expect(settingsWith(both).identity.clientId).toBe(clientId);
    const problems = problemsWith({ ...both, REPORTER_STORAGE__clientId: tenantId });
    expect(problems).toEqual([expect.stringMatching(/^REPORTER_STORAGE__clientId: differs from AZURE_CLIENT_ID/)]);
  });

  test.each(Object.keys(rows).filter((name) => name.startsWith("REPORTER_STORAGE__")))(
    "a connection string together with %s is refused, because it would be unclear which is used",
    (name) => {
      const value = rows[name as SettingName].good[0]?.[0];
      const env = { ...(name === "REPORTER_STORAGE__accountName" ? {} : byUris), [name]: value };
      expect(problemsWith({ ...env, REPORTER_STORAGE: "UseDevelopmentStorage=true" })).toEqual([
        expect.stringMatching(`^REPORTER_STORAGE: is set together with .*${name}`),
      ]);
    },
  );

  test.each(Object.keys(byUris))("the identity-based form needs %s", (name) => {
    const problems = problemsWith({ ...byUris, [name]: undefined });
    expect(problems).toEqual([expect.stringMatching(`^${name}: is missing`)]);
  });

  test("the account name replaces both service URIs and is refused together with one", () => {
    const problems = problemsWith({ ...byUris, REPORTER_STORAGE__accountName: "streporter" });
    expect(problems).toEqual([expect.stringMatching(/^REPORTER_STORAGE__accountName: is set together with/)]);
  });

  test("a connection string is refused with the names of the parts that it is missing", () => {
    const problems = problemsWith({ REPORTER_STORAGE: "AccountName=streporter;AccountKey=bm90IGEga2V5" });
    expect(problems).toEqual([
      expect.stringContaining(": is missing DefaultEndpointsProtocol, EndpointSuffix; the value is not shown here."),
    ]);
  });

  test("in Azure the emulator is refused, and an account or the identity is accepted", () => {
    const hosted = { WEBSITE_SITE_NAME: "func-reporter" };
    const problems = problemsWith({ ...hosted, REPORTER_STORAGE: "UseDevelopmentStorage=true" });
    expect(problems).toEqual([expect.stringMatching(/^REPORTER_STORAGE: names the storage emulator/)]);
    expect(settingsWith({ ...hosted, REPORTER_STORAGE: accountString }).storage.kind).toBe("connectionString");
    expect(settingsWith({ ...hosted, ...byUris }).storage.kind).toBe("identity");
  });
});

describe("Microsoft's clouds", () => {
  test.each([
    [
      "public",
      "api.securitycenter.microsoft.com",
      "login.microsoftonline.com",
      "security.microsoft.com",
      "core.windows.net",
    ],
    [
      "gcc",
      "api-gcc.securitycenter.microsoft.us",
      "login.microsoftonline.com",
      "security.microsoft.com",
      "core.windows.net",
    ],
    [
      "gcc-high",
      "api-gov.securitycenter.microsoft.us",
      "login.microsoftonline.us",
      "security.microsoft.us",
      "core.usgovcloudapi.net",
    ],
    [
      "dod",
      "api-gov.securitycenter.microsoft.us",
      "login.microsoftonline.us",
      "security.apps.mil",
      "core.usgovcloudapi.net",
    ],
  ])("%s has its own host, scope, sign-in, portal and storage", (cloud, host, login, portal, storage) => {
    const settings = settingsWith({ DEFENDER_CLOUD: cloud, REPORTER_STORAGE__accountName: "st1" });
    expect(settings.defender).toMatchObject({ baseUrl: `https://${host}`, scope: `https://${host}/.default` });
    expect(settings.identity.authorityHost).toBe(`https://${login}`);
    expect(settings.rules.portalUrl).toBe(`https://${portal}`);
    expect(settings.storage).toEqual({
      kind: "identity",
      tableServiceUri: `https://st1.table.${storage}`,
      queueServiceUri: `https://st1.queue.${storage}`,
    });
    // The Functions host finds an account by its name only under core.windows.net.
    expect(settings.warnings).toHaveLength(storage === "core.windows.net" ? 0 : 1);
  });

  test("another host keeps the cloud's scope, and a host outside the cloud gets a warning", () => {
    const near = settingsWith({ DEFENDER_URL: "https://eu.api.security.microsoft.com" });
    expect(near.defender.scope).toBe("https://api.securitycenter.microsoft.com/.default");
    expect(near.warnings).toEqual([]);
    for (const url of ["https://api-gcc.securitycenter.microsoft.us", "https://microsoft.com.example"]) {
      expect(settingsWith({ DEFENDER_URL: url }).warnings).toEqual([expect.stringMatching(/^DEFENDER_URL: .*tokens/)]);
    }
    expect(settingsWith({ DEFENDER_URL: "http://localhost:1" }).warnings).toEqual([]);
    const abroad = { DEFENDER_CLOUD: "gcc-high", DEFENDER_URL: "https://eu.api.security.microsoft.com" };
    expect(settingsWith(abroad).warnings).toEqual([expect.stringContaining("(*.microsoft.us)")]);
  });
});

describe("AUTH=entra", () => {
  const config = (enabled: boolean, action: unknown, excludedPaths?: unknown) =>
    JSON.stringify({ platform: { enabled }, globalValidation: { unauthenticatedClientAction: action, excludedPaths } });

  test.each([
    [{}],
    [{ WEBSITE_SITE_NAME: "func-reporter", ...byUris }],
    [{ WEBSITE_AUTH_ENABLED: "False" }],
    [{ WEBSITE_AUTH_V2_CONFIG_JSON: config(false, 0) }],
    [{ WEBSITE_AUTH_V2_CONFIG_JSON: "{" }],
    [{ WEBSITE_AUTH_V2_CONFIG_JSON: "null" }],
  ])("refuses to start where the platform's sign-in is off: %j", (env) => {
    expect(problemsWith({ AUTH: "entra", ...env })).toEqual([
      expect.stringMatching(/^AUTH: .*App Service authentication is off: turn it on/),
    ]);
  });

  test.each([
    [{ WEBSITE_AUTH_UNAUTHENTICATED_ACTION: "AllowAnonymous" }],
    [{ WEBSITE_AUTH_V2_CONFIG_JSON: config(true, "AllowAnonymous") }],
    [{ WEBSITE_AUTH_V2_CONFIG_JSON: config(true, 1) }],
  ])("refuses to start where that sign-in lets anonymous callers in: %j", (env) => {
    const problems = problemsWith({ AUTH: "entra", WEBSITE_AUTH_ENABLED: "True", ...env });
    expect(problems).toEqual([expect.stringMatching(/^AUTH: .*lets unauthenticated callers in/)]);
  });

  test.each([[["/api/health", "/api/report"]], [["/"]], [[null]]])(
    "refuses to start where that sign-in leaves out more than health: %j",
    (excludedPaths) => {
      const env = { WEBSITE_AUTH_V2_CONFIG_JSON: config(true, 0, excludedPaths) };
      expect(problemsWith({ AUTH: "entra", ...env })).toEqual([
        expect.stringMatching(/^AUTH: .*on some paths: exclude only \/api\/health\. /),
      ]);
    },
  );

  test.each([
    [{ WEBSITE_AUTH_ENABLED: "True" }],
    [{ WEBSITE_AUTH_V2_CONFIG_JSON: config(true, "RedirectToLoginPage") }],
    [{ WEBSITE_AUTH_V2_CONFIG_JSON: config(true, 0, ["/api/health"]) }],
    [{ WEBSITE_AUTH_V2_CONFIG_JSON: config(true, 0, null) }],
    [{ WEBSITE_AUTH_ENABLED: "true", WEBSITE_AUTH_V2_CONFIG_JSON: config(true, 0) }],
  ])("starts where everyone must sign in: %j", (env) => {
    expect(settingsWith({ AUTH: "entra", ...env }).auth).toBe("entra");
  });
});

describe("the schedule", () => {
  test("five fields are refused with the six to write", () => {
    expect(problemsWith({ REPORT_SCHEDULE: "30 6 * * 1" })).toEqual([expect.stringContaining('"0 30 6 * * 1"')]);
  });

  test.each([
    ["0 0 5 * * *", 0],
    ["0 0 5 * * 1,4", 0],
    ["0 0 5,17 * * *", 2],
    ["0 */30 5 * * *", 2],
    ["*/20 0 5 * * *", 3],
    ["0 0 * * * *", 24],
  ])("%s gets a warning if it fires more than once a day (%i times)", (schedule, times) => {
    const { warnings } = settingsWith({ REPORT_SCHEDULE: schedule });
    expect(warnings).toEqual(times === 0 ? [] : [expect.stringContaining(`fires ${times} times a day`)]);
  });

  test("names of months are accepted, in full or from three letters on, and written as numbers", () => {
    const names = ["jan", "February", "Mar", "april", "May", "June", "jul", "AUG", "Sept", "oct", "November", "dec"];
    const numbers = names.map((name) => settingsWith({ REPORT_SCHEDULE: `0 0 5 1 ${name} *` }).rules.schedule);
    expect(numbers).toEqual(names.map((_, index) => `0 0 5 1 ${index + 1} *`));
  });

  test("a day that none of its months has is refused", () => {
    for (const date of ["30 2", "31 4", "31 Jun", "31 9,11"]) {
      const [problem] = problemsWith({ REPORT_SCHEDULE: `0 0 5 ${date} *` });
      expect(problem).toContain("names a day that none of its months has");
    }
    for (const date of ["29 2", "30 4", "31 12"]) {
      expect(settingsWith({ REPORT_SCHEDULE: `0 0 5 ${date} *` }).rules.schedule).toBe(`0 0 5 ${date} *`);
    }
  });

  test("a day that only some of its months have is accepted", () => {
    expect(settingsWith({ REPORT_SCHEDULE: "0 0 5 31 2,3 *" }).rules.schedule).toBe("0 0 5 31 2,3 *");
    expect(settingsWith({ REPORT_SCHEDULE: "0 0 5 1,31 2 *" }).rules.schedule).toBe("0 0 5 1,31 2 *");
  });

  test.each([
    ["0 30 22 * * *", "Europe/Berlin", "0 30 23 * * *"],
    ["0 59 21 * * *", "Europe/Berlin", "0 59 22 * * *"],
    ["0 0 5 * * *", "America/Chicago", "0 0 6 * * *"],
    ["0 30 22 * * 1-5", "Europe/Berlin", "0 30 23 * * 1-5"],
    ["0 15,45 22 * * *", "Europe/Berlin", "0 15,45 23 * * *"],
    ["30 15 13 * * *", "Australia/Lord_Howe", "30 15 14 * * *"],
  ])("%s in %s is refused, because its day shifts with the clocks, with a better hour", (schedule, zone, better) => {
    const problems = problemsWith({ REPORT_SCHEDULE: schedule, REPORT_TIME_ZONE: zone });
    expect(problems).toEqual([expect.stringMatching(/^REPORT_SCHEDULE: .* so that a day would have no run /)]);
    expect(problems[0]).toMatch(new RegExp(`Example: ${better.replaceAll("*", "\\*")}$`));
    expect(settingsWith({ REPORT_SCHEDULE: better, REPORT_TIME_ZONE: zone }).rules.schedule).toBe(better);
  });

  test.each([
    ["0 30 22 * * *", "UTC"],
    ["0 30 22 * * *", "Asia/Tokyo"],
    ["0 59 20 * * *", "Europe/Berlin"],
    ["0 0 23 * * *", "Europe/Berlin"],
    ["0 30 10,22 * * *", "Europe/Berlin"],
    ["0 30 22 * * 0", "Europe/Berlin"],
    ["0 30 22 15 * *", "Europe/Berlin"],
    ["0 30 22 * 6-8 *", "Europe/Berlin"],
    ["0 15,45 13 * * *", "Australia/Lord_Howe"],
    ["0 0 5 * * *", "America/New_York"],
  ])("%s in %s is accepted", (schedule, zone) => {
    expect(settingsWith({ REPORT_SCHEDULE: schedule, REPORT_TIME_ZONE: zone }).rules.schedule).toBe(schedule);
  });

  test("a faulty schedule or time zone has one problem", () => {
    const faulty = { REPORT_SCHEDULE: "0 30 25 * * *", REPORT_TIME_ZONE: "America/Chicago" };
    expect(problemsWith(faulty)).toHaveLength(1);
    expect(problemsWith({ REPORT_SCHEDULE: "0 30 22 * * *", REPORT_TIME_ZONE: "Berlin" })).toHaveLength(1);
  });

  test("what is accepted for a day in any time zone has a run on each day of the year, and no more", () => {
    const zone = fc.constantFrom(...Intl.supportedValuesOf("timeZone"));
    const [hour, minute] = [fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 })];
    fc.assert(
      fc.property(zone, hour, minute, (timeZone, hours, minutes) => {
        const schedule = `0 ${minutes} ${hours} * * *`;
        try {
          settingsWith({ REPORT_SCHEDULE: schedule, REPORT_TIME_ZONE: timeZone });
        } catch (error) {
          expect(error).toBeInstanceOf(SettingsError);
          return;
        }
        const first = Date.now() - (Date.now() % 86_400_000) + (60 * hours + minutes + 1) * 60_000;
        const days = Array.from({ length: 366 }, (_, n) => calendarDay(new Date(first + n * 86_400_000), timeZone));
        expect(new Set(days).size).toBe(366);
        expect(daysBetween(days[0] ?? "", days.at(-1) ?? "")).toBe(365);
      }),
      { numRuns: 300 },
    );
  });

  test(
    "whatever is accepted, croner understands and finds a day for",
    () => {
      const part = fc.oneof(
        fc.constantFrom(
          "*",
          "*/2",
          "1",
          "5-7",
          "1/5",
          "2-9/3",
          "Mon",
          "mar-Sept",
          "0",
          "31",
          "7-5",
          "*/0",
          "L",
          "?",
          "1,,2",
        ),
        fc.integer({ min: 0, max: 70 }).map(String),
      );
      const field = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(","));
      fc.assert(
        fc.property(fc.array(field, { minLength: 5, maxLength: 7 }), (fields) => {
          try {
            const { schedule } = settingsWith({ REPORT_SCHEDULE: fields.join(" ") }).rules;
            const clock = new Cron(schedule, { timezone: "UTC", paused: true, domAndDow: true });
            expect(clock.nextRun(new Date("2026-11-23T00:00:00Z"))).toBeInstanceOf(Date);
          } catch (error) {
            expect(error).toBeInstanceOf(SettingsError);
          }
        }),
        { numRuns: 1_000 },
      );
    },
    busyMachine,
  );
});

describe("no message contains a secret", () => {
  const secrets = [
    "SG.Q7zT9xCanaryLm0pRs2tUv.a8CanaryKkLlMmNnOoPpQqRrSsTtUuVvWwXxYyZz01",
    "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=Canary/abc+123==;EndpointSuffix=core.windows.net",
    "SharedAccessSignature=sv=2024&sig=Canary;TableEndpoint=http://a.example",
    "AccountKey=Canary",
    "https://user:Canary@example.com/",
    "https://a.table.core.windows.net/?sv=2024-11-04&sig=Canary",
    "http://example.com/Canary",
    "https://func.azurewebsites.net/api/report?code=Canary",
    "abC8Q~Canary0123456789abcdefghijklmnop.q",
    "-----BEGIN PRIVATE KEY----- Canary",
    "password=Canary",
    "@Microsoft.KeyVault(SecretUri=https://canary.vault.azure.net/secrets/x)",
  ];

  /** Everything that starting with these settings could print. */
  function printed(env: Environment): string {
    try {
      return readSettings(env).warnings.join("\n");
    } catch (error) {
      return inspect(error, { depth: null });
    }
  }

  test.each(settingNames)("a secret in %s is not shown", (name) => {
    for (const secret of secrets) {
      for (const value of [secret, `x, ${secret}, y`, `"${secret}"`, `{"a": "${secret}"`, `[${secret}]`]) {
        for (const env of [complete, { ...complete, WEBSITE_SITE_NAME: "func-reporter" }, byUris]) {
          expect(printed({ ...env, [name]: value })).not.toMatch(/canary/i);
        }
      }
    }
  });

  test("a secret anywhere in WATCHLISTS is not shown", () => {
    for (const secret of secrets) {
      const entries = [
        { ...servers, [secret]: 1 },
        { ...servers, name: secret, dueDays: secret },
        { ...servers, softwareIds: [secret, secret], mailTo: [secret, `${secret}@x.example`] },
        { ...servers, tenantId: secret, minMachines: secret, mailWhen: secret },
      ];
      expect(printed({ ...complete, ...watchlists(...entries) })).not.toMatch(/canary/i);
      expect(printed({ ...complete, ...watchlists(), WATCHLISTS: `[${secret}` })).not.toMatch(/canary/i);
    }
  });

  test("a harmless value is shown, on one line and cut at 60 characters", () => {
    const [problem] = problemsWith({ MAIL_WHEN: `no\u202e ${"very ".repeat(40)}` });
    expect(problem).toMatch(/^MAIL_WHEN: "no {1,2}very [^"]{50,53}…" is not one of the values/);
  });
});

describe("any environment", () => {
  const words = Object.values(rows).flatMap(({ good, bad }) => [...good.map(([text]) => text), ...bad]);
  const entry = fc.record(
    {
      name: fc.oneof(fc.jsonValue(), fc.constantFrom("A", "a", "B")),
      softwareIds: fc.oneof(fc.jsonValue(), fc.array(fc.constantFrom(...words))),
      mailTo: fc.oneof(fc.jsonValue(), fc.array(fc.constantFrom(...words))),
      tenantId: fc.jsonValue(),
      dueDays: fc.jsonValue(),
      extra: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  const value = fc.oneof(
    fc.constantFrom(...words),
    fc.string({ unit: "binary", maxLength: 50 }),
    fc.json(),
    fc.array(fc.oneof(entry, fc.jsonValue()), { maxLength: 4 }).map((entries) => JSON.stringify(entries)),
  );
  const platform = ["WEBSITE_SITE_NAME", "WEBSITE_AUTH_ENABLED", "WEBSITE_AUTH_V2_CONFIG_JSON", "IDENTITY_ENDPOINT"];
  const environment = fc.dictionary(fc.constantFrom(...settingNames, ...platform), value, { maxKeys: 35 });

  test(
    "is read, or refused with one line per problem and no control character",
    () => {
      fc.assert(
        fc.property(environment, fc.boolean(), (env, completed) => {
          try {
            readSettings(completed ? { ...env, ...complete, WATCHLISTS: undefined } : env);
          } catch (error) {
            if (!(error instanceof SettingsError)) throw error;
            expect(error.message).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
            for (const problem of error.problems) {
              expect(problem).toMatch(/^\w+(\[\d+\]( \(.+?\))?( \w+)?)?: .+[.?] Allowed: .+\. Example: .+$/u);
              expect(problem).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
            }
          }
        }),
        { numRuns: 1_000 },
      );
    },
    busyMachine,
  );

  test.each(["BEGIN ", "/", " ", '"', "<", "a-_-b,", "[", "{", "1,", "@", "a.", "://", "code ", "x@y.example;"])(
    "is done with forty thousand characters of %j in any setting",
    (piece) => {
      const long = piece.repeat(40_000 / piece.length);
      for (const name of settingNames) {
        for (const text of [long, `https://a.example/${long}x`, `[{"name":${JSON.stringify(long)}}]`]) {
          try {
            settingsWith({
              [name]: text,
              ...(name === "WATCHLISTS" && { SOFTWARE_IDS: undefined, MAIL_TO: undefined }),
            });
          } catch (error) {
            expect(error).toBeInstanceOf(SettingsError);
            if (error instanceof Error) expect(error.message.length).toBeLessThan(5_000);
          }
        }
      }
    },
    busyMachine,
  );

  test("is not changed", () => {
    const env = Object.freeze({ ...complete, WATCHLISTS: "[]" });
    expect(() => readSettings(env)).toThrow(SettingsError);
  });
});

describe("local.settings.sample.json", () => {
  const sample = JSON.parse(readFileSync(new URL("../local.settings.sample.json", import.meta.url), "utf8"));

  test("lacks only the SendGrid key", () => {
    expect(errorOf(sample.Values).problems).toEqual([expect.stringMatching(/^SENDGRID_API_KEY: is missing/)]);
    const settings = readSettings({ ...sample.Values, SENDGRID_API_KEY: "SG.id.secret" });
    expect(settings.warnings).toEqual([expect.stringMatching(/^SENDGRID_SANDBOX: /)]);
  });

  test("contains only known settings and what the Functions host needs", () => {
    const host = ["FUNCTIONS_WORKER_RUNTIME", "AzureWebJobsStorage", "AzureWebJobsDisableHomepage"];
    const known: string[] = [...settingNames, ...host];
    expect(Object.keys(sample.Values).filter((name) => !known.includes(name))).toEqual([]);
    expect(sample).toMatchObject({ IsEncrypted: false, Values: { FUNCTIONS_WORKER_RUNTIME: "node" } });
  });
});
