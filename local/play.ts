import type { OverviewJson } from "../shared/render/export/schemas.ts";
import type { Host } from "./host.ts";
import type { LocalWorld } from "./world.ts";

const dayMs = 86_400_000;

/** The days before `today`, oldest first. */
export function daysBefore(today: string, count: number): string[] {
  const at = Date.parse(today);
  return Array.from({ length: count }, (_, index) => new Date(at - (count - index) * dayMs).toISOString().slice(0, 10));
}

/** Reads the advisory feeds if the app does; what it mails is sent. */
async function refreshAdvisories(host: Host): Promise<void> {
  const name = "refresh-advisories";
  if (!host.registrations.some((one) => one.name === name)) return;
  await host.fireTimer(name);
  await host.drainQueues();
}

/**
 * Plays one day's run: the timers fire at five, and messages that wait are handled without waiting. The feeds are read before
 * it, with what was published the day before, and after it, because its KBs may need further months.
 */
export async function playDay(host: Host, world: LocalWorld, day: string): Promise<void> {
  let instant = new Date(`${day}T05:00:00Z`);
  await world.turnTo(instant);
  await refreshAdvisories(host);
  await host.fireTimer("schedule-runs");
  while ((await host.drainQueues()).waiting > 0) {
    instant = new Date(instant.getTime() + 30 * 60_000);
    if (instant.toISOString().slice(0, 10) !== day) throw new Error(`The run of ${day} did not end on that day.`);
    await world.turnTo(instant);
  }
  await refreshAdvisories(host);
}

/**
 * Plays today's run until its digest is out or was tried once. False: it is not, because messages wait for later; with `wait`
 * this goes on until it is.
 */
export async function runToday(host: Host, { wait }: { wait: boolean }): Promise<boolean> {
  await refreshAdvisories(host);
  await host.fireTimer("schedule-runs");
  for (;;) {
    await host.drainQueues();
    const isDone = await isOver(host);
    if (isDone || !wait) return isDone;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function isOver({ url, key }: Host): Promise<boolean> {
  const answer = await fetch(`${url}/api/overview?format=json`, { headers: { "x-functions-key": key ?? "" } });
  const { timeZone, watchlists } = (await answer.json()) as OverviewJson;
  // As Canadians write it: 2026-11-23.
  const today = new Intl.DateTimeFormat("en-CA", { timeZone }).format(new Date());
  return watchlists.every(
    ({ day, digest }) => day === today && (digest.status !== "waiting" || digest.reason !== null),
  );
}
