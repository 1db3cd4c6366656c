/** How often the functions of this app were called: one count over all its files, for they share this one. */
export const calls = { count: 0 };
