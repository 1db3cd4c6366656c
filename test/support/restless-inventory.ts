import type { DefenderKb, DefenderSoftware, Estate } from "../../local/estate.ts";
import type { Dice } from "../chaos/dice.ts";

/** A product of a simulated organisation. */
interface Product {
  id: string;
  machines: number;
  /** The KBs that it misses, and on how many machines. */
  kbs: Map<string, number>;
  /** Open CVEs that no KB addresses. */
  otherWeaknesses: number;
  /** For how many days it has had this id. */
  age: number;
}

/** What is wrong with the list of products on one day. */
export const listFaults = ["none", "duplicates", "error", "empty", "half", "first page"] as const;
export type ListFault = (typeof listFaults)[number];

/** A large organisation whose products are renamed, removed, patched and outdated from day to day. */
export interface RestlessInventory {
  estate: Pick<Estate, "software" | "missingKbs" | "trouble" | "inventory">;
  /** Lives through a day, and says what happened in it. */
  live(): { released: string[]; renamed: string[]; removed: string[]; fault: ListFault };
  /** Whether the organisation has a product under this id, and which KBs that misses. */
  kbsOf(id: string): ReadonlyMap<string, number> | null;
  /** For how many days it has had a product under this id. */
  ageOf(id: string): number;
  /** How many of Microsoft's products have weaknesses. */
  countOpen(): number;
}

interface Size {
  microsoft: number;
  others: number;
}

export function createRestlessInventory(size: Size, dice: Dice): RestlessInventory {
  let numbers = 5_000_000;
  let fault: ListFault = "none";
  let asked = 0;
  const make = (id: string): Product => {
    const isMicrosoft = id.startsWith("microsoft");
    const machines = 1 + dice.below(2_000);
    const kbs =
      isMicrosoft && dice.chance(0.1) ? [1, 2, 3].map(() => [String(++numbers), 1 + dice.below(machines)]) : [];
    return {
      ...{ id, machines, kbs: new Map(kbs as [string, number][]) },
      age: 0,
      otherWeaknesses: dice.chance(isMicrosoft ? 0.1 : 0.4) ? 1 + dice.below(9) : 0,
    };
  };
  const ids = [
    ...Array.from({ length: size.microsoft }, (_, n) => `microsoft-_-product_${n}`),
    ...Array.from({ length: size.others }, (_, n) => `vendor_${n % 300}-_-product_${n}`),
  ];
  const products = new Map(ids.map((id) => [id, make(id)]));

  const describe = ({ id, machines, kbs, otherWeaknesses }: Product): DefenderSoftware => {
    const [vendor = "", name = ""] = id.split("-_-");
    const weaknesses = otherWeaknesses + 3 * kbs.size;
    const exposedMachines = weaknesses === 0 ? 0 : Math.max(1, ...kbs.values());
    return {
      ...{ id, name, vendor, weaknesses, publicExploit: false, activeAlert: false },
      ...{ installedMachines: machines, exposedMachines, impactScore: 1 },
    };
  };
  const pick = (passes: (product: Product) => boolean): Product | undefined => {
    const all = [...products.values()].filter((product) => product.id.startsWith("microsoft") && passes(product));
    return all[dice.below(all.length)];
  };

  function rename(): string[] {
    const product = pick(({ kbs }) => dice.chance(0.5) || kbs.size > 0);
    if (!product) return [];
    products.delete(product.id);
    const id = `${product.id.replace(/ v\d+$/, "")} v${++numbers}`;
    products.set(id, { ...product, id, age: 0 });
    return [product.id];
  }

  function remove(): string[] {
    const product = pick(({ kbs }) => kbs.size > 0);
    if (product) products.delete(product.id);
    return product ? [product.id] : [];
  }

  function release(renamed: readonly string[]): string[] {
    const product = pick(({ id }) => !renamed.some((old) => id.startsWith(old)));
    if (!product) return [];
    const kb = String(++numbers);
    product.kbs.set(kb, 1 + dice.below(product.machines));
    return [`${product.id} ${kb}`];
  }

  function patch(): string[] {
    // A last KB that goes while weaknesses stay open is disbelieved for a week.
    const product = pick(({ kbs, otherWeaknesses }) => kbs.size > (otherWeaknesses > 0 ? 1 : 0));
    const [kb] = product?.kbs.keys() ?? [];
    if (kb) product?.kbs.delete(kb);
    return kb ? [kb] : [];
  }

  return {
    estate: {
      software: (id) => {
        const product = products.get(id);
        return product ? describe(product) : null;
      },
      missingKbs: (id): DefenderKb[] =>
        [...(products.get(id)?.kbs ?? [])].map(([kb, machines]) => {
          return { id: kb, name: null, productsNames: [], url: null, machineMissedOn: machines, cveAddressed: 3 };
        }),
      // Existing products are sometimes not found at first.
      trouble: () => ({ statuses: asked++ % 97 === 0 ? [404] : [], allDay: false }),
      inventory: () => {
        const all = [...products.values()].map(describe);
        if (fault === "empty") return [];
        if (fault === "half") return all.filter((_, n) => n % 2 === 0);
        if (fault === "first page") return all.slice(0, 1_000);
        const doubled = all.filter((_, n) => n % 7 === 0).map((one) => ({ ...one, weaknesses: 0, exposedMachines: 0 }));
        return fault === "duplicates" ? [...all, ...doubled] : all;
      },
    },
    kbsOf: (id) => products.get(id)?.kbs ?? null,
    ageOf: (id) => products.get(id)?.age ?? 0,
    countOpen: () => {
      const own = [...products.values()].filter(({ id }) => id.startsWith("microsoft"));
      return own.filter((product) => describe(product).weaknesses > 0).length;
    },
    live() {
      for (const product of products.values()) product.age += 1;
      const renamed = dice.chance(0.25) ? rename() : [];
      const removed = dice.chance(0.15) ? remove() : [];
      // On some days much is released.
      const released = repeat(dice.chance(0.1) ? 20 : dice.below(2), () => release(renamed));
      repeat(dice.below(3), patch);
      fault = dice.chance(0.6) ? "none" : dice.pick(listFaults);
      return { released, renamed, removed, fault };
    },
  };
}

function repeat(times: number, act: () => string[]): string[] {
  return Array.from({ length: times }, act).flat();
}
