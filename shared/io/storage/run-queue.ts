import type { QueueClient } from "@azure/storage-queue";
import type { RunQueue } from "../../ports.ts";
import { callStorage, codeOf, defaultPatience, type Patience, type StorageConnection } from "./account.ts";

/** What tests set otherwise. */
interface RunQueueOptions {
  queue?: string;
  patience?: Patience;
}

const maxDelaySeconds = 7 * 24 * 3600;

/** The messages that the queue trigger hears, in the base64 that its host expects. */
export function createRunQueue(connection: StorageConnection, options: RunQueueOptions = {}): RunQueue {
  const { queue = "runs", patience = defaultPatience } = options;
  const poison = `${queue}-poison`;
  const runs = lazyClient(connection, queue, patience);
  const givenUp = lazyClient(connection, poison, patience);
  return {
    async send(message, delaySeconds = 0) {
      const client = await runs();
      const text = Buffer.from(JSON.stringify(message)).toString("base64");
      const visibilityTimeout = Math.min(Math.max(0, Math.ceil(delaySeconds)), maxDelaySeconds);
      await callStorage(`POST /${queue}/messages`, patience, (abortSignal) =>
        // A message that must stay hidden for a week outlives the default life of a week only if it has no end.
        createdWhenAbsent(client, abortSignal, () =>
          client.sendMessage(text, { visibilityTimeout, messageTimeToLive: -1, abortSignal }),
        ),
      );
    },
    async countPoison() {
      const client = await givenUp();
      return callStorage(`GET /${poison}?comp=metadata`, patience, (abortSignal) => countMessages(client, abortSignal));
    },
  };
}

function lazyClient(connection: StorageConnection, queue: string, patience: Patience): () => Promise<QueueClient> {
  let client: Promise<QueueClient> | undefined;
  return () => {
    client ??= connect(connection, queue, patience);
    return client;
  };
}

async function connect(connection: StorageConnection, queue: string, { retryMs }: Patience): Promise<QueueClient> {
  const { QueueClient } = await import("@azure/storage-queue");
  const options = { retryOptions: { maxTries: 4, retryDelayInMs: retryMs, maxRetryDelayInMs: 5_000 } };
  if (connection.kind === "connectionString") return new QueueClient(connection.connectionString, queue, options);
  const uri = connection.queueServiceUri.replace(/\/+$/, "");
  return new QueueClient(`${uri}/${queue}`, connection.credential, options);
}

async function createdWhenAbsent<T>(client: QueueClient, abortSignal: AbortSignal, make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (codeOf(error) !== "QueueNotFound") throw error;
    await client.createIfNotExists({ abortSignal });
    return make();
  }
}

// The platform makes the poison queue when it first needs it.
async function countMessages(client: QueueClient, abortSignal: AbortSignal): Promise<number> {
  try {
    const { approximateMessagesCount } = await client.getProperties({ abortSignal });
    return approximateMessagesCount ?? 0;
  } catch (error) {
    if (codeOf(error) === "QueueNotFound") return 0;
    throw error;
  }
}
