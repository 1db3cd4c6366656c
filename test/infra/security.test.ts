import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { infra, readObject, readParameters } from "../support/bicep.ts";

const reporter = infra("reporter.bicep");
const files = ["main.bicep", "reporter.bicep", "alerts.bicep"];

/** The ids of the built-in Azure roles that the app needs. */
const needed = {
  storageBlobDataOwner: "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
  storageQueueDataContributor: "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
  storageTableDataContributor: "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
  keyVaultSecretsUser: "4633458b-17de-408a-b874-0445c86b69e6",
  monitoringMetricsPublisher: "3913510d-42f4-4e42-8a64-420c390055eb",
};

describe("the app's identity", () => {
  const roles = readObject(reporter, "var roles =");

  test.each(Object.entries(needed))("has the role %s", (name, id) => {
    expect(roles.get(name)).toBe(`'${id}'`);
    const storageRoles = /var storageRoles = \[([^\]]*)\]/.exec(reporter)?.[1] ?? "";
    const assigned = name.startsWith("storage") ? storageRoles : reporter.replaceAll(storageRoles, "");
    expect(assigned).toContain(`roles.${name}`);
  });

  test("has no other role", () => {
    expect([...roles.keys()].toSorted()).toEqual(Object.keys(needed).toSorted());
    const grants = [...reporter.matchAll(/roleAssignments@[\s\S]*?principalId: ([\w.]+)/g)].map(([, whose]) => whose);
    expect(grants.filter((whose) => whose === "identity.properties.principalId")).toHaveLength(3);
    expect(grants.filter((whose) => whose !== "identity.properties.principalId")).toEqual(["watchlists.uploaderId"]);
  });

  test("has each role on one resource only", () => {
    const scopes = [...reporter.matchAll(/^ {2,4}scope: (\w+)$/gm)].map(([, scope]) => scope);
    expect(scopes).toEqual(["storage", "vault", "insights"]);
  });
});

test("who uploads the watchlists may write in their container and nowhere else, if there is one", () => {
  const grant = reporter.slice(reporter.indexOf("resource uploadGrant"));
  expect(grant).toMatch(/^[^\n]* = if \(watchlists\.inBlob && !empty\(watchlists\.uploaderId\)\) \{/);
  expect(/scope: (.*)/.exec(grant)?.[1]).toBe("storage::blobs::configuration");
  expect(reporter).toContain(
    "var uploaderRole = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe' // Storage Blob Data Contributor",
  );
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
  expect(names).toHaveLength(4);
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

  test("admits the chosen groups", () => {
    expect(signIn).toContain("groups: map(split(signIn.groups, ','), group => trim(group))");
  });
});
