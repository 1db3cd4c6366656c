import { type FeedFacts, type FeedKb, publishedAt } from "./facts.ts";

/** MSRC's list of months as of an instant. */
export function msrcMonths(facts: FeedFacts, now: Date, url: string) {
  const months = Map.groupBy(publishedKbs(facts, now), ({ released }) => monthId(released));
  return [...months].map(([id, kbs]) => {
    const { initial, current } = releaseDates(kbs);
    return {
      ID: id,
      Alias: id,
      DocumentTitle: titleOf(initial),
      Severity: null,
      InitialReleaseDate: `${initial}T08:00:00Z`,
      CurrentReleaseDate: `${current}T08:00:00Z`,
      CvrfUrl: `${url}/cvrf/v3.0/cvrf/${id}`,
    };
  });
}

/** A month's document as of an instant; `null`: MSRC has no such month yet. */
export function msrcMonth(facts: FeedFacts, now: Date, id: string) {
  const kbs = publishedKbs(facts, now).filter(({ released }) => monthId(released) === id);
  if (kbs.length === 0) return null;
  const { initial, current } = releaseDates(kbs);
  return {
    DocumentTitle: { Value: titleOf(initial) },
    DocumentType: { Value: "Security Update" },
    DocumentTracking: {
      Identification: { ID: { Value: id }, Alias: { Value: id } },
      Status: 2,
      Version: "1.0",
      InitialReleaseDate: `${initial}T08:00:00`,
      CurrentReleaseDate: `${current}T08:00:00`,
    },
    Vulnerability: vulnerabilitiesOf(kbs),
  };
}

function publishedKbs({ kbs }: FeedFacts, now: Date): FeedKb[] {
  return kbs.filter(({ released }) => publishedAt(released) <= now);
}

/** As MSRC names months, such as `2026-Nov`. */
export function monthId(day: string): string {
  const month = new Intl.DateTimeFormat("en-US", { month: "short", timeZone: "UTC" }).format(new Date(day));
  return `${day.slice(0, 4)}-${month}`;
}

function titleOf(day: string): string {
  const month = new Intl.DateTimeFormat("en-US", { month: "long", year: "numeric", timeZone: "UTC" });
  return `${month.format(new Date(day))} Security Updates`;
}

function releaseDates(kbs: readonly FeedKb[]) {
  const days = kbs.map(({ released }) => released).sort();
  return { initial: days[0] ?? "", current: days.at(-1) ?? "" };
}

/** MSRC lists KBs only under the CVEs that they close. */
export function cvesOf({ id, released, cves = [], exploitedCves = [] }: FeedKb): string[] {
  const all = [...new Set([...cves, ...exploitedCves])];
  return all.length > 0 ? all : [`CVE-${released.slice(0, 4)}-${id}`];
}

function vulnerabilitiesOf(kbs: readonly FeedKb[]) {
  const byCve = new Map<string, FeedKb[]>();
  for (const kb of kbs) for (const cve of cvesOf(kb)) byCve.set(cve, [...(byCve.get(cve) ?? []), kb]);
  return [...byCve].map(([cve, closing]) => {
    const exploited = closing.some(({ exploitedCves = [] }) => exploitedCves.includes(cve)) ? "Yes" : "No";
    return {
      CVE: cve,
      Threats: [
        { Type: 0, Description: { Value: "Elevation of Privilege" }, DateSpecified: false },
        { Type: 3, Description: { Value: closing[0]?.severity ?? "Important" }, DateSpecified: false },
        { Type: 1, Description: { Value: `Publicly Disclosed:No;Exploited:${exploited}` }, DateSpecified: false },
      ],
      Remediations: closing.map(({ id, supersedes = [], restart = "yes", hotpatch = false }) => ({
        Type: 2,
        Description: { Value: id },
        URL: `https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB${id}`,
        ...(supersedes.length > 0 && { Supercedence: supersedes.join("; ") }),
        RestartRequired: { Value: restart === "yes" ? "Yes" : restart === "no" ? "No" : "Maybe" },
        SubType: hotpatch ? "Security Hotpatch Update" : "Security Update",
        ProductID: ["11568"],
        DateSpecified: false,
      })),
    };
  });
}
