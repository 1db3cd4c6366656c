import { homeTenant } from "../core/watchlist.ts";

const knownHosts = ["support.microsoft.com", "catalog.update.microsoft.com", "www.catalog.update.microsoft.com"];

// Real ones have about 60 characters; a longer one would bloat every mail that holds it.
const maxLength = 300;

/** The address if it is safe to put into a link: https on a host where Microsoft describes KBs; else `null`. */
export function safeLink(url: string | null): string | null {
  if (!url || !URL.canParse(url)) return null;
  const { protocol, hostname, port, username, password, href } = new URL(url);
  const plain = port === "" && username === "" && password === "";
  const known = protocol === "https:" && plain && knownHosts.includes(hostname);
  return known && href.length <= maxLength ? href : null;
}

/** The Update Catalog's page of a KB; `null` for what has no number. */
export function catalogLink(kbId: string): string | null {
  return /^\d{1,10}$/.test(kbId) ? `https://www.catalog.update.microsoft.com/Search.aspx?q=KB${kbId}` : null;
}

/** Defender's page of a product, which lists its missing KBs and the machines that have it. */
export function productLink(portalUrl: string, softwareId: string, tenant: string): string {
  const of = tenant === homeTenant ? "" : `?${new URLSearchParams({ tid: tenant })}`;
  return `${portalUrl}/vulnerability-management-inventories/applications/${encodeURIComponent(softwareId.toWellFormed())}${of}`;
}

const cveId = /^CVE-\d{4}-\d{4,19}$/;

/** Pages about a CVE; `null` for what is not the id of one. */
export function cveLinks(cve: string): { msrc: string; cisa: string; nvd: string } | null {
  if (!cveId.test(cve)) return null;
  return {
    msrc: `https://msrc.microsoft.com/update-guide/vulnerability/${cve}`,
    cisa: `https://www.cisa.gov/known-exploited-vulnerabilities-catalog?search_api_fulltext=${cve}`,
    nvd: `https://nvd.nist.gov/vuln/detail/${cve}`,
  };
}

/** The health page, or `null` where no address is configured. */
export function healthLink(reportUrl: string | null): string | null {
  return reportUrl && `${reportUrl}/api/health`;
}

/** The report page of a run, narrowed by the page's own parameters, or `null` where no address is configured. */
export function reportLink(
  reportUrl: string | null,
  watchlist: string,
  runId: string,
  narrowed: Readonly<Record<string, string>> = {},
): string | null {
  const parameters = new URLSearchParams({ watchlist, run: runId, format: "html", ...narrowed });
  return reportUrl && `${reportUrl}/api/report?${parameters}`;
}
