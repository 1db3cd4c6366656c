// Before a deployment: waits until storage honours the roles that the app's identity has just been given, because otherwise it
// refuses the package with 403. Where it cannot be seen how old they are, the deployment is tried at once.
import { setTimeout as pause } from "node:timers/promises";
import { armHosts, waitForNewRoles } from "./new-roles.ts";
import { tokenFor } from "./person.ts";

const {
  AZURE_SUBSCRIPTION_ID: subscriptionId,
  REPORTER_IDENTITY_PRINCIPAL_ID: principalId,
  DEFENDER_CLOUD: cloud = "public",
} = process.env;

try {
  const arm = armHosts[cloud.trim().toLowerCase()];
  if (arm && subscriptionId && principalId) {
    const token = await tokenFor(arm);
    await waitForNewRoles({ arm, token, subscriptionId, principalId, now: () => new Date(), pause, log: console.log });
  }
} catch (error) {
  console.warn(`Not waiting for the app's roles. ${error instanceof Error ? error.message : error}`);
}
