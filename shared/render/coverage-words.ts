import type { ProductRow, Report } from "../core/report.ts";
import { exposedWords } from "./list-words.ts";
import { agree, shown } from "./words.ts";

/** One thing that a watchlist does not cover, and for which products. */
export interface CoverageWords {
  text: string;
  lines: string[];
  /** How many more products it holds for. */
  more: number;
}

/** What a watchlist does not cover, in words; `withoutKbs`: its products that never had a KB. */
export function coverageWords(
  { productList }: Pick<Report, "productList">,
  withoutKbs: readonly ProductRow[],
): CoverageWords[] {
  const { unknown, mistaken, unwatched } = productList ?? nothing;
  const all: CoverageWords[] = [
    {
      text: `Defender’s list of products does not have ${agree(unknown.ids.length + unknown.more, "this id", "these ids")}.`,
      lines: unknown.ids.map(({ softwareId, nearest }) => {
        const near = nearest.map((id) => shown(id, 60)).join(", ");
        return near === "" ? shown(softwareId, 80) : `${shown(softwareId, 80)}: nearest ${near}`;
      }),
      more: unknown.more,
    },
    {
      text: `${agree(mistaken.length, "This product has a successor, which is", "These products have successors, which are")} probably meant.`,
      lines: mistaken.map(({ softwareId, meant }) => `${softwareId}: ${meant}`),
      more: 0,
    },
    {
      text: `No watchlist has ${agree(unwatched.products.length, "this product, which is", "these products, which are")} on many exposed machines.`,
      lines: unwatched.products.map(({ softwareId, exposedMachines }) => {
        return `${shown(softwareId, 80)}: ${exposedWords(exposedMachines)}`;
      }),
      more: unwatched.more,
    },
    {
      text: `Defender never listed a KB for ${agree(withoutKbs.length, "this product", "these products")}, so there is nothing to compare.`,
      lines: withoutKbs.map(({ softwareId }) => shown(softwareId, 80)),
      more: 0,
    },
  ];
  return all.filter(({ lines }) => lines.length > 0);
}

const nothing = { unknown: { ids: [], more: 0 }, mistaken: [], unwatched: { products: [], more: 0 } };
