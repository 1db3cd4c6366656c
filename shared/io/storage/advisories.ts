import type { FeedName } from "../../core/advisory.ts";
import type { Store } from "../../ports.ts";
import {
  decodeKev,
  decodeMonth,
  decodeState,
  encodeKev,
  encodeMonth,
  encodeState,
  stateKeys,
  stateSelect,
} from "./advisory-rows.ts";
import { pathOf, putRow, queryRows, readRow, type Table } from "./table.ts";

/** The part of the store that keeps what the feeds say. */
type Advisories = Pick<Store, "readFeeds" | "readAdvisories" | "saveMonth" | "saveFeed" | "saveKev">;

export function createAdvisories(table: Table): Advisories {
  const readState = async (name: FeedName) =>
    decodeState((await readRow(table, name, stateKeys[name], stateSelect)) ?? undefined);
  return {
    async readFeeds() {
      const [msrc, kev] = await Promise.all([readState("msrc"), readState("kev")]);
      return { msrc, kev };
    },
    async readAdvisories() {
      const [msrc, kev] = await Promise.all([queryRows(table, "msrc", []), queryRows(table, "kev", [])]);
      return {
        msrc: decodeState(msrc.find(({ rowKey }) => rowKey === stateKeys.msrc)),
        months: msrc.map(decodeMonth).filter((month) => month !== null),
        ...decodeKev(kev.find(({ rowKey }) => rowKey === stateKeys.kev)),
      };
    },
    saveMonth: async (month) => putRow(table, encodeMonth(month)),
    async saveFeed(name, state) {
      const row = encodeState(name, state);
      // Only the catalogue is in its state's row; a merge would keep columns of a longer list of KBs that were not found.
      if (name === "msrc") return putRow(table, row);
      await table.call(`MERGE ${pathOf(table, row.partitionKey, row.rowKey)}`, async (client, options) => {
        await client.upsertEntity(row, "Merge", options);
      });
    },
    saveKev: async (exploited, state) => putRow(table, encodeKev(exploited, state)),
  };
}
