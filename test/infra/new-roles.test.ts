import { afterEach, expect, test } from "vitest";
import { armHosts, waitForNewRoles } from "../../scripts/new-roles.ts";
import { clouds } from "../../shared/settings/clouds.ts";
import { type HttpServer, startHttpServer } from "../support/http-server.ts";

const now = new Date("2026-11-26T09:10:00Z");
let arm: HttpServer;

afterEach(() => arm?.close());

/** What is waited for and said where the identity got its roles at these times. */
async function wait(times: readonly string[], status = 200) {
  const value = times.map((createdOn) => ({ properties: { createdOn, principalId: "identity" } }));
  arm = await startHttpServer(() => ({ status, body: { value } }));
  const [pauses, said]: [number[], string[]] = [[], []];
  await waitForNewRoles({
    ...{ arm: arm.url, token: "person", subscriptionId: "sub", principalId: "identity", now: () => now },
    pause: async (ms) => pauses.push(ms),
    log: (line) => said.push(line),
  });
  return { pauses, said };
}

test("a deployment waits until the youngest role of the app's identity is five minutes old", async () => {
  const { pauses, said } = await wait(["2026-11-26T09:01:00Z", "2026-11-26T09:08:30.5Z", "2026-11-26T09:08:00Z"]);
  expect(pauses).toEqual([210_500]);
  expect(said).toEqual(["The app's roles are new. Waiting 211 seconds until storage honours them."]);
  const [{ path, headers } = { path: "", headers: {} }] = arm.requests;
  const url = new URL(path, arm.url);
  expect(url.pathname).toBe("/subscriptions/sub/providers/Microsoft.Authorization/roleAssignments");
  expect(url.searchParams.get("$filter")).toBe("principalId eq 'identity'");
  expect(headers.authorization).toBe("Bearer person");
});

test("a later deployment does not wait", async () => {
  expect(await wait(["2026-11-26T09:05:00Z", "2025-01-01T00:00:00Z"])).toEqual({ pauses: [], said: [] });
});

test("a deployment without roles does not wait", async () => {
  expect(await wait([])).toEqual({ pauses: [], said: [] });
});

test("a clock that is behind Azure's does not prolong the wait", async () => {
  expect((await wait(["2026-11-26T10:10:00Z"])).pauses).toEqual([300_000]);
});

test("a refusal is an error that says of what", async () => {
  await expect(wait([], 403)).rejects.toThrow("Azure answered 403 to GET roleAssignments.");
});

test("every cloud that the app knows has a host", () => {
  expect(Object.keys(armHosts)).toEqual(Object.keys(clouds));
});
