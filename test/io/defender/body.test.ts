import { PassThrough, Readable } from "node:stream";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createIntakes, createPlaces, listLimits } from "../../../shared/io/defender/body.ts";

const never = new AbortController().signal;
const mib = (count: number) => Buffer.alloc(count * 1024 * 1024, " ");

describe("a body", () => {
  test("is taken up to the last byte and value that are allowed", async () => {
    const read = (limits: { bytes: number; values: number }) =>
      createIntakes()().read(Readable.from([Buffer.from("[1,"), Buffer.from("2]")]), limits, never);
    expect(await read({ bytes: 5, values: 3 })).toEqual({ bytes: Buffer.from("[1,2]"), values: 3 });
    expect(await read({ bytes: 4, values: 3 })).toEqual({ problem: "it is larger than 16 MiB" });
    expect(await read({ bytes: 5, values: 2 })).toEqual({ problem: "it has more than 500,000 values" });
  });

  test("that is large waits for a place, and small ones pass it", async () => {
    const openIntake = createIntakes();
    const held = Array.from({ length: 4 }, openIntake);
    for (const intake of held) await intake.read(Readable.from([mib(2)]), listLimits, never);
    let done = false;
    const waiting = openIntake()
      .read(Readable.from([mib(1), mib(1)]), listLimits, never)
      .finally(() => {
        done = true;
      });
    await openIntake().read(Readable.from([mib(1)]), listLimits, never);
    expect(done).toBe(false);
    held[0]?.close();
    expect(await waiting).toMatchObject({ values: 1 });
  });

  test("that never ends keeps its place no longer than its call may last", async () => {
    const openIntake = createIntakes();
    const time = new AbortController();
    const stuck = Array.from({ length: 4 }, async () => {
      const intake = openIntake();
      const stream = new PassThrough({ signal: time.signal });
      stream.write(mib(2));
      await intake.read(stream, listLimits, time.signal).finally(intake.close);
    });
    const gaveUp = new AbortController();
    const late = openIntake();
    const first = late.read(Readable.from([mib(2)]), listLimits, gaveUp.signal);
    const second = openIntake().read(Readable.from([mib(2)]), listLimits, never);
    gaveUp.abort(new Error("gave up"));
    await expect(first).rejects.toThrow("gave up");
    late.close();
    time.abort(new Error("the call took too long"));
    for (const read of stuck) await expect(read).rejects.toThrow();
    expect(await second).toMatchObject({ values: 1 });
  });
});

describe("places", () => {
  test("are given in order, never to more than there are, even if some give up", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom("take" as const, "leave" as const, "give up" as const), { maxLength: 40 }),
        async (steps) => {
          const take = createPlaces(2);
          const waiting: { control: AbortController; number: number }[] = [];
          const taken: { leave: () => void; number: number }[] = [];
          const order: number[] = [];
          const ask = async (number: number) => {
            const entry = { control: new AbortController(), number };
            waiting.push(entry);
            const leave = await take(entry.control.signal).finally(() => waiting.splice(waiting.indexOf(entry), 1));
            taken.push({ leave, number });
            order.push(number);
          };
          const act = {
            take: (number: number) => void ask(number).catch(() => {}),
            leave: () => taken.shift()?.leave(),
            "give up": () => waiting.at(-1)?.control.abort(new Error("gave up")),
          };
          for (const [number, step] of steps.entries()) {
            act[step](number);
            await new Promise(setImmediate);
            expect(taken.length).toBeLessThanOrEqual(2);
            expect(waiting.length === 0 || taken.length === 2).toBe(true);
          }
          expect(order).toEqual(order.toSorted((a, b) => a - b));
        },
      ),
    );
  });
});
