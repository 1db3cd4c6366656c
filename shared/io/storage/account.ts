import type { TokenCredential } from "@azure/core-auth";

/** How the storage account is reached: with a shared key or signature, or as an identity. */
export type StorageConnection =
  | { kind: "connectionString"; connectionString: string }
  | { kind: "identity"; tableServiceUri: string; queueServiceUri: string; credential: TokenCredential };

/** How long the account is waited for. One try holds the SDK's own quick retries of refused and reset calls. */
export interface Patience {
  /** After so many milliseconds without an answer a try is given up and begun again. */
  tryMs: number;
  tries: number;
  /** The first wait of the SDK's retries, in milliseconds; it doubles from there. */
  retryMs: number;
}

/** A call takes a minute at most, so that a step of a run, which has minutes, outlives a storage that hangs. */
export const defaultPatience: Patience = { tryMs: 20_000, tries: 3, retryMs: 500 };

/** A call that the storage account refused, or whose answer was lost: a write may then have landed all the same. */
export class StorageError extends Error {
  /** The answer's HTTP status; `null` where none came. */
  readonly status: number | null;
  /** Azure's name for the fault, such as `EntityAlreadyExists`, or Node's, such as `ECONNREFUSED`. */
  readonly code: string;

  constructor(call: string, fault: { status: number | null; code: string }, cause: unknown) {
    const { status, code } = fault;
    const answer = status === null ? `did not answer (${code})` : `answered ${status} ${code}`.trim();
    super(`Azure Storage ${answer} to ${call}.${adviceOn(status)}`, { cause });
    this.name = "StorageError";
    this.status = status;
    this.code = code;
  }
}

function adviceOn(status: number | null): string {
  if (status !== 401 && status !== 403) return "";
  return (
    " Check REPORTER_STORAGE, that the app's identity has the roles Storage Table Data Contributor and" +
    " Storage Queue Data Contributor, and that the account's firewall lets the app in."
  );
}

/** Makes a call in several tries, each given up in time. `call` is the method and path that errors tell. */
export async function callStorage<T>(
  call: string,
  { tryMs, tries }: Patience,
  make: (abortSignal: AbortSignal) => Promise<T>,
): Promise<T> {
  for (let left = tries; ; left--) {
    const signal = AbortSignal.timeout(tryMs);
    try {
      return await make(signal);
    } catch (error) {
      const status = statusOf(error);
      const late = signal.aborted && status === null;
      if (late && left > 1) continue;
      // What the credential throws tells its own story.
      if (!late && !isSdkError(error)) throw error;
      throw new StorageError(call, { status, code: late ? "ETIMEDOUT" : codeOf(error) }, error);
    }
  }
}

function isSdkError(error: unknown): boolean {
  return error instanceof Error && error.name === "RestError";
}

/**
 * Azure's name for what a call failed of: told in the body of the answer or in a header; of a transaction's parts, and
 * where no answer came, by `code`.
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
