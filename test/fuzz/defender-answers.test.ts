import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { readMissingKbs } from "../../shared/core/missing-kb.ts";
import { lacksKbs, mergeReadings, type Snapshot, takeSnapshot } from "../../shared/core/snapshot.ts";
import { createDefender } from "../../shared/io/defender/defender.ts";
import { decodeSnapshot, encodeSnapshot } from "../../shared/io/storage/rows.ts";
import { DefenderError, TooLargeError } from "../../shared/ports.ts";
import { measure } from "../../shared/run/measure.ts";
import { anyJson, anyText, fuzzing, fuzzRuns, mutated, mutatedText } from "../support/fuzz.ts";
import { type HttpServer, type ScriptedAnswer, startHttpServer } from "../support/http-server.ts";

const item = {
  id: "4540673",
  name: "March 2020 Security Updates",
  productsNames: ["edge", "windows_10"],
  url: "https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB4540673",
  machineMissedOn: 240,
  cveAddressed: 14,
};
const items = [
  item,
  { ...item, id: "5041585", machineMissedOn: null },
  { ...item, id: 5066835, osBuild: "22631.4037" },
];

const key = {
  ...{ tenant: "home", softwareId: "microsoft-_-windows_10", runId: "2026-11-23", day: "2026-11-23" },
  openedAt: "2026-11-23T05:00:00.000Z",
};
const place = { table: "Snapshots", partitionKey: "p", rowKey: key.runId };
const before = takeSnapshot({ ...key, runId: "2026-11-22", day: "2026-11-22" }, readMissingKbs(items), null);

/** Stored and read again it is the same, or it is refused as too large. */
function expectStored(snapshot: Snapshot): void {
  try {
    expect(decodeSnapshot(key, encodeSnapshot(snapshot), place)).toEqual(snapshot);
  } catch (error) {
    if (!(error instanceof TooLargeError)) throw error;
  }
}

