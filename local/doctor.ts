import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import { examine } from "../shared/http/doctor.ts";
import type { Finding } from "../shared/http/finding.ts";
import { forgetEnvironment } from "./environment.ts";
import { emulatorFor, readSettingsFile, settingsFile } from "./settings-file.ts";
import { defenderAudience } from "./simulated-tenant.ts";
import { type LocalWorld, startWorld } from "./world.ts";

const faults = ["missing-role", "wrong-cloud", "no-table-right", "bad-sendgrid-key", "unknown-id"] as const;
type Fault = (typeof faults)[number];

const { values: flags } = parseArgs({ options: { fault: { type: "string" } } });

try {
  const fault = readFault(flags.fault);
  const settings = fault === null ? readSettingsFile() : null;
  const findings = settings ? await examineSettingsFile(settings) : await examineWorld(fault);
  for (const { status, check, detail } of findings) console.log(`${status.padEnd(8)}${check}: ${detail}`);
  process.exit(findings.every(({ status }) => status === "ok") ? 0 : 1);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(2);
}

function readFault(text: string | undefined): Fault | null {
  if (text === undefined) return null;
  const fault = faults.find((one) => one === text);
  if (!fault) throw new Error(`--fault must be one of ${faults.join(", ")}.`);
  return fault;
}

/** Examines what the settings connect to, or says what is wrong with them. */
async function examineWith(settings: Readonly<Record<string, string>>): Promise<Finding[]> {
  Object.assign(process.env, settings);
  try {
    // The app reads the settings while it loads.
    const { connect } = await import("../shared/app.ts");
    const { ports, probes } = await connect();
    return await examine({ ...ports, log: () => {}, catalogue: async () => null }, probes);
  } catch (error) {
    if (!(error instanceof Error && "problems" in error && Array.isArray(error.problems))) throw error;
    return error.problems.map((detail) => ({ check: "settings", status: "fault", detail: String(detail) }));
  }
}

async function examineSettingsFile(settings: Readonly<Record<string, string>>): Promise<Finding[]> {
  console.log(`Checking ${settingsFile} as the person who is signed in with the Azure CLI or azd.`);
  const emulator = await emulatorFor(settings);
  return examineWith({ ...settings, ...(emulator && { REPORTER_STORAGE: emulator.connectionString }) });
}

/** Examines a simulated world, with one fault if one is given. */
async function examineWorld(fault: Fault | null): Promise<Finding[]> {
  forgetEnvironment();
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
  console.log(`Checking a simulated world ${fault ? `with the fault ${fault}` : "without faults"}.`);
  return examineWith({ ...world.settings, SOFTWARE_IDS: known, ...(fault && (await plant(world, fault))) });
}

/** Plants a fault; the settings returned replace the world's. */
async function plant({ identity, storageConnectionString }: LocalWorld, fault: Fault): Promise<Record<string, string>> {
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

/** A Table service that knows the caller but allows nothing, as Azure does without the role. */
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
