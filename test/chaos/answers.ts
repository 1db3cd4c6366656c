import { expect } from "vitest";
import { foreignKbs } from "./estate.ts";
import type { Answer } from "./killable-app.ts";
import { configuredOf, type Ownership } from "./watchlists.ts";

/** An answer about a watchlist holds no figures of a tenant that its name once belonged to. */
export function expectWithinTenant({ ask, status, text }: Answer, ownership: Ownership): void {
  const watchlist = /^report\?watchlist=(\w+)/.exec(ask.path)?.[1];
  const tenant = configuredOf(ownership).find((one) => one.watchlist === watchlist)?.tenant;
  if (tenant === undefined || status !== 200) return;
  expect(foreignKbs(text, tenant), `KBs in the report of ${watchlist} of another tenant`).toEqual([]);
}
