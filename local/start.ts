import { parseArgs } from "node:util";
import { forgetEnvironment } from "./environment.ts";
import { readSettingsFile } from "./settings-file.ts";
import type { Running, StartFlags } from "./start-host.ts";

const pollMs = 1_000;

const { values } = parseArgs({
  options: { once: { type: "boolean", default: false }, port: { type: "string", default: "7071" } },
});

try {
  const flags = { once: values.once, port: Number(values.port) };
  const running = await start(flags);
  if (!flags.once) await stayUp(running);
  await running.close();
} catch (error) {
  console.error(explain(error));
  process.exit(1);
}
process.exit(0);

async function start(flags: StartFlags): Promise<Running> {
  const settings = readSettingsFile();
  if (settings) return (await import("./start-settings.ts")).startWithSettings(flags, settings);
  forgetEnvironment();
  return (await import("./start-world.ts")).startWithWorld(flags);
}

/** Faults of settings one a line; the message itself is one line for logs. */
function explain(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const problems = "problems" in error && Array.isArray(error.problems) ? error.problems : [];
  return problems.length > 0 ? `The app does not start:\n${problems.join("\n")}` : error.message;
}

/** Handles runs that the page starts, until Ctrl-C. */
async function stayUp({ host, inboxUrl }: Running): Promise<void> {
  const code = encodeURIComponent(host.key ?? "");
  console.log(`Report page  ${host.url}/api/report?format=html&code=${code}`);
  if (inboxUrl) console.log(`Inbox        ${inboxUrl}`);
  console.log("Press Ctrl-C to stop.");
  host.pollQueues(pollMs);
  await new Promise((resolve) => process.once("SIGINT", resolve).once("SIGTERM", resolve));
}
