import { type Fault, forward } from "../support/fault-proxy.ts";
import { type HttpServer, type ReceivedRequest, type ScriptedAnswer, startHttpServer } from "../support/http-server.ts";

/** The purpose of a request to storage. */
export type StoragePlace =
  | "row read"
  | "rows listed"
  | "snapshot written"
  | "run committed"
  | "mail status written"
  | "mail about to leave"
  | "lease written"
  | "request or bookmark written"
  | "status written"
  | "row deleted"
  | "table created"
  | "message sent"
  | "message received"
  | "message released"
  | "message deleted"
  | "message poisoned"
  | "queue inspected";

/** The owner of the gate, who may kill or freeze the app there. */
export interface Keeper {
  /** Which process it is. */
  process: number;
  /** True: the process was killed here, and nothing more may happen. */
  reach(place: StoragePlace, when: "before" | "after"): boolean;
  fault(place: StoragePlace): Fault;
}

/** What all processes did to their storage. */
export interface StorageRecord {
  /** Messages that were added to a queue and not deleted, by id. */
  messages: Map<string, { queue: string; text: string }>;
  /** How often each snapshot's row was written, by its keys. */
  writes: Map<string, number>;
  /** By tenant, whose lease it is: the process that first wrote its owner. */
  leases: Map<string, { owner: string; holder: number }>;
  /** How many writes there were, to tables and queues. */
  changes: number;
  /** The partition of each snapshot's row, in the order in which they were written. */
  written: string[];
}

export interface StorageGate {
  connectionString: string;
  /** Sends later requests to another emulator. */
  leadTo(connectionString: string): void;
  /** Resolves once no request is in flight. */
  quiet(): Promise<void>;
  close(): Promise<void>;
}

/** A proxy between a process of the app and its storage that records what was really carried out. */
export async function openStorageGate(
  connectionString: string,
  record: StorageRecord,
  keeper: Keeper,
): Promise<StorageGate> {
  let target = connectionString;
  const inFlight = new Set<Promise<unknown>>();

  const carryOut = async (service: Service, request: ReceivedRequest) => {
    const work = forward(`${addressOf(target, service)}${request.path}`, request).catch(() => null);
    inFlight.add(work);
    const answer = await work.finally(() => inFlight.delete(work));
    if (answer && isSuccess(answer)) note(placeOf(request), request, answer, { record, process: keeper.process });
    return answer;
  };
  const open = async (service: Service) => {
    const server = await startHttpServer(async (request, response) => {
      server.requests.length = 0;
      const place = placeOf(request);
      const leave = () => void response.socket?.resetAndDestroy();
      if (keeper.reach(place, "before")) return void leave();
      const fault = keeper.fault(place);
      if (typeof fault === "object") return fault;
      if (fault === "reset") return void leave();
      const answer = await carryOut(service, request);
      if (!answer || keeper.reach(place, "after") || fault === "reset after") return void leave();
      return answer;
    });
    return server;
  };

  const [tables, queues] = await Promise.all([open("Table"), open("Queue")]);
  return {
    connectionString: through(through(connectionString, "Table", tables), "Queue", queues),
    leadTo: (next) => {
      target = next;
    },
    quiet: async () => {
      while (inFlight.size > 0) await Promise.allSettled(inFlight);
    },
    close: async () => void (await Promise.all([tables.close(), queues.close()])),
  };
}

type Service = "Table" | "Queue";

const endpoint = (service: Service) => new RegExp(`(?<=${service}Endpoint=)https?://[^/]+`);

function addressOf(connectionString: string, service: Service): string {
  return endpoint(service).exec(connectionString)?.[0] ?? "";
}

function through(connectionString: string, service: Service, { url }: HttpServer): string {
  return connectionString.replace(endpoint(service), url);
}

function placeOf({ method, path, body }: ReceivedRequest): StoragePlace {
  const [, , resource = "", ...rest] = new URL(path, "http://storage").pathname.split("/");
  return rest.length > 0 || /^runs/.test(resource)
    ? queuePlace(method, resource, rest)
    : tablePlace(method, decodeURIComponent(resource), body);
}

function queuePlace(method: string, queue: string, [list, id]: readonly string[]): StoragePlace {
  if (list !== "messages") return "queue inspected";
  if (queue.endsWith("-poison")) return "message poisoned";
  if (method === "POST") return "message sent";
  if (method === "DELETE" && id) return "message deleted";
  return method === "PUT" ? "message released" : "message received";
}

function tablePlace(method: string, resource: string, body: string): StoragePlace {
  if (resource.startsWith("Tables")) return "table created";
  if (resource === "$batch") return "run committed";
  if (method === "GET") return resource.endsWith("()") ? "rows listed" : "row read";
  if (method === "DELETE") return "row deleted";
  if (resource.startsWith("Snapshots")) return "snapshot written";
  if (resource.startsWith("Watchlists")) return "status written";
  if (resource.startsWith("Runs")) return /"sending"/.test(body) ? "mail about to leave" : "mail status written";
  return /RowKey='reader'|"RowKey":"reader"/.test(resource + body) ? "lease written" : "request or bookmark written";
}

function isSuccess({ status = 200 }: ScriptedAnswer): boolean {
  return status < 300;
}

/** What a request that succeeded did. */
function note(place: StoragePlace, request: ReceivedRequest, answer: ScriptedAnswer, of: Noted): void {
  const { path, body } = request;
  const { messages, writes, written, leases } = of.record;
  if (!/listed|read|inspected|message received/.test(place)) of.record.changes += 1;
  const [, , queue = "", , id = ""] = new URL(path, "http://storage").pathname.split("/");
  switch (place) {
    case "message sent":
    case "message poisoned": {
      const text = Buffer.from(between("MessageText", body), "base64").toString("utf8");
      messages.set(between("MessageId", String(answer.body)), { queue, text });
      return;
    }
    case "message deleted":
      messages.delete(id);
      return;
    case "snapshot written": {
      const key = keyOf(path, body);
      writes.set(key, (writes.get(key) ?? 0) + 1);
      written.push(key.split(" ")[0] ?? "");
      return;
    }
    case "row deleted":
      writes.delete(keyOf(path, body));
      return;
    case "lease written": {
      const [tenant = ""] = keyOf(path, body).split(" ");
      const { owner } = JSON.parse(body);
      if (leases.get(tenant)?.owner !== owner) leases.set(tenant, { owner, holder: of.process });
    }
  }
}

/** Where it is noted, and whose request it was. */
interface Noted {
  record: StorageRecord;
  process: number;
}

function between(tag: string, xml: string): string {
  return new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(xml)?.[1] ?? "";
}

/** The keys of a row: in the address of an existing row, in the body of a new one. */
function keyOf(path: string, body: string): string {
  const [, partition, row] = /\(PartitionKey='(.*)',RowKey='(.*)'\)/.exec(decodeURIComponent(path)) ?? [];
  if (partition !== undefined) return `${partition} ${row}`;
  const { PartitionKey, RowKey } = JSON.parse(body);
  return `${PartitionKey} ${RowKey}`;
}
