import { plainText, withoutTokens } from "../../core/text.ts";
import type { SendOutcome } from "../../ports.ts";
import { isRecord } from "./envelope.ts";

/** What was heard of one request. */
export interface Answer {
  status: number;
  retryAfterSeconds: number | null;
  body: unknown;
}

/** Thrown where a request would leave after its time. */
export const tooLate = new Error("The process stopped for a while and did not send the mail.");

/** Fails as the credential does, whose messages are for people. */
export class NoTokenError extends Error {}

/** What an operation says of its mail; `null` if it says nothing. */
export function becameOf(id: string, { status, body }: Answer): SendOutcome | null {
  if (status !== 200 || !isRecord(body)) return null;
  switch (body.status) {
    case "NotStarted":
    case "Running":
    case "Succeeded":
      return { status: "sent", messageId: id };
    case "Failed":
    case "Canceled": {
      const said = complaint(body) || body.status;
      // Later tries are refused, too, until the address is taken off Azure's list.
      if (/suppressed/i.test(said)) {
        return {
          status: "refused",
          reason: `Azure delivers nothing to these readers (${said}). Take them off the domain's suppression list, or correct the watchlist's addresses.`,
        };
      }
      return { status: "failed", reason: `Azure accepted the mail, but could not send it (${said}).` };
    }
    default:
      return null;
  }
}

/** What became of an earlier try, as the outcome of this one. */
export function ofEarlierTry(outcome: SendOutcome): SendOutcome {
  if (outcome.status !== "unknown") return outcome;
  return { ...outcome, reason: `It is not known what became of an earlier try. ${outcome.reason}` };
}

/** What keeps a mail from being sent. `maybe`: it may have been accepted. */
export interface Fault {
  kind: "mail" | "account" | "passing" | "maybe";
  reason: string;
  retryAfterSeconds?: number;
}

/** A fault of a send as its outcome. */
export function outcomeOf({ kind, ...fault }: Fault): SendOutcome {
  switch (kind) {
    case "mail":
      return { status: "refused", reason: fault.reason };
    case "account":
      return { status: "failed", isAccount: true, ...fault };
    case "passing":
      return { status: "failed", ...fault };
    case "maybe":
      return { status: "unknown", ...fault };
  }
}

/** What an answer to a send or to a question says, unless it is the one hoped for. */
export function faultOf(answer: Answer): Fault {
  const { status } = answer;
  const said = complaint(answer.body);
  const code = said ? `${status}: ${said}` : String(status);
  if (status === 429) return throttled(code, answer.retryAfterSeconds);
  if (status === 503) return { kind: "passing", reason: `Azure could not accept the mail (${code}).` };
  // A gateway may have passed the mail on before it gave up.
  if (status === 408 || status >= 500)
    return { kind: "maybe", reason: `Azure failed while it took the mail (${code}).` };
  if (status === 413)
    return { kind: "mail", reason: `Azure refused the mail (${code}). It is too large: divide the watchlist.` };
  if ([400, 409, 422].includes(status) && !isAboutSender(said)) {
    const advice = "Correct what it names, such as an address in MAIL_TO or the watchlist.";
    return { kind: "mail", reason: `Azure refused the mail (${code}). ${advice}` };
  }
  return { kind: "account", reason: accountFault(status, code) };
}

/** Azure takes no mail now. */
export function throttled(code: string, seconds: number | null): Fault {
  const reason = `Azure accepts no mail for a while (${code}). A new subscription may send 10 an hour from an Azure-managed domain and 100 from one of its own.`;
  return { kind: "passing", reason, ...(seconds !== null && { retryAfterSeconds: seconds }) };
}

function isAboutSender(said: string): boolean {
  return /^\w*(sender|domain|subscription)\w*(:|$)/i.test(said);
}

function accountFault(status: number, code: string): string {
  switch (status) {
    case 401:
    case 403:
      return `Azure does not let this app send mail (${code}). Check that the app's identity has the role of infra/mail.bicep on the resource in ACS_ENDPOINT. A new role takes some minutes to work.`;
    case 400:
    case 404:
      return `Azure does not accept the sender (${code}). Check that MAIL_FROM is a sender of a verified domain, and that the domain is linked to the resource in ACS_ENDPOINT.`;
    default:
      return `What answered is not Azure's mail API (${code}). Check ACS_ENDPOINT.`;
  }
}

/** Azure's code and message, short and on one line; empty if there is none. */
function complaint(body: unknown): string {
  const error = isRecord(body) && isRecord(body.error) ? body.error : {};
  const parts = [plainText(error.code).slice(0, 60), withoutTokens(plainText(error.message)).slice(0, 300)];
  return parts
    .filter(Boolean)
    .join(": ")
    .replace(/[\s.]+$/, "");
}

/** What an error says. Only its code goes further: the rest contains the request with its token. */
export function faultOfError(error: unknown, { hasLeft, timeoutMs }: { hasLeft: boolean; timeoutMs: number }): Fault {
  if (error instanceof NoTokenError) return { kind: "account", reason: error.message };
  if (error === tooLate) return { kind: hasLeft ? "maybe" : "passing", reason: tooLate.message };
  const { name, code } = error as { name?: unknown; code?: unknown };
  const isLate = name === "AbortError" || name === "TimeoutError";
  if (!isLate && name !== "RestError") throw error;
  const what = isLate ? `did not answer within ${timeoutMs / 1_000} s` : `broke off its answer (${plainText(code)})`;
  if (hasLeft && !neverLeft(plainText(code))) return { kind: "maybe", reason: `Azure ${what}.` };
  const why = isLate ? `within ${timeoutMs / 1_000} s` : `(${plainText(code)})`;
  return { kind: "passing", reason: `Azure could not be reached ${why}. The mail was not sent.` };
}

/** Whether no byte of the mail can have arrived: no address, no connection, or an untrusted server. */
function neverLeft(code: string): boolean {
  return /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$|CERT|SELF_SIGNED|LEAF_SIGNATURE|^ERR_TLS_|^EPROTO$/.test(
    code,
  );
}
