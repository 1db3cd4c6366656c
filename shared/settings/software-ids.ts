import { plainText } from "../core/text.ts";
import type { Vendor, WatchedProducts } from "../core/watchlist.ts";
import { excerpt, listShown, looksSecret, shown } from "./excerpt.ts";
import { type Kind, listSchema, type Notes, readList } from "./kinds.ts";

/** Set by one night's quota, the size of a run's row, and Linux, where an environment variable must stay below 128 KiB. */
const limits = { ids: 5_000, idLength: 256, totalLength: 120_000 };

/** Which products a watchlist watches: Defender's ids, each once, a vendor's products, and those of them to leave out. */
export const softwareIdsKind: Kind<WatchedProducts> = {
  allowed: `1 to ${limits.ids} of Defender's software ids (vendor-_-product), separated by commas, semicolons or line breaks; at most ${limits.idLength} characters each and ${limits.totalLength} together. Also vendor:microsoft or vendor:* for all products of Defender's list that have weaknesses or had KBs, and !id to leave one of these out`,
  schema: listSchema({ pattern: "-_-|^vendor:(microsoft|\\*)$", maxLength: limits.idLength + 1 }, limits.ids),
  read(value, notes) {
    const given = readList(value, (text) => text.split(/[,;\r\n]/), notes);
    const vendors = given.filter(isVendor);
    const out = given.filter((text) => text.startsWith("!")).map((text) => text.slice(1).trim());
    const named = given.filter((text) => !isVendor(text) && !text.startsWith("!"));
    for (const id of [...named, ...out]) checkId(id, notes);
    const [softwareIds, leftOut] = [[...new Set(named)], [...new Set(out)]];
    if (softwareIds.length < named.length)
      notes.warning(`lists some ids more than once; each is read once: ${listShown(repeated(named))}`);
    if (softwareIds.includes(legacyEdge))
      notes.warning(`${legacyEdge} is the old Edge; the current one is ${currentEdge}`);
    const vendor = readVendor(vendors, notes);
    if (vendors.length === 0) checkSize(softwareIds, notes);
    else checkLength([...softwareIds, ...leftOut], notes);
    checkLeftOut({ softwareIds, leftOut }, vendors.length > 0, notes);
    return { softwareIds, vendor, leftOut };
  },
};

function isVendor(text: string): boolean {
  return /^vendor\s*[:=]/i.test(text);
}

function readVendor(given: readonly string[], { fault, warning, suggestion }: Notes): Vendor | null {
  const read = given.map((text): Vendor | null => {
    const name = text
      .replace(/^vendor\s*[:=]/i, "")
      .trim()
      .toLowerCase();
    if (text.includes(":") && (name === "microsoft" || name === "*")) return name;
    fault(`${shown(text)} is neither vendor:microsoft nor vendor:*; only Microsoft's products have KBs`);
    suggestion(name === "all" || name === "any" ? "vendor:*" : "vendor:microsoft");
    return null;
  });
  const vendors = new Set(read);
  if (vendors.size > 1 && !vendors.has(null)) warning("has vendor:*, which includes vendor:microsoft");
  return vendors.has("*") ? "*" : (read[0] ?? null);
}

function checkLeftOut(
  { softwareIds, leftOut }: Pick<WatchedProducts, "softwareIds" | "leftOut">,
  findsProducts: boolean,
  { fault }: Notes,
): void {
  if (leftOut.length > 0 && !findsProducts)
    fault(
      `leaves out ${listShown(new Set(leftOut))}, but only what vendor:microsoft or vendor:* finds can be left out`,
    );
  const both = leftOut.filter((id) => softwareIds.includes(id));
  if (both.length > 0) fault(`both names and leaves out ${listShown(new Set(both))}`);
}

function checkSize(ids: readonly string[], notes: Notes): void {
  if (ids.length === 0) notes.fault("contains no id");
  checkLength(ids, notes);
}

function checkLength(ids: readonly string[], { fault }: Notes): void {
  const total = ids.reduce((sum, id) => sum + id.length, 0);
  const split = "split it into several watchlists (WATCHLISTS)";
  if (ids.length > limits.ids) fault(`has ${ids.length} ids; ${split}`);
  else if (total > limits.totalLength) fault(`has ${total} characters of ids; ${split}`);
}

function checkId(id: string, { fault, suggestion }: Notes): void {
  if (id === "") fault(`has a "!" without an id`);
  else if (isVendor(id)) fault(`${shown(id)} cannot be left out; leave out ids`);
  else if (id.length > limits.idLength) fault(`${shown(id)} is longer than ${limits.idLength} characters`);
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
