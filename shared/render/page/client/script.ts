/*
 * The page's script, inlined into the page by scripts/inline.ts. It only adds comfort: without it, forms and links do the
 * same work.
 */
import { followProgress } from "./progress.ts";
import { searchRows } from "./search.ts";
import { sortByHeadings } from "./sort.ts";

const table = document.querySelector<HTMLTableElement>("#kbs-table");
const input = document.querySelector<HTMLInputElement>("#search");
const status = document.querySelector<HTMLElement>("#kbs-status");
if (table && input && status) searchRows(table, input, status);
// Where there are more pages, the rows at hand are not the complete list, and the headings' links ask the server.
if (table?.dataset.pages === "1") sortByHeadings(table);

const progress = document.querySelector<HTMLElement>("#progress");
if (progress && progress.dataset.state !== "committed") void followProgress(progress);
