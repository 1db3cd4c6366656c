import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, expect, test } from "vitest";
import { lockFolder } from "../../local/folder-lock.ts";

const folder = mkdtempSync(join(tmpdir(), "lock-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a folder is held once, however it is written, and again after it was let go", async () => {
  const lock = await lockFolder(folder);
  expect(lock).not.toBeNull();
  expect(await lockFolder(relative(process.cwd(), folder))).toBeNull();
  const other = await lockFolder(join(folder, "other"));
  expect(other).not.toBeNull();
  other?.release();
  lock?.release();
  const again = await lockFolder(folder);
  expect(again).not.toBeNull();
  again?.release();
});

test("a process that was killed holds nothing", async () => {
  const module = JSON.stringify(new URL("../../local/folder-lock.ts", import.meta.url).href);
  const script = `const lock = await (await import(${module})).lockFolder(${JSON.stringify(folder)});
    console.log(lock !== null); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [said] = await once(child.stdout, "data");
  expect(String(said).trim()).toBe("true");
  expect(await lockFolder(folder)).toBeNull();
  child.kill("SIGKILL");
  await once(child, "exit");
  const lock = await lockFolder(folder);
  expect(lock).not.toBeNull();
  lock?.release();
});
