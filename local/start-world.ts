import { startDemoWorld } from "./demo-world.ts";
import type { Host } from "./host.ts";
import { daysBefore, playDay, runToday } from "./play.ts";
import { usualPorts } from "./start-flags.ts";
import { type Running, type Start, startLocalHost } from "./start-host.ts";
import type { LocalWorld } from "./world.ts";

const pastDays = 30;

// A month is played in seconds: a day's calls stay within Defender's quotas, a minute's would not.
const anyQuota = { DEFENDER_CALLS_PER_MINUTE: "10000", DEFENDER_CALLS_PER_HOUR: "100000" };

/** Runs the app in a simulated world: thirty days of history, then today. */
export async function startWithWorld({ flags, held, terminal }: Start): Promise<Running> {
  const started = Date.now();
  terminal.progress("Starting a simulated tenant, its storage and an inbox …", "milestone");
  const demo = await startDemoWorld({ reportUrl: held.url, inboxPort: flags.once ? 0 : usualPorts.inbox });
  const { world, today, softwareIds, watchedBefore, settings } = demo;
  const startHost = (port: number, env: Record<string, string>): Promise<Host> => {
    const { storageConnectionString } = world;
    // What is made up needs no key, and so the links in mails work.
    return startLocalHost({ port, env, storageConnectionString, hostKey: null }, terminal.say);
  };

  const past = await startHost(0, { ...settings(watchedBefore), ...anyQuota });
  const days = daysBefore(today, pastDays);
  for (const [index, day] of days.entries()) {
    const subject = await subjectOf(world, () => playDay(past, world, day));
    const mark = (index + 1) % 10 === 0 ? "milestone" : undefined;
    terminal.progress(`Day ${String(index + 1).padStart(2)} of ${days.length}, ${day}: ${subject}`, mark);
  }
  await past.close();

  terminal.progress(`Today, ${today} …`);
  await held.release();
  const host = await startHost(held.port, settings(softwareIds));
  await world.turnTo(new Date(started));
  await runToday(host, { wait: true });
  await world.turnTo(null);
  const seconds = Math.max(1, Math.round((Date.now() - started) / 1_000));
  terminal.say(`Played ${days.length} days and today in ${seconds} s: ${world.inbox.mails.length} mails.\n`);
  return {
    host,
    inboxUrl: world.inbox.url,
    digest: world.inbox.mails.at(-1)?.text ?? "No mail today: nothing got worse.",
    close: async () => {
      await host.close();
      await world.close();
    },
  };
}

/** The subject of the mail that came meanwhile. */
async function subjectOf({ inbox }: LocalWorld, play: () => Promise<void>): Promise<string> {
  const before = inbox.mails.length;
  await play();
  return inbox.mails.length > before ? (inbox.mails.at(-1)?.subject ?? "") : "nothing got worse, no mail";
}
