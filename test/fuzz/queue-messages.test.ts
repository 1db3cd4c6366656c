import fc from "fast-check";
import { expect, test } from "vitest";
import { isScheduled } from "../../shared/core/run-id.ts";
import { serveReasons } from "../../shared/http/health.ts";
import { serveReport } from "../../shared/http/report.ts";
import { advance } from "../../shared/run/advance.ts";
import { ask, request } from "../support/ask.ts";
import { handleAll } from "../support/drive.ts";
import { fakeWorld } from "../support/fake-world.ts";
import { anyJson, fuzzing, fuzzRuns, mutated, oddTexts } from "../support/fuzz.ts";

const right = { tenant: "home", runId: "2026-11-23", openedAt: "2026-11-23T05:00:00.000Z" };
const asked = {
  tenant: "home",
  watchlist: "default",
  runId: "2026-11-23T10:17Z",
  openedAt: "2026-11-23T10:17:30.000Z",
};
const delivery = { deliver: { tenant: "home", watchlist: "default" }, openedAt: "2026-11-23T05:00:00.000Z" };
const expiry = { expire: { tenant: "home", day: "2026-11-23" } };

const anyMessage = fc.oneof(
  { weight: 4, arbitrary: mutated(right) },
  { weight: 4, arbitrary: mutated(asked) },
  { weight: 2, arbitrary: mutated(delivery) },
  { weight: 2, arbitrary: mutated(expiry) },
  {
    weight: 2,
    arbitrary: fc.record(
      {
        tenant: fc.constantFrom("home", "other"),
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
      },
      { requiredKeys: ["tenant", "runId", "openedAt"] },
    ),
  },
  { weight: 1, arbitrary: fc.oneof(anyJson, fc.constantFrom(...oddTexts)) },
);

test("any message is carried out, or fails by a name and leaves nothing behind", fuzzing, async () => {
  await fc.assert(
    fc.asyncProperty(anyMessage, fc.boolean(), async (message, mail) => {
      const world = fakeWorld();
      const { store, queue, now } = world.ports;
      world.answers.set("microsoft-_-windows_10", [{ id: "5041585", machineMissedOn: 7 }]);
      await store.addRequest({ ...asked, mail });
      const failure = await advance(message, world.ports).catch((error: unknown) => error);
      const runs = () => store.listRuns({ tenant: "home", watchlist: "default" });
      if (failure !== undefined) {
        expect(failure).toMatchObject({
          message: expect.stringMatching(/^The queue message asks for nothing that this app does: it needs /),
        });
        expect([await runs(), world.inbox, world.reads, queue.waiting]).toEqual([[], [], [], []]);
      }
      expect((await runs()).length).toBeLessThanOrEqual(2);
      // What is not done comes again, and leads to an end.
      await handleAll(world, now().getTime() + 2 * 86_400_000, 100);
      expect(queue.waiting).toEqual([]);
      // Anything committed can be reported: no message may leave a row that cannot be read.
      expect([200, 503]).toContain((await serveReasons(request(), world.ports)).status);
      const committed = await runs();
      for (const format of ["text", "csv", "html"]) {
        const answer = await ask(request({ format }), (asking) => serveReport(asking, world.ports));
        expect(answer.status).toBe(committed.length > 0 ? 200 : 404);
      }
      for (const run of committed) expect(run.mail.status).toBe(isScheduled(run.runId) || mail ? "sent" : "none");
      expect(world.inbox.map(({ runId }) => runId)).toEqual(
        committed.filter((run) => run.mail.status === "sent").map(({ runId }) => runId),
      );
    }),
    {
      numRuns: fuzzRuns(100),
      examples: [
        [null, true],
        ["[".repeat(50_000), true],
        [{ ...right, runId: "0000-01-01" }, true],
        [{ ...right, watchlist: "default" }, true],
        [{ ...asked, runId: "0000-01-01T00:00Z" }, true],
        [{ ...right, openedAt: "+275760-09-13T00:00:00.000Z" }, true],
        [{ ...right, watchlist: "x".repeat(100_000) }, true],
        [{ ...right, tenant: "x".repeat(100_000) }, true],
        [{ ...right, ...delivery, ...expiry }, true],
        [{ expire: { tenant: "home", day: "2999-12-31" } }, true],
        [{ expire: { tenant: "home", day: "2026-11-23T10:17Z" } }, true],
        [asked, true],
        [asked, false],
        [delivery, true],
        [expiry, true],
      ],
    },
  );
});
