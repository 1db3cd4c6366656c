import { isLoopback } from "../core/loopback.ts";
import type { Environment } from "./reader.ts";
import { settingNames } from "./table.ts";

const thisMachine = ["localhost", "127.0.0.1", "::1", "[::1]"];
const metadataService = "169.254.169.254";
/** Where the platform gives tokens: over plain http, for a secret header that a proxy would see. */
const tokenEndpoints = ["IDENTITY_ENDPOINT", "MSI_ENDPOINT", "IMDS_ENDPOINT", "AZURE_POD_IDENTITY_AUTHORITY_HOST"];

/**
 * The variables to set so that all SDKs use the environment's proxies alike, and none for this machine, the platform's token
 * endpoints, link-local addresses and storage emulators. The SDKs match names in NO_PROXY exactly, so it must list each host.
 */
export function proxyVariables(env: Environment): Record<string, string> {
  const proxies = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]
    .flatMap((name) => [name, name.toLowerCase()])
    .flatMap((name) => (env[name] ? [[name, env[name]] as const] : []));
  if (proxies.length === 0) return {};
  const exceptions = `${env.NO_PROXY ?? ""},${env.no_proxy ?? ""}`.toLowerCase().split(/[\s,]+/);
  // The Azure SDKs know no wildcards.
  if (exceptions.includes("*")) return Object.fromEntries(proxies.map(([name]) => [name, ""]));
  const own = exceptions.filter(Boolean).map((name) => name.replace(/^\*\./, "."));
  const noProxy = [...new Set([...own, ...thisMachine, metadataService, ...directHosts(env)])].join(",");
  // Nor addresses without a scheme.
  const withScheme = proxies.map(([name, proxy]) => [name, proxy.includes("://") ? proxy : `http://${proxy}`]);
  return { ...Object.fromEntries(withScheme), NO_PROXY: noProxy, no_proxy: noProxy };
}

function directHosts(env: Environment): string[] {
  const named = settingNames.flatMap((name) => urlsIn(env[name]).filter(isDirect));
  return [...named, ...tokenEndpoints.flatMap((name) => urlsIn(env[name]))].map(({ hostname }) => hostname);
}

function isDirect({ hostname, pathname }: URL): boolean {
  return isLoopback(hostname) || hostname.startsWith("169.254.") || pathname.startsWith("/devstoreaccount1");
}

/** The addresses in a value, which may be a connection string. */
function urlsIn(value = ""): URL[] {
  const texts = value.match(/https?:\/\/[^\s;,"]+/gi) ?? [];
  return texts.flatMap((text) => URL.parse(text) ?? []);
}
