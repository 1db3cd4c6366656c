import type { TokenCredential } from "@azure/core-auth";
import { StorageError } from "../../ports.ts";

/** How to sign in to the storage account: with a shared key or signature, or as an identity. */
export type StorageConnection =
  | { kind: "connectionString"; connectionString: string }
  | { kind: "identity"; tableServiceUri: string; queueServiceUri: string; credential: TokenCredential };

/** How long to wait for the account. One try includes the SDK's own quick retries of refused and reset calls. */
export interface Patience {
  /** After this many milliseconds without an answer, a try is given up and the next one begins. */
  tryMs: number;
  tries: number;
  /** The first pause between the SDK's retries, in milliseconds; it doubles each time. */
  retryMs: number;
}

/** A call takes a minute at most: a step of a run has longer, so it survives a storage account that hangs. */
export const defaultPatience: Patience = { tryMs: 20_000, tries: 3, retryMs: 500 };

function storageError(call: string, fault: { status: number | null; code: string }, cause: unknown): StorageError {
  const { status, code } = fault;
  const answer =
    status === null ? `did not answer ${call} (${code})` : `${`returned ${status} ${code}`.trim()} for ${call}`;
  return new StorageError(`Azure Storage ${answer}.${adviceOn(status)}`, fault, cause);
}

function adviceOn(status: number | null): string {
  if (status !== 401 && status !== 403) return "";
  return (
    " Check REPORTER_STORAGE. Also check that the app's identity has the roles Storage Table Data Contributor and" +
    " Storage Queue Data Contributor, and that the account's firewall lets the app in."
  );
}

/** Makes a call in several tries, each with a time limit. `call` is the method and path, for errors. */
export async function callStorage<T>(
  call: string,
  { tryMs, tries }: Patience,
  send: (abortSignal: AbortSignal) => Promise<T>,
): Promise<T> {
  for (let left = tries; ; left--) {
    const signal = AbortSignal.timeout(tryMs);
    try {
      return await send(signal);
    } catch (error) {
      const status = statusOf(error);
      const late = signal.aborted && status === null;
      if (late && left > 1) continue;
      // The credential's own errors already say what to do.
      if (!late && !isSdkError(error)) throw error;
      throw storageError(call, { status, code: late ? "ETIMEDOUT" : codeOf(error) }, error);
    }
  }
}

function isSdkError(error: unknown): boolean {
  return error instanceof Error && error.name === "RestError";
}

/**
 * Azure's code for what went wrong: in the body of the answer or in a header; in `code` for the parts of a transaction,
 * and if no answer came.
 */
export function codeOf(error: unknown): string {
  const { code, details } = error as {
    code?: unknown;
    details?: { odataError?: { code?: unknown }; errorCode?: unknown };
  };
  return [code, details?.odataError?.code, details?.errorCode].find((text) => typeof text === "string") ?? "";
}

function statusOf(error: unknown): number | null {
  const { statusCode } = error as { statusCode?: unknown };
  return isSdkError(error) && typeof statusCode === "number" ? statusCode : null;
}
