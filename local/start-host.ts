import type { HostLogEntry } from "./host/host-log.ts";
import { type Host, startHost } from "./host.ts";

export interface StartFlags {
  /** Ends after today's digest. */
  once: boolean;
  port: number;
}

export interface Running {
  host: Host;
  /** `null`: mails went to SendGrid. */
  inboxUrl: string | null;
  close(): Promise<void>;
}

/** The development host around the app of this folder; errors go to the console. */
export async function startLocalHost(
  { once, port }: StartFlags,
  env: Readonly<Record<string, string>>,
  storageConnectionString: string,
): Promise<Host> {
  let isUp = false;
  // Why an app does not start is shown by whatever called this.
  const log = (entry: HostLogEntry) => isUp && showErrors(entry);
  const host = await startHost({ appDir: process.cwd(), port: once ? 0 : port, env, storageConnectionString, log });
  isUp = true;
  return host;
}

function showErrors({ level, message, fields }: HostLogEntry): void {
  if (level === "error" || level === "critical") console.error(message, fields);
}
