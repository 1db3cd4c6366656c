import { isLoopback } from "../core/loopback.ts";
import { textKind } from "./kinds.ts";
import type { Advice, Kind } from "./reader.ts";

const longest = 2_000;
const httpsAllowed = "https, or plain http on this machine alone";

/** Another host for Defender. */
export const defenderUrlKind = urlKind({
  allowed: `${httpsAllowed}; without a path`,
  example: "https://eu.api.security.microsoft.com",
});

/** Another host for SendGrid. */
export const sendGridUrlKind = urlKind({
  allowed: `${httpsAllowed}; without a path`,
  example: "https://api.eu.sendgrid.com",
});

/** Where the app's own report pages are found. */
export const reportUrlKind = urlKind(
  { allowed: `${httpsAllowed}; without a query or key`, example: "https://my-reporter.azurewebsites.net" },
  (pathname) => (/\/api\/*$/.test(pathname) ? "ends in /api, which every link adds by itself" : null),
);

/** The Table service of a storage account. */
export const tableUriKind = serviceUriKind("https://streporter.table.core.windows.net");

/** The Queue service of a storage account. */
export const queueUriKind = serviceUriKind("https://streporter.queue.core.windows.net");

function serviceUriKind(example: string): Kind<string> {
  return urlKind({ allowed: `${httpsAllowed}; without a signature`, example }, () => null);
}

function urlKind(advice: Advice, pathFault: (pathname: string) => string | null = noPath): Kind<string> {
  return textKind(advice, (text, { fault }) => {
    const wrong = urlFault(text) ?? pathFault(new URL(text).pathname);
    if (wrong === null) return withoutSlash(new URL(text));
    fault(wrong);
    return null;
  });
}

/** Why a URL may not be called, or `null`. It tells no part of the URL: keys and signatures travel in all of them. */
export function urlFault(text: string): string | null {
  if (text.length > longest) return `is longer than ${longest} characters`;
  if (!URL.canParse(text)) return "is not a URL";
  const { protocol, hostname, username, password, search, hash } = new URL(text);
  if (username !== "" || password !== "") return "holds a user name or password";
  if (search !== "" || hash !== "") return "holds a query or a fragment (what follows ? or #)";
  if (protocol === "http:" && !isLoopback(hostname)) return "is plain http to another machine";
  return protocol === "https:" || protocol === "http:" ? null : "is no https URL";
}

function noPath(pathname: string): string | null {
  return pathname === "/" ? null : "holds a path; the host alone is wanted";
}

function withoutSlash({ origin, pathname }: URL): string {
  return `${origin}${pathname}`.replace(/\/+$/, "");
}
