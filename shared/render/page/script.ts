/**
 * The page's script: search as one types, sorting without a round trip, and the progress of a run. It works on what the
 * server sent alone; where that is not all, forms and links do the work.
 */
export const pageScript = `
(() => {
  "use strict";
  const table = document.getElementById("kbs-table");
  const body = table?.tBodies[0];
  const status = document.getElementById("kbs-status");

  function number(value) {
    return value.toLocaleString("en-US");
  }

  function startSearch(input) {
    const told = status.textContent;
    const rows = [...body.rows].map((row) => ({
      row,
      text: [row.querySelector(".c-kb"), row.querySelector(".c-software")].map((cell) => cell.textContent).join(" ").toLowerCase(),
    }));
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\\s+/).filter(Boolean);
      let shown = 0;
      for (const { row, text } of rows) {
        row.hidden = !words.every((word) => text.includes(word));
        if (!row.hidden) shown += 1;
      }
      if (input.value === input.defaultValue) status.textContent = told;
      else if (table.dataset.whole === "true") status.textContent = number(shown) + " of " + number(rows.length) + " KBs";
      else status.textContent = number(shown) + " of the " + number(rows.length) + " KBs on this page. Enter searches all of the report.";
    });
  }

  function compare(a, b, kind) {
    return kind === "number" ? Number(a) - Number(b) : a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
  }

  function sortBy(header, order) {
    const { sort, kind } = header.dataset;
    const sign = order === "asc" ? 1 : -1;
    const rows = [...body.rows].map((row) => {
      const rank = Number(row.dataset.rank);
      return { row, rank, key: sort === "worst" ? rank : row.querySelector(".c-" + sort).dataset.v };
    });
    rows.sort((a, b) => {
      const unknown = (a.key === undefined) - (b.key === undefined);
      return unknown || (a.key === undefined ? 0 : sign * compare(a.key, b.key, kind)) || a.rank - b.rank;
    });
    body.append(...rows.map(({ row }) => row));
  }

  function startSort(header) {
    const link = header.querySelector("a");
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      const before = header.getAttribute("aria-sort");
      const natural = header.dataset.natural;
      const order = before === null ? natural : before === "ascending" ? "desc" : "asc";
      sortBy(header, order);
      for (const other of table.tHead.querySelectorAll("[aria-sort]")) other.removeAttribute("aria-sort");
      header.setAttribute("aria-sort", order === "asc" ? "ascending" : "descending");
      const address = new URL(location.href);
      address.searchParams.set("sort", header.dataset.sort);
      if (order === natural) address.searchParams.delete("order");
      else address.searchParams.set("order", order);
      history.replaceState(null, "", address);
      const choice = document.getElementById("sort");
      if (choice) choice.value = header.dataset.sort;
    });
  }

  if (table && body && status) {
    const input = document.getElementById("search");
    if (input) startSearch(input);
    if (table.dataset.pages === "1") table.tHead.querySelectorAll("[data-sort]").forEach(startSort);
  }

  const progress = document.getElementById("progress");
  const words = document.getElementById("progress-words");
  const bar = progress?.querySelector("progress");
  let failures = 0;

  async function follow() {
    try {
      const answer = await fetch(progress.dataset.status, { headers: { accept: "application/json" }, cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
      const { state, read, total } = await answer.json();
      failures = 0;
      if (state === "committed") return location.replace(progress.dataset.done);
      if (state === "running") {
        bar.max = Math.max(1, total);
        bar.value = read;
        const text = number(read) + " of " + number(total) + " software measured.";
        if (words.textContent !== text) words.textContent = text;
      }
    } catch {
      failures += 1;
      if (failures >= 5) {
        words.textContent = "The progress cannot be read just now.";
        return;
      }
    }
    setTimeout(follow, 2000 * 2 ** failures);
  }

  if (progress && bar && progress.dataset.state !== "committed") follow();
})();
`;
