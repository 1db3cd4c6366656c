import * as z from "zod/mini";
import { type MsrcKb, type Restart, severities } from "../../core/advisory.ts";
import { collectKbs } from "../../core/catalogue.ts";
import type { RunDate } from "../../core/day.ts";
import { kbIdOf } from "../../core/missing-kb.ts";
import { isMonthId, monthOf } from "../../core/msrc-month.ts";
import { type FeedContent, FeedError, type MsrcMonth } from "../../ports.ts";
import { dayOf } from "./day-of.ts";

/* What MSRC's documents say, as far as it is used. Everything else in them may be missing or have any shape. */

const list = z.object({ value: z.array(z.unknown()) });
const listedMonth = z.object({
  ID: z.string().check(z.refine(isMonthId)),
  CurrentReleaseDate: z.string().check(z.minLength(1), z.maxLength(60)),
});

/** The months in MSRC's list. */
export function readList(json: unknown): FeedContent<MsrcMonth[]> {
  const parsed = list.safeParse(json);
  if (!parsed.success) throw new FeedError("MSRC's list of months does not have the shape of one.");
  const entries = parsed.data.value.map((entry) => listedMonth.safeParse(entry));
  const months = new Map<string, MsrcMonth>();
  for (const { data } of entries) {
    if (data) months.set(data.ID, { id: data.ID, changedAt: data.CurrentReleaseDate });
  }
  if (months.size === 0) throw new FeedError("MSRC's list of months has no month that can be used.");
  return { content: [...months.values()], skipped: entries.filter(({ success }) => !success).length };
}

const text = z.string();
const optional = <T extends z.core.$ZodType>(schema: T) => z.nullish(schema);
const value = z.object({ Value: optional(z.union([text, z.number()])) });
const anything = optional(z.array(z.unknown()));

const month = z.object({
  DocumentTracking: z.object({
    Identification: optional(z.object({ ID: optional(value) })),
    InitialReleaseDate: text,
  }),
  Vulnerability: z.array(z.unknown()),
});
const vulnerability = z.object({ CVE: text, Threats: anything, Remediations: anything, RevisionHistory: anything });
const threat = z.object({ Type: z.number(), Description: optional(value) });
const remediation = z.object({
  Type: z.number(),
  Description: optional(value),
  Supercedence: optional(z.union([text, z.number()])),
  RestartRequired: optional(value),
  SubType: optional(text),
});
const revision = z.object({ Date: text });

const types = { exploited: 1, severity: 3, vendorFix: 2 };
const mostKbs = 5_000;

/** The KBs in a month's document. */
export function readMonth(id: string, json: unknown): FeedContent<MsrcKb[]> {
  const name = `MSRC's document of ${id}`;
  const parsed = month.safeParse(json);
  if (!parsed.success) throw new FeedError(`${name} does not have the shape of one.`);
  const { DocumentTracking: tracking, Vulnerability: entries } = parsed.data;
  const named = textOf(tracking.Identification?.ID);
  if (named !== "" && named !== id) throw new FeedError(`${name} says that it is another month's.`);
  const initial = dayOf(tracking.InitialReleaseDate);
  if (initial === null) throw new FeedError(`${name} does not say when it was released.`);
  const vulnerabilities = readAll(vulnerability, entries);
  // A month without KBs may be one of which only browsers were updated yet.
  if (vulnerabilities.content.length === 0) throw new FeedError(`${name} has no entry that can be used.`);
  const said = vulnerabilities.content.map((one) => kbsOf(one, { id, initial }));
  const content = collectKbs(said.flatMap((kbs) => kbs.content));
  const skipped = said.reduce((sum, kbs) => sum + kbs.skipped, vulnerabilities.skipped);
  if (content.length > mostKbs) throw new FeedError(`${name} has more than ${mostKbs} KBs.`);
  return { content, skipped };
}

const cveShape = /^CVE-\d{4}-\d{4,9}$/;

/** The KBs that close a vulnerability, with what it says of them. */
function kbsOf(
  { CVE, Threats, Remediations, RevisionHistory }: z.infer<typeof vulnerability>,
  document: { id: string; initial: RunDate },
): FeedContent<MsrcKb[]> {
  const [threats, fixes] = [readAll(threat, Threats), readAll(remediation, Remediations)];
  const cve = CVE.trim().toUpperCase();
  // Some entries are advisories, which have no CVE but KBs.
  const cves = cveShape.test(cve) ? [cve] : [];
  const isExploited = threats.content.some(
    (one) => one.Type === types.exploited && saysExploited(textOf(one.Description)),
  );
  const rated = threats.content.filter(({ Type }) => Type === types.severity).map((one) => textOf(one.Description));
  const common = {
    released: releasedOn(readAll(revision, RevisionHistory).content, document),
    severity: severities.find((severity) => rated.includes(severity)) ?? null,
    ...{ cves, exploitedCves: isExploited ? cves : [] },
  };
  const kbs = fixes.content.flatMap((fix): MsrcKb[] => {
    const kbId = fix.Type === types.vendorFix ? kbNumber(textOf(fix.Description)) : null;
    if (kbId === null) return [];
    const supersedes = replacedBy(fix.Supercedence, kbId);
    return [{ id: kbId, ...common, restart: restartOf(fix.RestartRequired), supersedes, hotpatch: isHotpatch(fix) }];
  });
  return { content: kbs, skipped: threats.skipped + fixes.skipped };
}

function readAll<T extends z.core.$ZodType>(schema: T, entries: readonly unknown[] | null | undefined) {
  const read = (entries ?? []).map((entry) => z.safeParse(schema, entry));
  const content = read.flatMap(({ data }) => (data === undefined ? [] : [data as z.infer<T>]));
  return { content, skipped: read.length - content.length };
}

function textOf(described: z.infer<typeof value> | null | undefined): string {
  return String(described?.Value ?? "").trim();
}

function saysExploited(status: string): boolean {
  return /(^|;)\s*Exploited\s*:\s*Yes\b/i.test(status);
}

/** The day on which a CVE was published, where that is in the document's month, or else the document's own. */
function releasedOn(
  revisions: readonly z.infer<typeof revision>[],
  { id, initial }: { id: string; initial: RunDate },
): RunDate {
  const days = revisions.map(({ Date: date }) => dayOf(date)).filter((day) => day !== null);
  const published = days.sort()[0];
  return published !== undefined && monthOf(published) === id ? published : initial;
}

/** A remediation's KB; others are release notes or builds. */
function kbNumber(description: string): string | null {
  return /^(?:KB)?\s*\d{5,9}$/i.test(description) ? kbIdOf(description) : null;
}

const mostReplaced = 50;

/** The KBs named in a text, whatever is between them; bulletins such as MS16-087 are none. */
function replacedBy(names: string | number | null | undefined, self: string): string[] {
  const numbers =
    String(names ?? "")
      .slice(0, 2_000)
      .match(/(?<!\d)\d{5,9}(?!\d)/g) ?? [];
  return [...new Set(numbers.map(kbIdOf))].filter((id) => id !== self).slice(0, mostReplaced);
}

function restartOf(required: z.infer<typeof value> | null | undefined): Restart | null {
  const word = textOf(required).toLowerCase();
  return word === "yes" || word === "no" || word === "maybe" ? word : null;
}

// "Security Hotpatch Update", "SecurityHotpatchUpdate", …
function isHotpatch({ SubType }: z.infer<typeof remediation>): boolean {
  return /hot\s*patch/i.test(SubType ?? "");
}
