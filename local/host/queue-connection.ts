import type { TokenCredential } from "@azure/identity";
import { QueueServiceClient } from "@azure/storage-queue";

/**
 * The queue service of a connection, from the settings that the Functions host reads: a connection string under the name
 * itself, or `__queueServiceUri` or `__accountName` with an identity.
 */
export async function queueServiceOf(connection: string, env: NodeJS.ProcessEnv): Promise<QueueServiceClient> {
  const text = env[connection];
  if (text) return QueueServiceClient.fromConnectionString(text);
  const account = env[`${connection}__accountName`];
  const uri = env[`${connection}__queueServiceUri`] ?? (account && `https://${account}.queue.core.windows.net`);
  if (!uri) throw new Error(`There is no storage account: set ${connection} or ${connection}__queueServiceUri.`);
  return new QueueServiceClient(uri, await credentialOf(connection, env));
}

async function credentialOf(connection: string, env: NodeJS.ProcessEnv): Promise<TokenCredential> {
  const { DefaultAzureCredential, ManagedIdentityCredential } = await import("@azure/identity");
  const clientId = env[`${connection}__clientId`];
  if (env[`${connection}__credential`] !== "managedidentity") return new DefaultAzureCredential();
  return clientId ? new ManagedIdentityCredential({ clientId }) : new ManagedIdentityCredential();
}
