import { type FeedFacts, publishedAt } from "./facts.ts";

/** CISA's catalogue as of an instant. */
export function kevCatalogue({ kev }: FeedFacts, now: Date) {
  const added = kev.filter(({ since }) => publishedAt(since) <= now);
  const last = added.map(({ since }) => since).reduce((a, b) => (a > b ? a : b), "2021-11-03");
  return {
    title: "CISA Catalog of Known Exploited Vulnerabilities",
    catalogVersion: last.replaceAll("-", "."),
    dateReleased: publishedAt(last).toISOString(),
    count: added.length,
    vulnerabilities: added.map(({ cve, since, ransomware = false }) => ({
      cveID: cve,
      vendorProject: "Microsoft",
      product: "Windows",
      vulnerabilityName: `Microsoft Windows ${cve}`,
      dateAdded: since,
      shortDescription: "",
      requiredAction: "Apply mitigations per vendor instructions.",
      dueDate: since,
      knownRansomwareCampaignUse: ransomware ? "Known" : "Unknown",
      notes: "",
      cwes: [],
    })),
  };
}
