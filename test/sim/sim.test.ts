import { describe, expect, test } from "vitest";
import { planOf } from "./estate.ts";
import { seedsOfFaults } from "./seeds.ts";
import { simulate } from "./simulate.ts";

/** About 10 seconds with the seeds of faults; `npm run test:sim` plays as many as one likes. */
const seeds = [1, 2, 3, 4, 5, 6, 7, 8];
const days = 25;

describe("what people see is what the rules say", () => {
  test.each(seeds)(`over ${days} days of seed %i`, { timeout: 120_000 }, async (seed) => {
    const { failures } = await simulate(planOf(seed, days));
    expect(failures).toEqual([]);
  });

  test.each(seedsOfFaults)(
    "over $days days of seed $seed, which once found that $fault",
    { timeout: 120_000 },
    async ({ seed, days }) => {
      const { failures, moments } = await simulate(planOf(seed, days));
      expect([failures, moments]).toEqual([[], days]);
    },
  );

  test("and the same seed gives the same trace", { timeout: 120_000 }, async () => {
    const [once, again] = [await simulate(planOf(1, 20)), await simulate(planOf(1, 20))];
    expect(again).toEqual(once);
    process.stdout.write(`${once.hash}: ${once.entries} entries in ${once.runs} runs\n`);
  });
});
