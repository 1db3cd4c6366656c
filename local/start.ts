import { openInBrowser } from "./browser.ts";
import { forgetEnvironment } from "./environment.ts";
import { UsageError } from "./flags.ts";
import { holdPort } from "./ports.ts";
import { readSettingsFile } from "./settings-file.ts";
import { readStartFlags, startHelp, usualPorts } from "./start-flags.ts";
import type { Running, Start } from "./start-host.ts";
import { openTerminal, topOf } from "./terminal.ts";

const pollMs = 1_000;
/** Above the digest, between it and the addresses, and the line of the cursor. */
const linesAround = 4;

const signals = ["SIGINT", "SIGTERM"] as const;

// What opens a browser needs all that the shell has set.
const outside = { ...process.env };
const terminal = openTerminal(process.stdout);

// Nobody reads on, as after "| head".
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => process.exit(0));
for (const signal of signals) process.once(signal, stopAtOnce);

process.exit(await run());

async function run(): Promise<number> {
  let withPlace = (problem: string) => problem;
  try {
    const flags = readStartFlags(process.argv.slice(2));
    if (!flags) {
      terminal.say(startHelp);
      return 0;
    }
    const settings = readSettingsFile();
    if (settings) withPlace = settings.withPlace;
    else forgetEnvironment();
    const start: Start = { flags, terminal, held: await holdPort(flags.once ? 0 : flags.port) };
    const running = settings
      ? await (await import("./start-settings.ts")).startWithSettings(settings, start)
      : await (await import("./start-world.ts")).startWithWorld(start);
    if (flags.once) terminal.say(running.digest);
    else await stayUp(running, start);
    await running.close();
    return 0;
  } catch (error) {
    terminal.endProgress();
    console.error(explain(error, withPlace));
    return error instanceof UsageError ? 2 : 1;
  }
}

/** Handles runs that the page starts, until Ctrl-C. */
async function stayUp({ host, inboxUrl, digest }: Running, { flags, held }: Start): Promise<void> {
  const page = `${host.url}/${host.key === null ? "" : `?code=${encodeURIComponent(host.key)}`}`;
  const moved = [...(held.port === flags.port ? [] : [flags.port]), ...inboxMovedFrom(inboxUrl)];
  const addresses = [
    `Report page  ${page}`,
    ...(inboxUrl === null ? [] : [`Inbox        ${inboxUrl}/`]),
    ...moved.map((port) => `Port ${port} is in use, so another one was taken.`),
    "Press Ctrl-C to stop.",
  ];
  const rest = inboxUrl === null ? "on the report page" : "in the inbox";
  const most = terminal.linesBeside(addresses) - linesAround;
  terminal.say(topOf(digest, most, (lines) => `… ${lines} more lines ${rest}.`));
  terminal.say(`\n${addresses.join("\n")}`);
  host.pollQueues(pollMs);
  if (flags.open) {
    openInBrowser(page, outside, () => terminal.say("No browser could be opened here. Open the report page yourself."));
  }
  await nextSignal();
  terminal.say("Stopping; press Ctrl-C again to stop at once.");
}

function inboxMovedFrom(url: string | null): number[] {
  return url === null || new URL(url).port === String(usualPorts.inbox) ? [] : [usualPorts.inbox];
}

/** Waits for Ctrl-C, which from now on lets running functions end; the next one does not. */
async function nextSignal(): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of signals) {
      process.off(signal, stopAtOnce);
      process.once(signal, () => resolve());
    }
  });
  for (const signal of signals) process.once(signal, stopAtOnce);
}

function stopAtOnce(signal: NodeJS.Signals): void {
  terminal.say("Stopped.");
  // What called this sees that it was interrupted.
  process.kill(process.pid, signal);
}

/** Faults of settings one a line; the message itself is one line for logs. */
function explain(error: unknown, withPlace: (problem: string) => string): unknown {
  if (!(error instanceof Error)) return error;
  const problems = "problems" in error && Array.isArray(error.problems) ? error.problems : [];
  if (problems.length === 0) return error.message;
  return `The app does not start:\n${problems.map((problem) => withPlace(String(problem))).join("\n")}`;
}
