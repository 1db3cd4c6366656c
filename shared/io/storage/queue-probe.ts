import { callStorage, defaultPatience, type Patience, type StorageConnection } from "./account.ts";

/** What tests set otherwise. */
export interface QueueProbeOptions {
  queue?: string;
  patience?: Patience;
}

/** Puts a message into a queue that nobody listens to, takes it out again and deletes it. */
export function createQueueProbe(connection: StorageConnection, options: QueueProbeOptions = {}): () => Promise<void> {
  const { queue = "runs-doctor", patience = defaultPatience } = options;
  const path = `/${queue}`;
  return async () => {
    const { QueueClient } = await import("@azure/storage-queue");
    const client =
      connection.kind === "connectionString"
        ? new QueueClient(connection.connectionString, queue)
        : new QueueClient(`${connection.queueServiceUri.replace(/\/+$/, "")}${path}`, connection.credential);
    const call = <T>(name: string, make: (options: { abortSignal: AbortSignal }) => Promise<T>) =>
      callStorage(name, patience, (abortSignal) => make({ abortSignal }));

    await call(`PUT ${path}`, (signal) => client.createIfNotExists(signal));
    await call(`POST ${path}/messages`, (signal) => client.sendMessage("probe", { messageTimeToLive: 60, ...signal }));
    const { receivedMessageItems } = await call(`GET ${path}/messages`, (signal) => client.receiveMessages(signal));
    for (const { messageId, popReceipt } of receivedMessageItems) {
      await call(`DELETE ${path}/messages`, (signal) => client.deleteMessage(messageId, popReceipt, signal));
    }
  };
}
