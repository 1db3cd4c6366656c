import pMap from "p-map";
import type { AlertKey, ExploitedAlert } from "../core/alert.ts";
import { cancelled, isOwed, sendNumber, withoutDeadClaim } from "../core/mail.ts";
import type { Chain } from "../core/message.ts";
import type { Watchlist } from "../core/watchlist.ts";
import { type OutgoingMail, type Ports, RowError } from "../ports.ts";
import { removedReason } from "./known-watchlists.ts";
import { renderOptions } from "./load-report.ts";
import { fieldsOf, type Letter, mailLogs } from "./send-mail.ts";
import { unlessDamaged } from "./unless-damaged.ts";

const concurrency = 8;

/** The mail of an alert. */
export function alertLetter(alert: ExploitedAlert, watchlist: Watchlist, { store }: Ports): Letter<ExploitedAlert> {
  return {
    named: namesOf(alert),
    owedSince: alert.openedAt,
    // It is no digest: none counts from it, and it counts from none.
    since: null,
    async read() {
      const stored = await store.readAlert(alert);
      return stored && { row: stored.alert, version: stored.version };
    },
    save: (version, mail) => store.updateAlertMail(alert, version, mail),
    compose: (row, ports) => compose(row, watchlist, ports),
  };
}

function namesOf({ tenant, watchlist, cve }: AlertKey): Letter<ExploitedAlert>["named"] {
  return { tenant, watchlist, cve };
}

async function compose(alert: ExploitedAlert, watchlist: Watchlist, ports: Ports): Promise<OutgoingMail> {
  const { tenant, watchlist: name, cve, mail } = alert;
  const { renderAlert } = await import("../render/digest/alert.ts");
  const { mailTo: to, mailTogether: together } = watchlist;
  const isRepeat = mail.unknownOutcomes > 0;
  const rendered = renderAlert(alert, renderOptions(ports, watchlist));
  return {
    tenant,
    watchlist: name,
    cve,
    sendKey: sendKey(alert),
    isRepeat,
    to,
    together,
    attachments: [],
    ...rendered,
  };
}

// A digest's key has a run id in the third place, which no CVE is.
function sendKey({ tenant, watchlist, cve, openedAt, mail }: ExploitedAlert): string {
  return JSON.stringify([tenant, watchlist, cve, openedAt, sendNumber(mail)]);
}

/** Cancels an alert's mail, unless a process is sending it. */
export async function cancelAlert(alert: ExploitedAlert, reason: string, { store, now, log }: Ports): Promise<void> {
  const stored = await store.readAlert(alert);
  if (!stored) return;
  const mail = withoutDeadClaim(stored.alert.mail, now());
  if (mail.status !== "pending") return;
  const dropped = cancelled(mail, now(), reason);
  if (await store.updateAlertMail(alert, stored.version, dropped))
    log("info", mailLogs.cancelled, fieldsOf({ named: namesOf(alert) }, dropped));
}

/** Cancels the alerts that a removed watchlist owes: they would be no news any more once it is configured again. */
export async function cancelAlerts(chain: Chain, ports: Ports): Promise<void> {
  const alerts = await listAlerts(chain, ports);
  const owed = alerts.filter(({ mail }) => isOwed(mail));
  await pMap(owed, (alert) => cancelAlert(alert, removedReason, ports), { concurrency });
}

/** A watchlist's alerts; none where a row is damaged, which delivery reports. */
export async function listAlerts(
  chain: Chain,
  { store, log }: Pick<Ports, "store" | "log">,
): Promise<readonly ExploitedAlert[]> {
  const alerts = await unlessDamaged(store.listAlerts(chain));
  if (!(alerts instanceof RowError)) return alerts;
  log("error", "alerts not read", { ...chain, reason: alerts.message });
  return [];
}
