import { count, many } from "../../words.ts";

/** Hides the rows that do not match what is typed, as the server's search would, and counts those that do. */
export function searchRows(table: HTMLTableElement, input: HTMLInputElement, status: HTMLElement): void {
  const unfiltered = status.textContent;
  const rows = bodyRows(table).map((row) => ({ row, text: searchText(row) }));
  const kbs = many(rows.length, "KB");
  const all =
    table.dataset.complete === "true" ? kbs : `the ${kbs} on this page. Press Enter to search the full report.`;
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const { row, text } of rows) row.hidden = !words.every((word) => text.includes(word));
    const found = rows.filter(({ row }) => !row.hidden).length;
    status.textContent = input.value === input.defaultValue ? unfiltered : `${count(found)} of ${all}`;
  });
}

/** The rows that a table shows, without its head. */
export function bodyRows(table: HTMLTableElement): HTMLTableRowElement[] {
  return Array.from(table.tBodies).flatMap(({ rows }) => Array.from(rows));
}

function searchText(row: HTMLTableRowElement): string {
  const cells = row.querySelectorAll(".c-kb, .c-product");
  return Array.from(cells, ({ textContent }) => textContent)
    .join(" ")
    .toLowerCase();
}
