/** Where Azure Resource Manager lives, by the names of DEFENDER_CLOUD. */
export const armHosts: Readonly<Record<string, string>> = {
  public: "https://management.azure.com",
  gcc: "https://management.azure.com",
  "gcc-high": "https://management.usgovcloudapi.net",
  dod: "https://management.usgovcloudapi.net",
};

export interface NewRoles {
  /** Without a trailing slash. */
  arm: string;
  token: string;
  subscriptionId: string;
  /** Object id of the app's identity. */
  principalId: string;
  now: () => Date;
  pause: (ms: number) => Promise<unknown>;
  log: (line: string) => void;
}

/** By then storage usually honours a new role; Azure promises ten minutes. */
const usualMs = 5 * 60_000;

/** Waits while the youngest role of the app's identity is so new that storage may still refuse the package. */
export async function waitForNewRoles({ now, pause, log, ...where }: NewRoles): Promise<void> {
  const youngest = Math.max(...(await grantTimes(where)));
  // At most the usual time, though the clocks may differ.
  const left = Math.min(youngest + usualMs - now().getTime(), usualMs);
  if (!(left > 0)) return;
  log(`The app's roles are new. Waiting ${Math.ceil(left / 1_000)} seconds until storage honours them.`);
  await pause(left);
}

async function grantTimes({
  arm,
  token,
  subscriptionId,
  principalId,
}: Omit<NewRoles, "now" | "pause" | "log">): Promise<number[]> {
  const query = new URLSearchParams({ "api-version": "2022-04-01", $filter: `principalId eq '${principalId}'` });
  const path = `/subscriptions/${encodeURIComponent(subscriptionId)}/providers/Microsoft.Authorization/roleAssignments`;
  const response = await fetch(`${arm}${path}?${query}`, {
    headers: { Authorization: `Bearer ${token}` },
    redirect: "error",
    signal: AbortSignal.timeout(30_000),
  });
  if (!response.ok) throw new Error(`Azure answered ${response.status} to GET roleAssignments.`);
  const { value } = (await response.json()) as { value: { properties: { createdOn: string } }[] };
  return value.map(({ properties }) => Date.parse(properties.createdOn));
}
