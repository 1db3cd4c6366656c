import { randomBytes } from "node:crypto";
import { type Azurite, type AzuriteOptions, startAzurite } from "../../local/azurite.ts";

/**
 * The storage emulator with its own account key. The usual key is public; with this one, only callers that were given the
 * key or a token get in.
 */
export async function startKeyedAzurite(
  options?: AzuriteOptions,
  account = "devstoreaccount1",
): Promise<{ azurite: Azurite; accountKey: string }> {
  const accountKey = randomBytes(64).toString("base64");
  process.env.AZURITE_ACCOUNTS = `${account}:${accountKey}`;
  try {
    return { azurite: await startAzurite(options), accountKey };
  } finally {
    delete process.env.AZURITE_ACCOUNTS;
  }
}
