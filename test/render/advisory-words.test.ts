import { expect, test } from "vitest";
import { exploitationWords, exploitedWords, replacementWords } from "../../shared/render/advisory-words.ts";
import { aCatalogue, aKb, aReport } from "../support/builders.ts";

const kev = [{ cve: "CVE-2026-20001", since: "2026-10-20", ransomware: true }];
const october = { released: "2026-10-13", cves: ["CVE-2026-20001"] };
const november = { cves: ["CVE-2026-20002"], supersedes: ["5066791"] };

async function rowOf(id: string, known: Record<string, object>) {
  const line = { ids: ["5066791"], since: "2026-10-13", listedOn: "2026-11-11" };
  const now = [aKb({ id: "5068781", line }), aKb({ id: "5066791" })].filter((kb) => kb.id === id);
  const products = { "microsoft-_-windows_10": { before: [aKb({ id })], now } };
  const report = await aReport({ products, catalogue: aCatalogue(known, kev) });
  const row = report.rows.find((one) => one.id === id);
  if (!row) throw new Error(`KB${id} is not in the report.`);
  return row;
}

test("say why a KB is exploited, and by whose word", async () => {
  const row = await rowOf("5066791", { "5066791": october });
  expect(exploitedWords(row)).toBe("exploited: CVE-2026-20001 in CISA KEV since 20 Oct, used by ransomware");
});

test("never call the successor of an exploited KB not known to be exploited", async () => {
  const row = await rowOf("5068781", { "5066791": october, "5068781": november });
  expect([exploitedWords(row), exploitationWords(row)]).toEqual(["", ""]);
  expect(replacementWords(row)).toBe("replaces KB5066791; also closes exploited CVEs of older KBs");
});

test("say so of any other KB that MSRC knows, and that MSRC does not know the rest", async () => {
  const harmless = await rowOf("5068781", { "5066791": { cves: ["CVE-2026-3"] }, "5068781": november });
  expect([exploitationWords(harmless), replacementWords(harmless)]).toEqual([
    "not known to be exploited",
    "replaces KB5066791",
  ]);
  expect(exploitationWords(await rowOf("5068781", {}))).toBe("not known to MSRC");
});
