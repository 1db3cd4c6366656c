import { globSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { compile, compiler, type PredictedResource, predict } from "../support/bicep-compiler.ts";

const person = "33333333-2222-3333-4444-555555555555";
const registration = "22222222-2222-3333-4444-555555555555";
const required = {
  ...{ environmentName: "kbs-prod", location: "westeurope" },
  ...{ mailTo: "patch@contoso.com", mailFrom: "kbs@contoso.com", alertMailTo: "oncall@contoso.com" },
};
const everything = {
  ...{ ...required, network: "private", sendGridApiKey: "SG.secret", watchlistsIn: "blob", uploaderId: person },
  alertMailTo: "oncall@contoso.com; it@contoso.com",
  ...{ auth: "entra", signInClientId: registration, signInGroups: "g1, g2", signInApplications: "p1; p2" },
};

const template = compiler ? compile() : {};
const deployments: Record<string, readonly PredictedResource[]> = compiler
  ? {
      ...{ default: predict(required), largest: predict(everything) },
      acs: predict({ ...everything, mailTransport: "acs", mailFrom: "" }),
    }
  : {};

/** The resources of a type, of which there must be one at least. */
function find(deployment: string, type: string): PredictedResource[] {
  const found = (deployments[deployment] ?? []).filter((resource) => resource.type === `Microsoft.${type}`);
  expect(found, type).not.toHaveLength(0);
  return found;
}

type Demand = [rule: string, type: string, properties: object];

const demands: Demand[] = [
  ["the app answers over https only", "Web/sites", { httpsOnly: true }],
  ["the app requires TLS 1.2", "Web/sites", { siteConfig: { minTlsVersion: "1.2", scmMinTlsVersion: "1.2" } }],
  ["the app has no FTP", "Web/sites", { siteConfig: { ftpsState: "Disabled" } }],
  ["nobody can attach a debugger", "Web/sites", { siteConfig: { remoteDebuggingEnabled: false } }],
  ["publishing takes no passwords", "Web/sites/basicPublishingCredentialsPolicies", { allow: false }],
  ["storage answers over https only", "Storage/storageAccounts", { supportsHttpsTrafficOnly: true }],
  ["storage requires TLS 1.2", "Storage/storageAccounts", { minimumTlsVersion: "TLS1_2" }],
  ["storage has no shared keys", "Storage/storageAccounts", { allowSharedKeyAccess: false }],
  ["no blob can be public", "Storage/storageAccounts", { allowBlobPublicAccess: false }],
  ["no container is public", "Storage/storageAccounts/blobServices/containers", { publicAccess: "None" }],
  ["nothing is copied to other tenants", "Storage/storageAccounts", { allowCrossTenantReplication: false }],
  [
    "deleted and replaced blobs are kept for 14 days",
    "Storage/storageAccounts/blobServices",
    { deleteRetentionPolicy: { enabled: true, days: 14 }, containerDeleteRetentionPolicy: { enabled: true, days: 14 } },
  ],
  ["a deleted vault is kept for 30 days", "KeyVault/vaults", { enableSoftDelete: true, softDeleteRetentionInDays: 30 }],
  ["nobody can purge the vault", "KeyVault/vaults", { enablePurgeProtection: true }],
  ["the vault has roles, not access policies", "KeyVault/vaults", { enableRbacAuthorization: true }],
  ["Application Insights takes no keys", "Insights/components", { DisableLocalAuth: true }],
  ["the workspace has no keys", "OperationalInsights/workspaces", { features: { disableLocalAuth: true } }],
];

const roles: Record<string, string> = {
  "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
  "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
  "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
  "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
  "4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
  "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
};

/** Every role assignment: who, on which type of resource, which role. */
function grants(deployment: string): string[] {
  return find(deployment, "Authorization/roleAssignments")
    .map(({ id, properties }) => {
      const who = /userAssignedIdentities/.test(String(properties?.principalId)) ? "the app" : properties?.principalId;
      const [, scope] = /\/(\w+)\/[^/']+(?:\/providers\/|', ')Microsoft\.Authorization/.exec(id) ?? [];
      return `${who}, ${scope}: ${roles[String(properties?.roleDefinitionId).split("/").at(-1) ?? ""]}`;
    })
    .toSorted();
}

/** What the diagnostic setting of a resource logs. */
function logged(deployment: string, { id }: PredictedResource): unknown {
  const settings = find(deployment, "Insights/diagnosticSettings").filter((each) => each.id.startsWith(`${id}/prov`));
  const [workspace] = find(deployment, "OperationalInsights/workspaces");
  expect(settings.map(({ properties }) => properties?.workspaceId)).toEqual([workspace?.id]);
  return settings[0]?.properties?.logs;
}

const ofTheApp = [
  "the app, components: Monitoring Metrics Publisher",
  "the app, storageAccounts: Storage Blob Data Owner",
  "the app, storageAccounts: Storage Queue Data Contributor",
  "the app, storageAccounts: Storage Table Data Contributor",
  "the app, vaults: Key Vault Secrets User",
];

describe.skipIf(!compiler).each(["default", "largest"])("in the %s deployment", (deployment) => {
  test.each(demands)("%s", (_, type, properties) => {
    for (const resource of find(deployment, type)) expect(resource.properties, resource.id).toMatchObject(properties);
  });

  test.each([
    ["the vault", "KeyVault/vaults", ["AuditEvent"]],
    ["blobs", "Storage/storageAccounts/blobServices", ["StorageRead", "StorageWrite", "StorageDelete"]],
    ["tables", "Storage/storageAccounts/tableServices", ["StorageRead", "StorageWrite", "StorageDelete"]],
    // Without reads: the host asks for messages all day.
    ["queues", "Storage/storageAccounts/queueServices", ["StorageWrite", "StorageDelete"]],
  ])("who read or changed %s is logged", (_, type, categories) => {
    for (const resource of find(deployment, type)) {
      expect(logged(deployment, resource)).toEqual(categories.map((category) => ({ category, enabled: true })));
    }
  });

  test("the app has five roles, each on one resource, and nobody else has any but who uploads", () => {
    const uploader = [`${person}, containers: Storage Blob Data Contributor`];
    expect(grants(deployment)).toEqual(deployment === "default" ? ofTheApp : [...uploader, ...ofTheApp]);
  });

  test("everything that can be is tagged with the environment", () => {
    const tagged = (deployments[deployment] ?? []).filter(({ tags }) => tags !== undefined);
    expect(tagged.length).toBeGreaterThan(10);
    for (const { id, tags } of tagged) expect(JSON.stringify(tags), id).toMatch(/azd-env-name['"][:,] ?['"]kbs-prod/);
  });

  test("the SendGrid key is in the vault and nowhere else", () => {
    const holders = (deployments[deployment] ?? []).filter((all) =>
      /sendGridApiKey|SG\.secret/.test(JSON.stringify(all)),
    );
    expect(holders.map(({ type }) => type)).toEqual(["Microsoft.KeyVault/vaults/secrets"]);
  });
});

describe.skipIf(!compiler)("the template", () => {
  test("names role assignments after whom they are for, so that a new identity does not clash with an old one", () => {
    const assignments = objects(template).filter(({ type }) => type === "Microsoft.Authorization/roleAssignments");
    expect(assignments).toHaveLength(5);
    for (const { name } of assignments)
      expect(name).toMatch(/^\[guid\(.*parameters\('(principalId'\)|uploader'\)\.principalId),/);
  });

  test("has no secrets in its outputs", () => {
    const outputs = objects(template).flatMap(({ outputs: own }) => Object.values(own ?? {}) as { value: string }[]);
    expect(outputs.length).toBeGreaterThan(15);
    for (const output of outputs) {
      expect(JSON.stringify(output)).not.toMatch(/list\w*\(|securestring|apikey|connectionstring|instrumentationkey/i);
    }
  });

  test("hands the SendGrid key on as a secure parameter", () => {
    const types = objects(template).flatMap(({ parameters }) => (parameters as Parameters)?.sendGridApiKey?.type ?? []);
    expect(types).toEqual(["securestring", "securestring"]);
  });
});

type Parameters = Record<string, { type?: string }> | undefined;

/** An object and all objects in it. */
function objects(value: unknown): Record<string, unknown>[] {
  if (typeof value !== "object" || value === null) return [];
  return [
    ...(Array.isArray(value) ? [] : [value as Record<string, unknown>]),
    ...Object.values(value).flatMap(objects),
  ];
}

describe.skipIf(!compiler)("with network=private", () => {
  test("storage and vault can be reached from the app's network only", () => {
    const closed = { publicNetworkAccess: "Disabled", networkAcls: { defaultAction: "Deny" } };
    for (const type of ["Storage/storageAccounts", "KeyVault/vaults"]) {
      for (const { properties } of find("largest", type)) expect(properties).toMatchObject(closed);
    }
  });

  test("each of them has a private address, with the zone that finds it", () => {
    const endpoints = JSON.stringify(find("largest", "Network/privateEndpoints"));
    const groups = JSON.stringify(find("largest", "Network/privateEndpoints/privateDnsZoneGroups"));
    for (const service of ["blob", "queue", "table", "vault"]) {
      expect(endpoints).toContain(`"groupIds":["${service}"]`);
      expect(groups).toContain(service === "vault" ? "privatelink.vaultcore." : `privatelink.${service}.{0}`);
    }
    expect(find("largest", "Network/privateDnsZones")).toHaveLength(4);
    expect(find("largest", "Network/privateDnsZones/virtualNetworkLinks")).toHaveLength(4);
  });

  test("the app is in that network", () => {
    const [app] = find("largest", "Web/sites");
    expect(app?.properties?.virtualNetworkSubnetId).toContain("'appSubnetId'");
    const networks = JSON.stringify(find("largest", "Network/virtualNetworks"));
    expect(networks).toContain(`"serviceName":"Microsoft.App/environments"`);
  });

  test("the default deployment has none of this", () => {
    expect(deployments.default?.filter(({ type }) => type.startsWith("Microsoft.Network/"))).toEqual([]);
    expect(find("default", "Web/sites")[0]?.properties?.virtualNetworkSubnetId ?? null).toBeNull();
  });
});

describe.skipIf(!compiler)("with mailTransport=acs", () => {
  const setting = (name: string) => {
    const configs = find("acs", "Web/sites/config").find((config) => config.name.endsWith("/appsettings"));
    return configs?.properties?.[name];
  };

  test("there is no vault, and no key anywhere", () => {
    const all = deployments.acs ?? [];
    expect(all.filter(({ type }) => type.startsWith("Microsoft.KeyVault/"))).toEqual([]);
    expect(JSON.stringify(all)).not.toMatch(/SG\.secret|@Microsoft\.KeyVault|listKeys|vaultcore/);
    expect(setting("SENDGRID_API_KEY")).toBe("");
  });

  test("a domain of Azure's is linked, tracks nobody, and the resource takes no keys", () => {
    const [domain] = find("acs", "Communication/emailServices/domains");
    expect(domain?.properties).toEqual({ domainManagement: "AzureManaged", userEngagementTracking: "Disabled" });
    const [communication] = find("acs", "Communication/communicationServices");
    expect(communication?.properties).toEqual({
      ...{ dataLocation: "Europe", disableLocalAuth: true },
      linkedDomains: [domain?.id],
    });
  });

  test("the app sends as the domain's own sender, unless another is given", () => {
    expect(setting("MAIL_TRANSPORT")).toBe("acs");
    expect(setting("MAIL_FROM")).toContain("'outputs', 'sender'");
    expect(setting("ACS_ENDPOINT")).toContain("'outputs', 'endpoint'");
  });

  test("the app may send mail and nothing else there: not list keys, not delete", () => {
    const [role] = find("acs", "Authorization/roleDefinitions");
    expect(role?.properties?.permissions).toEqual([
      {
        actions: [
          "Microsoft.Communication/CommunicationServices/Read",
          "Microsoft.Communication/CommunicationServices/Write",
          "Microsoft.Communication/EmailServices/Write",
        ],
      },
    ]);
    roles[role?.name ?? ""] = "sender of digests";
    expect(grants("acs").filter((grant) => !grant.includes("torage"))).toEqual([
      "the app, communicationServices: sender of digests",
      "the app, components: Monitoring Metrics Publisher",
    ]);
  });

  test("another deployment has none of this", () => {
    for (const name of ["default", "largest"]) {
      expect(JSON.stringify(deployments[name])).not.toContain("Microsoft.Communication/");
    }
  });
});

test.skipIf(!compiler)("everyone who is named for alerts gets them, each by itself", () => {
  const addresses = (deployment: string) =>
    JSON.stringify(find(deployment, "Insights/actionGroups")).match(/"emailAddress":"[^"]*"/g);
  expect(addresses("default")).toEqual(['"emailAddress":"oncall@contoso.com"']);
  expect(addresses("largest")).toEqual(['"emailAddress":"oncall@contoso.com"', '"emailAddress":"it@contoso.com"']);
});

describe.skipIf(!compiler)("with auth=entra", () => {
  const signIn = () =>
    find("largest", "Web/sites/config").find(({ name }) => name.endsWith("/authsettingsV2"))?.properties;

  test("the registration itself is always allowed, and the programs that are named", () => {
    expect(JSON.stringify(signIn())).toContain(
      `"defaultAuthorizationPolicy":{"allowedApplications":["${registration}","p1","p2"],"allowedPrincipals":{"groups":["g1","g2"]}}`,
    );
  });

  test("a sign-in is required everywhere but at health, below which there is nothing", () => {
    expect(signIn()).toMatchObject({
      platform: { enabled: true },
      globalValidation: { requireAuthentication: true, excludedPaths: ["/api/health"] },
      httpSettings: { requireHttps: true },
      login: { tokenStore: { enabled: false } },
    });
    // Excluded paths may match as prefixes.
    const routes = globSync("functions/*.ts").flatMap(
      (file) => /route: "(.+)"/.exec(readFileSync(file, "utf8"))?.[1] ?? [],
    );
    expect(routes.length).toBeGreaterThan(10);
    expect(routes.filter((route) => route.startsWith("api/health"))).toEqual(["api/health"]);
  });
});

/** What scanners ask for and the default deployment does not do: `follows` would say that it does. */
const notMet: [rule: string, why: string, type: string, follows: (resource: PredictedResource) => boolean][] = [
  [
    "storage refuses public networks",
    "people and workflows deploy and upload from anywhere, with a role; network=private closes it",
    "Storage/storageAccounts",
    ({ properties }) => properties?.publicNetworkAccess !== "Enabled",
  ],
  [
    "the vault refuses public networks",
    "the key is set from anywhere, with a role; network=private closes it",
    "KeyVault/vaults",
    ({ properties }) => properties?.publicNetworkAccess !== "Enabled",
  ],
  [
    "storage is in more than one datacenter",
    "it costs more; storageRedundancy offers it",
    "Storage/storageAccounts",
    ({ sku }) => sku?.name !== "Standard_LRS",
  ],
  [
    "the secret expires",
    "keys of SendGrid do not, and an expired secret stops the mail",
    "KeyVault/vaults/secrets",
    ({ properties }) => properties?.attributes !== undefined,
  ],
  [
    "the app has no public address",
    "readers open links in mails, and the availability test calls from outside",
    "Web/sites",
    ({ properties }) => properties?.publicNetworkAccess === "Disabled",
  ],
];

test.skipIf(!compiler).each(notMet)("not by default: %s, because %s", (_, _why, type, follows) => {
  for (const resource of find("default", type)) expect(follows(resource)).toBe(false);
});
