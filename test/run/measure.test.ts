import { describe, expect, test } from "vitest";
import type { Emptiness, Snapshot } from "../../shared/core/snapshot.ts";
import { DefenderError, type ProductFacts } from "../../shared/ports.ts";
import { measure } from "../../shared/run/measure.ts";
import { aKb, aSnapshot } from "../support/builders.ts";

const key = {
  ...{ tenant: "home", softwareId: "microsoft-_-windows_10" },
  ...{ runId: "2026-11-23", day: "2026-11-23", openedAt: "2026-11-23T05:00:00.000Z" },
};
const item = (id: string, machineMissedOn: number | null = 100) => ({ id, machineMissedOn, cveAddressed: 1 });
const complete = ["1", "2", "3", "4"].map((id) => item(id));
const yesterday = aSnapshot({
  runId: "2026-11-22",
  missingKbs: ["1", "2", "3", "4"].map((id) => aKb({ id, machineMissedOn: 100 })),
});
const onDay = (day: string, parts: Partial<Snapshot> = {}) => ({ ...yesterday, runId: day, day, ...parts });

type Answer = readonly unknown[] | DefenderError;
type Facts = Partial<ProductFacts> | DefenderError | null;

/** Gives these answers in turn, the last one for good; counts how often it was asked. */
function defender(answers: readonly Answer[], facts: Facts = { weaknesses: 0 }) {
  const asked = { lists: 0, lookUps: 0 };
  const port: Parameters<typeof measure>[1] = {
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

/** What comes of these answers for a product with this last snapshot. */
function reading(before: Snapshot | null, answers: readonly Answer[], facts?: Facts) {
  const { port, asked } = defender(answers, facts);
  return { snapshot: measure({ key, before }, port), asked };
}

const machinesOf = ({ missingKbs }: Snapshot) =>
  Object.fromEntries(missingKbs.map(({ id, machineMissedOn }) => [id, machineMissedOn]));

const broken = new DefenderError("Defender answered 500.", { permanent: false });
const notFound = new DefenderError("Defender answered 404.", { permanent: false, notFound: true });

describe("measuring a product", () => {
  test("believes an ordinary answer at once, whatever its counts are", async () => {
    const { snapshot, asked } = reading(yesterday, [[...complete.map(({ id }) => item(id, 1)), item("5")]]);
    expect(machinesOf(await snapshot)).toEqual({ 1: 1, 2: 1, 3: 1, 4: 1, 5: 100 });
    expect(asked).toEqual({ lists: 1, lookUps: 0 });
    expect((await snapshot).differed).toBeUndefined();
  });

  test("believes a first answer with KBs at once", async () => {
    const { snapshot, asked } = reading(null, [complete]);
    expect((await snapshot).missingKbs).toHaveLength(4);
    expect(asked).toEqual({ lists: 1, lookUps: 0 });
  });
});

describe("where a KB vanished, measuring", () => {
  test("reads again, and calls gone what neither answer lists", async () => {
    const { snapshot, asked } = reading(yesterday, [complete.slice(1)]);
    expect(Object.keys(machinesOf(await snapshot))).toEqual(["2", "3", "4"]);
    expect((await snapshot).gone).toMatchObject([{ id: "1", goneOn: "2026-11-23" }]);
    expect((await snapshot).differed).toBeUndefined();
    expect(asked).toEqual({ lists: 2, lookUps: 0 });
  });

  test("lists what either answer lists, with the second's counts where both do, and notes that they differed", async () => {
    const first = [item("1", 7), item("2", 7), item("8", 3)];
    const second = [item("2", 9), item("3", 9)];
    const { snapshot, asked } = reading(yesterday, [first, second]);
    expect(machinesOf(await snapshot)).toEqual({ 1: 7, 2: 9, 3: 9, 8: 3 });
    expect((await snapshot).gone.map(({ id }) => id)).toEqual(["4"]);
    expect((await snapshot).differed).toBe(true);
    expect(asked).toEqual({ lists: 2, lookUps: 0 });
  });

  test("takes the complete second answer after a short one", async () => {
    const { snapshot } = reading(yesterday, [[item("1")], complete]);
    expect(await snapshot).toMatchObject({ differed: true, gone: [] });
    expect((await snapshot).missingKbs).toHaveLength(4);
  });

  test("lists what the first answer lists where the second is empty, whatever else is open", async () => {
    const { snapshot, asked } = reading(yesterday, [complete.slice(1), []], { weaknesses: 41 });
    expect(Object.keys(machinesOf(await snapshot))).toEqual(["2", "3", "4"]);
    expect(await snapshot).toMatchObject({ differed: true, gone: [{ id: "1" }] });
    expect(asked).toEqual({ lists: 2, lookUps: 0 });
  });

  test("reads again where it fell to 0 machines, and believes two zeros", async () => {
    const zero = [item("1", 0), ...complete.slice(1)];
    const { snapshot, asked } = reading(yesterday, [zero]);
    expect((await snapshot).gone.map(({ id }) => id)).toEqual(["1"]);
    expect(asked.lists).toBe(2);
    const once = await reading(yesterday, [zero, complete]).snapshot;
    expect(machinesOf(once)).toMatchObject({ 1: 100 });
    const late = await reading(yesterday, [complete.slice(1), [item("1", 0), ...complete.slice(1)]]).snapshot;
    expect(late.gone.map(({ id }) => id)).toEqual(["1"]);
  });

  test("does not take an unknown count for gone", async () => {
    const { snapshot, asked } = reading(yesterday, [[item("1", null), ...complete.slice(1)]]);
    expect(machinesOf(await snapshot)).toMatchObject({ 1: null });
    expect(asked.lists).toBe(1);
  });

  test("goes by the tenant's last snapshot, not by what a watchlist reported", async () => {
    const without = aSnapshot({ ...yesterday, missingKbs: yesterday.missingKbs.slice(1) });
    expect(await reading(without, [complete.slice(1)]).snapshot).toMatchObject({ gone: [] });
  });

  test.each([
    ["second answer", [[item("1")], broken], {}],
    ["second answer after an empty one", [[], broken], {}],
    ["look-up", [[]], broken],
  ])("believes nothing if the %s fails", async (_, answers, facts) => {
    await expect(reading(yesterday, answers, facts).snapshot).rejects.toBe(broken);
  });
});

describe("an empty list", () => {
  test("is read again and looked up once where KBs vanished", async () => {
    const { snapshot, asked } = reading(yesterday, [[]]);
    expect((await snapshot).emptiness).toEqual({ verdict: "clean", checkedOn: "2026-11-23" });
    expect((await snapshot).gone).toHaveLength(4);
    expect(asked).toEqual({ lists: 2, lookUps: 1 });
  });

  test("is not one where a second answer lists KBs", async () => {
    const { snapshot, asked } = reading(yesterday, [[], complete]);
    expect((await snapshot).missingKbs).toHaveLength(4);
    expect(asked).toEqual({ lists: 2, lookUps: 0 });
  });

  test("is not one where Defender lists its KBs on 0 machines: these are resolved, whatever else is open", async () => {
    const zeros = complete.map(({ id }) => item(id, 0));
    const { snapshot, asked } = reading(yesterday, [zeros], { weaknesses: 41 });
    expect(await snapshot).toMatchObject({ missingKbs: [], gone: { length: 4 } });
    expect((await snapshot).emptiness).toBeUndefined();
    expect(asked).toEqual({ lists: 2, lookUps: 0 });
  });

  test.each([
    ["still has weaknesses", { weaknesses: 41 }],
    ["does not say", { weaknesses: null }],
    ["is not found", null],
  ])("is not taken for resolved if the product %s", async (_, facts) => {
    const { snapshot } = reading(yesterday, [[]], facts);
    await expect(snapshot).rejects.toThrow(DefenderError);
    await expect(snapshot).rejects.toMatchObject({ permanent: false, notFound: false });
  });

  test("over open weaknesses counts as not read for seven days, then as not patched by KBs", async () => {
    await expect(reading(onDay("2026-11-16"), [[]], { weaknesses: 41 }).snapshot).rejects.toThrow(
      "not taken as resolved",
    );
    const snapshot = await reading(onDay("2026-11-15"), [[]], { weaknesses: 41 }).snapshot;
    expect(snapshot).toMatchObject({ missingKbs: [], emptiness: { verdict: "not-kb-patched" } });
    expect(snapshot.gone.every((kb) => kb.unexplained)).toBe(true);
  });

  const empty = (verdict: Emptiness["verdict"], checkedOn: string) =>
    onDay("2026-11-22", { missingKbs: [], emptiness: { verdict, checkedOn } });

  test.each(["clean", "not-kb-patched"] as const)(
    "that stays %s is looked up again after seven days, and costs one call on each other day",
    async (verdict) => {
      const recent = reading(empty(verdict, "2026-11-16"), [[]]);
      expect((await recent.snapshot).emptiness).toEqual({ verdict, checkedOn: "2026-11-16" });
      expect(recent.asked).toEqual({ lists: 1, lookUps: 0 });
      const old = reading(empty(verdict, "2026-11-15"), [[]]);
      expect((await old.snapshot).emptiness?.checkedOn).toBe("2026-11-23");
      expect(old.asked).toEqual({ lists: 1, lookUps: 1 });
    },
  );

  test.each([
    ["clean", 41, "not-kb-patched"],
    ["not-kb-patched", 0, "clean"],
  ] as const)("goes from %s with %d weaknesses to %s", async (before, weaknesses, after) => {
    const snapshot = await reading(empty(before, "2026-11-15"), [[]], { weaknesses }).snapshot;
    expect(snapshot.emptiness).toEqual({ verdict: after, checkedOn: "2026-11-23" });
  });

  test("of a product that Defender does not find could not be read", async () => {
    const { snapshot } = reading(empty("clean", "2026-11-15"), [[]], null);
    await expect(snapshot).rejects.toMatchObject({ name: "DefenderError", permanent: false });
  });
});

describe("a first answer", () => {
  test("that is empty without weaknesses is believed at once", async () => {
    const { snapshot, asked } = reading(null, [[]]);
    expect(await snapshot).toMatchObject({ missingKbs: [], emptiness: { verdict: "clean" } });
    expect(asked).toEqual({ lists: 1, lookUps: 1 });
  });

  test("that is empty over open weaknesses is read again, and the list that then comes is believed", async () => {
    const { snapshot, asked } = reading(null, [[], complete], { weaknesses: 5 });
    expect((await snapshot).missingKbs).toHaveLength(4);
    expect((await snapshot).emptiness).toBeUndefined();
    expect((await snapshot).differed).toBe(true);
    expect(asked).toEqual({ lists: 2, lookUps: 1 });
  });

  test("that is empty twice over open weaknesses is not patched by KBs", async () => {
    const { snapshot, asked } = reading(null, [[]], { weaknesses: 41 });
    expect(await snapshot).toMatchObject({ missingKbs: [], emptiness: { verdict: "not-kb-patched" } });
    expect(asked).toEqual({ lists: 2, lookUps: 1 });
  });

  test("that could not be read a second time is not believed", async () => {
    await expect(reading(null, [[], broken], { weaknesses: 5 }).snapshot).rejects.toBe(broken);
  });
});

describe("a 404", () => {
  test("to both calls is an unknown id, for good, where the product was never read", async () => {
    const { snapshot, asked } = reading(null, [notFound], null);
    await expect(snapshot).rejects.toMatchObject({ permanent: true, notFound: true });
    await expect(snapshot).rejects.toThrow("correct the watchlist");
    expect(asked).toEqual({ lists: 1, lookUps: 1 });
  });

  test("to both calls passes where the product was read before", async () => {
    const { snapshot } = reading(yesterday, [notFound], null);
    await expect(snapshot).rejects.toMatchObject({ permanent: false, notFound: true });
  });

  test.each([null, yesterday])(
    "to one call is a passing failure, whether it was read before or not",
    async (before) => {
      const { snapshot, asked } = reading(before, [notFound], { weaknesses: 3 });
      await expect(snapshot).rejects.toMatchObject({ permanent: false, notFound: false, message: notFound.message });
      expect(asked.lookUps).toBe(1);
    },
  );

  test("says nothing of the id where the other call fails", async () => {
    await expect(reading(null, [notFound], broken).snapshot).rejects.toBe(broken);
  });
});

describe("an item without an id", () => {
  test("alone makes a failed read", async () => {
    await expect(reading(yesterday, [[{ id: null }, {}]]).snapshot).rejects.toThrow("in which no item names a KB");
  });

  test("may be any KB that is absent: none is taken for resolved on the day an item became unusable", async () => {
    const answers = [[item("1"), item("2"), item("3"), { id: null }]];
    const kept = (await reading(yesterday, answers).snapshot).missingKbs.at(-1);
    expect(kept).toMatchObject({ id: "4", machineMissedOn: null, cveAddressed: null, peak: 100 });
    const steady = await reading({ ...yesterday, unusable: 1 }, answers).snapshot;
    expect(steady.missingKbs.map(({ id }) => id)).toEqual(["1", "2", "3"]);
  });
});