describe("a list of anything", fuzzing, () => {
  test("is read into KBs that are sorted, bounded and stored as they are, every item accounted for", () => {
    fc.assert(
      fc.property(fc.oneof(mutated(items), fc.array(anyJson), fc.array(fc.anything())), (value) => {
        if (!Array.isArray(value)) return;
        const reading = readMissingKbs(value);
        const { missingKbs, unusable } = reading;
        const ids = missingKbs.map(({ id }) => id);
        expect(ids).toEqual([...new Set(ids)].sort());
        expect(missingKbs.length + unusable).toBeLessThanOrEqual(value.length);
        expect(missingKbs.length + unusable > 0).toBe(value.length > 0);
        expect(JSON.stringify(missingKbs)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
        expect(Math.max(0, ...missingKbs.map((kb) => JSON.stringify(kb).length))).toBeLessThan(50_000);
        const second = readMissingKbs(items);
        const both = mergeReadings(reading, second);
        expect(lacksKbs(both, before)).toBe(lacksKbs(second, before) && lacksKbs(reading, before));
        for (const one of [reading, both]) expectStored(takeSnapshot(key, one, before));
      }),
      {
        numRuns: fuzzRuns(400),
        examples: [
          [[null, undefined, [], {}, { id: null }, { id: {} }]],
          [[JSON.parse('{"__proto__": {"id": "1"}, "id": "2"}')]],
          [[{ ...item, name: "\u0000".repeat(1_000_000), productsNames: Array(10_000).fill("x") }]],
          [Array.from({ length: 100_000 }, (_, index) => ({ id: String(index) }))],
          [
            [
              {
                get id() {
                  return "1";
                },
                machineMissedOn: -0,
              },
            ],
          ],
        ],
      },
    );
  });
});

describe("an answer of anything", fuzzing, () => {
  let server: HttpServer;
  let answer: ScriptedAnswer;

  beforeAll(async () => {
    server = await startHttpServer(({ path }, _response, index) => {
      // Only the first answer of an example is odd, so that the example ends.
      return index === 0 || path.includes("odd") ? answer : { body: { value: items } };
    });
  });
  afterAll(() => server.close());

  const anyStatus = fc.oneof(
    fc.constantFrom(200, 200, 200, 401, 403, 404, 429, 503),
    fc.integer({ min: 200, max: 599 }),
  );
  const headerText = fc.oneof(
    fc.constantFrom(
      "0",
      "1",
      "-1",
      "1e9",
      "Fri, 31 Dec 9999 23:59:59 GMT",
      "Mon, 23 Nov 2026 05:00:00 GMT",
      "soon",
      "",
    ),
    fc.string({ unit: fc.constantFrom(..."abc019 ;=/,-") }),
  );
  const anyHeaders = fc.record(
    {
      "retry-after": headerText,
      "content-type": fc.oneof(fc.constantFrom("application/json", "text/html"), headerText),
    },
    { requiredKeys: [] },
  );
  const right = { "@odata.context": "x", value: items };
  const anyBody: fc.Arbitrary<unknown> = fc.oneof(
    { weight: 4, arbitrary: mutated(right) },
    { weight: 2, arbitrary: mutatedText(JSON.stringify(right)) },
    { weight: 2, arbitrary: fc.record({ value: fc.constant(items), "@odata.nextLink": anyText }) },
    { weight: 2, arbitrary: mutated({ error: { code: "Forbidden", message: "No Tvm license", target: "1" } }) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
    { weight: 1, arbitrary: mutated({ id: "a-_-b", weaknesses: 3, exposedMachines: "7" }) },
  );

  const timing = {
    retries: [0],
    notFoundPauses: [0],
    throttle: 1,
    longestThrottle: 1_000,
    patience: 20,
    call: 5_000,
    tokenFailure: 0,
  };
  const token = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJhLXRva2VuIn0.dGhhdC1ub2JvZHktbWF5LXNlZQ";
  const credential = () => ({ getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) });

  test("is a list, a snapshot or a named fault in one clear sentence, and gives no token away", async () => {
    await fc.assert(
      fc.asyncProperty(anyStatus, anyHeaders, anyBody, async (status, headers, body) => {
        answer = { status, headers, body };
        server.requests.length = 0;
        const options = {
          baseUrl: server.url,
          scope: "x/.default",
          callsPerMinute: 1_000,
          callsPerHour: 10_000,
          timing,
        };
        const defender = createDefender({ ...options, credential });
        const outcomes = await Promise.allSettled([
          measure({ key, before }, defender),
          ...[1, 2].map(() => defender.getSoftware("home", "odd-_-one")),
        ]);
        for (const outcome of outcomes) {
          if (outcome.status === "fulfilled") continue;
          expect(outcome.reason).toBeInstanceOf(DefenderError);
          expect(outcome.reason.message).toMatch(/^[^\p{Cc}\p{Cf}]{10,600}\.$/u);
          expect(`${outcome.reason.message} ${outcome.reason.cause}`).not.toContain(token);
        }
        expect(server.requests.length).toBeLessThan(30);
      }),
      {
        numRuns: fuzzRuns(150),
        examples: [
          [200, {}, { value: null }],
          [200, {}, { value: items, "@odata.nextLink": "https://evil.example/" }],
          [200, { "content-type": "application/json" }, "[".repeat(100_000)],
          [200, { "content-type": "application/json" }, `{"value":[${'{"id":'.repeat(20_000)}`],
          [200, { "content-type": "application/json" }, '{"value":[],"value":[{"id":"1"}]}'],
          [401, {}, { error: { code: token, message: `license Bearer ${token}`, target: token } }],
          [429, { "retry-after": "1e999" }, ""],
          [204, {}, ""],
          [304, {}, ""],
          [429, { "retry-after": "0" }, ""],
        ],
      },
    );
  });
});

/** Eight answers at once to a process with a heap of this size; in MiB, the memory that they took on top of Node. */
async function readEight(body: Buffer, heapMib: number): Promise<{ failures: string[]; tookMib: number }> {
  const allAsked = Promise.withResolvers<void>();
  const server = await startHttpServer(async ({ path }, _response, index) => {
    if (path.includes("small")) return { body: { value: [] } };
    // Four are under way at once for a tenant.
    if (index === 4) allAsked.resolve();
    await allAsked.promise;
    return { headers: { "content-type": "application/json" }, body };
  });
  onTestFinished(() => server.close());
  const script = fileURLToPath(new URL("../support/large-answers-child.ts", import.meta.url));
  const child = await promisify(execFile)(process.execPath, [`--max-old-space-size=${heapMib}`, script, server.url]);
  const { failures, bareMib, peakMib } = JSON.parse(child.stdout);
  expect(failures).toHaveLength(8);
  return { failures, tookMib: peakMib - bareMib };
}

describe("eight large answers at once", () => {
  test("of 100 MB are given up at 16 MiB each, and no more than four of them are in memory", async () => {
    const { failures, tookMib } = await readEight(Buffer.alloc(100_000_000, " "), 128);
    for (const failure of failures) expect(failure).toMatch(/^DefenderError: .*it is larger than 16 MiB\.$/);
    // The limit, and as much again for sockets and uncollected garbage.
    expect(tookMib).toBeLessThan(4 * 16 * 2);
  });

  test("of ten million items are given up at 500,000 values each, before they are parsed", async () => {
    const { failures, tookMib } = await readEight(Buffer.from(`{"value":[{}${",{}".repeat(10_333_333)}]}`), 128);
    for (const failure of failures) expect(failure).toMatch(/^DefenderError: .*more than 500,000 values\.$/);
    expect(tookMib).toBeLessThan(100);
  });

  test("of as much as is allowed fit in a small instance, even if each item has a shape of its own", async () => {
    const items = Array.from({ length: 249_000 }, (_, index) => `{"k${index}":1}`);
    const { failures, tookMib } = await readEight(Buffer.from(`{"value":[${items.join(",")}]}`), 1_024);
    expect(failures).toEqual(Array(8).fill(""));
    expect(tookMib).toBeLessThan(768);
  });
});
