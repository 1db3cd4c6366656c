import type { TokenCredential } from "@azure/core-auth";
import { afterEach, expect, test } from "vitest";
import { type Inbox, startInbox } from "../../local/inbox.ts";
import { secondsUntilDue } from "../../shared/core/mail.ts";
import { createAcsMailer } from "../../shared/io/mail/acs.ts";
import type { Ports } from "../../shared/ports.ts";
import { deliver } from "../../shared/run/deliver.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { aWatchlist, chainOf } from "../support/builders.ts";
import { handleAll } from "../support/drive.ts";
import { type FakeWorld, fakeWorld } from "../support/fake-world.ts";
import { forward } from "../support/fault-proxy.ts";
import { type HttpServer, startHttpServer } from "../support/http-server.ts";

const chain = chainOf();
const readers = ["ops@contoso.com", "ciso@contoso.com"];
const watchlist = aWatchlist({ heartbeatDay: "none", mailTo: readers });
const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()));
});

/** A world in which one mail is owed, and an inbox that takes it through Azure Communication Services. */
async function startCase(behaviour: Partial<Inbox["operations"]> = {}): Promise<{ world: FakeWorld; inbox: Inbox }> {
  const world = fakeWorld([watchlist]);
  const inbox = await startInbox({ apiKey: "SG.unused", now: world.ports.now });
  open.push(inbox.close);
  Object.assign(inbox.operations, { pauseSeconds: 0, ...behaviour });
  world.outcomes.push({ status: "failed", reason: "503." });
  world.answers.set("microsoft-_-windows_10", [{ id: "1", machineMissedOn: 9, cveAddressed: 1 }]);
  await scheduleRuns(world.ports);
  await handleAll(world, world.ports.now().getTime() + 30_000);
  return { world, inbox };
}

/** What happens at a point between two steps of a process. */
type Interruption = () => Promise<void>;

interface Process {
  ports: Ports;
  close(): Promise<void>;
}

/**
 * A process with the real mailer, interrupted at a point between the note that a mail leaves and the note of its outcome: before
 * and after each call of storage, of the identity and of the mail service.
 */
async function startProcess(
  { world, inbox }: { world: FakeWorld; inbox: Inbox },
  interrupt: Interruption,
): Promise<Process> {
  let isSending = false;
  const point = async () => {
    if (isSending) await interrupt();
  };
  const step = async <T>(work: () => Promise<T>): Promise<T> => {
    await point();
    const result = await work();
    await point();
    return result;
  };
  const server: HttpServer = await startHttpServer(async (request) => {
    const answer = await step(() => forward(`${inbox.url}${request.path}`, request));
    const location = answer.headers?.["operation-location"]?.replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${server.port}`);
    return { ...answer, headers: { ...answer.headers, ...(location && { "operation-location": location }) } };
  });
  const credential: TokenCredential = { getToken: () => step(async () => tokenAt(world.ports.now())) };
  const { store, now } = world.ports;
  const mailer = createAcsMailer({ endpoint: server.url, credential, from: "kb@contoso.com", now, pollMs: 1 });
  const watched: Ports["store"] = {
    ...store,
    readRun: (...args) => step(() => store.readRun(...args)),
    async updateMail(run, version, mail) {
      await point();
      const isWritten = await store.updateMail(run, version, mail);
      if (isWritten) isSending = mail.status === "sending";
      await point();
      return isWritten;
    },
  };
  return { ports: { ...world.ports, store: watched, mailer }, close: server.close };
}

function tokenAt(now: Date) {
  const part = (content: object) => Buffer.from(JSON.stringify(content)).toString("base64url");
  const claims = { aud: "https://communication.azure.com", exp: Math.floor(now.getTime() / 1_000) + 86_400 };
  return { token: `${part({ alg: "none" })}.${part(claims)}.`, expiresOnTimestamp: Date.now() + 86_400_000 };
}

const never = new Promise<never>(() => {});

/** Runs a process until it delivered all or was killed at its nth point; nothing of it goes on after that. */
async function runProcess(at: { world: FakeWorld; inbox: Inbox }, killAt: number | null): Promise<boolean> {
  const death = Promise.withResolvers<true>();
  let points = 0;
  const process = await startProcess(at, () => {
    points += 1;
    if (killAt === null || points < killAt) return Promise.resolve();
    death.resolve(true);
    return never;
  });
  const wasKilled = await Promise.race([deliver(chain, watchlist, process.ports).then(() => false), death.promise]);
  await process.close();
  return wasKilled;
}

async function mailOf({ ports }: FakeWorld) {
  const stored = await ports.store.readRun(chain, "2026-11-23");
  if (!stored) throw new Error("There is a run.");
  return stored.run.mail;
}

/** Lets the world's clock go on until the mail may be tried; false if it is not owed. */
async function waitUntilDue(world: FakeWorld): Promise<boolean> {
  const seconds = secondsUntilDue(await mailOf(world), world.ports.now());
  if (seconds !== null) world.setClock(world.ports.now().getTime() + seconds * 1_000);
  return seconds !== null;
}

/** Delivers a mail in processes that are killed at these points, and then in others that are not; returns the kills. */
async function deliverWithKills(killPoints: readonly number[], running: number): Promise<number> {
  // The worst that the service may do: it would send a second mail under the same id.
  const at = await startCase({ running, refusesIdsInUse: false });
  let kills = 0;
  for (const killAt of killPoints) {
    if (await waitUntilDue(at.world)) kills += (await runProcess(at, killAt)) ? 1 : 0;
  }
  for (let tries = 0; tries < 5 && (await waitUntilDue(at.world)); tries++) await runProcess(at, null);
  await expectOnce(at, `killed at ${killPoints}, running ${running}`);
  return kills;
}

async function expectOnce({ world, inbox }: { world: FakeWorld; inbox: Inbox }, when: string): Promise<void> {
  const copies = inbox.mails.flatMap(({ to }) => to.map(({ email }) => email));
  expect({ when, status: (await mailOf(world)).status, copies }).toEqual({ when, status: "sent", copies: readers });
}

test("50 kills between the note that a mail leaves and the note of its outcome lose none and double none", async () => {
  let kills = 0;
  let last = 0;
  // Each point once, until a process has no such point.
  for (const running of [0, 2]) {
    for (let killAt = 1; ; killAt++) {
      const wasKilled = await deliverWithKills([killAt], running);
      if (wasKilled === 0) break;
      kills += wasKilled;
      last = killAt;
    }
  }
  expect(last).toBeGreaterThanOrEqual(10);
  // The process that takes over is killed as well, and the one after it.
  for (let n = 0; kills < 50; n++) {
    kills += await deliverWithKills([1 + ((n * 7) % last), 1 + ((n * 5 + 3) % last), 1 + ((n * 3 + 1) % last)], n % 2);
  }
  expect(kills).toBeGreaterThanOrEqual(50);
}, 120_000);

test("a process that was frozen at any of these points sends nothing that another has sent meanwhile", async () => {
  for (let frozenAt = 1; ; frozenAt++) {
    const at = await startCase();
    await waitUntilDue(at.world);
    let points = 0;
    const process = await startProcess(at, async () => {
      points += 1;
      if (points !== frozenAt) return;
      at.world.setClock(at.world.ports.now().getTime() + 11 * 60_000);
      for (let tries = 0; tries < 3 && (await waitUntilDue(at.world)); tries++) await runProcess(at, null);
    });
    await deliver(chain, watchlist, process.ports);
    await process.close();
    await expectOnce(at, `frozen at ${frozenAt}`);
    if (points < frozenAt) break;
  }
}, 60_000);
