import { Readable } from "node:stream";
import type { PipelineRequest } from "@azure/core-rest-pipeline";

const maxErrorBytes = 64 * 1024;

/** An answer of any status; `body` is `null` if it is longer than allowed. */
export interface Received {
  status: number;
  contentType: string;
  retryAfter: string | undefined;
  body: Buffer | null;
  sentAt: number;
}

/** Makes one call. `bytes` limits the body of a 200. */
export type Sender = (url: URL, token: string, bytes: number, signal: AbortSignal) => Promise<Received>;

/** Sends single calls: no retries, which would bypass the turnstile, and no redirects, which would take the token along. */
export function createSender(base: URL): Sender {
  let opened: ReturnType<typeof openPipeline> | undefined;
  return async (url, token, bytes, abortSignal) => {
    if (url.origin !== base.origin) throw new Error(`A token for ${base.origin} must not go to ${url.origin}.`);
    opened ??= openPipeline(base);
    const { createHttpHeaders, createPipelineRequest, sendRequest, plainHttp } = await opened;
    const headers = createHttpHeaders({
      Accept: "application/json",
      // Decompression would hide that the compressed stream broke off.
      "Accept-Encoding": "identity",
      Authorization: `Bearer ${token}`,
    });
    const streamResponseStatusCodes = new Set([Number.POSITIVE_INFINITY]);
    const request = { url: url.href, headers, abortSignal, streamResponseStatusCodes };
    const sentAt = performance.now();
    const response = await sendRequest(createPipelineRequest({ ...request, allowInsecureConnection: plainHttp }));
    const { status, readableStreamBody } = response;
    return {
      status,
      contentType: response.headers.get("content-type") ?? "",
      retryAfter: response.headers.get("retry-after"),
      body: await readBody(readableStreamBody, status === 200 ? bytes : maxErrorBytes),
      sentAt,
    };
  };
}

// Loaded with the first call: functions that never read Defender start without it.
async function openPipeline(base: URL) {
  const sdk = await import("@azure/core-rest-pipeline");
  const client = sdk.createDefaultHttpClient();
  const pipeline = sdk.createEmptyPipeline();
  const plainHttp = base.protocol === "http:";
  if (!plainHttp) pipeline.addPolicy(sdk.proxyPolicy());
  pipeline.addPolicy(sdk.userAgentPolicy({ userAgentPrefix: "missing-kb-reporter" }));
  pipeline.addPolicy(sdk.tracingPolicy());
  pipeline.addPolicy(sdk.logPolicy());
  const sendRequest = (request: PipelineRequest) => pipeline.sendRequest(client, request);
  const { createHttpHeaders, createPipelineRequest } = sdk;
  return { createHttpHeaders, createPipelineRequest, sendRequest, plainHttp };
}

async function readBody(stream: NodeJS.ReadableStream | undefined, bytes: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  if (stream instanceof Readable) {
    for await (const chunk of stream) {
      length += chunk.length;
      // Leaving the loop closes the connection, and the rest is not read.
      if (length > bytes) return null;
      chunks.push(chunk);
    }
  }
  return Buffer.concat(chunks);
}
