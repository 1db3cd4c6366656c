import { compareText } from "../../shared/core/text.ts";
import {
  type createProductLists,
  decodeList,
  decodeListing,
  encodeList,
  encodeListing,
} from "../../shared/io/storage/product-list.ts";
import type { Columns, KeyedRow } from "../../shared/io/storage/row.ts";
import { decodeStatus, encodeStatus, statusRowKey } from "../../shared/io/storage/status-row.ts";
import {
  decodeBookmark,
  decodeLease,
  decodeRequest,
  encodeBookmark,
  encodeDropped,
  encodeLease,
  encodeRequest,
  requestRowKey,
} from "../../shared/io/storage/walk-rows.ts";
import type { createWalks } from "../../shared/io/storage/walks.ts";
import type { Store } from "../../shared/ports.ts";

type Statuses = Pick<Store, "listStatuses" | "saveStatus" | "deleteStatus">;

/** The watchlists' statuses of a store in memory. */
export function createFakeStatuses(): Statuses {
  const rows = new Map<string, KeyedRow>();
  return {
    async listStatuses() {
      const sorted = [...rows.values()].sort((a, b) => compareText(a.rowKey, b.rowKey));
      return sorted.map(decodeStatus).filter((status) => status !== null);
    },
    async saveStatus(status) {
      rows.set(statusRowKey(status), encodeStatus(status));
    },
    async deleteStatus(chain) {
      rows.delete(statusRowKey(chain));
    },
  };
}

/** The product lists of a store in memory. */
export function createFakeProductLists(): ReturnType<typeof createProductLists> {
  const listings = new Map<string, KeyedRow>();
  const lists = new Map<string, KeyedRow[]>();
  return {
    async readListing(tenant) {
      const row = listings.get(tenant);
      return row ? decodeListing(row) : null;
    },
    async readProductList(tenant) {
      return decodeList(lists.get(tenant) ?? []);
    },
    async saveListing(tenant, listing, list) {
      const rows = list && encodeList(tenant, list);
      listings.set(tenant, encodeListing(tenant, listing));
      if (rows) lists.set(tenant, rows);
    },
  };
}

/** The leases, requests and bookmarks of a store in memory. */
export function createFakeWalks(): ReturnType<typeof createWalks> {
  const leases = new Map<string, { row: KeyedRow; version: string }>();
  const requests = new Map<string, Map<string, KeyedRow>>();
  const bookmarks = new Map<string, Columns>();
  let versions = 0;

  const requestsOf = (tenant: string) => {
    const known = requests.get(tenant) ?? new Map<string, KeyedRow>();
    requests.set(tenant, known);
    return known;
  };

  return {
    async readLease(tenant) {
      const stored = leases.get(tenant);
      if (!stored) return null;
      return { ...decodeLease(stored.row, { table: "Walks", ...stored.row }), version: stored.version };
    },
    async writeLease(tenant, lease, version) {
      const row = encodeLease(tenant, lease);
      if ((leases.get(tenant)?.version ?? null) !== version) return null;
      versions += 1;
      leases.set(tenant, { row, version: `${versions}` });
      return `${versions}`;
    },

    async listRequests(tenant) {
      const rows = [...requestsOf(tenant).values()];
      const listed = rows.map((row) => decodeRequest(tenant, row, { table: "Walks", ...row }));
      return listed.sort((a, b) => compareText(a.openedAt, b.openedAt));
    },
    async readRequest(run) {
      const row = requestsOf(run.tenant).get(requestRowKey(run));
      return row ? decodeRequest(run.tenant, row, { table: "Walks", ...row }) : null;
    },
    async addRequest(request) {
      const row = encodeRequest(request);
      const existing = requestsOf(request.tenant).get(row.rowKey);
      if (!existing) requestsOf(request.tenant).set(row.rowKey, row);
      else if (request.mail) existing.mail = true;
    },
    async dropRequest(run, reason) {
      const row = requestsOf(run.tenant).get(requestRowKey(run));
      if (row) Object.assign(row, encodeDropped(reason));
    },
    async deleteRequest(run) {
      requestsOf(run.tenant).delete(requestRowKey(run));
    },

    async readBookmark(tenant) {
      const row = bookmarks.get(tenant);
      return row ? decodeBookmark(row) : null;
    },
    async saveBookmark(tenant, bookmark) {
      bookmarks.set(tenant, encodeBookmark(tenant, bookmark));
    },
  };
}
