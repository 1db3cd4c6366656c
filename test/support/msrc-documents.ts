/** An entry of a month as MSRC writes it, with more than the app reads: one CVE, closed by one KB. */
export function aVulnerability(cve: string, parts: object = {}) {
  return {
    Title: { Value: "Windows Kernel Elevation of Privilege Vulnerability" },
    Notes: [{ Title: "Description", Type: 2, Ordinal: "0", Value: "<p>Race condition.</p>" }],
    DiscoveryDateSpecified: false,
    ReleaseDateSpecified: false,
    CVE: cve,
    ProductStatuses: [{ ProductID: ["12085", "12086"], Type: 3 }],
    Threats: [
      { Description: { Value: "Elevation of Privilege" }, ProductID: ["12085"], Type: 0, DateSpecified: false },
      aSeverity("Important"),
      anExploitStatus("No"),
    ],
    Remediations: [aFix("5068861")],
    RevisionHistory: [{ Number: "1.0", Date: "2025-11-11T08:00:00", Description: { Value: "<p>Published.</p>" } }],
    Ordinal: "0",
    ...parts,
  };
}

export function aSeverity(word: string) {
  return { Description: { Value: word }, ProductID: ["12085"], Type: 3, DateSpecified: false };
}

export function anExploitStatus(exploited: string) {
  const status = `Publicly Disclosed:No;Exploited:${exploited};Latest Software Release:Exploitation Detected`;
  return { Description: { Value: status }, Type: 1, DateSpecified: false };
}

/** A vendor fix. */
export function aFix(kb: unknown, parts: object = {}) {
  return {
    Description: { Value: kb },
    URL: `https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB${kb}`,
    Supercedence: "5066835",
    ProductID: ["12085", "12086"],
    Type: 2,
    DateSpecified: false,
    AffectedFiles: [],
    RestartRequired: { Value: "Yes" },
    SubType: "Security Update",
    FixedBuild: "10.0.26100.7171",
    ...parts,
  };
}

/** The document of November 2025. */
export function aMonthDocument(vulnerabilities: readonly unknown[], parts: object = {}) {
  return {
    DocumentTitle: { Value: "November 2025 Security Updates" },
    DocumentType: { Value: "Security Update" },
    DocumentTracking: {
      Identification: { ID: { Value: "2025-Nov" }, Alias: { Value: "2025-Nov" } },
      Status: 2,
      Version: "1.0",
      InitialReleaseDate: "2025-11-11T08:00:00",
      CurrentReleaseDate: "2025-11-25T08:00:00",
    },
    ProductTree: { FullProductName: [{ ProductID: "12085", Value: "Windows 11 Version 24H2" }] },
    Vulnerability: vulnerabilities,
    ...parts,
  };
}

/** MSRC's list of these months. */
export function aMonthList(...ids: readonly string[]) {
  return {
    "@odata.context": "https://api.msrc.microsoft.com/cvrf/v3.0/$metadata#Updates",
    value: ids.map((ID) => ({
      ...{ ID, Alias: ID, DocumentTitle: `${ID} Security Updates`, Severity: null },
      ...{ InitialReleaseDate: "2025-11-11T08:00:00Z", CurrentReleaseDate: "2025-11-25T08:00:00Z" },
      CvrfUrl: `https://elsewhere.example/cvrf/${ID}`,
    })),
  };
}

/** CISA's catalogue with these entries. */
export function aKevDocument(entries: readonly object[]) {
  return {
    ...{ title: "CISA Catalog of Known Exploited Vulnerabilities", catalogVersion: "2025.11.12" },
    ...{ dateReleased: "2025-11-12T15:00:13.0514Z", count: entries.length, vulnerabilities: entries },
  };
}

/** An entry of CISA's catalogue, with more than the app reads. */
export function aKevItem(cveID: unknown, parts: object = {}) {
  return {
    ...{ cveID, vendorProject: "Microsoft", product: "Windows", vulnerabilityName: "Microsoft Windows Race Condition" },
    ...{ dateAdded: "2025-11-12", dueDate: "2025-12-03", shortDescription: "", requiredAction: "Apply updates." },
    ...{ knownRansomwareCampaignUse: "Unknown", notes: "", cwes: ["CWE-362"] },
    ...parts,
  };
}
