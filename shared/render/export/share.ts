/** A share as exports have it, to a thousandth. */
export function roundedShare(share: number | null): number | null {
  return share === null ? null : Math.round(1_000 * share) / 1_000;
}
