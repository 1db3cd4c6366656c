import type { ExploitedCve } from "../../shared/core/advisory.ts";
import type { ExploitedAlert } from "../../shared/core/alert.ts";
import type { Chain } from "../../shared/core/message.ts";
import type { Watchlist } from "../../shared/core/watchlist.ts";
import type { Ports } from "../../shared/ports.ts";
import { raiseAlerts } from "../../shared/run/raise-alerts.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { aMsrcKb, aWatchlist, chainOf } from "./builders.ts";
import { handleAll } from "./drive.ts";
import { type FakeWorld, fakeWorld } from "./fake-world.ts";

export const windows10 = "microsoft-_-windows_10";
export const windows11 = "microsoft-_-windows_11";

/** The CVE that becomes exploited, and another one. */
export const cve = "CVE-2026-20001";
export const otherCve = "CVE-2026-20002";

/** What MSRC knows: one KB closes both CVEs, one the other alone. */
export const kbs = [
  aMsrcKb("5070001", { cves: [cve, otherCve] }),
  aMsrcKb("5070002", { cves: [otherCve] }),
  aMsrcKb("5070003", { cves: [cve] }),
];

/** Defender's item for a KB. */
export const item = (id: string, machineMissedOn: number) => ({ id, machineMissedOn, cveAddressed: 1 });

/** What CISA says of these CVEs since 23 November. */
export function exploitedNow(...cves: readonly string[]): ReadonlyMap<string, ExploitedCve> {
  const since = "2026-11-23";
  return new Map(cves.map((cve) => [cve, { cve, sources: ["kev"], since, ransomware: true }]));
}

/** Raises the alerts of these CVEs. */
export function raise(ports: Ports, ...cves: readonly string[]): Promise<void> {
  return raiseAlerts(exploitedNow(...(cves.length > 0 ? cves : [cve])), kbs, ports);
}

/** The run of a day, with its digest, and everything that waits until the next day. */
export async function day(world: FakeWorld, date: string, items: Readonly<Record<string, readonly unknown[]>> = {}) {
  world.setClock(`${date}T05:00:00Z`);
  for (const [softwareId, list] of Object.entries(items)) world.answers.set(softwareId, list);
  await scheduleRuns(world.ports);
  await handleAll(world, Date.parse(`${date}T12:00:00Z`));
}

/** A world on 23 November after its run, in which the KB of the exploited CVE is missing on 85 machines. */
export async function exploitedWorld(watchlists: readonly Watchlist[] = [quiet]): Promise<FakeWorld> {
  const world = fakeWorld(watchlists);
  await day(world, "2026-11-23", { [windows10]: [item("5070001", 85), item("5070009", 7)] });
  world.inbox.splice(0);
  world.setClock("2026-11-23T14:17:00Z");
  return world;
}

/** A watchlist without a digest on a quiet day. */
export const quiet = aWatchlist({ heartbeatDay: "none" });

/** The alerts of a watchlist, each CVE with its mail's status. */
export async function alertsOf({ ports }: Pick<FakeWorld, "ports">, chain: Chain = chainOf()): Promise<string[][]> {
  return (await ports.store.listAlerts(chain)).map(({ cve, mail }) => [cve, mail.status]);
}

/** The only alert of a watchlist. */
export async function onlyAlert({ ports }: Pick<FakeWorld, "ports">): Promise<ExploitedAlert> {
  const [alert, ...others] = await ports.store.listAlerts(chainOf());
  if (!alert || others.length > 0) throw new Error("There is not exactly one alert.");
  return alert;
}
