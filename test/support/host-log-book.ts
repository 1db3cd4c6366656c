import type { HostLogEntry, HostLogSink } from "../../local/host/host-log.ts";

export interface LogBook {
  sink: HostLogSink;
  entries: readonly HostLogEntry[];
  /** The messages that the app's functions logged. */
  said(): string[];
  /** Resolves once this many entries fit, earlier ones included. */
  until(fits: (entry: HostLogEntry) => boolean, count?: number): Promise<void>;
}

/** A sink that keeps all entries and can be awaited. */
export function keepLogBook(): LogBook {
  const entries: HostLogEntry[] = [];
  const waiting = new Set<() => void>();
  return {
    entries,
    sink(entry) {
      entries.push(entry);
      for (const look of waiting) look();
    },
    said: () => entries.filter(({ source }) => source === "function").map(({ message }) => message),
    until: (fits, count = 1) =>
      new Promise((resolve) => {
        const look = () => {
          if (entries.filter(fits).length < count) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
}
