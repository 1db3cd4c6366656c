import { createStore } from "../../shared/io/storage/tables.ts";
import type { Store } from "../../shared/ports.ts";
import { emulator, uniqueName } from "./azurite.ts";
import { type Fault, type FaultProxy, startFaultProxy } from "./fault-proxy.ts";

/** Names of tables that no other test uses. */
export function uniqueTables() {
  return {
    ...{ snapshotsTable: uniqueName("Snapshots"), runsTable: uniqueName("Runs") },
    ...{ watchlistsTable: uniqueName("Watchlists"), walksTable: uniqueName("Walks") },
    advisoriesTable: uniqueName("Advisories"),
  };
}

/** So short that a test of silence does not take long. */
export const patience = { tryMs: 500, tries: 3, retryMs: 1 };
// On a busy machine, half a second may be too short for an answer that comes.
const longPatience = { ...patience, tryMs: 10_000 };

type FaultyStore = Store & Pick<FaultProxy, "requests">;

/** Opens stores behind proxies; all are closed together. */
export function faultyStores(tables: ReturnType<typeof uniqueTables>) {
  const proxies: FaultProxy[] = [];
  return {
    /** A store whose first requests have these faults; `forever` repeats the last one. */
    async open(faults: readonly Fault[], forever?: "forever"): Promise<FaultyStore> {
      const proxy = await startFaultProxy(emulator().connectionString, "Table");
      proxies.push(proxy);
      const last = faults.at(-1);
      proxy.plan(...faults);
      if (forever && last) proxy.planForever(last);
      const isWaited = forever || faults.some((fault) => fault === "hang" || fault === "hang after");
      const options = { ...tables, patience: isWaited ? patience : longPatience };
      return { ...createStore(proxy.connection, options), requests: proxy.requests };
    },
    close: () => Promise.all(proxies.map((proxy) => proxy.close())),
  };
}

/** Faults that pass: the call succeeds in the end. */
export const passingFaults: Readonly<Record<string, Fault>> = {
  "500": odataFault(500, "InternalError"),
  "503": odataFault(503, "ServerBusy"),
  "503 with a page of HTML": { status: 503, headers: { "content-type": "text/html" }, body: "<h1>Busy</h1>" },
  "429 with a time to wait": odataFault(429, "TooManyRequests", { "retry-after": "0" }),
  "a reset": "reset",
  "a reset after it was carried out": "reset after",
  "no answer": "hang",
  "no answer though it was carried out": "hang after",
};

/** Codes that look like those of a row's state, and are not. */
export const otherCodes = [
  [409, "TableBeingDeleted"],
  [412, "OtherCondition"],
  [404, "OtherNotFound"],
] as const;

export function odataFault(status: number, code: string, headers: Record<string, string> = {}): Fault {
  const body = { "odata.error": { code, message: { lang: "en-US", value: "As planned." } } };
  return { status, headers, body };
}
