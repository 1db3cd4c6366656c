import { describe, expect, test } from "vitest";
import type { Mail } from "../../shared/core/mail.ts";
import { summarize } from "../../shared/core/watchlist-status.ts";
import { serveCancelMail, serveResend } from "../../shared/http/resend.ts";
import { deliver } from "../../shared/run/deliver.ts";
import { ask, request } from "../support/ask.ts";
import { aRun, aWatchlist } from "../support/builders.ts";
import { handleAll } from "../support/drive.ts";
import { configured, type FakeWorld, fakeWorld } from "../support/fake-world.ts";

const runId = "2026-11-23";
const chain = { tenant: "home", watchlist: "default" };
const refused: Partial<Mail> = {
  status: "refused",
  attempts: 4,
  unknownOutcomes: 3,
  crashes: 1,
  reason: "Not verified.",
};

/** A world with one run, whose mail is like this. */
async function worldWith(mail: Partial<Mail>): Promise<FakeWorld> {
  const world = fakeWorld();
  const { run, compared } = await aRun({ previousRunId: null });
  const snapshots = compared.flatMap(({ previous, current }) => [previous, current]);
  for (const snapshot of snapshots) if (snapshot) await world.ports.store.addSnapshot(snapshot);
  await world.ports.store.commitRun({ ...run, mail: { ...run.mail, ...mail } }, null);
  return world;
}

const serve = { POST: serveResend, DELETE: serveCancelMail };

function call(
  { ports }: FakeWorld,
  method: keyof typeof serve,
  {
    query = {},
    watchlist = "default",
    id = runId,
  }: { query?: Record<string, string>; watchlist?: string; id?: string } = {},
) {
  const asked = request(query, { method, params: { watchlist, runId: id } });
  return ask(asked, (request) => serve[method](request, ports));
}

async function mailOf({ ports }: FakeWorld): Promise<Mail | undefined> {
  return (await ports.store.readRun(chain, runId))?.run.mail;
}

async function openMails({ ports }: FakeWorld): Promise<string[]> {
  const statuses = await ports.store.listStatuses();
  return statuses.flatMap(({ open }) => open.map(({ mail }) => mail.status));
}

describe("sending a mail again", () => {
  test.each(["refused", "cancelled"] as const)("a %s one begins anew and arrives", async (status) => {
    const world = await worldWith({ ...refused, status, since: null });
    const given = await call(world, "POST", { watchlist: "DEFAULT" });
    expect(given).toMatchObject({
      status: 202,
      headers: { Location: "/api/runs/default/2026-11-23" },
      json: { watchlist: "default", runId, status: "/api/runs/default/2026-11-23" },
    });
    expect(await mailOf(world)).toEqual({
      ...{ status: "pending", at: "2026-11-23T05:00:00.000Z", attempts: 0, unknownOutcomes: 0 },
      ...{ isResent: true, since: null, failedSends: expect.any(Number) },
    });
    expect(world.ports.queue.waiting.map(({ message }) => message)).toMatchObject([{ deliver: chain }]);
    expect(await openMails(world)).toEqual(["pending"]);
    await handleAll(world, Date.parse("2026-11-23T06:00:00Z"));
    expect(world.inbox.map((mail) => mail.runId)).toEqual([runId]);
    expect(await mailOf(world)).toMatchObject({ status: "sent", attempts: 1, isResent: true });
    expect(await openMails(world)).toEqual([]);
  });

  test.each<[Mail["status"], Partial<Mail>, string]>([
    ["none", {}, 'The run 2026-11-23 owes no mail. Start a run that mails instead: POST /api/runs {"mail": true}.'],
    ["pending", {}, "The mail of 2026-11-23 is pending: it is tried again soon. To stop that, DELETE it."],
    [
      "pending",
      { retryAt: "2026-11-23T07:00:00.000Z" },
      "The mail of 2026-11-23 is pending: it is tried again at 2026-11-23T07:00:00.000Z. To stop that, DELETE it.",
    ],
    ["claimed", {}, "The mail of 2026-11-23 is being sent. Look again in ten minutes."],
    ["sending", {}, "The mail of 2026-11-23 is being sent. Look again in ten minutes."],
    [
      "sent",
      { at: "2026-11-23T05:04:00.000Z" },
      'The mail of 2026-11-23 was sent at 2026-11-23T05:04:00.000Z. Start a run that mails instead: POST /api/runs {"mail": true}.',
    ],
  ])("is refused for one that is %s, and says what to do", async (status, more, detail) => {
    const world = await worldWith({ status, ...more });
    const before = await mailOf(world);
    expect(await call(world, "POST")).toMatchObject({ status: 409, json: { detail } });
    expect(await mailOf(world)).toEqual(before);
    expect(world.ports.queue.waiting).toEqual([]);
  });

  test("is possible ten minutes after the process that sent it the third time died", async () => {
    const world = await worldWith({ status: "sending", at: "2026-11-23T05:00:00.000Z", unknownOutcomes: 2 });
    world.setClock("2026-11-23T05:10:00Z");
    expect((await call(world, "POST")).status).toBe(202);
  });

  test("is a 404 for a run that does not exist, and a 400 for what is not a run id or a watchlist", async () => {
    const world = await worldWith(refused);
    expect(await call(world, "POST", { id: "2026-11-22" })).toMatchObject({
      status: 404,
      json: { detail: 'There is no run 2026-11-22 of "default". GET /api/history lists the runs that exist.' },
    });
    expect((await call(world, "POST", { id: "yesterday" })).json).toMatchObject({ status: 400, parameter: "runId" });
    expect((await call(world, "POST", { watchlist: "x" })).json).toMatchObject({ status: 400, parameter: "watchlist" });
    expect((await call(world, "POST", { query: { run: "x" } })).json).toMatchObject({ status: 400, parameter: "run" });
  });

  test("does not become the last digest of later ones", async () => {
    const world = await worldWith({ ...refused, since: null });
    await call(world, "POST");
    await deliver(chain, aWatchlist(), world.ports);
    expect((await world.ports.store.listStatuses())[0]?.lastDigest).toBeNull();
  });

  test("looks again where the row changes meanwhile", async () => {
    const world = await worldWith(refused);
    const { updateMail } = world.ports.store;
    let tries = 0;
    world.ports.store.updateMail = async (...args) => (tries++ === 0 ? false : updateMail(...args));
    expect((await call(world, "POST")).status).toBe(202);
    // Where others change it again and again, the caller learns it.
    world.ports.store.updateMail = async () => false;
    expect((await call(world, "DELETE")).status).toBe(409);
  });
});

