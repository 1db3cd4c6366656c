import { Readable } from "node:stream";
import { createValueCounter } from "../value-counter.ts";

/** How much of a list may be taken in; `values` bounds the memory that its JSON takes once it is parsed. */
export interface Limits {
  bytes: number;
  values: number;
}

/**
 * For all pages of one list: three times the bytes of 10,000 KBs of 500 bytes, and 50 values for each of them.
 * A list has at most a few thousand.
 */
export const listLimits: Limits = { bytes: 16 * 1024 * 1024, values: 500_000 };

/** A body, or why it was given up. */
export type Body = { bytes: Uint8Array; values: number } | { problem: string };

/** Takes in the body of one answer; it holds its share of the process's memory until it is closed. */
export interface Intake {
  read(stream: NodeJS.ReadableStream | undefined, limits: Limits, signal: AbortSignal): Promise<Body>;
  close(): void;
}

const smallBytes = 1024 * 1024;

/**
 * Bounds the bodies that are in memory at once, over all tenants: 32 of up to 1 MiB, and 4 that are larger. Others wait
 * while their connections fill up. An answer that waits for a large place keeps its small one, but none waits the other
 * way round, so they do not block each other; and each place is free again when its call's time is up.
 */
export function createIntakes(): () => Intake {
  const small = createPlaces(32);
  const large = createPlaces(4);
  return () => {
    const taken: (() => void)[] = [];
    return {
      async read(stream, limits, signal) {
        taken.push(await small(signal));
        return readBody(stream, limits, async () => {
          taken.push(await large(signal));
        });
      },
      close() {
        for (const leave of taken.splice(0)) leave();
      },
    };
  };
}

async function readBody(
  stream: NodeJS.ReadableStream | undefined,
  limits: Limits,
  grow: () => Promise<void>,
): Promise<Body> {
  const chunks: Buffer[] = [];
  const countValues = createValueCounter();
  let [length, values] = [0, 0];
  if (stream instanceof Readable) {
    // Leaving the loop closes the connection, and the rest is not read.
    for await (const chunk of stream) {
      const before = length;
      length += chunk.length;
      if (length > limits.bytes) return { problem: "it is larger than 16 MiB" };
      values = countValues(chunk);
      if (values > limits.values) return { problem: "it has more than 500,000 values" };
      if (before <= smallBytes && length > smallBytes) await grow();
      chunks.push(chunk);
    }
  }
  return { bytes: Buffer.concat(chunks), values };
}

/** Lets so many in at once, in order. The returned function gives the place back. */
export function createPlaces(places: number): (signal: AbortSignal) => Promise<() => void> {
  const waiters = new Set<() => void>();
  let free = places;

  function leave(): void {
    const [next] = waiters;
    if (!next) {
      free += 1;
      return;
    }
    waiters.delete(next);
    next();
  }

  return async (signal) => {
    signal.throwIfAborted();
    if (free > 0) {
      free -= 1;
      return leave;
    }
    const { promise, resolve, reject } = Promise.withResolvers<typeof leave>();
    const admit = () => resolve(leave);
    const abandon = () => {
      waiters.delete(admit);
      reject(signal.reason);
    };
    signal.addEventListener("abort", abandon);
    waiters.add(admit);
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", abandon);
    }
  };
}
