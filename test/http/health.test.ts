import { describe, expect, test } from "vitest";
import type { Mail } from "../../shared/core/mail.ts";
import { noTotals } from "../../shared/core/totals.ts";
import type { WatchlistStatus } from "../../shared/core/watchlist-status.ts";
import { portsOf } from "../../shared/http/caller.ts";
import { checkHealth, serveHealth, serveReasons } from "../../shared/http/health.ts";
import { DefenderError, type Ports } from "../../shared/ports.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { ask, request } from "../support/ask.ts";
import { aWatchlist } from "../support/builders.ts";
import { handleAll } from "../support/drive.ts";
import { fakeFeeds } from "../support/fake-feeds.ts";
import { configured, type FakeWorld, fakeWorld } from "../support/fake-world.ts";

const windows10 = "microsoft-_-windows_10";
const watchlist = aWatchlist({ softwareIds: [windows10], mailWhen: "always" });

async function day(world: FakeWorld, date: string): Promise<void> {
  world.setClock(`${date}T05:00:00Z`);
  await scheduleRuns(world.ports);
  await handleAll(world, Date.parse(`${date}T23:59:59Z`));
}

/** A status of a watchlist that ran this morning and sent its digest. */
function aStatus(parts: Partial<WatchlistStatus> = {}): WatchlistStatus {
  const at = { openedAt: "2026-11-23T05:00:00.000Z", committedAt: "2026-11-23T05:02:00.000Z" };
  return {
    ...{ tenant: "home", watchlist: "default", failing: null, line: [], open: [], removedOn: null },
    latest: { runId: "2026-11-23", day: "2026-11-23", ...at, totals: noTotals },
    lastDigest: { runId: "2026-11-23", at: "2026-11-23T05:03:00.000Z" },
    ...parts,
  };
}

function openMail(mail: Partial<Mail>, committedAt = "2026-11-23T05:02:00.000Z"): WatchlistStatus["open"] {
  const at = "2026-11-23T05:03:00.000Z";
  return [
    { runId: "2026-11-23", committedAt, mail: { status: "pending", at, attempts: 1, unknownOutcomes: 0, ...mail } },
  ];
}

async function sentences(ports: Ports): Promise<string[]> {
  return (await checkHealth(ports)).map(({ sentence }) => sentence);
}

/** What health says of these statuses at a time. */
async function reasonsOf(statuses: readonly WatchlistStatus[], now: string, world = fakeWorld([watchlist])) {
  world.setClock(now);
  for (const status of statuses) await world.ports.store.saveStatus(status);
  return sentences(world.ports);
}

