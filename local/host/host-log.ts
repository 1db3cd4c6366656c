export type HostLogLevel = "trace" | "debug" | "information" | "warning" | "error" | "critical";

/** One log entry: the host's own, or the app's if `source` is `function`. */
export interface HostLogEntry {
  level: HostLogLevel;
  source: "host" | "function";
  message: string;
  functionName?: string;
  invocationId?: string;
  /** The host's details; `error` is the error as it was thrown. */
  fields?: Readonly<Record<string, unknown>>;
}

export type HostLogSink = (entry: HostLogEntry) => void;

export type HostLog = (level: HostLogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void;

/** Logs what an app wrote to standard error as the Functions host does: each line by itself, with a level by its words. */
export function logStandardError(text: string, log: HostLog): void {
  for (const line of text.split(/\r\n|\r|\n/)) if (line !== "") log(levelOf(line), line);
}

function levelOf(line: string): HostLogLevel {
  if (/warn/i.test(line)) return "warning";
  return /error|fail|severe/i.test(line) ? "error" : "information";
}

/** Writes warnings and worse to standard error: the sink of a host that was started without one. */
export function logToStandardError(entry: HostLogEntry): void {
  if (entry.level === "trace" || entry.level === "debug" || entry.level === "information") return;
  const { level, functionName, message, fields } = entry;
  const error = fields?.error;
  const cause = error instanceof Error ? `: ${error.stack}` : "";
  process.stderr.write(`${level} ${functionName ?? "host"}: ${message}${cause}\n`);
}
