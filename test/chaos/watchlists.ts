import { chainKey } from "../../shared/core/message.ts";
import { homeTenant } from "../../shared/core/watchlist.ts";
import type { Dice } from "./dice.ts";

/** The app's own tenant and a customer's. Each has a Defender of its own. */
export const tenants = [homeTenant, "22222222-2222-4222-8222-222222222222"] as const;
export type Tenant = (typeof tenants)[number];

export const softwareIds = Array.from({ length: 6 }, (_, index) => `contoso-_-product_${index + 1}`);

const names = ["clients", "servers", "stores"] as const;
type Name = (typeof names)[number];

/** A watchlist as it is configured while its name belongs to a tenant. */
export interface Configured {
  tenant: Tenant;
  watchlist: Name;
  softwareIds: readonly string[];
  mailTo: readonly string[];
}

const domains: Readonly<Record<Tenant, string>> = { [tenants[0]]: "contoso.example", [tenants[1]]: "fabrikam.example" };
/** Some have two readers, who get a copy each. */
const readers: Readonly<Record<Name, readonly string[]>> = {
  clients: ["clients", "lead"],
  servers: ["servers"],
  stores: ["stores"],
};
/** Both tenants have products of the same ids, and watchlists share some of them. */
const products: Readonly<Record<Name, readonly string[]>> = {
  clients: softwareIds.slice(0, 4),
  servers: softwareIds.slice(2),
  stores: [softwareIds[0], softwareIds[4]].map(String),
};

/** Whom each name belongs to; `null`: there is no such watchlist now. */
export type Ownership = Readonly<Record<Name, Tenant | null>>;

export const firstOwnership: Ownership = { clients: tenants[0], servers: tenants[0], stores: tenants[1] };

/** A watchlist is removed, comes back, or its name is used for another tenant; at least one is left. */
export function changeOwnership(ownership: Ownership, dice: Dice): Ownership {
  const name = dice.pick(names);
  const changed = { ...ownership, [name]: dice.pick([...tenants, tenants[0], tenants[1], null]) };
  return names.some((one) => changed[one] !== null) ? changed : ownership;
}

export function configuredOf(ownership: Ownership): Configured[] {
  return names.flatMap((watchlist) => {
    const tenant = ownership[watchlist];
    if (tenant === null) return [];
    const mailTo = readers[watchlist].map((reader) => `${reader}@${domains[tenant]}`);
    return [{ tenant, watchlist, softwareIds: products[watchlist], mailTo }];
  });
}

/** The setting `WATCHLISTS`. */
export function settingOf(configured: readonly Configured[]): string {
  return JSON.stringify(
    configured.map(({ tenant, watchlist, ...rest }) => {
      return { name: watchlist, ...rest, ...(tenant !== homeTenant && { tenantId: tenant }) };
    }),
  );
}

/** All chains that may ever exist. */
export const allChains = tenants.flatMap((tenant) => names.map((watchlist) => ({ tenant, watchlist })));

export function productsOf({ watchlist }: { watchlist: string }): readonly string[] {
  return products[watchlist as Name];
}

/** Whose readers have this address. */
export function tenantOfReader(email: string): Tenant | undefined {
  return tenants.find((tenant) => email.endsWith(`@${domains[tenant]}`));
}

export function sameChain(one: { tenant: string; watchlist: string }, other: typeof one): boolean {
  return chainKey(one) === chainKey(other);
}
