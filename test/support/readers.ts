import { expect } from "vitest";
import type { Run } from "../../shared/core/run.ts";
import { isScheduled } from "../../shared/core/run-id.ts";
import type { OutgoingMail, Store } from "../../shared/ports.ts";
import { chainOf } from "./builders.ts";

// What readers know from their mails, compared with the snapshots by counts alone: for watchlists that report every rise.

const labels: Readonly<Record<string, string>> = {
  "microsoft-_-windows_10": "Windows 10",
  "microsoft-_-windows_11": "Windows 11",
};

/** Machines by product and KB, of products that were ever read. */
type Shown = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** What a run showed. */
export async function shownBy(store: Store, run: Run): Promise<Shown> {
  const shown = run.comparisons.map(async ({ softwareId, current }) => {
    const snapshot = current && (await store.readSnapshot({ tenant: run.tenant, softwareId, runId: current }));
    const kbs = snapshot
      ? snapshot.missingKbs.map(({ id, machineMissedOn }) => [id, machineMissedOn ?? 0] as const)
      : null;
    return kbs ? [[softwareId, new Map(kbs)] as const] : [];
  });
  return new Map((await Promise.all(shown)).flat());
}

/** What is worse for those who last saw `then`: as `Windows 10 KB1`. A product that they never saw is none of it. */
export function worseThan(then: Shown, now: Shown): string[] {
  return [...now].flatMap(([softwareId, kbs]) => {
    const before = then.get(softwareId);
    const risen = [...kbs].filter(([id, machines]) => before && machines > (before.get(id) ?? 0));
    return risen.map(([id]) => `${labels[softwareId]} KB${id}`);
  });
}

// A product that is listed beside others, with a state of its own.
const isBeside = /\b(unchanged|better|resolved|gone|now watched|last known)\b/;

/** What a digest calls worse, from its text alone. */
function saidIn(text: string): string[] {
  const sections = text.split("\n\n").filter((section) => /^(NEW|WORSE|BACK|MORE CVES)\b/.test(section));
  return sections.flatMap((section) => {
    let kb = "";
    return section.split("\n").flatMap((line) => {
      kb = /^(KB\d+)\b/.exec(line)?.[1] ?? kb;
      const label = Object.values(labels).find((name) => line.startsWith(`  ${name} `));
      return label && !isBeside.test(line) ? [`${label} ${kb}`] : [];
    });
  });
}

/** Products that a digest does not name with how many of their KBs are missing. */
function unnamedIn(text: string, shown: Shown): string[] {
  const isNamed = (id: string, kbs: number) => text.includes(`- ${id}: ${kbs} KB${kbs === 1 ? "" : "s"} missing`);
  return [...shown].flatMap(([id, kbs]) => (isNamed(id, kbs.size) ? [] : [id]));
}

/** The scheduled runs of the watchlist `default`, in their order. */
export async function scheduledRuns(store: Store): Promise<Run[]> {
  const summaries = (await store.listRuns(chainOf())).filter(({ runId }) => isScheduled(runId));
  const stored = await Promise.all(summaries.map(({ runId }) => store.readRun(chainOf(), runId)));
  return stored.flatMap((row) => (row ? [row.run] : []));
}

/** Whether a run's mail is what its readers saw in its turn. */
export function isSentInTurn({ mail }: Pick<Run, "mail">): boolean {
  return mail.status === "sent" && !mail.isResent;
}

/**
 * Each digest says all that is worse than the digest before it showed, and the last run has one. The first, where runs passed
 * without one, names all products.
 */
export async function expectEveryDigestComplete(store: Store, inbox: readonly OutgoingMail[]): Promise<void> {
  const runs = await scheduledRuns(store);
  const sent = runs.filter(isSentInTurn);
  expect(sent.at(-1)?.runId).toBe(runs.at(-1)?.runId);
  for (const [index, run] of sent.entries()) {
    const before = sent[index - 1];
    const { text = "" } = inbox.findLast(({ runId }) => runId === run.runId) ?? {};
    if (!before) {
      expect(run === runs[0] ? [] : unnamedIn(text, await shownBy(store, run))).toEqual([]);
      continue;
    }
    const said = new Set(saidIn(text));
    const worse = worseThan(await shownBy(store, before), await shownBy(store, run));
    expect(worse.filter((entry) => !said.has(entry))).toEqual([]);
  }
}
