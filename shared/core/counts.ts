/** The larger of two counts; a known one counts as larger than an unknown one. */
export function larger(a: number | null, b: number | null): number | null {
  if (a === null) return b;
  if (b === null) return a;
  return Math.max(a, b);
}
