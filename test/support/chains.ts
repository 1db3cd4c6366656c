import type { Chain } from "../../shared/core/message.ts";

/** A watchlist that no other test has. */
export function aChain(): Chain {
  return { tenant: crypto.randomUUID(), watchlist: "default" };
}

/** Watchlists whose names must not be confused with one another, whatever keys are made of them. */
export function anyChains(): Chain[] {
  const id = crypto.randomUUID();
  const names = [
    id,
    `${id}/x`,
    `${id}'`,
    `${id}|x`,
    `${id} ä`,
    `${id}=41`,
    `${id}\u{1F600}`,
    `${id}${"x".repeat(300)}`,
  ];
  const ofOne = [...names, `${id}${"x".repeat(300)}y`].map((watchlist) => ({ tenant: "home", watchlist }));
  const ofOthers = names.map((tenant) => ({ tenant, watchlist: id }));
  const split = [`${id}|x|y`, `${id}|x`, id].map((tenant, n) => ({
    tenant,
    watchlist: ["z", "y|z", "x|y|z"][n] ?? "",
  }));
  return [...ofOne, ...ofOthers, ...split];
}
