import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { checkValues, deploymentVariables } from "../../scripts/deployment-values.ts";
import { settingsTable } from "../../shared/settings/table.ts";
import { readAsAzd } from "../support/azd.ts";
import { infra, literal, readParameters } from "../support/bicep.ts";

const file = infra("main.parameters.json");
const parameters = readParameters(infra("main.bicep"));
const variableOf = new Map(
  Object.entries<{ value: string }>(JSON.parse(file).parameters).map(([name, { value }]) => [
    name,
    /\w+/.exec(value.slice(2))?.[0] ?? "",
  ]),
);
const variables = [...variableOf.values()];
const ofAzd = ["AZURE_ENV_NAME", "AZURE_LOCATION", "AZURE_RESOURCE_GROUP", "AZURE_PRINCIPAL_ID"];

/** What a person sets by the guide. */
const guide = {
  SOFTWARE_IDS: "microsoft-_-windows_11,microsoft-_-.net_framework",
  MAIL_TO: "Patch Team <patch-team@contoso.com>",
  MAIL_FROM: "Missing KBs <missing-kbs@contoso.com>",
  ALERT_MAIL_TO: "oncall@contoso.com",
};
const check = (env: Record<string, string>) => checkValues({ ...guide, ...env }, file);

describe("a value that azd cannot carry", () => {
  // What azd does with them: a parameter file that it cannot read, or another value than the person's.
  const uncarried = ['"Doe, Jane" <jane@contoso.com>', "CONTOSO\\jane@contoso.com", "a@contoso.com\nb@contoso.com"];

  test.each(uncarried)("is refused before anything is made: %j", (MAIL_TO) => {
    const carried = () => readAsAzd({ ...guide, MAIL_TO }).get("mailTo");
    expect(() => expect(carried()).toBe(MAIL_TO)).toThrow();
    const { faults } = check({ MAIL_TO });
    expect(faults).toEqual([expect.stringMatching(/^MAIL_TO: contains a quotation mark, a backslash/)]);
    expect(faults.join()).not.toContain("contoso.com\\n");
  });

  test("is not shown, for it may be a secret", () => {
    const { faults } = check({ SENDGRID_API_KEY: 'SG."secret"' });
    expect(faults).toHaveLength(1);
    expect(faults.join()).not.toContain("secret");
  });
});

