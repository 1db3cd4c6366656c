import type { Fact, Facts } from "./facts.ts";

type Said = Readonly<Record<string, Fact>>;

/** How two readers disagree: nothing where both say the same of all that both say. */
export function disagreements(one: Facts, other: Facts): string[] {
  const found: string[] = [];
  const say = (what: string, a: Fact, b: Fact) => {
    if (a !== b) found.push(`${what}: ${one.source} ${said(a)}, ${other.source} ${said(b)}`);
  };

  function compareMaps<T extends object>(what: string, a: ReadonlyMap<string, T>, b: ReadonlyMap<string, T>): void {
    for (const [key, facts] of a) {
      const others = b.get(key);
      if (others) compareFacts(`${what} ${key}`, { ...facts } as Said, { ...others } as Said);
      else if (other.isComplete) found.push(`${what} ${key}: not in ${other.source}`);
    }
    if (!one.isComplete) return;
    for (const key of b.keys()) if (!a.has(key)) found.push(`${what} ${key}: not in ${one.source}`);
  }

  function compareFacts(what: string, a: Said, b: Said): void {
    for (const [name, fact] of Object.entries(a)) {
      const others = b[name];
      if (fact === undefined || others === undefined) continue;
      say(`${what} ${name}`, fact, others);
    }
  }

  compareMaps("entry", one.entries, other.entries);
  if (one.kbs.size > 0 && other.kbs.size > 0) compareMaps("KB", one.kbs, other.kbs);
  if (one.order && other.order) say("order", one.order.join(" "), other.order.join(" "));
  compareFacts("totals", { ...one.totals }, { ...other.totals });
  compareFacts("row", Object.fromEntries(one.rows), Object.fromEntries(other.rows));
  if (one.products.size > 0 && other.products.size > 0) compareMaps("product", one.products, other.products);
  // A reader shows the figures of some kinds of a KB only.
  for (const [key, facts] of one.figures) {
    const others = other.figures.get(key);
    if (others) compareFacts(`figures of ${key}`, { ...facts }, { ...others });
  }
  return found;
}

function said(fact: Fact): string {
  return fact === null ? "none" : String(fact);
}
