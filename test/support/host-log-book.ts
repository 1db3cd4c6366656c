import type { HostLogEntry, HostLogSink } from "../../local/host/host-log.ts";

export interface LogBook {
  sink: HostLogSink;
  entries: readonly HostLogEntry[];
  /** What the app's functions logged. */
  said(): string[];
  /** Resolves as soon as that many entries fit; entries from before count too. */
  until(fits: (entry: HostLogEntry) => boolean, count?: number): Promise<void>;
}

/** A sink that keeps what it is told, and can be waited on. */
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
