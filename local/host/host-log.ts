export type HostLogLevel = "trace" | "debug" | "information" | "warning" | "error" | "critical";

/** One line of the log: the host's own, or an app's where `source` is `function`. */
export interface HostLogEntry {
  level: HostLogLevel;
  source: "host" | "function";
  message: string;
  functionName?: string;
  invocationId?: string;
  /** What the host has to say besides; `error` is the error as it was thrown. */
  fields?: Readonly<Record<string, unknown>>;
}

export type HostLogSink = (entry: HostLogEntry) => void;

export type HostLog = (level: HostLogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void;

/** Warnings and worse as lines on standard error, for hosts that are started without a sink. */
export function logToStandardError(entry: HostLogEntry): void {
  if (entry.level === "trace" || entry.level === "debug" || entry.level === "information") return;
  const { level, functionName, message, fields } = entry;
  const error = fields?.error;
  const cause = error instanceof Error ? `: ${error.stack}` : "";
  process.stderr.write(`${level} ${functionName ?? "host"}: ${message}${cause}\n`);
}
