import type { StorageConnection } from "../../shared/io/storage/account.ts";
import { type ReceivedRequest, type ScriptedAnswer, startHttpServer } from "./http-server.ts";

/**
 * What happens to a request on its way to the storage emulator: it passes, its connection breaks or hangs before or after
 * the emulator has carried it out, or it never arrives and gets another answer.
 */
export type Fault = "pass" | "reset" | "reset after" | "hang" | "hang after" | ScriptedAnswer;

export interface FaultProxy {
  connection: StorageConnection;
  /** All requests, including those that met a fault. */
  requests: readonly ReceivedRequest[];
  /** The faults of the next requests, in order; all others pass. */
  plan(...faults: readonly Fault[]): void;
  /** The fault of all requests without a planned one. */
  planForever(fault: Fault): void;
  close(): Promise<void>;
}

/** A proxy in front of the table or queue service of the emulator that `connectionString` names. */
export async function startFaultProxy(connectionString: string, service: "Table" | "Queue"): Promise<FaultProxy> {
  const endpoint = new RegExp(`(?<=${service}Endpoint=)https?://[^/]+`);
  const target = endpoint.exec(connectionString)?.[0];
  const planned: Fault[] = [];
  let otherwise: Fault = "pass";

  const server = await startHttpServer(async (request, response) => {
    const fault = planned.shift() ?? otherwise;
    if (typeof fault === "object") return fault;
    if (fault === "pass") return forward(`${target}${request.path}`, request);
    if (fault.endsWith("after")) await forward(`${target}${request.path}`, request);
    if (fault.startsWith("reset")) response.socket?.resetAndDestroy();
    return undefined;
  });

  return {
    connection: { kind: "connectionString", connectionString: connectionString.replace(endpoint, server.url) },
    requests: server.requests,
    plan: (...faults) => void planned.push(...faults),
    planForever: (fault) => {
      otherwise = fault;
    },
    close: server.close,
  };
}

const hopByHop = ["host", "connection", "content-length", "transfer-encoding", "keep-alive", "content-encoding"];
// The table service gives its error codes in the body; nothing may rely on the header that the emulator adds.
const kept = (name: string) => name !== "x-ms-error-code" && !hopByHop.includes(name);

/** Forwards a request; the answer is the emulator's, without what Azure would not send. */
export async function forward(url: string, { method, headers, body }: ReceivedRequest): Promise<ScriptedAnswer> {
  const sent = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === "string" && kept(name)) sent.set(name, value);
  }
  const answer = await fetch(url, { method, headers: sent, redirect: "manual", ...(body !== "" && { body }) });
  const passed = [...answer.headers].filter(([name]) => kept(name));
  return { status: answer.status, headers: Object.fromEntries(passed), body: await answer.text() };
}
