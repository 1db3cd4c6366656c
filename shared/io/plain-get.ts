import type { PipelineResponse } from "@azure/core-rest-pipeline";
import { isLoopback } from "../core/loopback.ts";

/** Makes one GET at once, and leaves its body to be read, whatever the status. */
export type PlainGet = (
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
) => Promise<PipelineResponse>;

/**
 * Loads what makes calls to one host: through the proxy unless that is this machine; without retries, which the caller counts,
 * and without redirects, which would take headers along to another host.
 */
export async function openPlainGet(base: URL): Promise<PlainGet> {
  const sdk = await import("@azure/core-rest-pipeline");
  const client = sdk.createDefaultHttpClient();
  const pipeline = sdk.createEmptyPipeline();
  if (!isLoopback(base.hostname)) pipeline.addPolicy(sdk.proxyPolicy());
  pipeline.addPolicy(sdk.userAgentPolicy({ userAgentPrefix: "missing-kb-reporter" }));
  pipeline.addPolicy(sdk.tracingPolicy());
  pipeline.addPolicy(sdk.logPolicy());
  return (url, headers, abortSignal) => {
    const request = sdk.createPipelineRequest({
      ...{ url, headers: sdk.createHttpHeaders(headers), abortSignal },
      streamResponseStatusCodes: new Set([Number.POSITIVE_INFINITY]),
      allowInsecureConnection: base.protocol === "http:",
    });
    return pipeline.sendRequest(client, request);
  };
}
