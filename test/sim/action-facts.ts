import { byNumber } from "../oracle/order.ts";
import type { Action } from "../oracle/types.ts";
import { readCsv } from "../support/read-csv.ts";
import { kbOf } from "./facts.ts";

/** What to install, a line for each action: KB, urgency, what it installs and what it covers. */
export type ActionFacts = readonly string[];

interface JsonGap {
  softwareId: string;
  id: string;
}

interface JsonAction {
  id: string;
  exploited: boolean;
  machines: number | null;
  since: string;
  installs: JsonGap[];
  covers: JsonGap[];
}

/** What the rules say. */
export function actionsOfRules(actions: readonly Action[]): ActionFacts {
  return actions.map(({ installs, covers, exploited, machines, since }) => {
    const named = (entries: Action["installs"]) =>
      [...entries].sort((a, b) => byNumber(a.key, b.key)).map((entry) => `${entry.softwareId} ${kbOf(entry)}`);
    const id = installs[0] ? kbOf(installs[0]) : "";
    return lineOf({ id, exploited, machines: machines ?? "", since }, named(installs), named(covers));
  });
}

/** `GET /api/actions` in JSON. */
export function actionsOfJson(body: string): ActionFacts {
  const { actions }: { actions: JsonAction[] } = JSON.parse(body);
  return actions.map(({ id, exploited, machines, since, installs, covers }) => {
    const named = (gaps: JsonGap[]) => gaps.map((gap) => `${gap.softwareId} ${gap.id}`);
    return lineOf({ id, exploited, machines: machines ?? "", since }, named(installs), named(covers));
  });
}

/** The same in CSV. */
export function actionsOfCsv(csv: string): ActionFacts {
  const [head = [], ...lines] = readCsv(csv.replace(/^\ufeff/, ""));
  const cells = lines.map((line) => Object.fromEntries(head.map((name, index) => [name, line[index] ?? ""])));
  return [...Map.groupBy(cells, ({ rank }) => rank).values()].map((own) => {
    const [{ install: id = "", exploited = "", machines = "", since = "" } = {}] = own;
    const named = (isInstall: boolean) =>
      own.filter((gap) => (gap.id === id) === isInstall).map((gap) => `${gap.softwareId} ${gap.id}`);
    return lineOf({ id, exploited, machines, since }, named(true), named(false));
  });
}

function lineOf(
  { id, ...urgency }: { id: string } & Record<"exploited" | "machines" | "since", string | number | boolean>,
  installs: readonly string[],
  covers: readonly string[],
): string {
  const { exploited, machines, since } = urgency;
  const [own, others] = [installs, covers].map((gaps) => [...gaps].sort().join(", "));
  return `KB${id} ${exploited} ${machines} ${since} installs ${own} covers ${others}`;
}
