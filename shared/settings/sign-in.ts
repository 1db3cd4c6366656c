import { parseJson } from "./json.ts";
import type { Environment } from "./reader.ts";

/**
 * Why callers might get in without signing in, or `null`. With `AUTH=entra` the functions themselves let everyone in, so
 * without the platform's sign-in anyone could read every report.
 */
export function signInFault(env: Environment): string | null {
  const platform = readSignIn(env.WEBSITE_AUTH_V2_CONFIG_JSON);
  const isOn = env.WEBSITE_AUTH_ENABLED?.trim().toLowerCase() === "true" || platform.enabled;
  if (!isOn) {
    return "is entra, but App Service authentication is off: turn it on under Settings > Authentication, or use function keys";
  }
  const action = env.WEBSITE_AUTH_UNAUTHENTICATED_ACTION;
  if (action?.trim() === "AllowAnonymous" || platform.allowsAnonymous) {
    return "is entra, but App Service authentication lets unauthenticated callers in: set it to require authentication";
  }
  if (platform.excludedPaths.some((path) => path !== openPath)) {
    return `is entra, but App Service authentication lets unauthenticated callers in on some paths: exclude only ${openPath}`;
  }
  return null;
}

/** Health, which says nothing of any watchlist there. */
const openPath = "/api/health";

// The platform writes the action by its name, or by its index in RedirectToLoginPage, AllowAnonymous, Return401, Return403.
function readSignIn(config: string | undefined): {
  enabled: boolean;
  allowsAnonymous: boolean;
  excludedPaths: readonly unknown[];
} {
  const root = parseJson(config ?? "");
  const validation = property(root, "globalValidation");
  const action = property(validation, "unauthenticatedClientAction");
  const excluded = property(validation, "excludedPaths");
  return {
    enabled: property(property(root, "platform"), "enabled") === true,
    allowsAnonymous: action === "AllowAnonymous" || action === 1,
    excludedPaths: Array.isArray(excluded) ? excluded : [],
  };
}

function property(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
