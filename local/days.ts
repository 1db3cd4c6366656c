export const dayMs = 86_400_000;

/** Days are counted from 1970, in UTC. */
export function dayNumber(day: string): number {
  return Math.floor(Date.parse(`${day}T00:00:00Z`) / dayMs);
}

/** Such as `2026-11-23`. */
export function dayText(number: number): string {
  return new Date(number * dayMs).toISOString().slice(0, 10);
}

/** The day number of a month's second Tuesday; months count from January of year 0. */
export function patchTuesday(month: number): number {
  const first = new Date(Date.UTC(2000, month - 2000 * 12, 1));
  const daysToTuesday = (2 - first.getUTCDay() + 7) % 7;
  return first.getTime() / dayMs + daysToTuesday + 7;
}

/** The month of a day number. */
export function monthOf(day: number): number {
  const date = new Date(day * dayMs);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}
