import type { SortOrder } from "../../../core/selection.ts";
import { sortByKey } from "../../../core/sort.ts";
import { bodyRows } from "./search.ts";

/** Makes the headings sort the rows in place; the address follows, so that a reload shows the same. */
export function sortByHeadings(table: HTMLTableElement): void {
  for (const heading of table.querySelectorAll<HTMLElement>("thead [data-sort]")) {
    heading.querySelector("a")?.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      const order = nextOrder(heading);
      sortRows(table, heading, order);
      markSorted(table, heading, order);
      showInAddress(heading, order);
    });
  }
}

function nextOrder(heading: HTMLElement): SortOrder {
  const present = heading.getAttribute("aria-sort");
  if (present === null) return heading.dataset.natural === "asc" ? "asc" : "desc";
  return present === "ascending" ? "desc" : "asc";
}

function sortRows(table: HTMLTableElement, heading: HTMLElement, order: SortOrder): void {
  const rank = (row: HTMLTableRowElement) => Number(row.dataset.rank);
  const worstFirst = bodyRows(table).sort((a, b) => rank(a) - rank(b));
  const { sort, kind } = heading.dataset;
  const keyOf = (row: HTMLTableRowElement): string | number | null => {
    if (sort === "worst") return rank(row);
    const key = row.querySelector<HTMLElement>(`.c-${sort}`)?.dataset.v;
    if (key === undefined) return null;
    return kind === "number" ? Number(key) : key;
  };
  table.tBodies[0]?.append(...sortByKey(worstFirst, keyOf, order));
}

function markSorted(table: HTMLTableElement, heading: HTMLElement, order: SortOrder): void {
  for (const other of table.querySelectorAll("thead [aria-sort]")) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", order === "asc" ? "ascending" : "descending");
}

function showInAddress(heading: HTMLElement, order: SortOrder): void {
  const { sort = "", natural } = heading.dataset;
  const address = new URL(location.href);
  address.searchParams.set("sort", sort);
  if (order === natural) address.searchParams.delete("order");
  else address.searchParams.set("order", order);
  history.replaceState(null, "", address);
  const choice = document.querySelector<HTMLSelectElement>("#sort");
  if (choice) choice.value = sort;
}
