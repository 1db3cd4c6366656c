import { plainText } from "../core/text.ts";
import { excerpt, listShown, looksSecret, shown } from "./excerpt.ts";
import { readList } from "./kinds.ts";
import type { Kind, Notes } from "./reader.ts";

/** What the quota of one night and one run row can take, and Linux, where no environment variable holds 128 KiB. */
const limits = { ids: 5_000, idLength: 256, totalLength: 120_000 };

/** Defender's ids of the software that a watchlist watches, each once. */
export const softwareIdsKind: Kind<readonly string[]> = {
  allowed: `1 to ${limits.ids} of Defender's software ids (vendor-_-product), between commas or on lines of their own`,
  example: "microsoft-_-windows_11,microsoft-_-edge_chromium-based",
  read(value, notes) {
    const given = readList(value, (text) => text.split(/[,\r\n]/), notes);
    for (const id of given) {
      const fault = idFault(id);
      if (fault) notes.fault(fault);
    }
    const ids = [...new Set(given)];
    if (ids.length < given.length)
      notes.warning(`names some ids more than once; each is read once: ${listShown(repeated(given))}`);
    if (ids.includes(legacyEdge)) notes.warning(`${legacyEdge} is the old Edge; the current one is ${currentEdge}`);
    checkSize(ids, notes);
    return ids;
  },
};

function checkSize(ids: readonly string[], { fault }: Notes): void {
  const total = ids.reduce((sum, id) => sum + id.length, 0);
  const split = "split it into several watchlists (WATCHLISTS)";
  if (ids.length === 0) fault("holds no id");
  if (ids.length > limits.ids) fault(`holds ${ids.length} ids; ${split}`);
  else if (total > limits.totalLength) {
    fault(`holds ids of ${total} characters together, where ${limits.totalLength} fit; ${split}`);
  }
}

function idFault(id: string): string | null {
  if (id.length > limits.idLength) return `${shown(id)} is longer than ${limits.idLength} characters`;
  if (plainText(id) !== id) return `${shown(id)} holds invisible characters`;
  if (/^["'[\]]|["'[\]]$/.test(id)) return `${shown(id)} stands in quotation marks or brackets; leave them out`;
  return id.includes("-_-") ? null : `${shown(id)} is a display name, not an id${likelyId(id)}`;
}

function repeated(texts: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const text of texts) {
    if (seen.has(text)) twice.add(text);
    seen.add(text);
  }
  return twice;
}

const legacyEdge = "microsoft-_-edge";
const currentEdge = "microsoft-_-edge_chromium-based";

const wellKnownIds: ReadonlyMap<string, string> = new Map([
  [".net framework", "microsoft-_-.net_framework"],
  ["7-zip", "7-zip-_-7-zip"],
  ["chrome", "google-_-chrome"],
  ["exchange server", "microsoft-_-exchange_server"],
  ["firefox", "mozilla-_-firefox"],
  ["office", "microsoft-_-office"],
  ["sql server", "microsoft-_-sql_server"],
  ["teams", "microsoft-_-teams"],
  ["visual studio code", "microsoft-_-visual_studio_code"],
]);

function likelyId(name: string): string {
  if (looksSecret(name)) return "";
  const words = name.toLowerCase().split(/\s+/);
  const title = words.join(" ");
  if (/^(microsoft )?edge\b/.test(title)) return `; probably ${currentEdge} is meant (${legacyEdge} is the old Edge)`;
  const id = wellKnownIds.get(title) ?? guessId(words);
  return id === null ? "" : `; probably ${excerpt(id)} is meant`;
}

function guessId(words: readonly string[]): string | null {
  const [vendor = "", ...product] = words;
  if (vendor === "windows") return `microsoft-_-${words.join("_")}`;
  return product.length === 0 ? null : `${vendor}-_-${product.join("_")}`;
}
