import { execFile } from "node:child_process";
import { promisify } from "node:util";

const call = promisify(execFile);

/** Runs a program and gives what it said; fails with what it said on its standard error. */
export async function run(command: string, args: readonly string[]): Promise<string> {
  // On Windows az and azd are scripts, which only a shell starts.
  const { stdout } = await call(command, args, { shell: process.platform === "win32" });
  return stdout;
}
