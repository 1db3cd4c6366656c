import { afterEach, describe, expect, test } from "vitest";
import { type Inbox, startInbox } from "../../local/inbox.ts";
import type { Mail } from "../../shared/core/mail.ts";
import { checkHealth } from "../../shared/http/health.ts";
import { serveOverview } from "../../shared/http/overview.ts";
import { createMailer } from "../../shared/io/mail/sendgrid.ts";
import { RowError } from "../../shared/ports.ts";
import { advance } from "../../shared/run/advance.ts";
import { deliver } from "../../shared/run/deliver.ts";
import { mailLogs } from "../../shared/run/send-mail.ts";
import {
  alertsOf,
  cve,
  day,
  exploitedWorld,
  item,
  onlyAlert,
  otherCve,
  quiet,
  raise,
  windows10,
} from "../support/alerts.ts";
import { ask, request } from "../support/ask.ts";
import { aWatchlist, chainOf } from "../support/builders.ts";
import { crashingAt, handleAll } from "../support/drive.ts";
import { configured, type FakeWorld } from "../support/fake-world.ts";

const failed = { status: "failed", reason: "SendGrid answered 503." } as const;
const refused = { status: "refused", reason: "The sender is not verified." } as const;
const lost = { status: "unknown", reason: "SendGrid did not answer." } as const;
const noAccount = { status: "failed", isAccount: true, reason: "SendGrid does not accept the key (401)." } as const;

const at = (time: string) => Date.parse(`2026-11-${time}:00Z`);
const send = (world: FakeWorld, ports = world.ports, watchlist = quiet) => deliver(chainOf(), watchlist, ports);
const mailOf = async (world: FakeWorld): Promise<Mail> => (await onlyAlert(world)).mail;
const sentAlerts = ({ inbox }: FakeWorld) => inbox.flatMap(({ cve }) => cve ?? []);

/** A world in which an alert is owed. */
async function owing(): Promise<FakeWorld> {
  const world = await exploitedWorld();
  await raise(world.ports);
  return world;
}

