import { describe, expect, test } from "vitest";
import type { Emptiness } from "../../shared/core/snapshot.ts";
import { type Defender, DefenderError, type ProductFacts } from "../../shared/ports.ts";
import { measure } from "../../shared/run/measure.ts";
import { aKb, aSnapshot } from "../support/builders.ts";

const key = { tenant: "home", softwareId: "microsoft-_-windows_10", runId: "2026-11-23" };
const item = (id: string, machineMissedOn = 100) => ({ id, machineMissedOn, cveAddressed: 1 });
const complete = ["1", "2", "3", "4"].map((id) => item(id));
const four = aSnapshot({ missingKbs: ["1", "2", "3", "4"].map((id) => aKb({ id, machineMissedOn: 100 })) });

/** Gives these answers in turn, the last one for good; counts how often it was asked. */
function defender(
  answers: (readonly unknown[] | DefenderError)[],
  facts: Partial<ProductFacts> | DefenderError | null = { weaknesses: 0 },
) {
  const asked = { lists: 0, lookUps: 0 };
  const port: Defender = {
    getMissingKbs: async () => {
      const answer = answers[Math.min(asked.lists++, answers.length - 1)] ?? [];
      if (answer instanceof DefenderError) throw answer;
      return answer;
    },
    getSoftware: async (_tenant, id) => {
      asked.lookUps += 1;
      if (facts instanceof DefenderError) throw facts;
      return facts && { id, weaknesses: null, exposedMachines: null, ...facts };
    },
  };
  return { port, asked };
}

describe("measuring a product", () => {
  test("believes an ordinary answer at once", async () => {
    const { port, asked } = defender([complete]);
    expect((await measure(key, four, port)).missingKbs).toHaveLength(4);
    expect(asked).toEqual({ lists: 1, lookUps: 0 });
  });

  test("reads a list that lost more than half again, and takes the second answer", async () => {
    const { port, asked } = defender([[item("1")], complete]);
    expect((await measure(key, four, port)).missingKbs).toHaveLength(4);
    expect(asked.lists).toBe(2);
    const steady = defender([[item("1")]]);
    expect((await measure(key, four, steady.port)).missingKbs).toHaveLength(1);
    expect(steady.asked.lists).toBe(2);
  });

  test("reads a list again whose KBs are all there, but on less than half of the machines", async () => {
    const { port, asked } = defender([complete.map(({ id }) => item(id, 20)), complete]);
    const { missingKbs } = await measure(key, four, port);
    expect(missingKbs.map(({ machineMissedOn }) => machineMissedOn)).toEqual([100, 100, 100, 100]);
    expect(asked.lists).toBe(2);
  });

  test("believes a complete list that follows an empty one", async () => {
    const { port, asked } = defender([[], complete]);
    expect((await measure(key, four, port)).missingKbs).toHaveLength(4);
    expect(asked).toEqual({ lists: 2, lookUps: 0 });
  });

  test("looks up a product whose shrunk list is empty when read again", async () => {
    const answers = [[item("1")], []];
    const snapshot = await measure(key, four, defender(answers, { weaknesses: 0 }).port);
    expect(snapshot).toMatchObject({ missingKbs: [], emptiness: { verdict: "clean" } });
    const vulnerable = measure(key, four, defender(answers, { weaknesses: 41 }).port);
    await expect(vulnerable).rejects.toThrow(DefenderError);
  });

  const broken = new DefenderError("Defender answered 500.", { permanent: false });
  test.each([
    ["second reading", defender([[item("1")], broken])],
    ["second reading of an emptied list", defender([[], broken])],
    ["look-up", defender([[]], broken)],
  ])("does not believe a first answer whose %s fails", async (_, { port }) => {
    await expect(measure(key, four, port)).rejects.toBe(broken);
  });

  test("believes an emptied list only of a product without weaknesses", async () => {
    const { port, asked } = defender([[]]);
    const snapshot = await measure(key, four, port);
    expect(snapshot.emptiness).toEqual({ verdict: "clean", checkedOn: "2026-11-23" });
    expect(snapshot.gone).toHaveLength(4);
    expect(asked).toEqual({ lists: 2, lookUps: 1 });
  });

  test.each([
    ["still has weaknesses", { weaknesses: 41 }, false],
    ["does not say", { weaknesses: null }, false],
    ["is unknown to Defender", null, true],
  ])("does not take an emptied list for resolved if the product %s", async (_, facts, permanent) => {
    const reading = measure(key, four, defender([[]], facts).port);
    await expect(reading).rejects.toThrow(DefenderError);
    await expect(reading).rejects.toMatchObject({ permanent });
  });

  test("takes an emptied list over open weaknesses for not patched by KBs after a week", async () => {
    const { port } = defender([[]], { weaknesses: 41 });
    await expect(measure(key, { ...four, runId: "2026-11-17" }, port)).rejects.toThrow("not taken as resolved");
    const snapshot = await measure(key, { ...four, runId: "2026-11-16" }, port);
    expect(snapshot).toMatchObject({ missingKbs: [], emptiness: { verdict: "not-kb-patched" } });
  });

  test("takes a product that is vulnerable without KBs at first sight as just that", async () => {
    const snapshot = await measure(key, null, defender([[]], { weaknesses: 41 }).port);
    expect(snapshot).toMatchObject({ missingKbs: [], emptiness: { verdict: "not-kb-patched" } });
  });

  const empty = (verdict: Emptiness["verdict"], checkedOn: string) => aSnapshot({ emptiness: { verdict, checkedOn } });

  test.each(["clean", "not-kb-patched"] as const)(
    "asks about a steadily empty list that is %s once a week",
    async (verdict) => {
      const recent = defender([[]]);
      const snapshot = await measure(key, empty(verdict, "2026-11-17"), recent.port);
      expect(snapshot.emptiness).toEqual({ verdict, checkedOn: "2026-11-17" });
      expect(recent.asked.lookUps).toBe(0);
      const old = defender([[]]);
      expect((await measure(key, empty(verdict, "2026-11-16"), old.port)).emptiness?.checkedOn).toBe("2026-11-23");
      expect(old.asked.lookUps).toBe(1);
    },
  );

  test.each([
    ["clean", 41, "not-kb-patched"],
    ["not-kb-patched", 0, "clean"],
  ] as const)("takes a steadily empty list from %s with %d weaknesses to %s", async (before, weaknesses, after) => {
    const snapshot = await measure(key, empty(before, "2026-11-16"), defender([[]], { weaknesses }).port);
    expect(snapshot.emptiness).toEqual({ verdict: after, checkedOn: "2026-11-23" });
  });

  test("says so if Defender no longer knows a product whose list is always empty", async () => {
    const reading = measure(key, empty("clean", "2026-11-16"), defender([[]], null).port);
    await expect(reading).rejects.toMatchObject({ name: "DefenderError", permanent: true });
  });

  test("takes a list whose items are all unusable for a failed read", async () => {
    await expect(measure(key, four, defender([[{ id: null }, {}]]).port)).rejects.toThrow(
      "in which no item names a KB",
    );
  });

  test("does not take a KB for resolved on the day an item became unusable", async () => {
    const { port } = defender([[item("1"), item("2"), item("3"), { id: null }]]);
    const kept = (await measure(key, four, port)).missingKbs.at(-1);
    expect(kept).toMatchObject({ id: "4", machineMissedOn: null, cveAddressed: null, peak: 100 });
    const steady = await measure(key, { ...four, unusable: 1 }, port);
    expect(steady.missingKbs.map(({ id }) => id)).toEqual(["1", "2", "3"]);
  });
});
