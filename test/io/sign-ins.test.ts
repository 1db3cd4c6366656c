import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createSignIns } from "../../shared/io/sign-ins.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance", "setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const tenants = (count: number) => Array.from({ length: count }, (_, index) => `tenant-${index}`);
const busy = "Sign-ins to other tenants are throttled. They continue on their own.";

test("those of 500 tenants at once start in order and at most ten a second", async () => {
  const { run } = createSignIns();
  const started: number[] = [];
  const all = tenants(500).map((tenant, index) =>
    run(tenant, async () => {
      started.push(performance.now());
      return index;
    }),
  );
  await vi.advanceTimersByTimeAsync(50_000);
  expect(await Promise.all(all)).toEqual(Array.from({ length: 500 }, (_, index) => index));
  for (const [index, at] of started.entries()) expect(at).toBeGreaterThanOrEqual(100 * index);
});

test("one that would wait for more than a minute says when to come back, and takes no turn", async () => {
  const { run } = createSignIns();
  let signedIn = 0;
  const outcomes = Promise.allSettled(tenants(700).map((tenant) => run(tenant, async () => signedIn++)));
  await vi.advanceTimersByTimeAsync(60_100);
  const refused = (await outcomes).flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
  expect(signedIn).toBe(601);
  expect(refused).toHaveLength(99);
  for (const error of refused) expect(error).toMatchObject({ message: busy, retryAfterSeconds: 61 });
  await run("late", async () => signedIn++);
});

test("one that the service throttles is tried again when it may be, and others wait for ten seconds of that", async () => {
  const { run, throttled } = createSignIns();
  const log: [string, number][] = [];
  const signIn = (tenant: string, refuse: boolean) =>
    run(tenant, async () => {
      log.push([tenant, performance.now()]);
      if (refuse && log.length === 1) {
        throttled(tenant, 30);
        throw new Error("429");
      }
      return tenant;
    });
  const both = Promise.all([signIn("throttled", true), signIn("other", false)]);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(await both).toEqual(["throttled", "other"]);
  expect(log).toEqual([
    ["throttled", 0],
    ["other", 10_000],
    ["throttled", 30_000],
  ]);
});

test.each([3_600, 86_400])(
  "one that is throttled for %i seconds is not waited for, and not tried before",
  async (s) => {
    const { run, throttled } = createSignIns();
    let tried = 0;
    const signIn = () =>
      run("tenant", async () => {
        tried += 1;
        throttled("tenant", s);
        throw new Error("429");
      }).catch((error) => error);
    for (const _ of [1, 2]) expect(await signIn()).toMatchObject({ message: busy, retryAfterSeconds: 3_600 });
    expect(tried).toBe(1);
  },
);

test("one that is throttled again and again gives up after three tries", async () => {
  const { run, throttled } = createSignIns();
  let tried = 0;
  const outcome = run("tenant", async () => {
    tried += 1;
    throttled("tenant", Number.NaN);
    throw new Error("429");
  }).catch((error) => error);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(await outcome).toMatchObject({ message: busy, retryAfterSeconds: 10, cause: new Error("429") });
  expect(tried).toBe(3);
});

test("one that fails for another reason fails at once", async () => {
  const { run } = createSignIns();
  const error = new Error("no consent");
  await expect(run("tenant", () => Promise.reject(error))).rejects.toBe(error);
});
