import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Host, startHost } from "../../local/host.ts";
import { playDay } from "../../local/play.ts";
import { type LocalWorld, startWorld } from "../../local/world.ts";
import { createStore } from "../../shared/io/storage/tables.ts";
import type { Store } from "../../shared/ports.ts";
import { chainOf } from "../support/builders.ts";

const softwareIds = Array.from({ length: 24 }, (_, index) => `contoso-_-product_${index + 1}`);
let world: LocalWorld;
let store: Store;

beforeAll(async () => {
  world = await startWorld({
    estate: {
      software: (id) => ({
        ...{ id, name: id, vendor: "contoso", weaknesses: 0, publicExploit: false, activeAlert: false },
        ...{ installedMachines: 10, exposedMachines: 0, impactScore: 0 },
      }),
      missingKbs: (id, day) => [
        {
          ...{ id: `50${id.replace(/\D/g, "").padStart(5, "0")}`, name: "November 2026 Security Updates" },
          ...{ productsNames: [], url: null, machineMissedOn: Date.parse(day) / 86_400_000, cveAddressed: 1 },
        },
      ],
      trouble: () => ({ statuses: [], allDay: false }),
    },
  });
  store = createStore({ kind: "connectionString", connectionString: world.storageConnectionString });
}, 60_000);
afterAll(() => world?.close());

const mailsOf = (runId: string) => world.inbox.mails.filter(({ customArgs }) => customArgs.run_id === runId);
const readsFrom = (call: number) => world.tenant.calls.slice(call).filter(({ path }) => path.includes("getmissingkbs"));

describe("two processes of the app on one storage account", () => {
  function startApp(): ChildProcess {
    return spawn(process.execPath, ["test/support/run-app.ts"], {
      env: { ...process.env, ...world.settings, SOFTWARE_IDS: softwareIds.join(",") },
      stdio: ["ignore", "inherit", "inherit"],
    });
  }

  test("whose timers fire for the same day make one run of complete snapshots, and one mail", {
    timeout: 120_000,
  }, async () => {
    const apps = [startApp(), startApp()];
    const ends = await Promise.all(apps.map((app) => once(app, "exit")));
    expect(ends.map(([code]) => code)).toEqual([0, 0]);
    const runs = await store.listRuns(chainOf());
    expect(runs).toMatchObject([{ mail: { status: "sent", attempts: 1 }, totals: { read: softwareIds.length } }]);
    expect(world.inbox.mails).toHaveLength(1);
    expect(readsFrom(0)).toHaveLength(softwareIds.length);
    expect(new Set(readsFrom(0).map(({ softwareId }) => softwareId)).size).toBe(softwareIds.length);
  });
});

describe("runs that one process advances side by side", () => {
  // Together they use up the tenant's quota of a minute if nothing is shared.
  const teams = ["clients", "servers"];
  let host: Host;

  beforeAll(async () => {
    const { MAIL_TO: _, ...settings } = world.settings;
    host = await startHost({
      appDir: process.cwd(),
      port: 0,
      hostKey: null,
      storageConnectionString: world.storageConnectionString,
      env: {
        ...settings,
        WATCHLISTS: JSON.stringify(teams.map((name) => ({ name, softwareIds, mailTo: `${name}@contoso.example` }))),
      },
      log: () => {},
    });
  }, 60_000);
  afterAll(() => host?.close());

  test("for watchlists of one tenant read each product once", { timeout: 60_000 }, async () => {
    const before = world.tenant.calls.length;
    await playDay(host, world, "2027-03-01");
    expect(
      mailsOf("2027-03-01")
        .map(({ customArgs }) => customArgs.watchlist)
        .toSorted(),
    ).toEqual(teams.toSorted());
    expect(readsFrom(before)).toHaveLength(softwareIds.length);
  });

  test("for the timer and for a person do not disturb one another", { timeout: 60_000 }, async () => {
    await world.turnTo(new Date("2027-03-02T05:00:00Z"));
    const asking = teams.map((watchlist) =>
      fetch(`${host.url}/api/runs`, { method: "POST", body: JSON.stringify({ watchlist, mail: true }) }),
    );
    await Promise.all([host.fireTimer("schedule-runs"), ...asking]);
    await host.drainQueues();
    // Messages that found the tenant's reader at work look again, and retention comes two hours later.
    await world.turnTo(new Date("2027-03-02T05:15:00Z"));
    await host.drainQueues();
    await world.turnTo(new Date("2027-03-02T07:15:00Z"));
    expect(await host.drainQueues()).toMatchObject({ waiting: 0 });
    for (const team of teams) {
      const scheduled = (await store.readRun(chainOf(team), "2027-03-02"))?.run;
      const asked = (await store.readRun(chainOf(team), "2027-03-02T05:00Z"))?.run;
      for (const run of [scheduled, asked]) expect(run?.mail).toMatchObject({ status: "sent", attempts: 1 });
      expect(scheduled).toMatchObject({ previousRunId: "2027-03-01", totals: { worsened: softwareIds.length } });
      // It compares with the scheduled run that was the last one when it closed.
      const worsened = asked?.previousRunId === "2027-03-02" ? 0 : softwareIds.length;
      expect(asked?.totals).toMatchObject({ worsened, read: softwareIds.length });
    }
    expect(mailsOf("2027-03-02")).toHaveLength(2);
    expect(mailsOf("2027-03-02T05:00Z")).toHaveLength(2);
  });
});