test("every other value reaches Bicep as it was set", () => {
  for (const [name, variable] of variableOf) {
    const example = Object.hasOwn(settingsTable, variable)
      ? settingsTable[variable as keyof typeof settingsTable].example
      : (deploymentVariables[variable]?.example ?? "a value");
    if (/["\\]/.test(example)) throw new Error(`azd cannot carry the example of ${variable}.`);
    expect([name, readAsAzd({ [variable]: example }).get(name)]).toEqual([name, example]);
  }
});

test("what the guide sets is carried and accepted", () => {
  expect(check({})).toEqual({ faults: [], warnings: [] });
  const carried = readAsAzd(guide);
  expect(carried.get("mailTo")).toBe(guide.MAIL_TO);
  const defaults = parameters.filter(({ name, fallback }) => fallback !== undefined && !["tags"].includes(name));
  for (const { name, fallback = "" } of defaults) {
    const set = Object.keys(guide).includes(variableOf.get(name) ?? "");
    if (!set) expect([name, carried.get(name) ?? ""]).toEqual([name, literal(fallback)]);
  }
});

describe("a wrong value stops with a message instead of turning into the default", () => {
  test("because every parameter is a string, which azd passes on as it is", () => {
    for (const { name, type } of parameters)
      expect([name, type]).toEqual([name, name === "tags" ? "object" : "string"]);
    expect(readAsAzd({ DUE_DAYS: "fourteen" }).get("dueDays")).toBe("fourteen");
  });

  test.each([
    ["DUE_DAYS", "fourteen", '"fourteen" is not a whole number. Allowed: a whole number from 0 to'],
    ["SENDGRID_SANDBOX", "yes", "Allowed: true, false"],
    ["REPORTER_MAXIMUM_INSTANCES", "4O", '"4O" is not a whole number. Allowed: a whole number from 1 to 1000'],
    ["REPORTER_INSTANCE_MEMORY_MB", "1024", "Allowed: 512, 2048, 4096"],
    ["ALERT_WITHOUT_RUN_HOURS", "48", '"48" is out of range'],
    ["LOG_RETENTION_DAYS", "7", "Allowed: a whole number from 30 to 730"],
    ["ALERT_MAIL_TO", "On call <oncall@contoso.com>", "Allowed: addresses without names"],
    ["ALERT_MAIL_TO", "oncall@contoso.com,", "has an entry that is not a plain address"],
    ["SIGN_IN_GROUPS", "Patch Team", "Allowed: object ids of groups (GUIDs)"],
    ["SENDGRID_API_KEY", "a-password", "is not a SendGrid API key"],
    ["AUTH", "entra", "SIGN_IN_CLIENT_ID: is missing, but AUTH is entra"],
  ])("%s=%s", (name, value, said) => {
    const { faults } = check({ [name]: value });
    expect(faults).toEqual([expect.stringContaining(said)]);
    expect(faults.join()).not.toContain("a-password");
  });

  test("lists are divided by commas or semicolons, as those of the app", () => {
    const id = "11111111-2222-3333-4444-555555555555";
    expect(
      check({ ALERT_MAIL_TO: "a@contoso.com; b@contoso.com", SIGN_IN_APPLICATIONS: `${id};${id}` }).faults,
    ).toEqual([]);
  });

  test("all at once, also what only two values together make wrong", () => {
    const { faults } = check({ DUE_DAYS: "x", REPORT_SCHEDULE: "0 30 22 * * *", REPORT_TIME_ZONE: "Europe/Berlin" });
    expect(faults).toEqual([
      expect.stringMatching(/^DUE_DAYS: /),
      expect.stringMatching(/^REPORT_SCHEDULE: .*before midnight in Europe\/Berlin/),
    ]);
  });
});

test("what is absent is azd's to ask for or to default", () => {
  expect(checkValues({ MAIL_FROM: guide.MAIL_FROM }, file)).toEqual({ faults: [], warnings: [] });
  expect(check({ DUE_DAYS: " ", AUTH: "" }).faults).toEqual([]);
});

test("the sender may be absent with Azure Communication Services, which has one, and only then", () => {
  expect(checkValues({}, file).faults).toEqual([expect.stringMatching(/^MAIL_FROM: is missing\./)]);
  expect(checkValues({ MAIL_TRANSPORT: "acs" }, file)).toEqual({ faults: [], warnings: [] });
  const from = { MAIL_TRANSPORT: "acs", MAIL_FROM: "kbs" };
  expect(checkValues(from, file).faults).toEqual([expect.stringMatching(/^MAIL_FROM: /)]);
});

test("a misspelt variable, which azd ignores, is named", () => {
  const { faults, warnings } = check({ DUE_DAY: "7", REPORTER_MAXIMUM_INSTANCE: "2", PATH: "/bin", REPORTER_URL: "" });
  expect(faults).toEqual([]);
  expect(warnings).toEqual([
    "DUE_DAY: is not a variable of this deployment. Did you mean DUE_DAYS?",
    "REPORTER_MAXIMUM_INSTANCE: is not a variable of this deployment. Did you mean REPORTER_MAXIMUM_INSTANCES?",
  ]);
});

describe("the variables of the deployment alone", () => {
  test("are all that are neither settings nor azd's own", () => {
    const others = variables.filter((name) => !Object.hasOwn(settingsTable, name) && !ofAzd.includes(name));
    expect(Object.keys(deploymentVariables).toSorted()).toEqual(others.toSorted());
  });

  test("allow what Bicep allows", () => {
    for (const { name, allowed } of parameters) {
      const described = deploymentVariables[variableOf.get(name) ?? ""];
      if (described && allowed.length > 0) expect([name, described.kind.schema.enum]).toEqual([name, allowed]);
    }
  });

  test("are in the guide", () => {
    const guideText = readFileSync("docs/deploy.md", "utf8");
    for (const name of Object.keys(deploymentVariables)) expect(guideText).toContain(`\`${name}\``);
  });
});
