import pMap from "p-map";
import { everyRise } from "../core/change.ts";
import type { Run } from "../core/run.ts";
import { noTotals } from "../core/totals.ts";
import { homeTenant } from "../core/watchlist.ts";
import type { Mailer, Ports, ProductFacts, Store } from "../ports.ts";
import { noParameters } from "../render/parameters.ts";
import { many } from "../render/words.ts";
import { readQuery } from "./query.ts";
import { type HttpRequest, type HttpResponse, jsonResponse } from "./response.ts";

/** What the doctor tries besides the ports. */
export interface Probes {
  /** An access token of the app's identity for Defender. */
  defenderToken(tenant: string): Promise<string>;
  /** The scope of that token; the cloud decides it. */
  defenderScope: string;
  /** Sends, receives and deletes a message in its own queue. */
  tryQueue(): Promise<void>;
  /** SendGrid checks these mails and delivers none. */
  sandbox: Mailer;
}

/** One check: what was found, or what to do. */
export interface Finding {
  check: string;
  /** `skipped`: an earlier check failed. */
  status: "ok" | "fault" | "skipped";
  detail: string;
}

const neededRole = "Software.Read.All";
const concurrency = 8;
/** Azure cuts a request off after 230 seconds. */
const readMs = 120_000;

/** Tries everything that a run needs and leaves nothing behind. Findings never contain secrets or tokens. */
export async function examine(ports: Ports, probes: Probes): Promise<Finding[]> {
  const groups = await Promise.all([
    examineDefender(ports, probes),
    examineStorage(ports, probes),
    Promise.all([tried("mail", () => tryMail(ports, probes))]),
  ]);
  return [examineSettings(ports), ...groups.flat()];
}

/** What the doctor found. The status is 200 even if a check failed, because the examination itself did not. */
export async function serveDoctor({ query }: HttpRequest, ports: Ports, probes: Probes): Promise<HttpResponse> {
  readQuery(query, noParameters);
  const findings = await examine(ports, probes);
  return jsonResponse(200, { ok: findings.every(({ status }) => status === "ok"), findings });
}

async function tried(check: string, work: () => Promise<string>): Promise<Finding> {
  try {
    return { check, status: "ok", detail: await work() };
  } catch (error) {
    return { check, status: "fault", detail: error instanceof Error ? error.message : String(error) };
  }
}

function examineSettings({ watchlists, rules }: Ports): Finding {
  const softwareIds = new Set(watchlists.flatMap((watchlist) => watchlist.softwareIds));
  const detail = `${many(watchlists.length, "watchlist")} with ${many(softwareIds.size, "product")}; the schedule is "${rules.schedule}" in UTC.`;
  return { check: "settings", status: "ok", detail };
}

async function examineDefender(ports: Ports, probes: Probes): Promise<Finding[]> {
  const tenants = [...new Set(ports.watchlists.map(({ tenant }) => tenant))];
  const groups = await pMap(tenants, (tenant) => examineTenant(tenant, ports, probes), { concurrency });
  return groups.flat();
}

async function examineTenant(tenant: string, ports: Ports, probes: Probes): Promise<Finding[]> {
  const where = tenant === homeTenant ? "" : ` of tenant ${tenant}`;
  const token = await tried(`token${where}`, () => tryToken(tenant, probes));
  const firsts = ports.watchlists
    .filter((watchlist) => watchlist.tenant === tenant)
    .map(({ softwareIds }) => softwareIds[0]);
  const softwareIds = [...new Set(firsts)].filter((id) => id !== undefined);
  const signal = AbortSignal.timeout(readMs);
  const reads = await pMap(
    softwareIds,
    async (id): Promise<Finding> => {
      const check = `read of ${id}${where}`;
      if (token.status !== "ok")
        return { check, status: "skipped", detail: "Skipped, because the token check failed." };
      return tried(check, () => tryRead(tenant, id, ports, signal));
    },
    { concurrency },
  );
  return [token, ...reads];
}

