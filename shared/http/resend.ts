import { cancelled, isGivenUp, type Mail, resent, withoutDeadClaim } from "../core/mail.ts";
import { type Chain, chainKey } from "../core/message.ts";
import { isRunId, type RunId } from "../core/run-id.ts";
import { chainOf } from "../core/watchlist.ts";
import { summarize, type WatchlistStatus } from "../core/watchlist-status.ts";
import type { Ports } from "../ports.ts";
import { mailParameters } from "../render/parameters.ts";
import { listAlerts } from "../run/alerts.ts";
import { chainEnd } from "../run/chain.ts";
import { refreshStatus } from "../run/status.ts";
import { type RequestPorts, readsEverything, requireStart } from "./caller.ts";
import { findWatchlist } from "./find-run.ts";
import { Problem } from "./problem.ts";
import { badRunId, readQuery } from "./query.ts";
import { type HttpRequest, type HttpResponse, jsonResponse } from "./response.ts";
import { runPath } from "./run-path.ts";

/** Sends a run's refused or cancelled mail again. */
export async function serveResend(request: HttpRequest, ports: RequestPorts): Promise<HttpResponse> {
  const { chain, removed, runId } = await findMail(request, ports);
  const { watchlist } = chain;
  if (removed) {
    throw conflict(`The watchlist "${watchlist}" is no longer configured: there is nobody to send the mail to.`);
  }
  await changeMail({ ...chain, runId }, ports, (mail) => {
    if (!isGivenUp(mail)) throw conflict(whyNotAgain(runId, mail));
    return resent(mail, ports.now());
  });
  await ports.queue.send({ deliver: chain, openedAt: ports.now().toISOString() });
  ports.log("info", "mail asked for again", { ...chain, run: runId });
  await refresh(chain, removed, ports);
  const location = runPath(watchlist, runId);
  return jsonResponse(202, { watchlist, runId, status: location }, { Location: location });
}

/** Cancels a mail that is owed or was refused; also of a watchlist that is no longer configured. */
export async function serveCancelMail(request: HttpRequest, ports: RequestPorts): Promise<HttpResponse> {
  const { chain, removed, runId } = await findMail(request, ports);
  await changeMail({ ...chain, runId }, ports, (mail) => {
    if (mail.status === "cancelled") return mail;
    if (mail.status !== "pending" && mail.status !== "refused") throw conflict(whyNotCancelled(runId, mail));
    return cancelled(mail, ports.now());
  });
  ports.log("info", "mail cancelled on request", { ...chain, run: runId });
  await refresh(chain, removed, ports);
  return jsonResponse(200, { watchlist: chain.watchlist, runId, mail: "cancelled" });
}

interface FoundMail {
  chain: Chain;
  /** What is known of the watchlist where it is no longer configured. */
  removed: WatchlistStatus | null;
  runId: RunId;
}

async function findMail({ query, params }: HttpRequest, ports: RequestPorts): Promise<FoundMail> {
  requireStart(ports.caller);
  const { tenant } = readQuery(query, mailParameters);
  const { watchlist = "", runId = "" } = params;
  const found =
    tenant === undefined
      ? { chain: chainOf(await findWatchlist(watchlist, ports)), removed: null }
      : await findOfTenant({ tenant, watchlist }, ports);
  if (!isRunId(runId)) throw badRunId("runId", false);
  return { ...found, runId };
}

async function findOfTenant(
  asked: Chain,
  { watchlists, store, caller }: RequestPorts,
): Promise<Omit<FoundMail, "runId">> {
  const isAsked = (chain: Chain) => chainKey(chain) === chainKey(asked);
  const configured = (await watchlists()).list.map(chainOf).find(isAsked);
  if (configured) return { chain: configured, removed: null };
  const removed = readsEverything(caller) ? (await store.listStatuses()).find(isAsked) : undefined;
  if (removed) return { chain: { tenant: removed.tenant, watchlist: removed.watchlist }, removed };
  throw new Problem(
    404,
    "No such watchlist",
    "The tenant has no watchlist of that name, and none was removed lately. GET /api/reasons names those with open mails.",
  );
}

const maxTries = 5;

async function changeMail(
  run: Chain & { runId: RunId },
  { store, now }: Ports,
  change: (mail: Mail) => Mail,
): Promise<void> {
  for (let tries = 0; tries < maxTries; tries++) {
    const stored = await store.readRun(run, run.runId);
    if (!stored) {
      const detail = `There is no run ${run.runId} of "${run.watchlist}". GET /api/history lists the runs that exist.`;
      throw new Problem(404, "No such run", detail);
    }
    const changed = change(withoutDeadClaim(stored.run.mail, now()));
    if (changed === stored.run.mail || (await store.updateMail(run, stored.version, changed))) return;
  }
  throw conflict(`The run ${run.runId} is being changed by others. Try again in a minute.`);
}

function conflict(detail: string): Problem {
  return new Problem(409, "Not in this state", detail);
}

function whyNotAgain(runId: RunId, { status, at, retryAt }: Mail): string {
  const startAnother = 'Start a run that mails instead: POST /api/runs {"mail": true}.';
  switch (status) {
    case "pending":
      return `The mail of ${runId} is pending: it is tried again ${retryAt ? `at ${retryAt}` : "soon"}. To stop that, DELETE it.`;
    case "claimed":
    case "sending":
      return beingSent(runId);
    case "sent":
      return `The mail of ${runId} was sent at ${at}. ${startAnother}`;
    default:
      return `The run ${runId} owes no mail. ${startAnother}`;
  }
}

function whyNotCancelled(runId: RunId, { status, at }: Mail): string {
  if (status === "sent") return `The mail of ${runId} was sent at ${at}, so it cannot be cancelled.`;
  return status === "none" ? `The run ${runId} owes no mail, so there is nothing to cancel.` : beingSent(runId);
}

function beingSent(runId: RunId): string {
  return `The mail of ${runId} is being sent. Look again in ten minutes.`;
}

// Where this fails, the mail is changed all the same, and the next commit, delivery or expiry repairs the copy.
async function refresh(chain: Chain, removed: WatchlistStatus | null, ports: Ports): Promise<void> {
  try {
    const { runs, last } = await chainEnd(ports.store, chain);
    const run = last?.run ?? null;
    if (!removed) await refreshStatus(chain, { runs, last: run, alerts: await listAlerts(chain, ports) }, ports);
    else await ports.store.saveStatus({ ...removed, open: summarize(chain, runs, run).open });
  } catch (error) {
    ports.log("error", "status not refreshed after a mail was changed", { ...chain, reason: String(error) });
  }
}
