import { beforeEach, expect, test } from "vitest";
import { createCatalogue, type ReadCatalogue } from "../../../shared/io/advisories/catalogue.ts";
import type { Store } from "../../../shared/ports.ts";
import { aMonth, someKev, someState } from "../../support/advisories-contract.ts";
import { createFakeStore } from "../../support/fake-store.ts";

let store: Store;
let now: number;
let reads: number;
let logged: unknown[];
let read: ReadCatalogue;

const log = (...line: unknown[]) => void logged.push(line);
const kbsKnown = async () => [...((await read(log))?.kbs.keys() ?? [])];

beforeEach(() => {
  store = createFakeStore();
  [now, reads, logged] = [Date.parse("2026-11-23T05:00:00Z"), 0, []];
  const readAdvisories = () => {
    reads += 1;
    return store.readAdvisories();
  };
  read = createCatalogue({ readAdvisories }, () => new Date(now));
});

test("nothing is known before a feed has answered", async () => {
  expect(await read(log)).toBeNull();
  await store.saveFeed("msrc", { ...someState, readAt: null });
  now += 60_001;
  expect(await read(log)).toBeNull();
});

test("what is known comes from all months and from CISA's catalogue, with when they answered", async () => {
  await store.saveMonth(aMonth());
  await store.saveMonth(aMonth({ id: "2026-Oct" }));
  await store.saveFeed("msrc", someState);
  await store.saveKev(someKev, { ...someState, readAt: "2026-11-23T04:00:00.000Z" });
  const catalogue = await read(log);
  expect(catalogue?.kbs.get("5070001")).toEqual(aMonth().kbs[0]);
  expect([...(catalogue?.kev.values() ?? [])]).toEqual(someKev);
  expect(catalogue?.readAt).toEqual({ msrc: someState.readAt, kev: "2026-11-23T04:00:00.000Z" });
});

test("it is read once a minute, however many ask", async () => {
  await store.saveMonth(aMonth());
  await Promise.all([kbsKnown(), kbsKnown()]);
  now += 60_000;
  await kbsKnown();
  expect(reads).toBe(1);
  await store.saveMonth(aMonth({ kbs: [] }));
  now += 1;
  expect(await kbsKnown()).toEqual([]);
  now -= 3_600_000;
  await kbsKnown();
  expect(reads).toBe(3);
});

test("what was known before is given where it cannot be read, and each caller logs that", async () => {
  await store.saveMonth(aMonth());
  const known = await kbsKnown();
  const { readAdvisories } = store;
  store.readAdvisories = async () => {
    throw new Error("GET /Advisories() failed.");
  };
  now += 60_001;
  expect(await Promise.all([kbsKnown(), kbsKnown()])).toEqual([known, known]);
  const line = ["error", "catalogue could not be read", { reason: "GET /Advisories() failed." }];
  expect(logged).toEqual([line, line]);
  store.readAdvisories = readAdvisories;
  await store.saveMonth(aMonth({ kbs: [] }));
  expect(await kbsKnown()).toEqual([]);
});

test("nothing is known where it could never be read", async () => {
  store.readAdvisories = async () => {
    throw new Error("GET /Advisories() failed.");
  };
  expect(await read(log)).toBeNull();
});
