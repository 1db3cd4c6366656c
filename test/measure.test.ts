import { describe, expect, test } from "vitest";
import { measure } from "../shared/measure.ts";
import { type Defender, DefenderError, type SoftwareFacts } from "../shared/ports.ts";
import { aKb, aSnapshot } from "./support/builders.ts";

const key = { tenant: "home", softwareId: "microsoft-_-windows_10", runId: "2026-11-23" };
const item = (id: string, machineMissedOn = 100) => ({ id, machineMissedOn, cveAddressed: 1 });
const four = aSnapshot({ missingKbs: ["1", "2", "3", "4"].map((id) => aKb({ id, machineMissedOn: 100 })) });

/** Answers one after the other, the last one for good; tells how often it was asked. */
function defender(answers: (readonly unknown[])[], facts: Partial<SoftwareFacts> | null = { weaknesses: 0 }) {
  const asked = { lists: 0, lookUps: 0 };
  const port: Defender = {
    getMissingKbs: async () => answers[Math.min(asked.lists++, answers.length - 1)] ?? [],
    getSoftware: async (_tenant, id) => {
      asked.lookUps += 1;
      return facts && { id, weaknesses: null, exposedMachines: null, ...facts };
    },
  };
  return { port, asked };
}

describe("measuring a software", () => {
  test("believes an ordinary answer at once", async () => {
    const { port, asked } = defender([[item("1"), item("2"), item("3"), item("4")]]);
    expect((await measure(key, four, port)).missingKbs).toHaveLength(4);
    expect(asked).toEqual({ lists: 1, lookUps: 0 });
  });

  test("reads a list that lost more than half again, and takes the second answer", async () => {
    const whole = [item("1"), item("2"), item("3"), item("4")];
    const { port, asked } = defender([[item("1")], whole]);
    expect((await measure(key, four, port)).missingKbs).toHaveLength(4);
    expect(asked.lists).toBe(2);
    const steady = defender([[item("1")]]);
    expect((await measure(key, four, steady.port)).missingKbs).toHaveLength(1);
  });

  test("believes an emptied list only of a software without weaknesses", async () => {
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
  ])("does not take an emptied list for resolved where the software %s", async (_, facts, permanent) => {
    const reading = measure(key, four, defender([[]], facts).port);
    await expect(reading).rejects.toThrow(DefenderError);
    await expect(reading).rejects.toMatchObject({ permanent });
  });

  test("keeps the first sight of a software that is vulnerable without KBs as just that", async () => {
    const snapshot = await measure(key, null, defender([[]], { weaknesses: 41 }).port);
    expect(snapshot).toMatchObject({ missingKbs: [], emptiness: { verdict: "not-kb-patched" } });
  });

  test("asks about a steadily empty list once a week", async () => {
    const empty = (checkedOn: string) => aSnapshot({ emptiness: { verdict: "clean", checkedOn } });
    const recent = defender([[]]);
    const snapshot = await measure(key, empty("2026-11-17"), recent.port);
    expect(snapshot.emptiness?.checkedOn).toBe("2026-11-17");
    expect(recent.asked.lookUps).toBe(0);
    const old = defender([[]]);
    expect((await measure(key, empty("2026-11-16"), old.port)).emptiness?.checkedOn).toBe("2026-11-23");
    expect(old.asked.lookUps).toBe(1);
  });

  test("takes an answer whose items are all unusable for no answer", async () => {
    await expect(measure(key, four, defender([[{ id: null }, {}]]).port)).rejects.toThrow("none of them names a KB");
  });

  test("does not take a KB for resolved on the day an item became unusable", async () => {
    const { port } = defender([[item("1"), item("2"), item("3"), { id: null }]]);
    const kept = (await measure(key, four, port)).missingKbs.at(-1);
    expect(kept).toMatchObject({ id: "4", machineMissedOn: null, cveAddressed: null, peak: 100 });
    const steady = await measure(key, { ...four, unusable: 1 }, port);
    expect(steady.missingKbs.map(({ id }) => id)).toEqual(["1", "2", "3"]);
  });
});
