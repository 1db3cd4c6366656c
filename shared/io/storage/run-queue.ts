import type { QueueClient } from "@azure/storage-queue";
import type { RunQueue } from "../../ports.ts";
import { callStorage, codeOf, defaultPatience, type Patience, type StorageConnection } from "./account.ts";

/** Defaults that tests override. */
interface QueueOptions {
  queue?: string;
  patience?: Patience;
}

const maxDelaySeconds = 7 * 24 * 3600;

/** The queue of the runs' trigger. Messages are in base64, as the Functions host expects. */
export function createRunQueue(connection: StorageConnection, options: QueueOptions = {}): RunQueue {
  const { queue = "runs", patience = defaultPatience } = options;
  const poison = `${queue}-poison`;
  const callRuns = openQueue(connection, queue, patience);
  const callPoison = openQueue(connection, poison, patience);
  return {
    async send(message, delaySeconds = 0) {
      const text = Buffer.from(JSON.stringify(message)).toString("base64");
      const visibilityTimeout = Math.min(Math.max(0, Math.ceil(delaySeconds)), maxDelaySeconds);
      await callRuns(`POST /${queue}/messages`, (client, abortSignal) =>
        createdIfAbsent(client, abortSignal, () =>
          // By default a message lives for a week, so one that is hidden for a week must live forever.
          client.sendMessage(text, { visibilityTimeout, messageTimeToLive: -1, abortSignal }),
        ),
      );
    },
    countPoison: () => callPoison(`GET /${poison}?comp=metadata`, countMessages),
  };
}

/** Tries a queue that nobody listens to: puts a message in, takes it out and deletes it. */
export function createQueueProbe(connection: StorageConnection, options: QueueOptions = {}): () => Promise<void> {
  const { queue = "runs-doctor", patience = defaultPatience } = options;
  const call = openQueue(connection, queue, patience);
  const path = `/${queue}/messages`;
  return async () => {
    await call(`POST ${path}`, (client, abortSignal) =>
      createdIfAbsent(client, abortSignal, () => client.sendMessage("probe", { messageTimeToLive: 60, abortSignal })),
    );
    const { receivedMessageItems } = await call(`GET ${path}`, (client, abortSignal) =>
      client.receiveMessages({ abortSignal }),
    );
    for (const { messageId, popReceipt } of receivedMessageItems) {
      await call(`DELETE ${path}`, (client, abortSignal) =>
        client.deleteMessage(messageId, popReceipt, { abortSignal }),
      );
    }
  };
}

type Call = <T>(name: string, send: (client: QueueClient, abortSignal: AbortSignal) => Promise<T>) => Promise<T>;

function openQueue(connection: StorageConnection, queue: string, patience: Patience): Call {
  let connected: Promise<QueueClient> | undefined;
  return async (name, send) => {
    connected ??= connect(connection, queue, patience);
    const client = await connected;
    return callStorage(name, patience, (abortSignal) => send(client, abortSignal));
  };
}

async function connect(connection: StorageConnection, queue: string, { retryMs }: Patience): Promise<QueueClient> {
  const { QueueClient } = await import("@azure/storage-queue");
  const options = { retryOptions: { maxTries: 4, retryDelayInMs: retryMs, maxRetryDelayInMs: 5_000 } };
  if (connection.kind === "connectionString") return new QueueClient(connection.connectionString, queue, options);
  const uri = connection.queueServiceUri.replace(/\/+$/, "");
  return new QueueClient(`${uri}/${queue}`, connection.credential, options);
}

async function createdIfAbsent<T>(client: QueueClient, abortSignal: AbortSignal, send: () => Promise<T>): Promise<T> {
  try {
    return await send();
  } catch (error) {
    if (codeOf(error) !== "QueueNotFound") throw error;
    await client.createIfNotExists({ abortSignal });
    return send();
  }
}

// The platform creates the poison queue when it first needs it.
async function countMessages(client: QueueClient, abortSignal: AbortSignal): Promise<number> {
  try {
    const { approximateMessagesCount } = await client.getProperties({ abortSignal });
    return approximateMessagesCount ?? 0;
  } catch (error) {
    if (codeOf(error) === "QueueNotFound") return 0;
    throw error;
  }
}