describe("an alert", () => {
  test("is sent to the watchlist's readers within the hour, and counts as no run's mail", async () => {
    const world = await owing();
    await handleAll(world, at("23T14:18"));
    const [mail, ...others] = world.inbox;
    expect(others).toEqual([]);
    expect(mail).toMatchObject({ tenant: "home", watchlist: "default", cve, to: quiet.mailTo, attachments: [] });
    expect(mail?.runId).toBeUndefined();
    expect(mail?.subject).toBe(`Exploited now: ${cve}; KB5070001 missing on 85 Windows 10 machines`);
    expect(await mailOf(world)).toMatchObject({ status: "sent", attempts: 1 });
    expect(world.logs.at(-1)).toMatchObject({ message: mailLogs.sent, fields: { ...chainOf(), cve, attempts: 1 } });
  });

  test("neither moves the digest that the next one counts from, nor waits for one, nor covers one", async () => {
    const world = await owing();
    await handleAll(world, at("23T15:00"));
    // The digest of the next day fails until noon, and does not wait for the second alert.
    world.outcomes.push(...Array.from({ length: 9 }, () => failed));
    await day(world, "2026-11-24", { [windows10]: [item("5070001", 99)] });
    const { since } = (await world.ports.store.readRun(chainOf(), "2026-11-24"))?.run.mail ?? {};
    expect(since).toBe("2026-11-23");
    await raise(world.ports, otherCve);
    await handleAll(world, at("24T12:00"));
    expect(sentAlerts(world)).toEqual([cve, otherCve]);
    await handleAll(world, at("24T23:00"));
    expect(world.inbox.map(({ cve, runId }) => cve ?? runId)).toEqual([cve, otherCve, "2026-11-24"]);
    expect((await world.ports.store.readRun(chainOf(), "2026-11-24"))?.run.mail).toMatchObject({ status: "sent" });
  });

  test("still goes out when its KB was resolved meanwhile, and says of which day its list is", async () => {
    const world = await owing();
    world.outcomes.push(failed, failed, failed, failed, failed, failed, failed, failed, failed, failed, failed);
    await handleAll(world, at("24T00:00"));
    await day(world, "2026-11-24", { [windows10]: [] });
    await handleAll(world, at("25T04:00"));
    expect(sentAlerts(world)).toEqual([cve]);
    const { text = "" } = world.inbox.find((mail) => mail.cve) ?? {};
    expect(text).toMatch(/Windows 10 +85 +23 Nov +23 Nov/);
    expect(text).toContain("Found 23 Nov 2026, 14:17 UTC");
  });

  test("that could not be sent within three days is cancelled, and that is said", async () => {
    const world = await owing();
    world.outcomes.push(...Array.from({ length: 99 }, () => noAccount));
    for (const date of ["24", "25", "26"]) await day(world, `2026-11-${date}`);
    expect(await mailOf(world)).toMatchObject({ status: "pending", isAccountTrouble: true });
    await handleAll(world, at("27T00:00"));
    const reason = "It could not be sent within 3 days, and reports have shown it since.";
    expect(await mailOf(world)).toMatchObject({ status: "cancelled", reason });
    expect(world.logs).toContainEqual({
      ...{ level: "info", message: mailLogs.cancelled },
      fields: { ...chainOf(), cve, attempts: expect.any(Number), reason },
    });
    expect(sentAlerts(world)).toEqual([]);
  });

  test.each([
    [
      "ALERT_EXPLOITED was set to false",
      { alertExploited: false },
      "The watchlist's alerts were turned off (ALERT_EXPLOITED).",
    ],
    ["it has no readers any more", { mailTo: [] }, "The watchlist has no readers any more."],
  ])("is cancelled where %s", async (_, changed, reason) => {
    const world = await owing();
    world.ports.watchlists = configured([aWatchlist({ ...quiet, ...changed })]);
    await handleAll(world, at("23T15:00"));
    expect([await mailOf(world), world.inbox]).toEqual([expect.objectContaining({ status: "cancelled", reason }), []]);
  });

  test("is cancelled where its watchlist was removed or moved to another tenant, and nobody gets it", async () => {
    const moved = { ...quiet, tenant: "5a1c0f5e-0000-4000-8000-000000000001" };
    for (const list of [[{ ...quiet, name: "other" }], [moved]]) {
      const world = await owing();
      world.ports.watchlists = configured(list);
      await handleAll(world, at("23T15:00"));
      const reason = "The watchlist was removed.";
      expect([await mailOf(world), world.inbox]).toEqual([
        expect.objectContaining({ status: "cancelled", reason }),
        [],
      ]);
    }
  });

  test("is not cancelled while a process sends it", async () => {
    const world = await owing();
    const { mailer } = world.ports;
    const send1 = async (mail: Parameters<typeof mailer.send>[0]) => {
      world.ports.watchlists = configured([{ ...quiet, name: "other" }]);
      await advance({ deliver: chainOf(), openedAt: "2026-11-23T14:17:00.000Z" }, world.ports);
      return mailer.send(mail);
    };
    await send(world, { ...world.ports, mailer: { send: send1 } });
    expect(await mailOf(world)).toMatchObject({ status: "sent" });
  });

  test("is kept where nobody knows whether its watchlist was removed, and goes out after the next run", async () => {
    const world = await owing();
    const { watchlists } = world.ports;
    world.ports.watchlists = configured([], [{ watchlist: null, message: "It is not JSON." }] as never);
    await handleAll(world, at("23T15:00"));
    expect(await alertsOf(world)).toEqual([[cve, "pending"]]);
    world.ports.watchlists = watchlists;
    await day(world, "2026-11-24");
    expect(sentAlerts(world)).toEqual([cve]);
  });

  test("whose message was lost goes out after the next run", async () => {
    const world = await owing();
    world.ports.queue.waiting.splice(0);
    await day(world, "2026-11-24");
    expect(sentAlerts(world)).toEqual([cve]);
  });
});

