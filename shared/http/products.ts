import pMap from "p-map";
import { calendarDay } from "../core/day.ts";
import { type FoundListed, searchProducts, type TenantProducts } from "../core/product-search.ts";
import type { Ports } from "../ports.ts";
import { type keyParameter, type ProductsParameters, productsParameters, type Values } from "../render/parameters.ts";
import { nextRun } from "../run/next-run.ts";
import { noWatchlist, type RequestPorts } from "./caller.ts";
import { withEtag } from "./etag.ts";
import { htmlResponse, newNonce } from "./html.ts";
import { chooseFormat } from "./negotiate.ts";
import { badParameter } from "./problem.ts";
import { readQuery } from "./query.ts";
import { type HttpRequest, type HttpResponse, response } from "./response.ts";

type ProductsQuery = Values<ProductsParameters & typeof keyParameter>;
type Format = NonNullable<ProductsQuery["format"]>;

const offers: Readonly<Record<Format, string>> = {
  json: "application/json; charset=utf-8",
  csv: "text/csv; charset=utf-8",
  html: "text/html; charset=utf-8",
};

const concurrency = 8;

/** The stored product lists of the tenants whose watchlists the caller may read: `GET /api/products`. Never calls Defender. */
export async function serveProducts(request: HttpRequest, ports: RequestPorts): Promise<HttpResponse> {
  const query = readQuery(request.query, productsParameters);
  const format = chooseFormat(query.format, request, offers);
  const tenants = await loadTenants(query.tenant, ports);
  const found = searchProducts(tenants, query.search ?? "");
  return withEtag(
    request,
    ...(await render(format, { tenants, found, message: messageOf(tenants, ports), query }, ports)),
  );
}

async function loadTenants(tenant: string | undefined, ports: RequestPorts): Promise<TenantProducts[]> {
  const { list: watchlists } = await ports.watchlists();
  if (watchlists.length === 0) throw noWatchlist(ports.caller);
  const byTenant = Map.groupBy(watchlists, (watchlist) => watchlist.tenant);
  const names = [...byTenant.keys()];
  if (tenant !== undefined && !byTenant.has(tenant)) {
    throw badParameter("tenant", "You may read no watchlist of this tenant.", names);
  }
  return pMap(
    tenant === undefined ? names : [tenant],
    async (name): Promise<TenantProducts> => {
      const [listing, list] = await Promise.all([ports.store.readListing(name), ports.store.readProductList(name)]);
      return { tenant: name, listing, list, watchlists: byTenant.get(name) ?? [] };
    },
    { concurrency },
  );
}

/** Why there is nothing to search in; `null` where there is. */
function messageOf(tenants: readonly TenantProducts[], { rules, now }: Ports): string | null {
  if (tenants.some(({ list }) => list !== null)) return null;
  const reason = tenants.find(({ listing }) => listing?.failure)?.listing?.failure?.reason;
  if (reason) return `Defender's list of products could not be read yet. ${reason}`;
  const next = nextRun(rules.schedule, now())?.toISOString();
  return `Defender's list of products was not read yet. The next scheduled run reads it${next ? `, at ${next}` : ""}.`;
}

interface Asked {
  tenants: readonly TenantProducts[];
  found: readonly FoundListed[];
  message: string | null;
  query: ProductsQuery;
}

/** The response, and its body without the nonce. */
async function render(format: Format, asked: Asked, ports: Ports): Promise<[HttpResponse, string]> {
  const { timeZone } = ports.rules;
  if (format === "html") {
    const { renderListedProducts } = await import("../render/page/listed-products.tsx");
    const { code, format: _, ...query } = asked.query;
    const nonce = newNonce();
    const body = renderListedProducts({ ...asked, query, timeZone, nonce, ...(code && { code }) });
    return [htmlResponse(200, body, nonce), body.replaceAll(nonce, "")];
  }
  const body = await renderExport(format, asked);
  const disposition = `attachment; filename="products-${calendarDay(ports.now(), timeZone)}.${format}"`;
  return [response(200, offers[format], body, { "Content-Disposition": disposition }), body];
}

async function renderExport(format: "json" | "csv", { tenants, found, message }: Asked): Promise<string> {
  if (format === "csv") return (await import("../render/export/csv.ts")).productsCsv(found);
  const { productsJson } = await import("../render/export/json.ts");
  return `${JSON.stringify(productsJson(tenants, found, message))}\n`;
}
