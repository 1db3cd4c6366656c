import type { RunFacts } from "../../shared/core/advisory.ts";
import type { RunKey } from "../../shared/core/run.ts";
import {
  decodeKev,
  decodeMonth,
  decodeState,
  encodeKev,
  encodeMonth,
  encodeState,
  noState,
} from "../../shared/io/storage/advisory-rows.ts";
import { alertRowKey, decodeAlert, encodeAlert } from "../../shared/io/storage/alert-rows.ts";
import { decodeFacts, encodeFacts, factsKeys } from "../../shared/io/storage/facts-rows.ts";
import type { KeyedRow } from "../../shared/io/storage/row.ts";
import { encodeMail, runPartition } from "../../shared/io/storage/rows.ts";
import type { Store } from "../../shared/ports.ts";

type Advisories = Pick<Store, "readFeeds" | "readAdvisories" | "saveMonth" | "saveFeed" | "saveKev">;
type Alerts = Pick<Store, "addAlert" | "readAlert" | "listAlerts" | "updateAlertMail" | "deleteAlert">;

/** What the feeds say, of a store in memory. */
export function createFakeAdvisories(): Advisories {
  const months = new Map<string, KeyedRow>();
  const states = new Map<string, KeyedRow>();
  return {
    async readFeeds() {
      const [msrc, kev] = [states.get("msrc"), states.get("kev")].map((row) => {
        const { notFound: _, ...state } = decodeState(row);
        return state;
      });
      return { msrc: msrc ?? noState, kev: kev ?? noState };
    },
    async readAdvisories() {
      const decoded = [...months.values()].map(decodeMonth).filter((month) => month !== null);
      return { msrc: decodeState(states.get("msrc")), months: decoded, ...decodeKev(states.get("kev")) };
    },
    async saveMonth(month) {
      months.set(month.id, encodeMonth(month));
    },
    async saveFeed(name, state) {
      states.set(name, { ...(name === "kev" && states.get(name)), ...encodeState(name, state) });
    },
    async saveKev(exploited, state) {
      states.set("kev", encodeKev(exploited, state));
    },
  };
}

/** The alerts of a store in memory. */
export function createFakeAlerts(): Alerts {
  const partitions = new Map<string, Map<string, { row: KeyedRow; version: number }>>();
  let versions = 0;
  const alertsOf = (partitionKey: string) => {
    const known = partitions.get(partitionKey) ?? new Map<string, { row: KeyedRow; version: number }>();
    partitions.set(partitionKey, known);
    return known;
  };
  return {
    async addAlert(alert) {
      const row = encodeAlert(alert);
      const alerts = alertsOf(row.partitionKey);
      if (alerts.has(row.rowKey)) return false;
      alerts.set(row.rowKey, { row, version: ++versions });
      return true;
    },
    async readAlert(key) {
      const stored = alertsOf(runPartition(key)).get(alertRowKey(key));
      if (!stored) return null;
      return { alert: decodeAlert(key, stored.row, { table: "Runs", ...stored.row }), version: `${stored.version}` };
    },
    async listAlerts(chain) {
      const sorted = [...alertsOf(runPartition(chain)).values()].sort((a, b) => (a.row.rowKey < b.row.rowKey ? -1 : 1));
      return sorted.map(({ row }) => decodeAlert(chain, row, { table: "Runs", ...row }));
    },
    async updateAlertMail(key, version, mail) {
      const stored = alertsOf(runPartition(key)).get(alertRowKey(key));
      if (!stored || `${stored.version}` !== version) return false;
      Object.assign(stored, { row: { ...stored.row, ...encodeMail(mail) }, version: ++versions });
      return true;
    },
    async deleteAlert(key) {
      alertsOf(runPartition(key)).delete(alertRowKey(key));
    },
  };
}

/** The facts of runs of a store in memory: a commit first `encode`s them, so that none is stored where they do not fit. */
export function createFakeFacts() {
  const stored = new Map<string, KeyedRow[]>();
  const nameOf = (run: RunKey) => `${runPartition(run)}\n${factsKeys(run).from}`;
  return {
    encode: (run: RunKey, facts: RunFacts | null | undefined) => (facts ? encodeFacts(run, facts) : []),
    put: (run: RunKey, rows: KeyedRow[]) => void stored.set(nameOf(run), rows),
    async read(run: RunKey): Promise<RunFacts | null> {
      const place = { table: "Runs", partitionKey: runPartition(run), rowKey: `${factsKeys(run).from}0` };
      return decodeFacts(stored.get(nameOf(run)) ?? [], place);
    },
    delete: (run: RunKey) => void stored.delete(nameOf(run)),
  };
}
