import { plainText } from "../core/text.ts";
import { excerpt, listShown, looksSecret, shown } from "./excerpt.ts";
import { type Kind, listSchema, type Notes, readList } from "./kinds.ts";

/** Set by one night's quota, the size of a run's row, and Linux, where an environment variable must stay below 128 KiB. */
const limits = { ids: 5_000, idLength: 256, totalLength: 120_000 };

/** Defender's ids of the products that a watchlist watches, each once. */
export const softwareIdsKind: Kind<readonly string[]> = {
  allowed: `1 to ${limits.ids} of Defender's software ids (vendor-_-product), separated by commas, semicolons or line breaks; at most ${limits.idLength} characters each and ${limits.totalLength} together`,
  schema: listSchema({ pattern: "-_-", maxLength: limits.idLength }, limits.ids),
  read(value, notes) {
    const given = readList(value, (text) => text.split(/[,;\r\n]/), notes);
    for (const id of given) checkId(id, notes);
    const ids = [...new Set(given)];
    if (ids.length < given.length)
      notes.warning(`lists some ids more than once; each is read once: ${listShown(repeated(given))}`);
    if (ids.includes(legacyEdge)) notes.warning(`${legacyEdge} is the old Edge; the current one is ${currentEdge}`);
    checkSize(ids, notes);
    return ids;
  },
};

function checkSize(ids: readonly string[], { fault }: Notes): void {
  const total = ids.reduce((sum, id) => sum + id.length, 0);
  const split = "split it into several watchlists (WATCHLISTS)";
  if (ids.length === 0) fault("contains no id");
  if (ids.length > limits.ids) fault(`has ${ids.length} ids; ${split}`);
  else if (total > limits.totalLength) fault(`has ${total} characters of ids; ${split}`);
}

function checkId(id: string, { fault, suggestion }: Notes): void {
  if (id.length > limits.idLength) fault(`${shown(id)} is longer than ${limits.idLength} characters`);
  else if (plainText(id) !== id) fault(`${shown(id)} contains invisible characters`);
  else if (/^["'[\]]|["'[\]]$/.test(id)) fault(`${shown(id)} is in quotation marks or brackets; remove them`);
  else if (!id.includes("-_-")) {
    fault(`${shown(id)} is a display name, not a software id`);
    const likely = looksSecret(id) ? null : likelyId(id);
    if (likely !== null) suggestion(likely);
  }
}

function repeated(texts: readonly string[]): ReadonlySet<string> {
  const once = new Set<string>();
  return new Set(texts.filter((text) => once.size === once.add(text).size));
}

const legacyEdge = "microsoft-_-edge";
const currentEdge = "microsoft-_-edge_chromium-based";

/** Products that people name without their vendor. */
const wellKnownIds = [
  "7-zip-_-7-zip",
  "google-_-chrome",
  "microsoft-_-.net_framework",
  "microsoft-_-exchange_server",
  "microsoft-_-office",
  "microsoft-_-sql_server",
  "microsoft-_-teams",
  "microsoft-_-visual_studio_code",
  "mozilla-_-firefox",
];

function likelyId(name: string): string | null {
  const product = name.toLowerCase().replaceAll(/\s+/g, "_");
  if (/^(microsoft_)?edge(_|$)/.test(product)) return `${currentEdge} (${legacyEdge} is the old Edge)`;
  if (/^windows(_|$)/.test(product)) return `microsoft-_-${excerpt(product)}`;
  const known = wellKnownIds.find((id) => id.endsWith(`-_-${product}`));
  return known ?? (product.includes("_") ? excerpt(product.replace("_", "-_-")) : null);
}
