import { severities } from "../../shared/core/advisory.ts";
import { type FeedDocument, type FeedFacts, type FeedKb, lastOf, publishedAt } from "./facts.ts";

/** MSRC's list of months as of an instant; `url` is the API's. */
export function msrcMonths(facts: FeedFacts, now: Date, url: string): FeedDocument {
  const kbs = publishedKbs(facts, now);
  const months = Map.groupBy(kbs, ({ released }) => monthId(released));
  const value = [...months].map(([id, own]) => ({
    ...{ ID: id, Alias: id, DocumentTitle: titleOf(own), Severity: null },
    InitialReleaseDate: `${initialRelease(own)}T08:00:00Z`,
    CurrentReleaseDate: `${lastChange(own)}T08:00:00Z`,
    CvrfUrl: `${url}/cvrf/${id}`,
  }));
  return { content: { "@odata.context": `${url}/$metadata#Updates`, value }, changedAt: changedAt(kbs) };
}

/** A month's document as of an instant; `null`: MSRC has no such month yet. */
export function msrcMonth(facts: FeedFacts, now: Date, id: string): FeedDocument | null {
  const kbs = publishedKbs(facts, now).filter(({ released }) => monthId(released) === id);
  if (kbs.length === 0) return null;
  const products = [...new Set(kbs.flatMap(productsOf))];
  const content = {
    DocumentTitle: { Value: titleOf(kbs) },
    DocumentType: { Value: "Security Update" },
    DocumentPublisher: { ContactDetails: { Value: "secure@microsoft.com" }, Type: 0 },
    DocumentTracking: {
      Identification: { ID: { Value: id }, Alias: { Value: id } },
      ...{ Status: 2, Version: "1.0", RevisionHistory: [] },
      InitialReleaseDate: `${initialRelease(kbs)}T08:00:00`,
      CurrentReleaseDate: `${lastChange(kbs)}T08:00:00`,
    },
    DocumentNotes: [],
    ProductTree: { FullProductName: products.map((name) => ({ ProductID: productId(name, products), Value: name })) },
    Vulnerability: vulnerabilitiesOf(kbs, products),
  };
  return { content, changedAt: changedAt(kbs) };
}

/** The last published version of each KB in each month. */
function publishedKbs({ kbs }: FeedFacts, now: Date): FeedKb[] {
  const published = kbs.filter((kb) => publishedAt(dateOf(kb)) <= now);
  const versions = Map.groupBy(published, ({ id, released }) => `${released} ${id}`);
  return [...versions.values()].flatMap((own) => {
    const last = lastOf(own.map(dateOf));
    return own.filter((kb) => dateOf(kb) === last).slice(-1);
  });
}

function dateOf({ released, revised = released }: FeedKb): string {
  return revised;
}

function lastChange(kbs: readonly FeedKb[]): string {
  return lastOf(kbs.map(dateOf));
}

function changedAt(kbs: readonly FeedKb[]): Date {
  return kbs.length === 0 ? new Date(0) : publishedAt(lastChange(kbs));
}

/** The day of most releases, which is the month's Patch Tuesday: MSRC does not date a month by what came out of band. */
function initialRelease(kbs: readonly FeedKb[]): string {
  const days = Map.groupBy(kbs, ({ released }) => released);
  const [most] = [...days].sort(([, a], [, b]) => b.length - a.length);
  return most?.[0] ?? "";
}

const shortMonth = new Intl.DateTimeFormat("en-US", { month: "short", timeZone: "UTC" });
const longMonth = new Intl.DateTimeFormat("en-US", { month: "long", timeZone: "UTC" });

/** As MSRC names months, such as `2026-Nov`. */
function monthId(day: string): string {
  return `${day.slice(0, 4)}-${shortMonth.format(new Date(day))}`;
}

function titleOf(kbs: readonly FeedKb[]): string {
  const day = initialRelease(kbs);
  return `${longMonth.format(new Date(day))} ${day.slice(0, 4)} Security Updates`;
}

function productsOf({ products = ["Windows"] }: FeedKb): readonly string[] {
  return products;
}

function productId(name: string, all: readonly string[]): string {
  return String(11_500 + all.indexOf(name));
}

/** MSRC lists KBs only under the CVEs that they close. */
function cvesOf({ id, released, cves = [], exploitedCves = [] }: FeedKb): string[] {
  const all = [...new Set([...cves, ...exploitedCves])];
  return all.length > 0 ? all : [`CVE-${released.slice(0, 4)}-${id}`];
}

function vulnerabilitiesOf(kbs: readonly FeedKb[], products: readonly string[]) {
  const closing = Map.groupBy(
    kbs.flatMap((kb) => cvesOf(kb).map((cve) => ({ cve, kb }))),
    ({ cve }) => cve,
  );
  return [...closing].map(([cve, pairs], index) =>
    describeCve(
      cve,
      pairs.map(({ kb }) => kb),
      products,
      index + 1,
    ),
  );
}

function describeCve(cve: string, kbs: readonly FeedKb[], products: readonly string[], ordinal: number) {
  const idsOf = (kb: FeedKb) => productsOf(kb).map((name) => productId(name, products));
  const ids = [...new Set(kbs.flatMap(idsOf))];
  const isExploited = kbs.some(({ exploitedCves = [] }) => exploitedCves.includes(cve));
  const days = kbs.map(({ released }) => released).sort();
  return {
    Title: { Value: "Windows Elevation of Privilege Vulnerability" },
    ...{ Notes: [], DiscoveryDateSpecified: false, ReleaseDateSpecified: false },
    CVE: cve,
    ProductStatuses: [{ ProductID: ids, Type: 3 }],
    Threats: [
      ...ids.flatMap((id) =>
        threatsFor(
          id,
          kbs.filter((kb) => idsOf(kb).includes(id)),
        ),
      ),
      threat(1, `Publicly Disclosed:No;Exploited:${isExploited ? "Yes" : "No"};Latest Software Release:N/A`),
    ],
    ...{ CVSSScoreSets: [], Acknowledgments: [] },
    Remediations: kbs.map((kb) => remediationOf(kb, idsOf(kb))),
    Ordinal: String(ordinal),
    RevisionHistory: [{ Number: "1.0", Date: `${days[0]}T08:00:00`, Description: { Value: "Information published." } }],
  };
}

/** A CVE's impact on a product, and how bad it is there: as bad as the worst of the KBs says. */
function threatsFor(id: string, kbs: readonly FeedKb[]) {
  const worst = severities.find((one) => kbs.some(({ severity = "Important" }) => severity === one));
  return [threat(0, "Elevation of Privilege", [id]), ...(worst ? [threat(3, worst, [id])] : [])];
}

function threat(type: number, text: string, ids?: readonly string[]) {
  return { Description: { Value: text }, ...(ids && { ProductID: ids }), Type: type, DateSpecified: false };
}

const restartWords = { yes: "Yes", no: "No", maybe: "Maybe" } as const;

function remediationOf({ id, supersedes = [], restart = "yes", hotpatch = false }: FeedKb, ids: readonly string[]) {
  return {
    Description: { Value: id },
    URL: `https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB${id}`,
    ...(supersedes.length > 0 && { Supercedence: supersedes.join("; ") }),
    ProductID: ids,
    ...{ Type: 2, DateSpecified: false, AffectedFiles: [] },
    ...(restart !== null && { RestartRequired: { Value: restartWords[restart] } }),
    SubType: hotpatch ? "Security Hotpatch Update" : "Security Update",
  };
}
