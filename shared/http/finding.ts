import type { Mailer } from "../ports.ts";
import { NotReservedError } from "../run/reserve.ts";

/** What the doctor tries besides the ports. */
export interface Probes {
  /** What is odd about the settings without being wrong, one sentence each. */
  warnings: readonly string[];
  /** An access token of the app's identity for Defender. */
  defenderToken(tenant: string): Promise<string>;
  /** The scope of that token; the cloud decides it. */
  defenderScope: string;
  /** Where an administrator of a tenant consents to the app; `null`: its identity is at home there, or it has no app to consent to. */
  consentUrl(tenant: string): string | null;
  /** Sends, receives and deletes a message in its own queue. */
  tryQueue(): Promise<void>;
  /** Of SendGrid's key that this process holds, which may be older than the vault's; `null`: another service. */
  keyFingerprint: string | null;
  /** Mails are checked and not delivered: by SendGrid, or by the app itself where the service has no sandbox. */
  sandbox: Mailer;
  /** Asks Azure Communication Services whether it lets the app in; absent: another service. */
  tryAcs?: () => Promise<void>;
}

/** One check: what was found, or what to do. */
export interface Finding {
  check: string;
  /** `skipped`: an earlier check failed, the calls to Defender cannot be counted or are used up, or no time was left. */
  status: "ok" | "fault" | "skipped";
  detail: string;
}

/** A check whose work gives what was found, or throws what is wrong. */
export async function tried(check: string, work: () => Promise<string>): Promise<Finding> {
  try {
    return { check, status: "ok", detail: await work() };
  } catch (error) {
    const status = error instanceof NotReservedError ? "skipped" : "fault";
    return { check, status, detail: error instanceof Error ? error.message : String(error) };
  }
}
