import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { type EmailRequest, readEmailRequest } from "./email-rules.ts";
import type { ReceivedMail } from "./mail.ts";
import { jsonReply, type Reply } from "./reply.ts";

/** The resource for which a token must be. */
const communicationAudience = "https://communication.azure.com";

/** What happens to mails once Azure Communication Services has accepted them; may be changed at any time. */
export interface Operations {
  /** The ids, in the order in which their mails were accepted. */
  ids: readonly string[];
  /** How many questions about an operation are answered with `Running` before it ends. */
  running: number;
  /** What `Retry-After` says meanwhile. */
  pauseSeconds: number;
  /** Why operations fail that begin from now on, and their mails reach nobody; `null`: they succeed. */
  failure: { code: string; message: string } | null;
  /** Whether a mail under an id in use is refused; Azure does not document that it is. */
  refusesIdsInUse: boolean;
  /** Questions asked so far. */
  questions: number;
  /** Each of the next questions gets the first one instead of an answer. */
  faults: Reply[];
}

interface EmailApiOptions {
  /** Senders of linked domains; absent: any. */
  verifiedSenders?: readonly string[];
  now: () => Date;
}

/** A mail's answer, and the copies that its readers get. */
interface Verdict {
  reply: Reply;
  copies: readonly ReceivedMail[];
}

export interface EmailApi {
  operations: Operations;
  judge(request: IncomingMessage, body: string | null): Verdict;
  /** The answer to a question about an operation. */
  answer(request: IncomingMessage): Reply;
}

const versions = ["2023-03-31", "2025-09-01"];
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The REST interface of Azure Communication Services Email, as strict as the real one where that is known. */
export function createEmailApi(options: EmailApiOptions): EmailApi {
  const begun = new Map<string, { asked: number; failure: Operations["failure"] }>();
  const ids: string[] = [];
  const operations: Operations = {
    ids,
    running: 0,
    pauseSeconds: 1,
    failure: null,
    refusesIdsInUse: true,
    questions: 0,
    faults: [],
  };
  return {
    operations,
    judge(request, body) {
      const read = readCall(request, body, options);
      if ("status" in read) return { reply: read, copies: [] };
      const id = request.headers["operation-id"] ?? randomUUID();
      const fault = faultOfId(id, operations.refusesIdsInUse ? begun : new Map());
      if (fault) return { reply: fault, copies: [] };
      begun.set(`${id}`, { asked: 0, failure: operations.failure });
      ids.push(`${id}`);
      // The real service names itself by https, whatever it was called by.
      const location = `https://${request.headers.host}/emails/operations/${id}?api-version=${versionOf(request)}`;
      const reply = jsonReply(
        202,
        { id, status: "Running" },
        { "Operation-Location": location, "Retry-After": `${operations.pauseSeconds}` },
      );
      return { reply, copies: operations.failure ? [] : copiesOf(read, `${id}`, options.now()) };
    },
    answer(request) {
      operations.questions += 1;
      const fault = operations.faults.shift() ?? faultOfCall(request, options.now());
      if (fault) return fault;
      const id = new URL(request.url ?? "", "http://inbox").pathname.split("/").at(-1) ?? "";
      const operation = begun.get(id);
      if (!operation) return emailFault(404, "NotFound", "The operation was not found.");
      operation.asked += 1;
      if (operation.asked <= operations.running)
        return jsonReply(200, { id, status: "Running" }, { "Retry-After": `${operations.pauseSeconds}` });
      const { failure } = operation;
      return jsonReply(200, failure ? { id, status: "Failed", error: failure } : { id, status: "Succeeded" });
    },
  };
}

/** A refusal in Azure's form. */
export function emailFault(
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return jsonReply(status, { error: { code, message } }, { "x-ms-error-code": code, ...headers });
}

function readCall(
  request: IncomingMessage,
  body: string | null,
  { now, verifiedSenders }: EmailApiOptions,
): EmailRequest | Reply {
  const fault = faultOfCall(request, now());
  if (fault) return fault;
  if (body === null || body.length >= 10_000_000) return emailFault(413, "TooLarge", "The email is too large.");
  const read = readEmailRequest(parse(body));
  if ("fault" in read) return emailFault(400, "BadRequest", read.fault);
  return faultOfSender(read.request.senderAddress, verifiedSenders) ?? read.request;
}

function faultOfId(id: string | string[], begun: ReadonlyMap<string, unknown>): Reply | null {
  if (typeof id !== "string" || !uuid.test(id)) return emailFault(400, "BadRequest", "Operation-Id is not a UUID.");
  return begun.has(id) ? emailFault(400, "BadRequest", "An operation with this id exists.") : null;
}

function versionOf(request: IncomingMessage): string {
  return new URL(request.url ?? "", "http://inbox").searchParams.get("api-version") ?? "";
}

function faultOfCall(request: IncomingMessage, now: Date): Reply | null {
  if (!versions.includes(versionOf(request))) {
    return emailFault(400, "ApiVersionNotSupported", `api-version must be one of ${versions.join(", ")}.`);
  }
  if (!isToken(request.headers.authorization ?? "", now)) {
    return emailFault(401, "Denied", "Denied by the resource provider.");
  }
  const isJson = /^application\/json\b/.test(request.headers["content-type"] ?? "");
  if (request.method === "POST" && !isJson) return emailFault(415, "UnsupportedMediaType", "Send application/json.");
  return null;
}

// The signature is not checked: the tokens of the local identity endpoint have none.
function isToken(authorization: string, now: Date): boolean {
  const claims = /^Bearer [\w-]+\.([\w-]+)\./.exec(authorization)?.[1] ?? "";
  const { aud, exp } = (parse(Buffer.from(claims, "base64url").toString()) ?? {}) as { aud?: unknown; exp?: unknown };
  return aud === communicationAudience && typeof exp === "number" && exp * 1_000 > now.getTime();
}

function faultOfSender(sender: string, verified: readonly string[] | undefined): Reply | null {
  const senders = verified?.map((email) => email.toLowerCase());
  if (!senders || senders.includes(sender.toLowerCase())) return null;
  const domain = sender.toLowerCase().split("@")[1];
  return senders.some((email) => email.endsWith(`@${domain}`))
    ? emailFault(400, "InvalidSenderUserName", "Invalid email sender username is provided.")
    : emailFault(404, "DomainNotLinked", "The specified sender domain has not been linked.");
}

/** One copy for those who see each other, and one for each reader in bcc. */
function copiesOf(request: EmailRequest, id: string, receivedAt: Date): ReceivedMail[] {
  const { to, cc = [], bcc = [] } = request.recipients;
  const open = [...to, ...cc];
  const groups = [...(open.length > 0 ? [open] : []), ...bcc.map((reader) => [reader])];
  const attachments = (request.attachments ?? []).map(({ name, contentType, contentInBase64 }) => ({
    filename: name,
    type: contentType,
    content: Buffer.from(contentInBase64, "base64"),
  }));
  return groups.map((readers, index) => ({
    id: `${id}.${index}`,
    messageId: id,
    receivedAt,
    from: { email: request.senderAddress },
    to: readers.map(({ address, displayName }) => ({ email: address, ...(displayName && { name: displayName }) })),
    subject: request.content.subject,
    html: request.content.html ?? null,
    text: request.content.plainText ?? null,
    headers: request.headers ?? {},
    customArgs: {},
    categories: [],
    attachments,
    request,
  }));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
