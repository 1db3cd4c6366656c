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
    instant = new Date(instant.getTime() + 10 * 60_000);
    if (instant.toISOString().slice(0, 10) !== day) throw new Error(`The run of ${day} did not end on that day.`);
    await world.turnTo(instant);
  }
}

/** Plays today's run in real time. */
export async function runToday(host: Host): Promise<void> {
  await host.fireTimer("schedule-runs");
  while ((await host.drainQueues()).waiting > 0) await new Promise((resolve) => setTimeout(resolve, 500));
}
