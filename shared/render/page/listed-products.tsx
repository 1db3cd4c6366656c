import type { FoundListed, TenantProducts } from "../../core/product-search.ts";
import { pageLimits } from "../limits.ts";
import { listFailureWords, listReadWords } from "../list-words.ts";
import { maxLength, type ProductsParameters, type Values } from "../parameters.ts";
import { count, many } from "../words.ts";
import { Cell, ColumnHead, Row, RowHead, Table } from "./cells.tsx";
import { Document, renderDocument } from "./document.tsx";
import { Eyebrow } from "./eyebrow.tsx";
import { Carried, Field, named } from "./filter.tsx";
import { productsHref } from "./link.ts";

/** What the page of Defender's products needs. */
export interface ListedProductsView {
  tenants: readonly TenantProducts[];
  /** Those that match, in order. */
  found: readonly FoundListed[];
  /** Why there are none; `null` where there is a list. */
  message: string | null;
  query: Omit<Values<ProductsParameters>, "format">;
  timeZone: string;
  nonce: string;
  code?: string;
}

/** The page on which people find the ids of products, a complete HTML document. It works without its script. */
export function renderListedProducts(view: ListedProductsView): string {
  const { tenants, found, message, query, timeZone, code } = view;
  return renderDocument(
    <Document nonce={view.nonce} title="Defender’s products">
      <a className="skip" href="#found">
        Skip to the products
      </a>
      <header className="top">
        <div className="who">
          <Eyebrow isOneOfMany code={code} />
          <h1>Defender’s products</h1>
        </div>
      </header>
      <main id="main">
        <section aria-labelledby="found-title" id="found">
          <h2 id="found-title" data-live>
            {many(found.length, "product")} found
          </h2>
          {message && <p className="note">{message}</p>}
          {tenants.map((one) => (
            <ListNote key={one.tenant} of={one} timeZone={timeZone} isAlone={tenants.length === 1} />
          ))}
          <search>
            <form className="filter" method="get">
              <Carried fields={{}} code={code} />
              {query.tenant && <input type="hidden" name="tenant" value={query.tenant} />}
              <Field id="search" label="Search">
                <input
                  {...named("search")}
                  type="search"
                  defaultValue={query.search ?? ""}
                  placeholder="Id, name, vendor"
                  maxLength={maxLength}
                  autoComplete="off"
                />
              </Field>
              <div className="buttons">
                <button type="submit">Search</button>
              </div>
            </form>
          </search>
          <p className="links" id="found-links" data-live>
            These as <a href={productsHref({ ...query, format: "csv" }, code)}>CSV</a>{" "}
            <a href={productsHref({ ...query, format: "json" }, code)}>JSON</a>
          </p>
          <div id="found-products" data-live>
            {found.length > 0 && <ProductTable view={view} />}
          </div>
        </section>
      </main>
    </Document>,
  );
}

function ListNote({ of, timeZone, isAlone }: { of: TenantProducts; timeZone: string; isAlone: boolean }) {
  const { tenant, list, listing } = of;
  if (!list) return null;
  const failure = listing?.failure ?? null;
  return (
    <p className="note">
      {!isAlone && `${tenant}: `}
      {listReadWords(list.readAt, list.products.length, timeZone)}{" "}
      {listFailureWords({ readAt: list.readAt, failure }, timeZone)}
    </p>
  );
}

function ProductTable({ view: { found, tenants } }: { view: ListedProductsView }) {
  const more = found.length - pageLimits.listed;
  const isOfMany = tenants.length > 1;
  return (
    <>
      <Table
        className="list"
        caption="Products, those on most exposed machines first"
        head={
          <>
            <ColumnHead>Id</ColumnHead>
            <ColumnHead>Name</ColumnHead>
            {isOfMany && <ColumnHead>Tenant</ColumnHead>}
            <ColumnHead className="num">Weaknesses</ColumnHead>
            <ColumnHead className="num">Exposed machines</ColumnHead>
            <ColumnHead className="num">Machines</ColumnHead>
            <ColumnHead>Watched by</ColumnHead>
          </>
        }
      >
        {found.slice(0, pageLimits.listed).map((one) => (
          <Row key={`${one.tenant} ${one.softwareId}`}>
            <RowHead>{one.softwareId}</RowHead>
            <Cell label="Name">{one.name}</Cell>
            {isOfMany && <Cell label="Tenant">{one.tenant}</Cell>}
            <Cell className="num" label="Weaknesses">
              {count(one.weaknesses)}
            </Cell>
            <Cell className="num" label="Exposed machines">
              {count(one.exposedMachines)}
            </Cell>
            <Cell className="num" label="Machines">
              {count(one.installedMachines)}
            </Cell>
            <Cell label="Watched by">{one.watchlists.length > 0 ? one.watchlists.join(", ") : "nobody"}</Cell>
          </Row>
        ))}
      </Table>
      {more > 0 && <p className="note">{count(more)} more are in the exports. Search for fewer.</p>}
    </>
  );
}
