/** How often this app's functions were called, counted over all its files. */
export const calls = { count: 0 };
