import fc from "fast-check";
import { expect, test } from "vitest";
import { isScheduled } from "../../shared/core/run-id.ts";
import { serveReasons } from "../../shared/http/health.ts";
import { serveReport } from "../../shared/http/report.ts";
import { advance } from "../../shared/run/advance.ts";
import { ask, request } from "../support/ask.ts";
import { fakeWorld } from "../support/fake-world.ts";
import { anyJson, fuzzing, fuzzRuns, mutated, oddTexts } from "../support/fuzz.ts";

const right = { watchlist: "default", runId: "2026-11-23", openedAt: "2026-11-23T05:00:00.000Z" };

const anyMessage = fc.oneof(
  { weight: 4, arbitrary: mutated(right) },
  { weight: 4, arbitrary: mutated({ ...right, runId: "2026-11-23T10:17Z", mail: true }) },
  {
    weight: 2,
    arbitrary: fc.record({
      watchlist: fc.constantFrom("default", "other"),
      runId: fc.constantFrom(
        "0000-01-01",
        "1969-12-31",
        "2026-11-24",
        "2027-02-28T23:59Z",
        "9999-12-31",
        "0000-01-01T00:00Z",
      ),
      openedAt: fc.constantFrom(
        "0",
        "2026",
        "+275760-09-13T00:00:00.000Z",
        "-271821-04-20T00:00:00.000Z",
        "Mon, 1 Jan 2001",
      ),
      mail: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.oneof(anyJson, fc.constantFrom(...oddTexts)) },
);

test("any message advances a run to its end, or fails by a name and leaves nothing behind", fuzzing, async () => {
  await fc.assert(
    fc.asyncProperty(anyMessage, async (message) => {
      const world = fakeWorld();
      world.answers.set("microsoft-_-windows_10", [{ id: "5041585", machineMissedOn: 7 }]);
      const failure = await advance(message, world.ports).catch((error: unknown) => error);
      const runs = await world.ports.store.listRuns("default");
      if (failure !== undefined) {
        expect(failure).toMatchObject({
          message: expect.stringMatching(/^The queue message does not name a run: it needs /),
        });
        expect([runs, world.inbox, world.reads]).toEqual([[], [], []]);
      }
      expect(runs.length).toBeLessThanOrEqual(1);
      expect(world.inbox.length).toBeLessThanOrEqual(1);
      // A run is done, or its message comes again once.
      expect(world.ports.queue.waiting.length).toBeLessThanOrEqual(1);
      // Anything committed can be reported: no message may leave a row that cannot be read.
      expect([200, 503]).toContain((await serveReasons(request(), world.ports)).status);
      for (const format of ["text", "csv", "html"]) {
        const answer = await ask(request({ format }), (asked) => serveReport(asked, world.ports));
        expect(answer.status).toBe(runs.length > 0 ? 200 : 404);
      }
      for (const run of runs)
        expect(run.mail.status).toBe(isScheduled(run.runId) || world.inbox.length > 0 ? "sent" : "none");
    }),
    {
      numRuns: fuzzRuns(100),
      examples: [
        [null],
        ["[".repeat(50_000)],
        [{ ...right, runId: "0000-01-01" }],
        [{ ...right, runId: "0000-01-01T00:00Z", mail: true }],
        [{ ...right, openedAt: "+275760-09-13T00:00:00.000Z" }],
        [{ ...right, watchlist: "x".repeat(100_000) }],
        [{ ...right, mail: "true" }],
      ],
    },
  );
});
