import { inject } from "vitest";
import type { StorageConnection } from "../../shared/io/storage/account.ts";

/** The storage emulator that all test files share; each file uses its own tables, queues or watchlists. */
export function emulator(): Extract<StorageConnection, { kind: "connectionString" }> {
  return { kind: "connectionString", connectionString: inject("storage") };
}

/** A name that no other test uses, valid for both tables and queues. */
export function uniqueName(prefix: string): string {
  return `${prefix}${crypto.randomUUID().replaceAll("-", "")}`.slice(0, 50);
}
