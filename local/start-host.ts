import type { HostLogEntry } from "./host/host-log.ts";
import { type Host, type HostOptions, startHost } from "./host.ts";
import type { HeldPort } from "./ports.ts";
import type { StartFlags } from "./start-flags.ts";
import type { Terminal } from "./terminal.ts";

/** What `npm start` is given. */
export interface Start {
  flags: StartFlags;
  /** For the report page. */
  held: HeldPort;
  terminal: Terminal;
}

/** What `npm start` has started. */
export interface Running {
  host: Host;
  /** `null`: mails went to a real mail service. */
  inboxUrl: string | null;
  /** Today's digest or report, as text. */
  digest: string;
  close(): Promise<void>;
}

/** The development host around the app of this folder; its errors go to `showError`. */
export async function startLocalHost(
  options: Omit<HostOptions, "appDir" | "log">,
  showError: (text: string) => void,
): Promise<Host> {
  let isUp = false;
  // Why an app does not start is shown by whatever called this.
  const log = (entry: HostLogEntry) => {
    if (isUp && (entry.level === "error" || entry.level === "critical")) showError(wordsOf(entry));
  };
  const host = await startHost({ ...options, appDir: process.cwd(), log });
  isUp = true;
  return host;
}

function wordsOf({ message, fields = {} }: HostLogEntry): string {
  const { error, ...others } = fields;
  const details = Object.keys(others).length > 0 ? ` ${JSON.stringify(others)}` : "";
  const cause = error instanceof Error ? `\n${error.stack}` : "";
  return `${message}${details}${cause}`;
}
