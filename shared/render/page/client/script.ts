/*
 * The page's script, inlined into the page by scripts/inline.ts. It only adds comfort: without it, forms and links do the
 * same work.
 */
import { followProgress } from "./progress.ts";
import { searchWhileTyping } from "./search.ts";
import { sortByHeadings } from "./sort.ts";

function sortInPlace(): void {
  const table = document.querySelector<HTMLTableElement>("#kbs-table");
  // Where there are more pages, the rows at hand are not the complete list, and the headings' links ask the server.
  if (table?.dataset.pages === "1") sortByHeadings(table);
}

sortInPlace();
const input = document.querySelector<HTMLInputElement>("#search");
if (input) searchWhileTyping(input, sortInPlace);

const progress = document.querySelector<HTMLElement>("#progress");
if (progress && ["queued", "running"].includes(progress.dataset.state ?? "")) void followProgress(progress);
