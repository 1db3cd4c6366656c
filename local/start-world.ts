import { estateFacts, estateTrouble } from "./advisory-data.ts";
import { createEstate } from "./estate.ts";
import { daysBefore, playDay, runToday } from "./play.ts";
import { type Running, type StartFlags, startLocalHost } from "./start-host.ts";
import { startWorld } from "./world.ts";

const pastDays = 30;

/** Runs the app in a simulated world: thirty days of history, then today. */
export async function startWithWorld(flags: StartFlags): Promise<Running> {
  console.log("Starting a simulated tenant, its storage, advisory feeds and an inbox …");
  const today = new Date().toISOString().slice(0, 10);
  const estate = createEstate({ seed: 7, today });
  const advisories = { ...estateFacts(today), trouble: estateTrouble(today) };
  const world = await startWorld({ estate, advisories, inboxPort: flags.once ? 0 : 7072 });
  const { softwareIds, addedToday } = estate;
  const hostWatching = (ids: readonly string[]) =>
    startLocalHost(flags, { ...world.settings, SOFTWARE_IDS: ids.join(",") }, world.storageConnectionString);

  const past = await hostWatching(softwareIds.filter((id) => id !== addedToday));
  const days = daysBefore(today, pastDays);
  for (const [index, day] of days.entries()) {
    const mails = world.inbox.mails.length;
    await playDay(past, world, day);
    const subject = world.inbox.mails.length > mails ? world.inbox.mails.at(-1)?.subject : "nothing got worse, no mail";
    console.log(`Day ${String(index + 1).padStart(2)} of ${days.length}, ${day}: ${subject}`);
  }
  await past.close();
  await world.turnTo(null);

  console.log(`Today, ${today}:`);
  const host = await hostWatching(softwareIds);
  await runToday(host);
  console.log(`\n${world.inbox.mails.at(-1)?.text ?? "No mail today: nothing got worse."}`);
  return {
    host,
    inboxUrl: world.inbox.url,
    close: async () => {
      await host.close();
      await world.close();
    },
  };
}
