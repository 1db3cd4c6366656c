import { isFound, searchWords } from "../../../core/search.ts";
import { count, many } from "../../words.ts";
import { showAddress } from "./live.ts";

/** How long a pause in typing ends a search, in milliseconds. */
const pause = 250;

/** Searches while typing: hides at once what cannot match, then shows what the server finds. */
export function searchWhileTyping(input: HTMLInputElement, onShown: () => void): void {
  let waiting: ReturnType<typeof setTimeout> | undefined;
  let asked = new AbortController();
  input.addEventListener("input", () => {
    const status = hideOthers(input.value);
    clearTimeout(waiting);
    asked.abort();
    asked = new AbortController();
    const { signal } = asked;
    waiting = setTimeout(async () => {
      if (await showAddress(addressOf(input.value), signal)) onShown();
      else if (!signal.aborted) status?.append(" Press Enter to search the full report.");
    }, pause);
  });
}

/** The address of the page shown, with another search. */
function addressOf(search: string): URL {
  const address = new URL(location.href);
  if (search.trim() === "") address.searchParams.delete("search");
  else address.searchParams.set("search", search);
  address.searchParams.delete("page");
  return address;
}

/** Hides the entries at hand that the server would not find, and counts the rows that are left. */
function hideOthers(search: string): HTMLElement | null {
  const status = document.querySelector<HTMLElement>("#kbs-status");
  const table = document.querySelector<HTMLTableElement>("#kbs-table");
  if (!status || !table) return status;
  const words = searchWords(search);
  const rows = bodyRows(table);
  for (const row of rows) hideUnlessFound(row, words);
  const found = rows.filter(({ hidden }) => !hidden).length;
  const all = many(rows.length, "KB");
  status.textContent = `${count(found)} of ${table.dataset.complete === "true" ? all : `the ${all} on this page.`}`;
  return status;
}

function hideUnlessFound(row: HTMLTableRowElement, words: readonly string[]): void {
  const { text = "", ids } = row.dataset;
  const isMatch = (softwareId: string) => isFound({ softwareId }, text, words);
  // Of a row with too many products to name, only the server knows.
  row.hidden = ids !== undefined && !ids.split("\n").some(isMatch);
  for (const entry of row.querySelectorAll<HTMLElement>("[data-id]")) entry.hidden = !isMatch(entry.dataset.id ?? "");
}

/** The rows that a table shows, without its head. */
export function bodyRows(table: HTMLTableElement): HTMLTableRowElement[] {
  return Array.from(table.tBodies).flatMap(({ rows }) => Array.from(rows));
}
