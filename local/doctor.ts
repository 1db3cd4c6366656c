import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import { examine, type Finding } from "../shared/http/doctor.ts";
import { developmentStorage } from "../shared/settings/connection-string.ts";
import { startAzurite } from "./azurite.ts";
import { defenderAudience } from "./simulated-tenant.ts";
import { type LocalWorld, startWorld } from "./world.ts";

const settingsFile = "local.settings.json";
const faults = ["missing-role", "wrong-cloud", "no-table-right", "bad-sendgrid-key", "unknown-id"] as const;
type Fault = (typeof faults)[number];

const { values: flags } = parseArgs({ options: { fault: { type: "string" } } });

try {
  const fault = readFault(flags.fault);
  const real = fault === null && existsSync(settingsFile);
  const findings = real ? await examineWith(await withStorage(readSettingsFile())) : await examineLocally(fault);
  for (const { status, check, detail } of findings) console.log(`${status.padEnd(8)}${check}: ${detail}`);
  process.exit(findings.every(({ status }) => status === "ok") ? 0 : 1);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(2);
}

function readFault(text: string | undefined): Fault | null {
  if (text === undefined) return null;
  const fault = faults.find((one) => one === text);
  if (!fault) throw new Error(`--fault is one of ${faults.join(", ")}.`);
  return fault;
}

/** Examines what the settings lead to, or tells what is wrong with them. */
async function examineWith(settings: Readonly<Record<string, string>>): Promise<Finding[]> {
  Object.assign(process.env, settings);
  try {
    // It reads the settings as it loads.
    const { connect } = await import("../shared/app.ts");
    const { ports, probes } = await connect();
    return await examine({ ...ports, log: () => {} }, probes);
  } catch (error) {
    if (!(error instanceof Error && "problems" in error && Array.isArray(error.problems))) throw error;
    return error.problems.map((detail) => ({ check: "settings", status: "fault", detail: String(detail) }));
  }
}

function readSettingsFile(): Record<string, string> {
  console.log(`With the settings in ${settingsFile}, as whoever is signed in with the Azure CLI or azd:`);
  try {
    return JSON.parse(readFileSync(settingsFile, "utf8")).Values ?? {};
  } catch (cause) {
    throw new Error(`${settingsFile} is not JSON with "Values": see local.settings.sample.json.`, { cause });
  }
}

/** The storage emulator, where the settings name no other storage. */
async function withStorage(settings: Record<string, string>): Promise<Record<string, string>> {
  const named = settings.REPORTER_STORAGE || settings.REPORTER_STORAGE__tableServiceUri || developmentStorage;
  if (named !== developmentStorage) return settings;
  return { ...settings, REPORTER_STORAGE: (await startAzurite()).connectionString };
}

/** The local world stands in for the real one, with one thing wrong. */
async function examineLocally(fault: Fault | null): Promise<Finding[]> {
  const counts = { weaknesses: 3, installedMachines: 9, exposedMachines: 9, impactScore: 1 };
  const known = "microsoft-_-windows_11";
  const world = await startWorld({
    estate: {
      software: (id) =>
        id === known
          ? { id, name: id, vendor: "microsoft", ...counts, publicExploit: false, activeAlert: false }
          : null,
      missingKbs: () => [
        { id: "5041585", name: null, productsNames: [], url: null, machineMissedOn: 4, cveAddressed: 2 },
      ],
      trouble: () => ({ statuses: [], allDay: false }),
    },
  });
  console.log(`With the local world, ${fault ? `where this is wrong: ${fault}` : "where nothing is wrong"}.`);
  return examineWith({ ...world.settings, SOFTWARE_IDS: known, ...(fault && (await spoil(world, fault))) });
}

/** Makes one thing wrong; the settings that go with it come instead of the world's. */
async function spoil({ identity, storageConnectionString }: LocalWorld, fault: Fault): Promise<Record<string, string>> {
  switch (fault) {
    case "missing-role":
      identity.behaviour.resources = { ...identity.behaviour.resources, [defenderAudience]: [] };
      return {};
    case "wrong-cloud":
      return { DEFENDER_CLOUD: "gcc-high" };
    case "no-table-right": {
      const table = await startForbiddenTable();
      return { REPORTER_STORAGE: storageConnectionString.replace(/(?<=TableEndpoint=)[^;]+/, table) };
    }
    case "bad-sendgrid-key":
      return { SENDGRID_API_KEY: "SG.revoked-key" };
    case "unknown-id":
      return { SOFTWARE_IDS: "microsoft-_-windows_95" };
  }
}

/** A Table service that knows who calls and lets them do nothing, as Azure does without the role. */
async function startForbiddenTable(): Promise<string> {
  const server = createServer((_request, response) => {
    const message = "This request is not authorized to perform this operation using this permission.";
    const body = {
      "odata.error": { code: "AuthorizationPermissionMismatch", message: { lang: "en-US", value: message } },
    };
    response.writeHead(403, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/devstoreaccount1`;
}
