import * as z from "zod/mini";
import { feedNames } from "../../core/advisory.ts";
import type { AlertGap, AlertKey, ExploitedAlert } from "../../core/alert.ts";
import type { Chain } from "../../core/message.ts";
import {
  absent,
  type Columns,
  count,
  day,
  encodeKey,
  fits,
  gather,
  instant,
  type KeyedRow,
  knownCount,
  type RowPlace,
  read,
  schemaVersion,
  spread,
} from "./row.ts";
import { encodeMail, mailColumns, runPartition, unpackMail } from "./rows.ts";

/*
 * Alerts in rows of Runs, beside the runs of their watchlist, version 1. In JSON:
 *
 * gaps [[KB id, name, url, softwareId, machineMissedOn, firstSeen, readOn], …]
 */

/** Where the keys of all alerts of a watchlist begin, and the first beyond them. */
export const alertKeys = { from: "alert|", below: "alert}" };

export function alertRowKey({ cve }: Pick<AlertKey, "cve">): string {
  return `${alertKeys.from}${encodeKey(cve)}`;
}

/** An alert; gaps that do not fit are counted. */
export function encodeAlert(alert: ExploitedAlert): KeyedRow {
  const { cve, sources, since, ransomware, openedAt, gaps, more, mail } = alert;
  const row = {
    ...{ partitionKey: runPartition(alert), rowKey: alertRowKey(alert), schemaVersion },
    ...{ cve, sources: sources.join(), ransomware, openedAt },
    ...(since !== null && { since }),
    ...encodeMail(mail),
  };
  for (let kept = gaps; ; kept = kept.slice(0, Math.floor(kept.length / 2))) {
    const complete = { ...row, more: more + gaps.length - kept.length, ...spread("gaps", kept.map(packGap)) };
    if (kept.length === 0 || fits(complete)) return complete;
  }
}

function packGap({ id, name, url, softwareId, machineMissedOn, firstSeen, readOn }: AlertGap) {
  return [id, name, url, softwareId, machineMissedOn, firstSeen, readOn] as const;
}

const packedGaps = z.array(z.tuple([z.string(), z.string(), z.nullable(z.string()), z.string(), knownCount, day, day]));
const feed = z.enum(feedNames);
const alertColumns = z.object({
  ...{ cve: z.string(), sources: z.string(), since: absent(day), ransomware: z.boolean() },
  ...{ openedAt: instant, more: count },
  ...mailColumns.shape,
});

const lostAlert = "Delete it: its mail is then not sent, and what it says is in the next report.";

export function decodeAlert({ tenant, watchlist }: Chain, row: Columns, place: RowPlace): ExploitedAlert {
  return read(row, place, lostAlert, (columns) => {
    const { cve, sources, since, ransomware, openedAt, more, ...mail } = alertColumns.parse(columns);
    return {
      ...{ tenant, watchlist, cve, ransomware, openedAt, more },
      sources: sources.split(",").map((name) => feed.parse(name)),
      since: since ?? null,
      gaps: packedGaps.parse(gather("gaps", columns)).map(unpackGap),
      mail: unpackMail(mail),
    };
  });
}

function unpackGap(gap: z.infer<typeof packedGaps>[number]): AlertGap {
  const [id, name, url, softwareId, machineMissedOn, firstSeen, readOn] = gap;
  return { id, name, url, softwareId, machineMissedOn, firstSeen, readOn };
}
