import { onDemandRunId, type RunId } from "../core/run-id.ts";
import type { Ports } from "../ports.ts";
import { type Answer, answer, badParameter, jsonAnswer, Problem } from "./answer.ts";
import { findWatchlist, parameter } from "./find-run.ts";

const maxBody = 10_000;

/** A request to start a run. */
export interface StartRequest {
  body: string;
  header: (name: string) => string | null;
}

/** Opens a run on demand. Asked again within the minute, it is the same run. */
export async function startRun({ body, header }: StartRequest, ports: Ports): Promise<Answer> {
  const isForm = header("content-type")?.startsWith("application/x-www-form-urlencoded") ?? false;
  // Any site that a signed-in person visits can send this in that person's name.
  if (header("sec-fetch-site") === "cross-site") {
    throw new Problem(403, "Sent from another site", "Start runs from the report page itself, or with a program.");
  }
  if (body.length > maxBody) throw new Problem(413, "Body too large", `At most ${maxBody} characters are read.`);
  const { watchlist: name, mail, code } = isForm ? readForm(body) : readJson(body);
  const watchlist = findWatchlist(name, ports);
  const openedAt = ports.now();
  const runId = onDemandRunId(openedAt);
  await ports.queue.send({ watchlist: watchlist.name, runId, openedAt: openedAt.toISOString(), mail });
  ports.log("info", "run asked for", { watchlist: watchlist.name, run: runId, mail });
  if (isForm) return redirectToReport(watchlist.name, runId, code);
  const location = `/api/runs/${encodeURIComponent(watchlist.name)}/${encodeURIComponent(runId)}`;
  return jsonAnswer(202, { watchlist: watchlist.name, runId, status: location }, { Location: location });
}

interface Asked {
  watchlist: string | null;
  mail: boolean;
  code: string | null;
}

function readForm(body: string): Asked {
  const form = new URLSearchParams(body);
  return {
    watchlist: parameter(form, "watchlist"),
    mail: form.get("mail") === "true",
    code: parameter(form, "code"),
  };
}

function readJson(body: string): Asked {
  const asked = body.trim() === "" ? {} : parse(body);
  if (typeof asked !== "object" || asked === null || Array.isArray(asked)) throw badBody();
  const { watchlist = null, mail = false, ...unknown } = asked as Record<string, unknown>;
  if (watchlist !== null && typeof watchlist !== "string") throw badParameter("watchlist", '"watchlist" is a name.');
  if (typeof mail !== "boolean") throw badParameter("mail", '"mail" is true or false.', ["true", "false"]);
  const [stranger] = Object.keys(unknown);
  if (stranger) throw badParameter(stranger.slice(0, 60), "This property is not known.", ["watchlist", "mail"]);
  return { watchlist, mail, code: null };
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw Object.assign(badBody(), { cause });
  }
}

function badBody(): Problem {
  return new Problem(400, "Bad body", 'The body is JSON such as {"watchlist": "default", "mail": false}.');
}

// A browser that sent the page's form goes back to the page, which then shows the run's progress.
function redirectToReport(watchlist: string, runId: RunId, code: string | null): Answer {
  const query = new URLSearchParams({ watchlist, progress: runId, format: "html", ...(code && { code }) });
  return answer(303, "text/plain; charset=utf-8", "", { Location: `/api/report?${query}` });
}
