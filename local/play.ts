import type { OverviewJson } from "../shared/render/export/schemas.ts";
import type { Host } from "./host.ts";
import type { LocalWorld } from "./world.ts";

const dayMs = 86_400_000;

/** The app's timers in the order in which a day fires them. */
const timers = ["schedule-runs"];

/** The days before `today`, oldest first. */
export function daysBefore(today: string, count: number): string[] {
  const at = Date.parse(today);
  return Array.from({ length: count }, (_, index) => new Date(at - (count - index) * dayMs).toISOString().slice(0, 10));
}

/** Plays one day's run: the timers fire at five, and messages that wait are handled without waiting. */
export async function playDay(host: Host, world: LocalWorld, day: string): Promise<void> {
  let instant = new Date(`${day}T05:00:00Z`);
  await world.turnTo(instant);
  await fireTimers(host);
  while ((await host.drainQueues()).waiting > 0) {
    instant = new Date(instant.getTime() + 30 * 60_000);
    if (instant.toISOString().slice(0, 10) !== day) throw new Error(`The run of ${day} did not end on that day.`);
    await world.turnTo(instant);
  }
}

/**
 * Plays today's run until its digest is out or was tried once. False: it is not, because messages wait for later; with `wait`
 * this goes on until it is.
 */
export async function runToday(host: Host, { wait }: { wait: boolean }): Promise<boolean> {
  await fireTimers(host);
  for (;;) {
    await host.drainQueues();
    const isDone = await isOver(host);
    if (isDone || !wait) return isDone;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function fireTimers(host: Host): Promise<void> {
  for (const timer of timers) await host.fireTimer(timer);
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
