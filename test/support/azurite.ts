import { inject } from "vitest";
import type { StorageConnection } from "../../shared/io/storage/account.ts";

/** The storage emulator that all test files share: each takes tables, queues or watchlists of its own. */
export function emulator(): Extract<StorageConnection, { kind: "connectionString" }> {
  return { kind: "connectionString", connectionString: inject("storage") };
}

/** A name that no other test has, allowed for tables and queues alike. */
export function uniqueName(prefix: string): string {
  return `${prefix}${crypto.randomUUID().replaceAll("-", "")}`.slice(0, 50);
}
