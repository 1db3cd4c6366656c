import type { DequeuedMessageItem, QueueClient, QueueServiceClient } from "@azure/storage-queue";
import type { HostLog } from "./host-log.ts";
import type { TriggerInput } from "./invoke.ts";

/** `extensions.queues` of host.json, with times in seconds. */
export interface QueueSettings {
  /** The longest pause of a listener that finds nothing. */
  maxPollingInterval: number;
  batchSize: number;
  newBatchThreshold: number;
  visibilityTimeout: number;
  maxDequeueCount: number;
}

export interface QueueListenerOptions {
  service: QueueServiceClient;
  queueName: string;
  settings: QueueSettings;
  /** How long a message stays hidden; while its function runs, the lease is renewed every half of this time. */
  leaseSeconds: number;
  run(input: TriggerInput): Promise<unknown>;
  log: HostLog;
}

export interface QueueListener {
  /** Handles the visible messages, including those that become visible meanwhile; returns how many it handled. */
  drain(): Promise<number>;
  /** Messages in the queue, including hidden ones. */
  count(): Promise<number>;
  /**
   * Looks for messages until it is stopped: at this interval, or absent, as the Functions host does, which waits longer each
   * time that it finds nothing, up to `maxPollingInterval`.
   */
  poll(everyMs?: number): void;
  /** Stops polling and waits for running functions. */
  stop(): Promise<void>;
}

/** The queue trigger of one function; it behaves like that of the Functions host. */
export function createQueueListener(options: QueueListenerOptions): QueueListener {
  const { service, queueName, settings, log } = options;
  const queue = service.getQueueClient(queueName);
  const running = new Set<Promise<void>>();
  let finished = 0;
  let polling: NodeJS.Timeout | undefined;
  let stopped = false;

  const startBatch = async (): Promise<boolean> => {
    if (running.size > settings.newBatchThreshold) {
      await Promise.race(running);
      return true;
    }
    const messages = await receive(queue, settings.batchSize, options.leaseSeconds);
    for (const message of messages) {
      const work = handleMessage(options, queue, message).finally(() => {
        running.delete(work);
        finished += 1;
      });
      running.add(work);
    }
    return messages.length > 0;
  };

  const drain = async () => {
    const before = finished;
    for (;;) {
      if (await startBatch()) continue;
      if (running.size === 0) return finished - before;
      await Promise.race(running);
    }
  };

  return {
    drain,
    async count() {
      const properties = await unlessMissing(queue.getProperties());
      return properties?.approximateMessagesCount ?? 0;
    },
    poll(everyMs) {
      let emptyLooks = 0;
      const look = async () => {
        emptyLooks += 1;
        try {
          while (!stopped && (await startBatch())) emptyLooks = 0;
        } catch (error) {
          log("error", "The queue could not be read", { queueName, error });
        }
        const pause = everyMs ?? pauseAfter(emptyLooks, settings);
        if (!stopped) polling = setTimeout(look, pause);
      };
      void look();
    },
    async stop() {
      stopped = true;
      clearTimeout(polling);
      await Promise.allSettled(running);
    },
  };
}

/** In milliseconds. */
export function pauseAfter(
  emptyLooks: number,
  { maxPollingInterval }: Pick<QueueSettings, "maxPollingInterval">,
): number {
  return Math.min(100 * 2 ** emptyLooks, maxPollingInterval * 1_000);
}

async function receive(queue: QueueClient, batchSize: number, leaseSeconds: number): Promise<DequeuedMessageItem[]> {
  const answer = await unlessMissing(
    queue.receiveMessages({ numberOfMessages: batchSize, visibilityTimeout: leaseSeconds }),
  );
  return answer?.receivedMessageItems ?? [];
}

// The Functions host does not create the queue of a trigger; a missing queue has no messages.
async function unlessMissing<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && "statusCode" in error && error.statusCode === 404;
}

async function handleMessage(
  options: QueueListenerOptions,
  queue: QueueClient,
  message: DequeuedMessageItem,
): Promise<void> {
  const { settings, log, queueName } = options;
  const lease = keepHidden(queue, message, options.leaseSeconds, log);
  try {
    const failure = await runMessage(options, message);
    await lease.end();
    if (failure === null) await queue.deleteMessage(message.messageId, lease.popReceipt());
    else if (failure.final) await poison(options, queue, message, lease.popReceipt());
    else await queue.updateMessage(message.messageId, lease.popReceipt(), undefined, settings.visibilityTimeout);
  } catch (error) {
    // The message becomes visible again when its lease ends, as in the Functions host.
    log("error", "A message could not be completed", { queueName, messageId: message.messageId, error });
  } finally {
    await lease.end();
  }
}

/** `null` if the function succeeded; otherwise whether this was the last try. */
async function runMessage(
  { settings, run, log, queueName }: QueueListenerOptions,
  message: DequeuedMessageItem,
): Promise<{ final: boolean } | null> {
  const { messageId, dequeueCount } = message;
  // The process died during its last try.
  if (dequeueCount > settings.maxDequeueCount) return { final: true };
  const text = decode(message.messageText);
  if (text === null) {
    log("warning", "A message is not base64 and is poison", { queueName, messageId });
    return { final: true };
  }
  try {
    await run(inputOf(message, text));
    return null;
  } catch {
    return { final: dequeueCount >= settings.maxDequeueCount };
  }
}

function decode(text: string): string | null {
  const valid = text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
  return valid ? Buffer.from(text, "base64").toString("utf8") : null;
}

function inputOf(message: DequeuedMessageItem, text: string): TriggerInput {
  const time = (date: Date) => ({ json: JSON.stringify(date.toISOString().replace(/Z$/, "+00:00")) });
  return {
    data: { string: text },
    metadata: {
      QueueTrigger: { string: text },
      DequeueCount: { int: message.dequeueCount },
      ExpirationTime: time(message.expiresOn),
      Id: { string: message.messageId },
      InsertionTime: time(message.insertedOn),
      NextVisibleTime: time(message.nextVisibleOn),
      PopReceipt: { string: message.popReceipt },
    },
  };
}

function keepHidden(queue: QueueClient, message: DequeuedMessageItem, leaseSeconds: number, log: HostLog) {
  let popReceipt = message.popReceipt;
  let renewing: Promise<void> = Promise.resolve();
  const { messageId } = message;
  const renew = async () => {
    try {
      const renewed = await queue.updateMessage(messageId, popReceipt, undefined, leaseSeconds);
      popReceipt = renewed.popReceipt ?? popReceipt;
      log("debug", "A message's lease was renewed", { queueName: queue.name, messageId });
    } catch (error) {
      log("warning", "A message's lease could not be renewed", { queueName: queue.name, messageId, error });
    }
  };
  const timer = setInterval(() => {
    renewing = renewing.then(renew);
  }, leaseSeconds * 500);
  return {
    popReceipt: () => popReceipt,
    end: async () => {
      clearInterval(timer);
      await renewing;
    },
  };
}

async function poison(
  { service, queueName, log }: QueueListenerOptions,
  queue: QueueClient,
  message: DequeuedMessageItem,
  popReceipt: string,
): Promise<void> {
  const poisonQueue = service.getQueueClient(`${queueName}-poison`);
  await poisonQueue.createIfNotExists();
  await poisonQueue.sendMessage(message.messageText);
  await queue.deleteMessage(message.messageId, popReceipt);
  const { messageId, dequeueCount } = message;
  log("error", "A message was moved to the poison queue", { queueName, messageId, dequeueCount });
}
