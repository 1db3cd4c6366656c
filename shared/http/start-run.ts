import type { RunId } from "../core/run-id.ts";
import { chainOf } from "../core/watchlist.ts";
import { noParameters, startParameters, type Values } from "../render/parameters.ts";
import { many } from "../render/words.ts";
import { mailsPerHour, type Started, startRun } from "../run/start.ts";
import { readBody, readObject } from "./body.ts";
import { type RequestPorts, requireStart } from "./caller.ts";
import { findWatchlist } from "./find-run.ts";
import { badParameter, Problem } from "./problem.ts";
import { readQuery, unknownParameter } from "./query.ts";
import { type HttpRequest, type HttpResponse, jsonResponse, redirect } from "./response.ts";
import { runPath } from "./run-path.ts";

/** Starts a run on demand. Asked again within the minute, it is the same run, which mails if either was to. */
export async function serveStartRun(request: HttpRequest, ports: RequestPorts): Promise<HttpResponse> {
  const { headers, query } = request;
  requireStart(ports.caller);
  readQuery(query, noParameters);
  const body = await readBody(request);
  const isForm = headers.get("content-type")?.startsWith("application/x-www-form-urlencoded") ?? false;
  const {
    watchlist: name,
    mail,
    code,
  } = isForm ? readQuery(new URLSearchParams(body), startParameters) : readJson(body);
  const found = await findWatchlist(name, ports);
  const watchlist = found.name;
  const runId = runIdOf(await startRun(chainOf(found), mail, ports));
  if (isForm) {
    // The browser goes back to the page, which shows the run's progress.
    const shown = new URLSearchParams({ watchlist, progress: runId, format: "html", ...(code && { code }) });
    return redirect(303, `/api/report?${shown}`);
  }
  const location = runPath(watchlist, runId);
  return jsonResponse(202, { watchlist, runId, status: location }, { Location: location });
}

function runIdOf(started: Started): RunId {
  switch (started.status) {
    case "started":
      return started.runId;
    case "finished":
      throw new Problem(
        409,
        "Finished without a mail",
        `The run ${started.runId} has just finished without a mail. Ask again in a minute.`,
      );
    case "limited":
      throw new Problem(
        429,
        "Too many mails",
        `${many(mailsPerHour, "run")} with a mail were asked for within an hour, which is the limit of a watchlist. Leave "mail" out, or wait.`,
        { retryAfterSeconds: started.retryAfterSeconds },
      );
  }
}

function readJson(body: string): Values<typeof startParameters> & { code?: string } {
  const asked = readObject(body, '{"watchlist": "default", "mail": false}');
  for (const name of Object.keys(asked))
    if (!Object.hasOwn(startParameters, name)) throw unknownParameter(name, startParameters);
  const { watchlist, mail = false } = asked;
  if (typeof mail !== "boolean") throw badParameter("mail", '"mail" must be true or false.', ["true", "false"]);
  if (watchlist === undefined || watchlist === null) return { mail };
  if (typeof watchlist !== "string") throw badParameter("watchlist", '"watchlist" must be a name.');
  return { watchlist, mail };
}
