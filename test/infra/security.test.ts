import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { infra, readObject, readParameters } from "../support/bicep.ts";

const reporter = infra("reporter.bicep");
const granting = infra("grants.bicep");
const files = ["main.bicep", "reporter.bicep", "grants.bicep", "mail.bicep", "network.bicep", "alerts.bicep"];

/** The ids of the built-in Azure roles that the app needs, and of the one for who uploads watchlists. */
const needed = {
  storageBlobDataOwner: "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
  storageBlobDataContributor: "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
  storageQueueDataContributor: "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
  storageTableDataContributor: "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
  keyVaultSecretsUser: "4633458b-17de-408a-b874-0445c86b69e6",
  monitoringMetricsPublisher: "3913510d-42f4-4e42-8a64-420c390055eb",
};

// test/infra/template.test.ts has the rules over what the compiler makes of this, where there is a compiler.
describe("the roles", () => {
  const roles = readObject(granting, "var roles =");

  test("are these", () => {
    expect(Object.fromEntries(roles)).toEqual(
      Object.fromEntries(Object.entries(needed).map(([name, id]) => [name, `'${id}'`])),
    );
  });

  test("are given on one resource each, and named after the principal", () => {
    const scopes = [...granting.matchAll(/^ {2,4}scope: (.+)$/gm)].map(([, scope]) => scope);
    expect(scopes).toEqual(["storage", "vault", "insights", "storage::blobs::container"]);
    const names = [...granting.matchAll(/name: guid\((.+)\)$/gm)].map(([, parts = ""]) => parts.split(", ")[1]);
    expect(names).toEqual(["principalId", "principalId", "principalId", "uploader!.principalId"]);
    const granters = files.filter((file) => infra(file).includes("roleAssignments"));
    expect(granters).toEqual(["grants.bicep", "mail.bicep"]);
  });

  test("of who uploads the watchlists exist only if there is such a person and such a blob", () => {
    expect(granting).toContain(
      "resource uploadGrant 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (uploader != null)",
    );
    expect(reporter).toContain("uploader: watchlists.inBlob && !empty(watchlists.uploaderId)");
  });
});

describe("secrets", () => {
  const parameters = files.flatMap((file) => readParameters(infra(file)));
  const looksSecret = /key|secret|password|token/i;

  test("are marked as secure, so that no deployment log shows them", () => {
    const secret = parameters.filter(({ name }) => looksSecret.test(name));
    expect(secret.map(({ name }) => name)).toContain("sendGridApiKey");
    for (const { name, secure } of secret) expect([name, secure]).toEqual([name, true]);
  });

  test("are not in outputs", () => {
    const secure = parameters.filter((parameter) => parameter.secure).map(({ name }) => name);
    const outputs = files.flatMap((file) => infra(file).match(/^output .*$/gm) ?? []);
    expect(outputs.length).toBeGreaterThan(5);
    for (const output of outputs) {
      expect(output).not.toMatch(/list\w*Keys|ConnectionString|InstrumentationKey/i);
      for (const name of secure) expect(output).not.toContain(name);
    }
  });

  test("are not in the parameter file", () => {
    const { sendGridApiKey } = JSON.parse(infra("main.parameters.json")).parameters;
    // biome-ignore lint/suspicious/noTemplateCurlyInString: azd replaces it.
    expect(sendGridApiKey).toEqual({ value: "${SENDGRID_API_KEY}" });
  });
});

test("storage allows no shared keys and no public blobs, logs no keys, publishing no passwords", () => {
  const storage = readObject(reporter, "  sku: { name: storageRedundancy }\n  properties:");
  expect(storage.get("allowSharedKeyAccess")).toBe("false");
  expect(storage.get("allowBlobPublicAccess")).toBe("false");
  expect(storage.get("minimumTlsVersion")).toBe("'TLS1_2'");
  expect(reporter).toContain("DisableLocalAuth: true");
  expect(reporter).toContain("enableRbacAuthorization: true");
  expect(reporter).toContain("keyVaultReferenceIdentity: identity.id");
  expect(reporter.match(/properties: \{ allow: false \}/g)).toHaveLength(2);
});

test("the tables and queues are those of the code", () => {
  const tables = readFileSync("shared/io/storage/tables.ts", "utf8");
  const queue = readFileSync("shared/io/storage/run-queue.ts", "utf8");
  const names = [...tables.matchAll(/Table = ("\w+")/g)].map(([, name]) => name?.replaceAll('"', "'"));
  const [, messages] = /queue = "(\w+)"/.exec(queue) ?? [];
  expect(names).toHaveLength(5);
  expect(reporter).toContain(`for name in [${names.join(", ")}]`);
  expect(reporter).toContain(`for name in ['${messages}', '${messages}-poison']`);
});

describe("sign-in with Entra ID", () => {
  const signIn = reporter.slice(reporter.indexOf("var signInOn ="), reporter.indexOf("// ---- the app"));

  test("admits only the availability test without a sign-in, and only to the path without reasons", () => {
    expect(signIn).toContain("requireAuthentication: true");
    expect(signIn).toContain("unauthenticatedClientAction: 'RedirectToLoginPage'");
    expect(signIn).toContain("excludedPaths: ['/api/health']");
  });

  test("is on if AUTH is entra, and only then", () => {
    expect(reporter).toContain("properties: signIn.required ? signInOn : { platform: { enabled: false } }");
    expect(infra("main.bicep")).toContain("required: auth == 'entra'");
  });

  test("admits the registration itself: an empty list of applications may refuse everyone", () => {
    expect(signIn).toMatch(/allowedApplications: union\(\s*\[signIn\.clientId\],/);
  });

  test("admits the chosen groups", () => {
    expect(signIn).toContain("groups: map(split(signIn.groups, [',', ';']), group => trim(group))");
  });
});
