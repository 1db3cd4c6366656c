import { expect, test } from "vitest";
import { liveHistory } from "./history.ts";

const kills = Number(process.env.CHAOS_KILLS ?? 200);
const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31));

test(`over ${kills} kills every worsening reaches its readers and no others, twice only when in doubt (CHAOS_SEED=${seed})`, {
  timeout: 300_000 + kills * 30_000,
}, async () => {
  const account = await liveHistory(seed, kills);
  process.stdout.write(`${JSON.stringify(account, null, 2)}\n`);
  expect(Object.values(account.kills).reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(kills);
});
