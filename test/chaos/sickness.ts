import type { InboxFault } from "../../local/inbox.ts";
import type { SimulatedTenant } from "../../local/simulated-tenant.ts";
import type { Fault } from "../support/fault-proxy.ts";
import type { Dice } from "./dice.ts";
import type { StoragePlace } from "./storage-gate.ts";

type TenantFault = NonNullable<Parameters<SimulatedTenant["setFault"]>[1]>;

const refusal = (status: number, code: string, headers: Record<string, string> = {}): TenantFault => ({
  ...{ kind: "answer", status, headers: { "content-type": "application/json", ...headers } },
  body: { error: { code, message: "A planned fault.", target: "0" } },
});
/** A first page that is no product's complete list, so that a list made from it is noticed. */
const strayLink: TenantFault = (_request, response) => {
  const value = [{ id: "4040404", machineMissedOn: 1, cveAddressed: 1 }];
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ value, "@odata.nextLink": "https://elsewhere.example/api" }));
};

/** Final at once, so that they do not slow a history down; each with how often it may come in a row. */
const quickFaults: readonly [[TenantFault, number], ...[TenantFault, number][]] = [
  [refusal(403, "Forbidden"), 8],
  [refusal(403, "Forbidden"), 1],
  [refusal(401, "Unauthorized"), 1],
  [refusal(302, "Moved", { location: "https://elsewhere.example/" }), 3],
  [strayLink, 2],
  [refusal(429, "TooManyRequests", { "retry-after": "900" }), 1],
  [refusal(429, "TooManyRequests", { "retry-after": "0" }), 1],
];
/** Each makes the app pause for two seconds and more. */
const slowFaults: readonly [TenantFault, ...TenantFault[]] = [
  refusal(500, "InternalServerError"),
  { kind: "answer", status: 502, headers: { "content-type": "text/html" }, body: "<h1>Bad gateway</h1>" },
  { kind: "answer", status: 200, headers: { "content-type": "application/json" }, body: { value: null } },
  { kind: "reset" },
  { kind: "truncate" },
  refusal(404, "ResourceNotFound"),
];

/** Makes some of Defender's reads fail today; returns which. */
export function sickenTenant(tenant: SimulatedTenant, softwareIds: readonly string[], dice: Dice): string[] {
  return softwareIds.filter((softwareId) => {
    tenant.setFault(softwareId, null);
    if (dice.chance(0.015)) tenant.setFault(softwareId, dice.pick(slowFaults), 1);
    else if (dice.chance(0.15)) tenant.setFault(softwareId, ...dice.pick(quickFaults));
    else return false;
    return true;
  });
}

export function healTenant(tenant: SimulatedTenant, softwareIds: readonly string[]): void {
  for (const softwareId of softwareIds) tenant.setFault(softwareId, null);
}

const losses: readonly [InboxFault, ...InboxFault[]] = [
  { kept: true, connection: "reset" },
  { kept: false, connection: "reset" },
];
const failures: readonly [InboxFault, ...InboxFault[]] = [
  { status: 500 },
  { status: 503 },
  { status: 429, headers: { "X-RateLimit-Reset": "1795428000" } },
];
const refusal400: InboxFault = { status: 400, errors: [{ message: "A planned fault.", field: "to", help: null }] };
const accountTrouble: InboxFault = { status: 401, errors: [{ message: "A planned fault.", field: null, help: null }] };

/** The mail service on a day: `ill`: at times; `closed`: it accepts no mail of the account. */
export type MailService = "well" | "ill" | "closed";

/** The fault of a send. A third lost answer would rightly end a mail's tries, so a mail loses at most two. */
export function sendFault(dice: Dice, service: MailService, lostBefore: number): InboxFault | null {
  if (service === "closed") return accountTrouble;
  if (service === "well" || !dice.chance(0.35)) return null;
  if (dice.chance(0.3)) return refusal400;
  return lostBefore < 2 && dice.chance(0.5) ? dice.pick(losses) : dice.pick(failures);
}

const rowFaults: readonly [Fault, ...Fault[]] = [
  { status: 500, body: odataError("InternalError") },
  { status: 503, body: odataError("ServerBusy") },
  { status: 429, body: odataError("TooManyRequests") },
  "reset",
  "reset after",
];
const messageFaults: readonly [Fault, ...Fault[]] = [{ status: 503, body: "" }, "reset", "reset after"];

function odataError(code: string) {
  return { "odata.error": { code, message: { lang: "en-US", value: "A planned fault." } } };
}

/** The fault of one call of the app to its storage; the host's own calls pass. */
export function storageFault(dice: Dice, place: StoragePlace): Fault {
  if (/^message (received|released|deleted|poisoned)|^queue/.test(place) || !dice.chance(0.01)) return "pass";
  return place === "message sent" ? dice.pick(messageFaults) : dice.pick(rowFaults);
}
