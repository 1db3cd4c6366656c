import pMap from "p-map";
import { feedNames } from "../core/advisory.ts";
import { everyRise } from "../core/change.ts";
import type { Run } from "../core/run.ts";
import { noTotals } from "../core/totals.ts";
import type { Watchlist } from "../core/watchlist.ts";
import { summarize } from "../core/watchlist-status.ts";
import type { Mailer, Ports, SendOutcome, Store } from "../ports.ts";
import { noParameters } from "../render/parameters.ts";
import { listed, many } from "../render/words.ts";
import { examineTenants } from "./doctor-tenant.ts";
import { type Finding, type Probes, tried } from "./finding.ts";
import { reasonOfFault, reasonOfFeed } from "./health-words.ts";
import { readQuery } from "./query.ts";
import { type HttpRequest, type HttpResponse, jsonResponse } from "./response.ts";

const concurrency = 4;

/** Tries everything that a run needs and leaves nothing behind. Findings never contain secrets or tokens. */
export async function examine(ports: Ports, probes: Probes): Promise<Finding[]> {
  const { list, faults } = await ports.watchlists();
  const settings = tried("settings", async () => {
    if (faults.length > 0) throw new Error(faults.map(reasonOfFault).join(" "));
    return [describeSettings(list, ports), ...probes.warnings].join(" ");
  });
  const groups = await Promise.all([
    settings.then((finding) => [finding]),
    examineTenants(list, ports, probes),
    examineStorage(ports, probes),
    examineFeeds(ports),
    tried("mail", () => tryMail(list, probes)).then((finding) => [finding]),
  ]);
  return groups.flat();
}

/** What the doctor found. The status is 200 even if a check failed, because the examination itself did not. */
export async function serveDoctor({ query }: HttpRequest, ports: Ports, probes: Probes): Promise<HttpResponse> {
  readQuery(query, noParameters);
  const findings = await examine(ports, probes);
  return jsonResponse(200, { ok: findings.every(({ status }) => status === "ok"), findings });
}

function describeSettings(list: readonly Watchlist[], { rules }: Ports): string {
  const softwareIds = new Set(list.flatMap((watchlist) => watchlist.softwareIds));
  const found = list.some(({ vendor }) => vendor !== null) ? " and those found by their vendor" : "";
  return `${many(list.length, "watchlist")} with ${many(softwareIds.size, "product")}${found}; the schedule is "${rules.schedule}" in UTC.`;
}

async function examineStorage({ store, queue, now }: Ports, { tryQueue }: Probes): Promise<Finding[]> {
  return Promise.all([
    tried("table Snapshots", () => trySnapshots(store)),
    tried("table Runs", () => tryRuns(store, now())),
    tried("table Watchlists", () => tryWatchlists(store)),
    tried("table Walks", () => tryWalks(store, now())),
    tried("queue runs", async () => {
      await tryQueue();
      const poison = await queue.countPoison();
      if (poison === 0) return "Messages can be sent, received and deleted.";
      throw new Error(
        `About ${many(poison, "message")} in the queue runs-poison failed for good. Find out why, then put them back or clear the queue.`,
      );
    }),
  ]);
}

// No tenant, watchlist or product can have this name, because settings and Defender do not allow parentheses in them.
const nobody = "(doctor)";
const day = "2000-01-01";
const chain = { tenant: nobody, watchlist: nobody };
const works = "Rows can be written, read and deleted.";

async function trySnapshots(store: Store): Promise<string> {
  const key = { tenant: nobody, softwareId: nobody, runId: day };
  await store.addSnapshot({ ...key, day, openedAt: day, missingKbs: [], gone: [], unusable: 0 });
  mustBe(await store.readSnapshot(key));
  await store.deleteSnapshot(key);
  return works;
}

async function tryRuns(store: Store, now: Date): Promise<string> {
  const run = emptyRun(now.toISOString());
  // A run on demand, so that it does not become part of a chain.
  await store.commitRun(run, null);
  mustBe(await store.readRun(run, run.runId));
  await store.deleteRun(run);
  return works;
}

async function tryWatchlists(store: Store): Promise<string> {
  await store.saveStatus(summarize(chain, [], null));
  mustBe((await store.listStatuses()).find(({ tenant }) => tenant === nobody));
  await store.deleteStatus(chain);
  return works;
}

