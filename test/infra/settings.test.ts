import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { settingsDocument } from "../../scripts/settings-document.ts";
import { watchlistsSchema } from "../../scripts/watchlists-schema.ts";
import { settingNames } from "../../shared/settings/table.ts";
import { readSettings } from "../../shared/settings.ts";
import { type BicepParameter, infra, literal, readObject, readParameters } from "../support/bicep.ts";

const main = infra("main.bicep");
const reporter = infra("reporter.bicep");
const parameters = readParameters(main);
const chosen = readObject(main, "var settings =");
const derived = readObject(reporter, "properties: union(settings,");

/** What main.parameters.json has for each parameter: the variable, and the value used where it is not set. */
const filled = new Map(
  Object.entries(JSON.parse(infra("main.parameters.json")).parameters).map(([name, entry]) => {
    const [, variable = "", fallback] = /^\$\{(\w+)(?:=([^}]*))?\}$/.exec((entry as { value: string }).value) ?? [];
    return [name, { variable, fallback }];
  }),
);

/** A complete environment in Azure, apart from what the test is about. */
const azure = {
  WEBSITE_SITE_NAME: "func-kbs",
  IDENTITY_ENDPOINT: "http://127.0.0.1:1/msi/token",
  MAIL_TO: "patch@contoso.com",
  MAIL_FROM: "kbs@contoso.com",
  SOFTWARE_IDS: "microsoft-_-windows_11",
  SENDGRID_API_KEY: "SG.a.b",
  REPORTER_STORAGE__tableServiceUri: "https://stkbs.table.core.windows.net/",
  REPORTER_STORAGE__queueServiceUri: "https://stkbs.queue.core.windows.net/",
  REPORTER_STORAGE__credential: "managedidentity",
  REPORTER_STORAGE__clientId: "11111111-2222-3333-4444-555555555555",
  AZURE_CLIENT_ID: "11111111-2222-3333-4444-555555555555",
};

/** Each parameter with the setting that it becomes. */
const settingOf = [...chosen].flatMap(([setting, source]) =>
  parameters
    .filter(({ name }) => new RegExp(`\\b${name}\\b`).test(source))
    .map((parameter) => ({ setting, parameter })),
);

const isChoice = ({ parameter }: { parameter: BicepParameter }) => parameter.allowed.length > 0;

describe("the app settings that Bicep creates", () => {
  test("are all settings, except those that replace others", () => {
    const instead = ["WATCHLISTS", "REPORTER_STORAGE", "REPORTER_STORAGE__accountName", "SENDGRID_URL"];
    const platform = /^(AzureWebJobs|APPLICATIONINSIGHTS_)/;
    const made = [...chosen.keys(), ...[...derived.keys()].filter((name) => !platform.test(name))];
    expect([...made, ...instead].toSorted()).toEqual([...settingNames].toSorted());
  });

  test("reach storage and logs only as the identity", () => {
    for (const prefix of ["AzureWebJobsStorage", "REPORTER_STORAGE"]) {
      expect(derived.get(`${prefix}__credential`)).toBe("'managedidentity'");
      expect(derived.get(`${prefix}__clientId`)).toBe("identity.properties.clientId");
    }
    expect(derived.get("AZURE_CLIENT_ID")).toBe("identity.properties.clientId");
    expect(derived.get("APPLICATIONINSIGHTS_AUTHENTICATION_STRING")).toContain("Authorization=AAD");
    expect(reporter).toMatch(/SENDGRID_API_KEY: usesKey\s+\? '@Microsoft\.KeyVault\(SecretUri=.*'\s+: ''/);
    expect(`${main}${reporter}`).not.toMatch(/listKeys|AccountKey/);
  });

  test("leave the root to the overview", () => {
    expect(derived.get("AzureWebJobsDisableHomepage")).toBe("'true'");
  });

  test("are accepted as they are, and the same as the app's own defaults", () => {
    const bicep = Object.fromEntries(
      settingOf.flatMap(({ setting, parameter: { fallback } }) => (fallback ? [[setting, literal(fallback)]] : [])),
    );
    const { SOFTWARE_IDS, ...defaults } = bicep;
    expect(readSettings({ ...azure, ...defaults })).toEqual(readSettings(azure));
    expect(readSettings({ ...azure, SOFTWARE_IDS }).watchlists[0]?.softwareIds).toHaveLength(3);
  });

  test.each(settingOf.filter(isChoice))("accept every value that Bicep allows: $setting", ({ setting, parameter }) => {
    for (const value of parameter.allowed) {
      const made = { WEBSITE_AUTH_ENABLED: "True", ACS_ENDPOINT: "https://acs-kbs.europe.communication.azure.com" };
      expect(readSettings({ ...azure, ...made, [setting]: value })).toBeDefined();
    }
    expect(() => readSettings({ ...azure, [setting]: "no such value" })).toThrow(setting);
  });
});

describe("main.parameters.json", () => {
  test("fills every parameter that azd can take from a variable", () => {
    const others = ["tags"];
    const names = parameters.map(({ name }) => name).filter((name) => !others.includes(name));
    expect([...filled.keys()].toSorted()).toEqual(names.toSorted());
  });

  test("repeats the defaults of strings, because azd would pass an empty string instead", () => {
    for (const { name, type, fallback } of parameters) {
      const text = type === "string" && fallback !== undefined && fallback !== "''";
      if (text) expect([name, filled.get(name)?.fallback]).toEqual([name, literal(fallback)]);
      else expect([name, filled.get(name)?.fallback]).toEqual([name, undefined]);
    }
  });

  test("gives the variables the names of the settings", () => {
    for (const { setting, parameter } of settingOf) {
      if (filled.has(parameter.name)) expect(filled.get(parameter.name)?.variable).toBe(setting);
    }
    expect(filled.get("sendGridApiKey")?.variable).toBe("SENDGRID_API_KEY");
  });
});

test("docs/settings.md is up to date: `npm run docs` writes it", () => {
  expect(readFileSync("docs/settings.md", "utf8")).toBe(settingsDocument());
});

test("docs/watchlists.schema.json is up to date: `npm run docs` writes it", () => {
  expect(readFileSync("docs/watchlists.schema.json", "utf8")).toBe(watchlistsSchema());
});

test("every parameter that people fill in says what it is for", () => {
  for (const { name, description } of parameters) expect([name, description.length > 10]).toEqual([name, true]);
});

test("the app runs on every runtime offered", () => {
  const { engines } = JSON.parse(readFileSync("package.json", "utf8"));
  const least = Number(/^>=(\d+)/.exec(engines.node)?.[1]);
  const versions = parameters.find(({ name }) => name === "nodeVersion")?.allowed.map(Number) ?? [];
  expect(versions).toContain(24);
  expect(Math.min(...versions)).toBeGreaterThanOrEqual(least);
});
