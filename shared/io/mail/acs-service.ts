import { setTimeout as sleep } from "node:timers/promises";
import type { EmailClient, EmailMessage, EmailSendOptionalParams } from "@azure/communication-email";
import type { TokenCredential } from "@azure/core-auth";
import type { HttpClient } from "@azure/core-rest-pipeline";
import { isLoopback } from "../../core/loopback.ts";
import type { SendOutcome } from "../../ports.ts";
import {
  type Answer,
  becameOf,
  faultOf,
  faultOfError,
  NoTokenError,
  ofEarlierTry,
  outcomeOf,
  tooLate,
} from "./acs-answers.ts";

export interface ServiceOptions {
  /** `https://<resource>.communication.azure.com`; plain http on loopback only. */
  endpoint: string;
  credential: TokenCredential;
  /** For the complete exchange, with the wait for what becomes of the mail; 30 seconds by default. */
  timeoutMs?: number;
  /** Between two questions what became of it, at least; 5 seconds by default. */
  pollMs?: number;
  now?: () => Date;
}

/** Azure Communication Services for one send. */
export interface Service {
  /** Sends a mail as an operation with this id. */
  begin(id: string, message: EmailMessage): Promise<SendOutcome>;
  /** What became of an operation. */
  ask(id: string): Promise<SendOutcome | "not-begun">;
}

/** What is begun later than its time limit does not leave, even if the process was frozen meanwhile. */
export async function openService(options: ServiceOptions): Promise<Service> {
  const { timeoutMs = 30_000, pollMs = 5_000, now = () => new Date() } = options;
  const end = now().getTime() + timeoutMs;
  const signal = AbortSignal.timeout(timeoutMs);
  const { client, origin, hasLeft } = await openClient(options, signal, () => now().getTime() > end);

  async function ask(id: string): Promise<SendOutcome | "not-begun"> {
    const heard = listen();
    // The library has no other way to ask about an operation that another process began.
    const resumeFrom = running(`${origin}/emails/operations/${id}`);
    const asking = client.beginSend(noMessage, { abortSignal: signal, onResponse: heard.onResponse, resumeFrom });
    const error = await asking.then(
      () => null,
      (reason: unknown) => reason,
    );
    const answer = heard.asked();
    if (answer?.status === 404) return "not-begun";
    const became = answer && becameOf(id, answer);
    if (became) return became;
    const { kind, reason, ...fault } = answer ? faultOf(answer) : faultOfError(error, { hasLeft: true, timeoutMs });
    const isAccount = kind === "account" && { isAccount: true };
    return { status: "unknown", reason, ...isAccount, ...fault };
  }

  async function begin(id: string, message: EmailMessage): Promise<SendOutcome> {
    const heard = listen();
    const error = await follow(id, message, heard).then(
      () => null,
      (reason: unknown) => reason,
    );
    const answer = heard.posted();
    if (!answer) return outcomeOf(faultOfError(error, { hasLeft: hasLeft(), timeoutMs }));
    if (answer.status === 202) {
      // What goes wrong afterwards is about the question, or is the answer to it.
      const asked = heard.asked();
      return (asked && becameOf(id, asked)) ?? { status: "sent", messageId: id };
    }
    if (error !== null) return refuse(id, answer);
    return { status: "unknown", reason: `Azure's answer is neither yes nor no (${answer.status}).` };
  }

  /** Sends a mail and asks what became of it until that is known or the time is up. */
  async function follow(id: string, message: EmailMessage, { onResponse, asked }: Ear): Promise<void> {
    const poller = await client.beginSend(message, { abortSignal: signal, onResponse, operationId: id });
    while (!poller.isDone()) {
      const pause = Math.max(pollMs, (asked()?.retryAfterSeconds ?? 0) * 1_000);
      if (now().getTime() + pause >= end) return;
      await sleep(pause, undefined, { signal });
      await poller.poll({ abortSignal: signal });
    }
  }

  async function refuse(id: string, answer: Answer): Promise<SendOutcome> {
    const outcome = outcomeOf(faultOf(answer));
    if (outcome.status !== "refused") return outcome;
    // An id in use is refused, too: then another process began this send in the meantime.
    const earlier = await ask(id);
    return earlier === "not-begun" ? outcome : ofEarlierTry(earlier);
  }

  return { ask, begin };
}

const noMessage: EmailMessage = { senderAddress: "", recipients: { to: [] }, content: { subject: "", plainText: "" } };

/** The library's record of an operation that still runs. */
function running(operationLocation: string): string {
  const config = { metadata: { mode: "OperationLocation" }, operationLocation };
  return JSON.stringify({ state: { status: "running", config } });
}

/** A client that tries nothing twice, follows no redirects, and sends the token to the endpoint only. */
async function openClient({ endpoint, credential }: ServiceOptions, signal: AbortSignal, isLate: () => boolean) {
  // Loaded with the first mail: most invocations send none.
  const [sdk, pipeline] = await Promise.all([
    import("@azure/communication-email"),
    import("@azure/core-rest-pipeline"),
  ]);
  const target = new URL(endpoint);
  const http = pipeline.createDefaultHttpClient();
  let posted = false;
  const httpClient: HttpClient = {
    sendRequest(request) {
      const url = new URL(request.url);
      if (url.host !== target.host) throw new Error(`A token for ${target.host} must not go to ${url.host}.`);
      if (isLate()) throw tooLate;
      posted ||= request.method === "POST";
      // The library sends tokens by https alone.
      url.protocol = target.protocol;
      request.url = url.href;
      request.allowInsecureConnection = target.protocol === "http:";
      // No proxy leads to this machine.
      if (isLoopback(target.hostname)) delete request.agent;
      return http.sendRequest(request);
    },
  };
  const origin = `https://${target.host}`;
  const late = Promise.withResolvers<never>();
  late.promise.catch(() => {});
  signal.addEventListener("abort", () => late.reject(signal.reason));
  const token: TokenCredential = {
    getToken(...asked) {
      const given = credential.getToken(...asked).catch((cause: Error) => {
        throw new NoTokenError(cause.message, { cause });
      });
      return Promise.race([given, late.promise]);
    },
  };
  const once = { retryOptions: { maxRetries: 0 }, redirectOptions: { maxRetries: 0 } };
  const client: EmailClient = new sdk.EmailClient(origin, token, { ...once, httpClient });
  return { client, origin, hasLeft: () => posted };
}

/** The last answers of one exchange. */
interface Ear {
  onResponse: NonNullable<EmailSendOptionalParams["onResponse"]>;
  posted(): Answer | null;
  asked(): Answer | null;
}

/** Keeps the last answers of one exchange, because the library's errors do not say to which of its requests they belong. */
function listen(): Ear {
  const answers = new Map<string, Answer>();
  const onResponse: Ear["onResponse"] = ({ request, status, headers, bodyAsText }) => {
    const seconds = Number(headers.get("retry-after") ?? Number.NaN);
    const retryAfterSeconds = Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds, 86_400) : null;
    answers.set(request.method, { status, retryAfterSeconds, body: parse(bodyAsText ?? "") });
  };
  return { onResponse, posted: () => answers.get("POST") ?? null, asked: () => answers.get("GET") ?? null };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
