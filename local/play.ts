import type { OverviewJson } from "../shared/render/export/schemas.ts";
import type { Host } from "./host.ts";
import type { LocalWorld } from "./world.ts";

const dayMs = 86_400_000;

/** The days before `today`, oldest first. */
export function daysBefore(today: string, count: number): string[] {
  const at = Date.parse(today);
  return Array.from({ length: count }, (_, index) => new Date(at - (count - index) * dayMs).toISOString().slice(0, 10));
}

/** Plays one day's run: the timer fires at five, and messages that wait are handled without waiting. */
export async function playDay(host: Host, world: LocalWorld, day: string): Promise<void> {
  let instant = new Date(`${day}T05:00:00Z`);
  await world.turnTo(instant);
  await host.fireTimer("schedule-runs");
  while ((await host.drainQueues()).waiting > 0) {
    instant = new Date(instant.getTime() + 30 * 60_000);
    if (instant.toISOString().slice(0, 10) !== day) throw new Error(`The run of ${day} did not end on that day.`);
    await world.turnTo(instant);
  }
}

/** Plays today's run in real time, until its digest is out or was tried once. */
export async function runToday(host: Host): Promise<void> {
  await host.fireTimer("schedule-runs");
  for (;;) {
    await host.drainQueues();
    if (await isOver(host)) return;
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
