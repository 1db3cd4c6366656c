import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";

/** A resource of a deployment as the compiler predicts it. What only Azure knows is left as an expression. */
export interface PredictedResource {
  id: string;
  type: string;
  name: string;
  sku?: { name: string };
  /** An expression if a tag's name is one. */
  tags?: Record<string, string> | string;
  properties?: Record<string, unknown>;
}

// Any will do: predictions are made without an account.
const subscription = "11111111-2222-3333-4444-555555555555";

/** Path of the Bicep compiler; empty where it is not installed and cannot be. */
export const compiler =
  process.platform === "win32"
    ? ""
    : execFileSync("bash", ["scripts/bicep.sh", "--path"], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      }).trim();

/** The ARM template that infra/main.bicep compiles to. */
export function compile(): unknown {
  return JSON.parse(run(["build", "infra/main.bicep", "--stdout"]));
}

/** Every resource, of modules too, that a deployment with these parameters makes. */
export function predict(parameters: Record<string, string>): PredictedResource[] {
  const folder = mkdtempSync(join(tmpdir(), "bicep-"));
  const using = `using '${relative(folder, "infra/main.bicep")}'`;
  const given = Object.entries(parameters).map(([name, value]) => `param ${name} = '${value}'`);
  writeFileSync(join(folder, "main.bicepparam"), [using, ...given].join("\n"));
  const place = ["--subscription-id", subscription, "--tenant-id", subscription, "--location", "westeurope"];
  run(["snapshot", join(folder, "main.bicepparam"), "--mode", "overwrite", ...place]);
  const { predictedResources } = JSON.parse(readFileSync(join(folder, "main.snapshot.json"), "utf8"));
  rmSync(folder, { recursive: true });
  return predictedResources;
}

function run(args: readonly string[]): string {
  return execFileSync(compiler, args, { encoding: "utf8", maxBuffer: 10_000_000 });
}
