/** Random choices that depend only on a seed. */
export interface Dice {
  /** From 0 up to, but not including, 1. */
  roll(): number;
  chance(probability: number): boolean;
  /** A whole number from 0 up to, but not including, `limit`. */
  below(limit: number): number;
  pick<T>(items: readonly [T, ...T[]]): T;
}

/** The same choices for the same seed (mulberry32). */
export function createDice(seed: number): Dice {
  let state = seed | 0;
  const roll = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(roll() * limit);
  return {
    roll,
    chance: (probability) => roll() < probability,
    below,
    pick: (items) => items[below(items.length)] ?? items[0],
  };
}
