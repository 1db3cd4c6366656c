const knownHosts = ["support.microsoft.com", "catalog.update.microsoft.com", "www.catalog.update.microsoft.com"];

// Real ones have 60 characters or so; a longer one would weigh on every mail it stands in.
const maxLength = 300;

/** The address if it is safe to put into a link: https on a host of Microsoft's where KBs are told; else `null`. */
export function safeLink(url: string | null): string | null {
  if (!url || !URL.canParse(url)) return null;
  const { protocol, hostname, port, username, password, href } = new URL(url);
  const plain = port === "" && username === "" && password === "";
  const known = protocol === "https:" && plain && knownHosts.includes(hostname);
  return known && href.length <= maxLength ? href : null;
}

/** Where the reporter tells how it is, or `null` where no address is configured. */
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
