import { spawn } from "node:child_process";

/** Opens an address in the person's browser; `failed` is called where none can be opened. */
export function openInBrowser(url: string, env: NodeJS.ProcessEnv, failed: () => void): void {
  const [command, ...args] = openerOf(process.platform);
  const child = spawn(command, [...args, url], { env, stdio: "ignore", detached: true });
  child.once("error", () => failed());
  child.once("exit", (code) => code !== 0 && failed());
  // A browser may outlive this process.
  child.unref();
}

function openerOf(platform: NodeJS.Platform): [string, ...string[]] {
  if (platform === "darwin") return ["open"];
  // Unlike "start", it takes every character of an address as it is.
  if (platform === "win32") return ["rundll32", "url.dll,FileProtocolHandler"];
  return ["xdg-open"];
}
