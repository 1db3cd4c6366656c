import { randomBytes } from "node:crypto";
import { type Azurite, type AzuriteOptions, startAzurite } from "../../local/azurite.ts";

/**
 * The storage emulator under an account key of its own. Everybody knows the usual one; behind this one nobody gets in who
 * was not handed the key, or a token.
 */
export async function startKeyedAzurite(options?: AzuriteOptions): Promise<{ azurite: Azurite; accountKey: string }> {
  const accountKey = randomBytes(64).toString("base64");
  process.env.AZURITE_ACCOUNTS = `devstoreaccount1:${accountKey}`;
  try {
    return { azurite: await startAzurite(options), accountKey };
  } finally {
    delete process.env.AZURITE_ACCOUNTS;
  }
}