describe("the send of an alert", () => {
  test("that fails is tried again with growing pauses, each time under a key of its own", async () => {
    const world = await owing();
    const keys: string[] = [];
    const { mailer } = world.ports;
    world.outcomes.push(failed, lost);
    const ports = {
      ...world.ports,
      mailer: {
        send: (mail: Parameters<typeof mailer.send>[0]) => {
          keys.push(`${mail.sendKey} ${mail.isRepeat}`);
          return mailer.send(mail);
        },
      },
    };
    for (let tries = 0; tries < 3; tries++) {
      const seconds = await send(world, ports);
      expect(seconds).toBe([60, 600, null][tries]);
      world.setClock(world.ports.now().getTime() + (seconds ?? 0) * 1_000);
    }
    const key = (number: number) => JSON.stringify(["home", "default", cve, "2026-11-23T14:17:00.000Z", number]);
    expect(keys).toEqual([`${key(1)} false`, `${key(2)} false`, `${key(2)} true`]);
    expect(await mailOf(world)).toMatchObject({ status: "sent", attempts: 3, unknownOutcomes: 1 });
  });

  test("that is refused is not tried again, and the other alerts go out", async () => {
    const world = await exploitedWorld();
    await raise(world.ports, cve, otherCve);
    world.outcomes.push(refused);
    await handleAll(world, at("24T04:00"));
    expect(await alertsOf(world)).toEqual([
      [cve, "refused"],
      [otherCve, "sent"],
    ]);
  });

  test("three times of unknown outcome is the end", async () => {
    const world = await owing();
    world.outcomes.push(...Array.from({ length: 9 }, () => ({ ...lost, arrives: true })));
    await handleAll(world, at("24T04:00"));
    expect(await mailOf(world)).toMatchObject({ status: "refused", unknownOutcomes: 3 });
    expect(sentAlerts(world)).toHaveLength(3);
  });

  test("by two processes at once is one", async () => {
    const world = await owing();
    await Promise.all([send(world), send(world)]);
    expect(sentAlerts(world)).toEqual([cve]);
    expect(await mailOf(world)).toMatchObject({ status: "sent", attempts: 1 });
  });

  test("by a process that dies at any call is followed by at most one copy more", async () => {
    for (let call = 1; call < 60; call++) {
      for (const after of [false, true]) {
        const world = await owing();
        const isOver = await send(world, crashingAt({ call, after }, world.ports) as FakeWorld["ports"]).then(
          () => true,
          () => false,
        );
        world.setClock(at("23T14:27"));
        expect(await send(world)).toBeNull();
        const mail = await mailOf(world);
        expect([call, after, mail.status]).toEqual([call, after, "sent"]);
        expect(sentAlerts(world).length).toBeGreaterThanOrEqual(1);
        expect(sentAlerts(world).length).toBeLessThanOrEqual(1 + mail.unknownOutcomes);
        if (isOver) return expect(call).toBeGreaterThan(8);
      }
    }
    throw new Error("It never came to an end.");
  });
});

describe("a damaged alert", () => {
  const damaged = new RowError("Row (a, alert|b) of table Runs is damaged and cannot be read. Delete it.");
  const damage = (world: FakeWorld) => {
    world.ports.store.listAlerts = async () => {
      throw damaged;
    };
  };

  test("is found on a quiet day, too", async () => {
    const world = await exploitedWorld();
    damage(world);
    await expect(day(world, "2026-11-24")).rejects.toBe(damaged);
  });

  test("does not take the message of a digest that waits for its next try", async () => {
    const world = await exploitedWorld();
    damage(world);
    world.outcomes.push(failed);
    await expect(day(world, "2026-11-24", { [windows10]: [item("5070001", 99)] })).rejects.toBe(damaged);
    expect(world.inbox.map(({ runId }) => runId)).toEqual(["2026-11-24"]);
  });

  test("keeps no digest back, and its message fails, so that health finds it", async () => {
    const world = await owing();
    world.ports.queue.waiting.splice(0);
    const { listAlerts } = world.ports.store;
    damage(world);
    await expect(day(world, "2026-11-24", { [windows10]: [item("5070001", 99)] })).rejects.toBe(damaged);
    expect(world.inbox.map(({ runId }) => runId)).toEqual(["2026-11-24"]);
    // A person deletes the row; what is left is sent.
    world.ports.store.listAlerts = listAlerts;
    await handleAll(world, at("24T12:00"));
    expect(sentAlerts(world)).toEqual([cve]);
  });
});