describe("health", () => {
  test("is good after a run whose digest was sent, until the next run is late", async () => {
    const world = fakeWorld([watchlist]);
    await day(world, "2026-11-23");
    expect(await sentences(world.ports)).toEqual([]);
    // The next run is due at five, may wait two hours for products and half an hour for its mail; two reads take 1.2 seconds.
    world.setClock("2026-11-24T07:30:01Z");
    expect(await sentences(world.ports)).toEqual([]);
    world.setClock("2026-11-24T07:30:03Z");
    expect(await sentences(world.ports)).toEqual([
      'Watchlist "default": the last scheduled run is 2026-11-23; the next was due at 2026-11-24T05:00:00.000Z and late since 2026-11-24T07:30:02.000Z.',
    ]);
  });

  test("waits for as long as the tenant's products take to read twice", async () => {
    const ids = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}-_-${index}`);
    // 5,000 different products of one tenant: 10,000 calls, 1,500 in an hour.
    const lists = [watchlist, aWatchlist({ name: "a", softwareIds: ids("a", 2_500) })];
    const more = aWatchlist({ name: "b", softwareIds: [...ids("a", 1_000), ...ids("b", 2_499)] });
    const foreign = aWatchlist({ name: "c", tenant: "5a1c", softwareIds: ids("c", 9_000) });
    const world = fakeWorld([...lists, more, foreign]);
    const statuses = ["default", "a", "b"].map((name) => aStatus({ watchlist: name }));
    await reasonsOf(statuses, "2026-11-24T05:00:00Z", world);
    // Six full hours and a thousand calls more, after 2.5 hours.
    expect(await reasonsOf([], "2026-11-24T13:39:00Z", world)).toEqual([]);
    expect(await reasonsOf([], "2026-11-24T13:41:00Z", world)).toHaveLength(3);
  });

  test.each(["damaged", "deleted"])("looks at the runs themselves where a watchlist's row was %s", async (what) => {
    const world = fakeWorld([watchlist]);
    const { store } = world.ports;
    world.outcomes.push({ status: "refused", reason: "SendGrid refused the mail (400)." });
    await day(world, "2026-11-23");
    const known = await store.listStatuses();
    // What can be read of a damaged row.
    const names = { tenant: "home", watchlist: "default", latest: null, failing: null, line: [], lastDigest: null };
    if (what === "damaged") await store.saveStatus({ ...names, open: [], removedOn: null });
    else await store.deleteStatus({ tenant: "home", watchlist: "default" });
    expect(await sentences(world.ports)).toEqual([expect.stringContaining("the digest of 2026-11-23 was refused.")]);
    expect(await store.listStatuses()).toEqual(known);
  });

  test("gives a new watchlist until its first scheduled run is late", async () => {
    const world = fakeWorld([watchlist]);
    expect(await reasonsOf([], "2026-11-23T10:00:00Z", world)).toEqual([]);
    expect(await reasonsOf([], "2026-11-24T07:30:00Z", world)).toEqual([]);
    expect(await reasonsOf([], "2026-11-24T07:31:00Z", world)).toEqual([
      expect.stringContaining(
        'Watchlist "default": no scheduled run has finished yet; the first was due at 2026-11-24T05',
      ),
    ]);
  });

  test("gives a watchlist that is configured again until its next run is late", async () => {
    const world = fakeWorld([watchlist]);
    const old = aStatus({ removedOn: "2026-11-24" });
    expect(await reasonsOf([old], "2026-12-20T10:00:00Z", world)).toEqual([]);
    expect(await reasonsOf([], "2026-12-21T07:31:00Z", world)).toEqual([
      expect.stringContaining("the last scheduled run is 2026-11-23; the next was due at 2026-12-21T05:00:00.000Z"),
    ]);
  });

  test("names a refused digest and its reason until a later one is sent", async () => {
    const world = fakeWorld([watchlist]);
    world.outcomes.push({ status: "refused", reason: "The from address is not verified." });
    await day(world, "2026-11-23");
    expect(await sentences(world.ports)).toEqual([
      'Watchlist "default": the digest of 2026-11-23 was refused. The from address is not verified.',
    ]);
    await day(world, "2026-11-24");
    expect(await sentences(world.ports)).toEqual([]);
  });

  test("names a mail account in trouble at once, and any other mail after half an hour", async () => {
    const reason = "SendGrid could not accept the mail (503).";
    const [account, other] = [openMail({ reason, isAccountTrouble: true }), openMail({ reason })];
    expect(await reasonsOf([aStatus({ open: account })], "2026-11-23T05:03:00Z")).toEqual([
      `Watchlist "default": the digest of 2026-11-23 waits for the mail account. ${reason}`,
    ]);
    expect(await reasonsOf([aStatus({ open: other })], "2026-11-23T05:32:00Z")).toEqual([]);
    expect(await reasonsOf([aStatus({ open: other })], "2026-11-23T05:32:01Z")).toEqual([
      `Watchlist "default": the digest of 2026-11-23 has not been sent yet. ${reason}`,
    ]);
  });

  test.each(["claimed", "sending"] as const)("names a mail that has been %s for too long", async (status) => {
    expect(await reasonsOf([aStatus({ open: openMail({ status }) })], "2026-11-23T06:00:00Z")).toEqual([
      'Watchlist "default": the digest of 2026-11-23 has not been sent yet.',
    ]);
  });

  test("names a product that could not be read in three runs in a row", async () => {
    const world = fakeWorld([watchlist]);
    world.answers.set(windows10, new DefenderError("Defender answered 403.", { permanent: true }));
    await day(world, "2026-11-21");
    await day(world, "2026-11-22");
    expect(await sentences(world.ports)).toEqual([]);
    await day(world, "2026-11-23");
    expect((await sentences(world.ports)).join()).toContain(
      `${windows10} could not be read for 3 runs, up to 2026-11-23. Defender answered 403.`,
    );
  });

  test("counts the others that could not be read", async () => {
    const world = fakeWorld([aWatchlist({ softwareIds: [windows10, "vendor-_-a", "vendor-_-b"] })]);
    const fault = new DefenderError("Defender answered 403.", { permanent: true });
    world.answers.set(windows10, fault).set("vendor-_-a", fault);
    for (const date of ["2026-11-21", "2026-11-22", "2026-11-23"]) await day(world, date);
    expect((await sentences(world.ports)).join()).toContain("and 1 other product could not be read");
  });

  test("gives the error of a check that fails, and makes the other checks", async () => {
    const world = fakeWorld([watchlist]);
    world.ports.store.listStatuses = async () => {
      throw new Error("GET /Watchlists failed.");
    };
    world.ports.queue.countPoison = async () => 2;
    expect(await sentences(world.ports)).toEqual([
      "GET /Watchlists failed.",
      "About 2 messages in the queue runs-poison failed for good.",
    ]);
  });

  test("takes two calls to storage, however many watchlists there are", async () => {
    const names = Array.from({ length: 500 }, (_, index) => `w${index}`);
    const world = fakeWorld(names.map((name) => aWatchlist({ name })));
    for (const name of names) await world.ports.store.saveStatus(aStatus({ watchlist: name }));
    const calls: string[] = [];
    const counted = <T extends object>(neighbour: T): T =>
      new Proxy(neighbour, {
        get(target, name, receiver) {
          calls.push(String(name));
          return Reflect.get(target, name, receiver);
        },
      });
    const { store, queue } = world.ports;
    expect(await sentences({ ...world.ports, store: counted(store), queue: counted(queue) })).toEqual([]);
    expect(calls.sort()).toEqual(["countPoison", "listStatuses"]);
  });
});

describe("the configuration", () => {
  test("is named where it is faulty", async () => {
    const world = fakeWorld([]);
    world.ports.watchlists = configured(
      [watchlist],
      [
        { watchlist: "servers", message: "softwareIds is empty.", isKept: false },
        { watchlist: "default", message: "mailTo is no address.", isKept: true },
        { watchlist: null, message: "Entry 3 has no name.", isKept: false },
      ],
    );
    expect(await reasonsOf([aStatus()], "2026-11-23T06:00:00Z", world)).toEqual([
      'Watchlist "servers": softwareIds is empty.',
      'Watchlist "default": mailTo is no address. Until then its last good version is used, for a day.',
      "Watchlists: Entry 3 has no name.",
    ]);
  });

  test("that is faulty does not make a watchlist a removed one", async () => {
    const owing = aStatus({ watchlist: "Servers", open: openMail({ status: "refused" }) });
    const world = fakeWorld([]);
    for (const name of ["servers", null]) {
      world.ports.watchlists = configured([], [{ watchlist: name, message: "Faulty.", isKept: false }]);
      expect(await reasonsOf([owing], "2026-11-23T06:00:00Z", world)).toHaveLength(1);
    }
  });
});

const feedReason = "MSRC's list of months could not be read: its host answered 503.";
const feedState = { validators: {}, readAt: "2026-11-23T05:17:00.000Z" };
const feedFault = { reason: feedReason, since: "2026-11-21T05:17:00.000Z" };

function feeding(): FakeWorld {
  const world = fakeWorld([]);
  world.ports.feeds = fakeFeeds();
  return world;
}

describe("the feeds", () => {
  async function reasonsAt(now: string, world: FakeWorld): Promise<string[]> {
    world.setClock(now);
    return sentences(world.ports);
  }

  test("are a reason after two days with a fault", async () => {
    const world = feeding();
    await world.ports.store.saveFeed("msrc", { ...feedState, fault: feedFault });
    await world.ports.store.saveFeed("kev", feedState);
    expect(await reasonsAt("2026-11-23T05:17:00Z", world)).toEqual([]);
    expect(await reasonsAt("2026-11-23T05:17:01Z", world)).toEqual([
      `MSRC could not be read since 2026-11-21T05:17:00.000Z. ${feedReason}`,
    ]);
  });

  test("are a reason where nothing has asked for two days", async () => {
    const world = feeding();
    for (const feed of ["msrc", "kev"] as const) await world.ports.store.saveFeed(feed, feedState);
    expect(await reasonsAt("2026-11-25T05:17:00Z", world)).toEqual([]);
    expect(await reasonsAt("2026-11-25T05:17:01Z", world)).toEqual([
      "MSRC was last read at 2026-11-23T05:17:00.000Z, and nothing has asked for it since.",
      "CISA's catalogue was last read at 2026-11-23T05:17:00.000Z, and nothing has asked for it since.",
    ]);
  });

  test("are none where they were never asked yet, or are not to be", async () => {
    const world = feeding();
    expect(await reasonsAt("2026-11-23T05:17:00Z", world)).toEqual([]);
    await world.ports.store.saveFeed("kev", { ...feedState, fault: feedFault });
    world.ports.feeds = null;
    expect(await reasonsAt("2026-12-23T05:17:00Z", world)).toEqual([]);
  });
});

describe("a removed watchlist", () => {
  const owing = (parts: Partial<WatchlistStatus> = {}) =>
    aStatus({ watchlist: "old list", open: openMail({ status: "refused", reason: "No such address." }), ...parts });

  test("that owes a mail is named with what cancels it, for a week", async () => {
    const named = [
      'Watchlist "old list": it is no longer configured, but the digest of 2026-11-23 was not sent. No such address. Configure the watchlist again, or cancel the mail with DELETE /api/runs/old%20list/2026-11-23/mail?tenant=home.',
    ];
    expect(await reasonsOf([aStatus(), owing()], "2026-11-23T06:00:00Z")).toEqual(named);
    const removed = owing({ removedOn: "2026-11-20" });
    expect(await reasonsOf([aStatus(), removed], "2026-11-23T06:00:00Z")).toEqual(named);
    expect(await reasonsOf([aStatus(), owing({ removedOn: "2026-11-16" })], "2026-11-23T06:00:00Z")).toEqual(named);
    expect(await reasonsOf([aStatus(), owing({ removedOn: "2026-11-15" })], "2026-11-23T06:00:00Z")).toEqual([]);
  });

  test("that owes nothing is not missed", async () => {
    expect(await reasonsOf([aStatus(), owing({ open: [] })], "2026-11-23T06:00:00Z")).toEqual([]);
  });

  test("is one whose name is used for another tenant now", async () => {
    const world = fakeWorld([aWatchlist({ name: "Old list", tenant: "5a1c" })]);
    const [reason] = await reasonsOf([owing()], "2026-11-23T06:00:00Z", world);
    expect(reason).toContain("mail?tenant=home");
    const foreign = fakeWorld([aWatchlist({ name: "old list" })]);
    const ofTenant = await reasonsOf(
      [aStatus({ watchlist: "old list" }), owing({ tenant: "5a1c" })],
      "2026-11-23T06:00:00Z",
      foreign,
    );
    expect(ofTenant.join()).toContain("in the tenant 5a1c");
    expect(ofTenant.join()).toContain("mail?tenant=5a1c");
  });
});

/** What health says to a caller with these app roles. */
async function reasonsFor({ ports }: FakeWorld, ...roles: string[]): Promise<unknown> {
  const own = portsOf({ roles: new Set(roles) }, ports);
  return (await ask(request(), (one) => serveReasons(one, own))).json.reasons;
}

describe("the health call", () => {
  const sick = () => {
    const world = fakeWorld();
    world.ports.queue.countPoison = async () => 1;
    return world;
  };
  const poison = "About 1 message in the queue runs-poison failed for good.";
  const health = ({ ports } = sick(), ...asked: Parameters<typeof request>) =>
    ask(request(...asked), (one) => serveHealth(one, ports));
  const reasons = ({ ports } = sick()) => ask(request(), (one) => serveReasons(one, ports));

  test("gives an anonymous caller only the status", async () => {
    const given = await health();
    expect([given.status, given.json]).toEqual([503, { status: "unhealthy" }]);
  });

  test("redirects a caller with a key to where the platform checks it", async () => {
    const byQuery = await health(sick(), { code: "a+b=" });
    expect([byQuery.status, byQuery.headers.Location]).toEqual([307, "/api/reasons?code=a%2Bb%3D"]);
    const byHeader = await health(sick(), {}, { headers: { "x-functions-key": "k" } });
    expect(byHeader.headers.Location).toBe("/api/reasons");
  });

  test("gives no reasons to a caller that only claims to be signed in", async () => {
    const given = await health(sick(), {}, { headers: { "x-ms-client-principal-id": "5a1c" } });
    expect(given.json).not.toHaveProperty("reasons");
  });

  test("gives the reasons where the platform has checked the caller", async () => {
    const given = await reasons();
    expect([given.status, given.json]).toEqual([503, { status: "unhealthy", reasons: [poison] }]);
  });

  test("gives each caller the reasons that are theirs, from one look", async () => {
    const world = sick();
    const names = ["contoso", "fabrikam"];
    const list = names.map((name) => aWatchlist({ name, readerRole: `${name}.read` }));
    const faults = [{ watchlist: "fabrikam", message: "mailTo is no address.", isKept: true }];
    let looks = 0;
    world.ports.watchlists = configured(list, faults);
    const open = openMail({ status: "refused" });
    for (const watchlist of [...names, "removed"]) await world.ports.store.saveStatus(aStatus({ watchlist, open }));
    const { listStatuses } = world.ports.store;
    world.ports.store.listStatuses = async () => {
      looks += 1;
      return listStatuses();
    };
    const digest = (name: string) => `Watchlist "${name}": the digest of 2026-11-23 was refused.`;
    const others = "There are reasons that only callers with the app role Reports.Read.All may read.";
    expect(await reasonsFor(world)).toEqual([poison, others]);
    expect(await reasonsFor(world, "contoso.read")).toEqual([digest("contoso"), poison, others]);
    expect(await reasonsFor(world, "Reports.Read.All")).toEqual([
      'Watchlist "fabrikam": mailTo is no address. Until then its last good version is used, for a day.',
      ...names.map(digest),
      expect.stringContaining('Watchlist "removed": it is no longer configured'),
      poison,
    ]);
    expect(looks).toBe(1);
  });

  test("gives the error of a check only to those who read everything, for it may name anything", async () => {
    const world = fakeWorld();
    world.ports.store.listStatuses = async () => {
      throw new Error("GET /Watchlists(fabrikam) failed.");
    };
    expect(await reasonsFor(world, "Runs.Start")).toEqual([expect.stringContaining("only callers with the app role")]);
    expect(await reasonsFor(world, "Reports.Read.All")).toEqual(["GET /Watchlists(fabrikam) failed."]);
  });

  test("looks once a minute, however often it is asked", async () => {
    const world = sick();
    let looks = 0;
    world.ports.queue.countPoison = async () => {
      looks += 1;
      return looks === 1 ? 1 : 0;
    };
    const statuses = async () => [(await health(world)).status, (await reasons(world)).status];
    expect(await statuses()).toEqual([503, 503]);
    world.setClock("2026-11-23T05:00:59.999Z");
    expect(await statuses()).toEqual([503, 503]);
    expect(looks).toBe(1);
    world.setClock("2026-11-23T05:01:00Z");
    expect(await statuses()).toEqual([200, 200]);
    expect(looks).toBe(2);
  });

  test("looks again where the clock was set back", async () => {
    const world = sick();
    expect((await health(world)).status).toBe(503);
    world.ports.queue.countPoison = async () => 0;
    world.setClock("2026-11-22T05:00:00Z");
    expect((await health(world)).status).toBe(200);
  });

  test("says when the feeds last answered, but not to everybody", async () => {
    const world = feeding();
    world.setClock("2026-11-23T06:00:00Z");
    await world.ports.store.saveFeed("msrc", feedState);
    const feeds = { msrc: "2026-11-23T05:17:00.000Z", kev: null };
    expect((await reasons(world)).json).toEqual({ status: "healthy", reasons: [], feeds });
    expect((await health(world)).json).toEqual({ status: "healthy" });
    world.ports.feeds = null;
    world.setClock("2026-11-23T06:02:00Z");
    expect((await reasons(world)).json).toEqual({ status: "healthy", reasons: [] });
  });

  test("names the error where that cannot be read", async () => {
    const world = feeding();
    world.ports.store.readFeeds = async () => {
      throw new Error("GET /Advisories(msrc, state) failed.");
    };
    expect((await reasons(world)).json).toEqual({
      ...{ status: "unhealthy", reasons: ["GET /Advisories(msrc, state) failed."] },
    });
  });
});

describe("a product list", () => {
  const finding = aWatchlist({ softwareIds: [], vendor: "microsoft" });
  const busy = new DefenderError("Defender returned 500.", { permanent: false });
  const listed = [{ id: windows10, weaknesses: 1, exposedMachines: 3 }];

  test("is a reason from the third run on that could not read it, with the list that is used", async () => {
    const world = fakeWorld([finding, watchlist]);
    world.inventory.products = listed;
    await day(world, "2026-11-23");
    world.inventory.products = busy;
    for (const date of ["2026-11-24", "2026-11-25"]) {
      await day(world, date);
      expect(await sentences(world.ports)).toEqual([]);
    }
    await day(world, "2026-11-26");
    expect(await sentences(world.ports)).toEqual([
      'Watchlist "default": the product list could not be read since 24 Nov 2026; the list of 23 Nov 2026 is used. Defender returned 500.',
    ]);
    world.inventory.products = listed;
    await day(world, "2026-11-27");
    expect(await sentences(world.ports)).toEqual([]);
  });

  test("is one at once where there never was one, and never where every product is named", async () => {
    const world = fakeWorld([finding]);
    world.inventory.products = busy;
    await day(world, "2026-11-23");
    expect(await sentences(world.ports)).toEqual([expect.stringContaining("no products are found by their vendor")]);
    world.ports.watchlists = configured([watchlist]);
    await day(world, "2026-11-24");
    expect(await sentences(world.ports)).toEqual([]);
  });
});
