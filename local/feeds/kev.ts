import { dayNumber, dayText } from "../days.ts";
import { type FeedCve, type FeedDocument, type FeedFacts, lastOf, publishedAt } from "./facts.ts";

/** The day on which CISA published the catalogue for the first time. */
const firstDay = "2021-11-03";

/** CISA's catalogue as of an instant. */
export function kevCatalogue({ kev }: FeedFacts, now: Date): FeedDocument {
  const added = kev.filter(({ since }) => publishedAt(since) <= now);
  const last = lastOf([firstDay, ...added.map(({ since }) => since)]);
  const content = {
    title: "CISA Catalog of Known Exploited Vulnerabilities",
    catalogVersion: last.replaceAll("-", "."),
    dateReleased: publishedAt(last).toISOString(),
    count: added.length,
    vulnerabilities: added.map(describeCve),
  };
  return { content, changedAt: publishedAt(last) };
}

/** The catalogue as it must never be believed: nine tenths of it are missing. */
export function shrink(catalogue: FeedDocument): FeedDocument {
  const { vulnerabilities, ...rest } = catalogue.content as { vulnerabilities: unknown[] };
  const left = vulnerabilities.slice(0, Math.ceil(vulnerabilities.length / 10));
  return { ...catalogue, content: { ...rest, count: left.length, vulnerabilities: left } };
}

function describeCve({ cve, since, ransomware = false }: FeedCve) {
  return {
    cveID: cve,
    vendorProject: "Microsoft",
    product: "Windows",
    vulnerabilityName: "Microsoft Windows Privilege Escalation Vulnerability",
    dateAdded: since,
    shortDescription: "Microsoft Windows contains a vulnerability that allows an attacker to gain privileges.",
    requiredAction: "Apply mitigations per vendor instructions or discontinue use of the product.",
    dueDate: dayText(dayNumber(since) + 21),
    knownRansomwareCampaignUse: ransomware ? "Known" : "Unknown",
    notes: `https://msrc.microsoft.com/update-guide/vulnerability/${cve}`,
    cwes: ["CWE-269"],
  };
}