async function tryWalks(store: Store, now: Date): Promise<string> {
  const request = { ...chain, runId: `${day}T00:00Z` };
  await store.addRequest({ ...request, openedAt: now.toISOString(), mail: false });
  mustBe(await store.readRequest(request));
  await store.deleteRequest(request);
  return works;
}

function mustBe(row: unknown): void {
  if (!row) throw new Error("A row that was just written could not be read back.");
}

function emptyRun(at: string): Run {
  return {
    ...{ ...chain, runId: `${day}T00:00Z`, day, openedAt: at, committedAt: at },
    ...{ previousRunId: null, comparisons: [], left: [], failures: [], totals: noTotals },
    rules: { thresholds: everyRise, dueDays: 1, dueDaysExploited: 1, dueFrom: "first-seen", timeZone: "UTC" },
    mail: { status: "none", at, attempts: 0, unknownOutcomes: 0 },
  };
}

/** What was read of MSRC and CISA, and when; with ADVISORIES=none there is nothing to examine. */
async function examineFeeds({ feeds, store, now }: Ports): Promise<Finding[]> {
  if (!feeds) return [];
  const finding = await tried("advisories", async () => {
    const { months, exploited, ...states } = await store.readAdvisories();
    const faults = feedNames.flatMap((feed) => {
      const { fault } = states[feed];
      return fault ? [reasonOfFeed({ feed, ...fault })] : [];
    });
    if (faults.length > 0) throw new Error(`${faults.join(" ")} It is tried again every hour.`);
    const [msrc, kev] = feedNames.map((feed) => ageWords(states[feed].readAt, now()));
    return `MSRC: ${many(months.length, "month")}, ${msrc}. CISA: ${many(exploited?.length ?? 0, "CVE")}, ${kev}.`;
  });
  return [finding];
}

function ageWords(readAt: string | null, now: Date): string {
  if (readAt === null) return "not read yet, which happens once an hour";
  return `read ${many(Math.max(0, Math.round((now.getTime() - Date.parse(readAt)) / 60_000)), "minute")} ago`;
}

/**
 * Lets the mail service check a mail to each watchlist's readers, and to nobody else's; until it says what would keep back
 * every mail, or the examination would wait for each of them.
 */
async function tryMail(list: readonly Watchlist[], { sandbox, keyFingerprint, tryAcs }: Probes): Promise<string> {
  await tryAcs?.();
  const mailing = list.filter(({ mailTo }) => mailTo.length > 0);
  const refused = new Map<string, string[]>();
  let lasting: string | null = null;
  await pMap(
    mailing,
    async (watchlist) => {
      if (lasting !== null) return;
      const outcome = await tryMailTo(watchlist, sandbox);
      if (outcome.status === "failed" || outcome.status === "unknown") lasting ??= outcome.reason;
      if (outcome.status !== "refused") return;
      refused.set(outcome.reason, [...(refused.get(outcome.reason) ?? []), watchlist.name]);
    },
    { concurrency },
  );
  const reasons = [...refused].map(([reason, names]) =>
    names.length === mailing.length ? reason : `${named(names)}: ${reason}`,
  );
  const faults = lasting === null ? reasons : [lasting, ...reasons];
  if (faults.length > 0) throw new Error(faults.join(" "));
  const recipients = `the recipients of ${many(mailing.length, "watchlist")}`;
  if (keyFingerprint !== null) {
    return `SendGrid's sandbox accepts the key with the fingerprint ${keyFingerprint}, the sender and ${recipients}.`;
  }
  return `Azure Communication Services lets the app ask about mails, and ${recipients} are within its limits. It has no sandbox: only a real digest shows that the sender's domain is linked and that the app may send.`;
}

const mostNamed = 5;

function named(names: readonly string[]): string {
  const more = names.length > mostNamed ? [many(names.length - mostNamed, "other")] : [];
  const shown = names.slice(0, mostNamed).map((name) => `"${name}"`);
  return `${names.length === 1 ? "Watchlist" : "Watchlists"} ${listed([...shown, ...more])}`;
}

function tryMailTo({ tenant, name, mailTo, mailTogether }: Watchlist, sandbox: Mailer): Promise<SendOutcome> {
  const text = "This mail was checked but not delivered.";
  return sandbox.send({
    ...{ tenant, watchlist: name, runId: day, sendKey: nobody, isRepeat: false, to: mailTo, together: mailTogether },
    ...{ subject: "Missing KBs: a test", text, html: `<p>${text}</p>`, attachments: [] },
  });
}
