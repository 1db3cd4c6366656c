import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { examine } from "../shared/http/doctor.ts";
import type { Finding } from "../shared/http/finding.ts";
import { startAzurite } from "./azurite.ts";
import { forgetEnvironment } from "./environment.ts";
import { readFlags, UsageError } from "./flags.ts";
import { needsEmulator, type OwnSettings, readSettingsFile, settingsFile } from "./settings-file.ts";
import { defenderAudience } from "./simulated-tenant.ts";
import type { LocalWorld } from "./world.ts";

const faults = ["missing-role", "wrong-cloud", "no-table-right", "bad-sendgrid-key", "unknown-id"] as const;
type Fault = (typeof faults)[number];

const help = `npm run doctor [-- flags]

Tries every step that a run needs, with your local.settings.json or in the
simulated world of npm start, and says what to do where one fails.

  --fault NAME  in the simulated world, with a fault: ${faults.slice(0, 2).join(", ")},
                ${faults.slice(2).join(", ")}
  --help        shows this`;

process.stdout.on("error", () => process.exit(0));
process.exit(await run());

/** The exit code: 1 if a check failed, 2 if the examination could not be made. */
async function run(): Promise<number> {
  try {
    const flags = readFlags(process.argv.slice(2), "npm run doctor", {
      fault: { type: "string" },
      help: { type: "boolean" },
    });
    if (flags.help) {
      console.log(help);
      return 0;
    }
    const fault = readFault(flags.fault);
    const settings = fault === null ? readSettingsFile() : null;
    const findings = settings ? await examineSettingsFile(settings) : await examineWorld(fault);
    for (const { status, check, detail } of findings) console.log(`${status.padEnd(8)}${check}: ${detail}`);
    return findings.every(({ status }) => status === "ok") ? 0 : 1;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 2;
  }
}

function readFault(text: string | undefined): Fault | null {
  if (text === undefined) return null;
  const fault = faults.find((one) => one === text);
  if (!fault) throw new UsageError(`--fault must be one of ${faults.join(", ")}.`);
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

async function examineSettingsFile({ values, withPlace }: OwnSettings): Promise<Finding[]> {
  console.log(`Checking ${settingsFile} as the person who is signed in with the Azure CLI or azd.`);
  const emulator = needsEmulator(values) ? await startAzurite() : null;
  const findings = await examineWith({
    ...values,
    ...(emulator && { REPORTER_STORAGE: emulator.connectionString }),
  });
  return findings.map((finding) =>
    finding.check === "settings" ? { ...finding, detail: withPlace(finding.detail) } : finding,
  );
}

/** Examines the world of `npm start`, with one fault if one is given. */
async function examineWorld(fault: Fault | null): Promise<Finding[]> {
  forgetEnvironment();
  const { startDemoWorld } = await import("./demo-world.ts");
  const { world, settings, softwareIds } = await startDemoWorld();
  console.log(`Checking the simulated world of npm start ${fault ? `with the fault ${fault}` : "without faults"}.`);
  return examineWith({ ...settings(softwareIds), ...(fault && (await plant(world, fault))) });
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