async function tryToken(tenant: string, { defenderToken, defenderScope }: Probes): Promise<string> {
  const asked = `The token was requested for ${defenderScope}. If the tenant is in another cloud, change DEFENDER_CLOUD.`;
  const token = await defenderToken(tenant).catch((cause: Error) => {
    throw new Error(`${cause.message} ${asked}`, { cause });
  });
  const { roles, identity } = readClaims(token);
  if (roles.includes(neededRole)) return `The identity ${identity} has ${roles.join(", ")}.`;
  const held = roles.length > 0 ? `only ${roles.join(", ")}` : "no app role";
  throw new Error(
    `The identity ${identity} has ${held} but needs ${neededRole} of WindowsDefenderATP. Grant it with "npm run grant". A token without the role can stay cached for up to 24 hours.`,
  );
}

/** The roles and the identity in a token. A person's token has delegated permissions in one text instead of roles. */
function readClaims(token: string): { roles: string[]; identity: string } {
  const claims = parseJson(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
  const roles = Array.isArray(claims.roles) ? claims.roles.filter((role) => typeof role === "string") : [];
  const delegated = typeof claims.scp === "string" ? claims.scp.split(" ") : [];
  // A person with this permission can read what the app can.
  const own = delegated.some((scope) => scope === "Software.Read" || scope === "user_impersonation");
  return { roles: own ? [...roles, neededRole] : roles, identity: String(claims.appid ?? claims.azp ?? "unknown") };
}

function parseJson(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

async function tryRead(tenant: string, softwareId: string, { defender }: Ports, signal: AbortSignal): Promise<string> {
  const items = await defender.getMissingKbs(tenant, softwareId, signal);
  if (items.length > 0) return `Defender lists ${many(items.length, "missing KB")}.`;
  const product = await defender.getSoftware(tenant, softwareId, signal);
  if (product) return `Defender lists no missing KBs and ${weaknessesOf(product)}.`;
  throw new Error(
    "Defender does not know this product. Look up its id in Defender's software inventory (GET /api/Software) and correct the watchlist.",
  );
}

function weaknessesOf({ weaknesses }: ProductFacts): string {
  return weaknesses === null ? "an unknown number of weaknesses" : many(weaknesses, "weakness", "weaknesses");
}

async function examineStorage({ store, queue, now }: Ports, { tryQueue }: Probes): Promise<Finding[]> {
  return Promise.all([
    tried("table Snapshots", () => trySnapshots(store)),
    tried("table Runs", () => tryRuns(store, now())),
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

// No watchlist or product can have these names, because settings and Defender do not allow parentheses in them.
const probe = { tenant: homeTenant, softwareId: "(doctor)", runId: "2000-01-01" };
const works = "Rows can be written, read and deleted.";

async function trySnapshots(store: Store): Promise<string> {
  const { runId: day } = probe;
  await store.addSnapshot({ ...probe, day, openedAt: day, missingKbs: [], gone: [], unusable: 0 });
  if (!(await store.readSnapshot(probe))) throw new Error("A row that was just written could not be read back.");
  await store.deleteSnapshot(probe);
  return works;
}

async function tryRuns(store: Store, now: Date): Promise<string> {
  const run = emptyRun(now.toISOString());
  // A run on demand, so that it does not become part of a chain.
  await store.commitRun(run, null);
  if (!(await store.readRun(run.watchlist, run.runId)))
    throw new Error("A row that was just written could not be read back.");
  await store.deleteRun(run.watchlist, run.runId);
  return works;
}

function emptyRun(at: string): Run {
  const { tenant, softwareId, runId: day } = probe;
  return {
    ...{ watchlist: softwareId, runId: `${day}T00:00Z`, tenant, day, openedAt: at, committedAt: at },
    ...{ previousRunId: null, comparisons: [], left: [], failures: [], totals: noTotals },
    rules: { thresholds: everyRise, dueDays: 1, timeZone: "UTC" },
    mail: { status: "none", at, attempts: 0, unknownOutcomes: 0 },
  };
}

const maxRecipients = 1_000;

async function tryMail({ watchlists }: Ports, { sandbox }: Probes): Promise<string> {
  const to = [...new Set(watchlists.flatMap(({ mailTo }) => mailTo))].slice(0, maxRecipients);
  const text = "This mail was checked but not delivered.";
  const mail = { watchlist: "(doctor)", runId: probe.runId, to, subject: "Missing KBs: a test", text };
  const outcome = await sandbox.send({ ...mail, html: `<p>${text}</p>`, attachments: [] });
  if (outcome.status !== "sent") throw new Error(outcome.reason);
  return `SendGrid's sandbox accepts the key, the sender and ${many(to.length, "recipient")}.`;
}
