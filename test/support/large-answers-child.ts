import { createDefender } from "../../shared/io/defender/defender.ts";

/*
 * Eight reads at once from the server named in the arguments, in their own process, so that its memory is theirs alone.
 * Prints how each failed, and the resident memory before the reads and at its peak, in MiB.
 */
const [, , baseUrl = ""] = process.argv;
const expiresOnTimestamp = Date.now() + 3_600_000;
const defender = createDefender({
  credential: () => ({ getToken: async () => ({ token: "a-token", expiresOnTimestamp }) }),
  ...{ baseUrl, scope: "x/.default", callsPerMinute: 1_000, callsPerHour: 10_000 },
});
// The first read loads the code that all reads need.
await defender.getMissingKbs("home", "small");
const bareMib = process.memoryUsage.rss() / 2 ** 20;
const reads = Array.from({ length: 8 }, (_, index) => defender.getMissingKbs("home", `large-${index}`));
const failures = (await Promise.allSettled(reads)).map((read) => (read.status === "rejected" ? `${read.reason}` : ""));
const peakMib = process.resourceUsage().maxRSS / 2 ** 10;
process.stdout.write(JSON.stringify({ failures, bareMib, peakMib }));