describe("health", () => {
  const reasonsOf = async (world: FakeWorld) => (await checkHealth(world.ports)).map(({ sentence }) => sentence);
  const unsettled: [string, FakeWorld["outcomes"], string, string][] = [
    ["was refused", [refused], "23T15:00", ` was refused. ${refused.reason}`],
    ["waits for the account", [noAccount], "23T14:17", ` waits for the mail account. ${noAccount.reason}`],
    [
      "could not be sent for half an hour",
      Array(9).fill(failed),
      "23T14:48",
      ` has not been sent yet. ${failed.reason}`,
    ],
  ];

  test.each(unsettled)(
    "names an alert that %s, and the overview goes on showing the last digest",
    async (...unsent) => {
      const [, outcomes, until, said] = unsent;
      const world = await owing();
      world.outcomes.push(...outcomes);
      await handleAll(world, at(until));
      world.setClock(at(until));
      expect(await reasonsOf(world)).toEqual([`Watchlist "default": the alert of ${cve}${said}`]);
      const { body } = await ask(request("format=json"), (asked) => serveOverview(asked, world.ports));
      expect(JSON.parse(body)).toMatchObject({ watchlists: [{ digest: { status: "sent", runId: "2026-11-23" } }] });
    },
  );

  test("names a refused alert until a digest is sent, or for three days", async () => {
    for (const isQuiet of [true, false]) {
      const world = await owing();
      world.outcomes.push(refused);
      await handleAll(world, at("23T15:00"));
      await day(world, "2026-11-24", isQuiet ? {} : { [windows10]: [item("5070001", 99)] });
      expect(await reasonsOf(world)).toHaveLength(isQuiet ? 1 : 0);
      for (const date of ["25", "26"]) await day(world, `2026-11-${date}`);
      expect(await reasonsOf(world)).toHaveLength(isQuiet ? 1 : 0);
      await day(world, "2026-11-27");
      expect(await reasonsOf(world)).toEqual([]);
    }
  });

  test("forgets an alert that was sent after all", async () => {
    const world = await owing();
    world.outcomes.push(failed);
    await handleAll(world, at("23T15:00"));
    expect([await reasonsOf(world), (await world.ports.store.listStatuses())[0]?.alerts]).toEqual([[], undefined]);
  });
});

describe("through @sendgrid/mail", () => {
  const open: Inbox[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((inbox) => inbox.close()));
  });

  test("each reader gets one copy, in a conversation of its own", async () => {
    const world = await exploitedWorld();
    await raise(world.ports, cve, otherCve);
    const apiKey = "SG.alerts";
    const inbox = await startInbox({ apiKey, verifiedSenders: ["kb@contoso.com"], now: world.ports.now });
    open.push(inbox);
    const mailer = createMailer({ apiKey, from: "kb@contoso.com", region: "global", url: inbox.url, sandbox: false });
    const watchlist = { ...quiet, mailTo: ["ops@contoso.com", "ciso@contoso.com"] };
    expect(await send(world, { ...world.ports, mailer }, watchlist)).toBeNull();
    const got = inbox.mails.map(({ to, customArgs, subject }) => [to[0]?.email, customArgs.cve, subject.split(";")[0]]);
    expect(got.toSorted()).toEqual(
      watchlist.mailTo.flatMap((email) => [cve, otherCve].map((id) => [email, id, `Exploited now: ${id}`])).toSorted(),
    );
    expect(inbox.mails.flatMap(({ customArgs }) => Object.keys(customArgs))).not.toContain("run_id");
    const threads = new Set(inbox.mails.map(({ headers }) => headers["In-Reply-To"]));
    expect(threads.size).toBe(2);
    expect(await alertsOf(world)).toEqual([
      [cve, "sent"],
      [otherCve, "sent"],
    ]);
  });
});

test("a message of a delivery sends digests and alerts", async () => {
  const world = await owing();
  await advance({ deliver: chainOf(), openedAt: "2026-11-23T14:17:00.000Z" }, world.ports);
  expect(sentAlerts(world)).toEqual([cve]);
});
