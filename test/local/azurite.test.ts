import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { TableServiceClient } from "@azure/data-tables";
import { expect, onTestFinished, test } from "vitest";
import { startAzurite } from "../../local/azurite.ts";

const tables = (connectionString: string) =>
  TableServiceClient.fromConnectionString(connectionString, { allowInsecureConnection: true });

test("data in a folder is still there after the emulator was closed", { timeout: 60_000 }, async () => {
  const dir = await mkdtemp(join(tmpdir(), "azurite-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const first = await startAzurite({ dir });
  await tables(first.connectionString).createTable("Runs");
  await first.close();

  const second = await startAzurite({ dir });
  onTestFinished(second.close);
  const names: (string | undefined)[] = [];
  for await (const { name } of tables(second.connectionString).listTables()) names.push(name);
  expect(names).toEqual(["Runs"]);
});

test("the emulator ends when the process that started it is killed", { timeout: 60_000 }, async () => {
  const module = JSON.stringify(new URL("../../local/azurite.ts", import.meta.url).href);
  const script = `console.log((await (await import(${module})).startAzurite()).tableUri); setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [uri] = await once(createInterface({ input: parent.stdout }), "line");
  expect((await fetch(uri)).status).toBeGreaterThanOrEqual(400);
  parent.kill("SIGKILL");
  // An emulator that ends closes its port.
  const refused = async () =>
    fetch(uri).then(
      () => false,
      () => true,
    );
  await expect.poll(refused, { timeout: 10_000 }).toBe(true);
});
