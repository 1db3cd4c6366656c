import { addDays } from "../core/day.ts";
import { dayOf, isScheduled, onDemandRunId } from "../core/run-id.ts";
import type { Ports } from "../ports.ts";
import { type Answer, answer, badParameter, jsonAnswer, type Question } from "./answer.ts";
import { findWatchlist, parameter } from "./find-run.ts";

const formats = ["json", "csv"] as const;

/** The totals of a watchlist's runs, oldest first. */
export async function serveHistory({ query, header }: Question, ports: Ports): Promise<Answer> {
  const watchlist = findWatchlist(parameter(query, "watchlist"), ports);
  const days = readDays(parameter(query, "days") ?? "90");
  const format = parameter(query, "format") ?? (header("accept")?.includes("text/csv") ? "csv" : "json");
  if (!formats.some((known) => known === format)) throw badParameter("format", '"format" is one of these.', formats);
  const today = dayOf(onDemandRunId(ports.now()));
  const runs = (await ports.store.listRuns(watchlist.name, addDays(today, -days))).map((run) => ({
    runId: run.runId,
    scheduled: isScheduled(run.runId),
    openedAt: run.openedAt,
    committedAt: run.committedAt,
    ...run.totals,
    mail: run.mail.status,
    mailAt: run.mail.at,
  }));
  if (format === "json") return jsonAnswer(200, { watchlist: watchlist.name, days, runs });
  const { historyCsv } = await import("../render/export/csv.ts");
  return answer(200, "text/csv; charset=utf-8", historyCsv(runs), {
    "Content-Disposition": `attachment; filename="missing-kbs-${watchlist.name}-history-${today}.csv"`,
  });
}

function readDays(text: string): number {
  const days = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (days >= 1 && days <= 3650) return days;
  throw badParameter("days", '"days" is a whole number from 1 to 3650.');
}
