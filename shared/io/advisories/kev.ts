import * as z from "zod/mini";
import type { KevEntry } from "../../core/advisory.ts";
import { collectEntries } from "../../core/catalogue.ts";
import { type FeedContent, FeedError } from "../../ports.ts";
import { dayOf } from "./day-of.ts";

const catalogue = z.object({ vulnerabilities: z.array(z.unknown()) });
const entry = z.object({
  cveID: z.string().check(z.regex(/^CVE-\d{4}-\d{4,9}$/i)),
  dateAdded: z.string(),
  knownRansomwareCampaignUse: z.optional(z.unknown()),
});
const mostEntries = 10_000;

/** The entries of CISA's catalogue. */
export function readCatalogue(json: unknown): FeedContent<KevEntry[]> {
  const parsed = catalogue.safeParse(json);
  if (!parsed.success) throw new FeedError("CISA's catalogue does not have the shape of one.");
  const { vulnerabilities } = parsed.data;
  if (vulnerabilities.length > mostEntries) {
    throw new FeedError(`CISA's catalogue has more than ${mostEntries} entries.`);
  }
  const read = vulnerabilities.map(entryOf);
  const usable = read.filter((one) => one !== null);
  if (usable.length === 0) throw new FeedError("CISA's catalogue has no entry that can be used.");
  return { content: collectEntries(usable), skipped: read.length - usable.length };
}

function entryOf(json: unknown): KevEntry | null {
  const { data } = entry.safeParse(json);
  const since = data ? dayOf(data.dateAdded) : null;
  if (!data || since === null) return null;
  const { cveID, knownRansomwareCampaignUse: use } = data;
  return { cve: cveID.toUpperCase(), since, ransomware: typeof use === "string" && /^known$/i.test(use.trim()) };
}
