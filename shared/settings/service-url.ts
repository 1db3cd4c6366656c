import { isLoopback } from "../core/loopback.ts";
import { type Kind, textKind } from "./kinds.ts";

const longest = 2_000;
const https = "an https URL, or plain http to this machine";

/** Another host of a service. */
export const hostUrlKind = urlKind(`${https}; without a path`, (pathname) =>
  pathname === "/" ? null : "contains a path; give the host alone",
);

/** Where the app's own report pages are found. */
export const reportUrlKind = urlKind(`${https}; without a query or key`, (pathname) =>
  /\/api\/*$/.test(pathname) ? "ends in /api, which the links add themselves" : null,
);

/** A public feed, or a mirror of one. */
export const feedUrlKind = urlKind(`${https}; without a query`, () => null);

/** A service of a storage account. */
export const storageUriKind = urlKind(`${https}; without a signature`, () => null);

// Storage accounts with a DNS zone of their own end differently.
const blobHost = /^[a-z0-9-]{3,40}\.(blob\.core\.(windows|usgovcloudapi)\.net|z\d+\.blob\.storage\.azure\.net)$/;

/** A blob, to which the app sends a storage token: so only at a storage account's own name. */
export const blobUrlKind: Kind<string> = textKind(
  "the https address of a blob, or plain http to this machine; without a signature",
  (text, { fault }) => {
    const wrong = urlFault(text) ?? blobFault(new URL(text));
    if (wrong === null) return withoutSlash(new URL(text));
    fault(wrong);
    return null;
  },
);

// The SDK's tokens are for this cloud.
const acsHost = /^[a-z0-9-]+(\.[a-z0-9-]+)?\.communication\.azure\.com$/;

/** A resource of Azure Communication Services, to which the app sends its token: so only at Azure's own names. */
export const acsUrlKind: Kind<string> = textKind(
  "the https endpoint of a resource of Azure Communication Services, or plain http to this machine",
  (text, { fault }) => {
    const wrong = urlFault(text) ?? acsFault(new URL(text));
    if (wrong === null) return withoutSlash(new URL(text));
    fault(wrong);
    return null;
  },
);

function acsFault({ hostname, pathname }: URL): string | null {
  if (pathname !== "/") return "contains a path; give the host alone";
  if (acsHost.test(hostname) || isLoopback(hostname)) return null;
  return "is not a resource of Azure Communication Services (https://<resource>.communication.azure.com)";
}

function blobFault({ hostname, pathname }: URL): string | null {
  if (!blobHost.test(hostname) && !isLoopback(hostname)) {
    return "is not in a storage account (https://<account>.blob.core.windows.net)";
  }
  return pathname.split("/").filter(Boolean).length < 2 ? "names no blob: it needs a container and a name" : null;
}

function urlKind(allowed: string, pathFault: (pathname: string) => string | null): Kind<string> {
  return textKind(allowed, (text, { fault }) => {
    const wrong = urlFault(text) ?? pathFault(new URL(text).pathname);
    if (wrong === null) return withoutSlash(new URL(text));
    fault(wrong);
    return null;
  });
}

/** Why a URL may not be called, or `null`. It quotes no part of the URL, because any part can carry a key or signature. */
export function urlFault(text: string): string | null {
  if (text.length > longest) return `is longer than ${longest} characters`;
  if (!URL.canParse(text)) return "is not a URL";
  const { protocol, hostname, username, password, search, hash } = new URL(text);
  if (username !== "" || password !== "") return "contains a user name or password";
  if (search !== "" || hash !== "") return "contains a query or a fragment (what follows ? or #)";
  if (protocol === "http:" && !isLoopback(hostname)) return "is plain http to another machine";
  return protocol === "https:" || protocol === "http:" ? null : "is not an https URL";
}

function withoutSlash({ origin, pathname }: URL): string {
  return `${origin}${pathname}`.replace(/\/+$/, "");
}
