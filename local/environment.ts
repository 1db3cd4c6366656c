import http from "node:http";

// What programs need to find each other, their temporary files and the person's language, on any system.
const kept = new Set([
  ...["PATH", "HOME", "USER", "SHELL", "TERM", "COLORTERM", "NO_COLOR", "LANG", "LANGUAGE", "LC_ALL", "TMPDIR"],
  ...["TEMP", "TMP", "PATHEXT", "COMSPEC", "SYSTEMDRIVE", "SYSTEMROOT", "WINDIR", "USERPROFILE", "APPDATA"],
  ...["LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES"],
]);

/**
 * Removes from this process all that the shell sets for other programs: settings, identities, proxies, switches of libraries.
 * Call it before a library that reads them is loaded.
 */
export function forgetEnvironment(): void {
  for (const name of Object.keys(process.env)) {
    if (!kept.has(name.toUpperCase())) delete process.env[name];
  }
  // Where NODE_USE_ENV_PROXY is set, Node read the proxies when it started. It forgets them only for others.
  const unused = "http://127.0.0.1";
  http.setGlobalProxyFromEnv({ HTTP_PROXY: unused, HTTPS_PROXY: unused, NO_PROXY: "*" });
}
