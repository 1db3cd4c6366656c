import type { AccessToken } from "@azure/core-auth";
import { plainText } from "../../core/text.ts";
import { DefenderError } from "../../ports.ts";

const renewBefore = 5 * 60_000;

/** A tenant's token, kept until shortly before it expires. */
export interface Tokens {
  get(): Promise<string>;
  /** Forgets a rejected token, so that the credential is asked again. */
  drop(token: string): void;
}

/**
 * Asks for a token once for all that wait for one. A failure is repeated to all for `failureMs`, or for as long as the
 * sign-in is throttled, because hundreds of reads must not each wait for an identity that is down.
 */
export function createTokens(ask: () => Promise<AccessToken | null>, now: () => number, failureMs: number): Tokens {
  let held: { token: string; renewAt: number } | null = null;
  let asked: Promise<string> | null = null;
  let failed: { error: DefenderError; until: number } | null = null;

  async function renew(): Promise<string> {
    try {
      const got = await ask();
      if (!got) throw new Error("the credential returned none.");
      const left = got.expiresOnTimestamp - now();
      held = { token: got.token, renewAt: got.expiresOnTimestamp - Math.min(renewBefore, left / 2) };
      return got.token;
    } catch (cause) {
      const error = noToken(cause);
      failed = { error, until: performance.now() + Math.max(failureMs, 1_000 * (error.retryAfterSeconds ?? 0)) };
      throw error;
    }
  }

  return {
    async get() {
      if (held && now() < held.renewAt) return held.token;
      if (failed && performance.now() < failed.until) throw failed.error;
      asked ??= renew().finally(() => {
        asked = null;
      });
      return asked;
    },
    drop(token) {
      if (held?.token === token) held = null;
    },
  };
}

// Not permanent: an identity that was just assigned or granted access works within minutes.
function noToken(cause: unknown): DefenderError {
  const late = cause instanceof Error && cause.name === "TimeoutError";
  const said = plainText(cause instanceof Error ? cause.message : "").slice(0, 400);
  const clause = said.charAt(0).toLowerCase() + said.slice(1);
  const reason = late ? "the app's identity did not answer in time." : clause || "check the app's identity.";
  const message = `Could not get a token for Defender: ${reason}`;
  return new DefenderError(message, { permanent: false, cause, ...readRetryAfter(cause) });
}

/** The credential says of a throttled sign-in when to come back. */
function readRetryAfter(cause: unknown): { retryAfterSeconds?: number } {
  if (!(cause instanceof Error && "retryAfterSeconds" in cause)) return {};
  const { retryAfterSeconds } = cause;
  return typeof retryAfterSeconds === "number" ? { retryAfterSeconds } : {};
}
