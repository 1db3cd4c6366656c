/** One line of the table: ours and the yardstick, measured in the same run. */
export interface Figure {
  what: string;
  ours: string;
  theirs: string;
  /** Ours as a multiple of the yardstick, or the used share of a limit. */
  ratio: number;
  /** Absent: any figure will do. */
  bound?: Bound;
}

export type Bound = { atMost: number } | { atLeast: number };

export function isMet({ ratio, bound }: Figure): boolean {
  if (!bound) return true;
  return "atMost" in bound ? ratio <= bound.atMost : ratio >= bound.atLeast;
}

/** The figures as a Markdown table. */
export function tableOf(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const { what, ours, theirs, ratio, bound } = figure;
    return [what, ours, theirs, ratio.toFixed(2), bound ? wordsOf(bound) : "", bound ? verdictOf(figure) : ""];
  });
  const lines = [["figure", "ours", "yardstick", "ratio", "bound", "met"], ...rows];
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const [head, ...body] = lines.map(
    (line) => `| ${line.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |`,
  );
  return [head, `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...body].join("\n");
}

function wordsOf(bound: Bound): string {
  return "atMost" in bound ? `≤ ${bound.atMost}` : `≥ ${bound.atLeast}`;
}

function verdictOf(figure: Figure): string {
  return isMet(figure) ? "yes" : "NO";
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