describe("cancelling a mail", () => {
  test.each(["pending", "refused", "cancelled"] as const)("makes health forget one that is %s", async (status) => {
    const world = await worldWith({ ...refused, status });
    const given = await call(world, "DELETE");
    expect(given).toMatchObject({ status: 200, json: { watchlist: "default", runId, mail: "cancelled" } });
    expect((await mailOf(world))?.status).toBe("cancelled");
    expect(await openMails(world)).toEqual([]);
    expect(await deliver(chain, aWatchlist(), world.ports)).toBeNull();
    expect(world.inbox).toEqual([]);
  });

  test.each<[Mail["status"], string]>([
    ["none", "The run 2026-11-23 owes no mail, so there is nothing to cancel."],
    ["claimed", "The mail of 2026-11-23 is being sent. Look again in ten minutes."],
    ["sending", "The mail of 2026-11-23 is being sent. Look again in ten minutes."],
    ["sent", "The mail of 2026-11-23 was sent at 2026-11-23T05:04:00.000Z, so it cannot be cancelled."],
  ])("is refused for one that is %s", async (status, detail) => {
    const world = await worldWith({ status });
    expect(await call(world, "DELETE")).toMatchObject({ status: 409, json: { detail } });
    expect((await mailOf(world))?.status).toBe(status);
  });
});

describe("of a watchlist that is no longer configured", () => {
  /** The chain of the world's run was removed, or its name moved to another tenant. */
  async function removed(now: "gone" | "moved"): Promise<FakeWorld> {
    const world = await worldWith(refused);
    const { store } = world.ports;
    const status = summarize(chain, await store.listRuns(chain), null);
    await store.saveStatus({ ...status, removedOn: "2026-11-23" });
    world.ports.watchlists = configured(now === "gone" ? [] : [aWatchlist({ tenant: "contoso" })]);
    return world;
  }

  test.each(["gone", "moved"] as const)("(%s) a mail can be cancelled by naming the tenant", async (now) => {
    const world = await removed(now);
    expect(await openMails(world)).toEqual(["refused"]);
    const given = await call(world, "DELETE", { query: { tenant: "home" } });
    expect(given).toMatchObject({ status: 200, json: { mail: "cancelled" } });
    expect(await world.ports.store.listStatuses()).toMatchObject([
      { tenant: "home", removedOn: "2026-11-23", open: [] },
    ]);
  });

  test.each(["gone", "moved"] as const)("(%s) a mail is not sent again", async (now) => {
    const world = await removed(now);
    expect(await call(world, "POST", { query: { tenant: "home" } })).toMatchObject({
      status: 409,
      json: { detail: 'The watchlist "default" is no longer configured: there is nobody to send the mail to.' },
    });
    expect((await mailOf(world))?.status).toBe("refused");
    expect(world.ports.queue.waiting).toEqual([]);
  });

  test("without the tenant another's chain is never meant", async () => {
    const world = await removed("moved");
    expect((await call(world, "DELETE")).status).toBe(404);
    expect((await mailOf(world))?.status).toBe("refused");
    expect((await call(world, "DELETE", { query: { tenant: "fabrikam" } })).status).toBe(404);
  });
});
