import type { ReactNode } from "react";
import { sortByMissing } from "../../core/products.ts";
import type { Report } from "../../core/report.ts";
import { changeFilters, isNarrowed, sortKeys } from "../../core/selection.ts";
import { changeLabel } from "../kind-words.ts";
import { pageLimits } from "../limits.ts";
import { maxLength, type OverviewParameters, type ReportParameters } from "../parameters.ts";
import { many, productLabel } from "../words.ts";
import { carriedFields, type Linked, pageHref } from "./link.ts";
import type { PageView } from "./view.ts";
import { sortLabels } from "./words.ts";

/** Parameters that a form must carry on besides its own fields. */
export function Carried(props: { fields: Linked<ReportParameters>; code?: string | undefined }) {
  return carriedFields(props.fields, props.code).map(([name, value]) => (
    <input key={name} type="hidden" name={name} value={value} />
  ));
}

/** Which KBs to show, and in what order. The form works without the script. */
export function FilterForm({ view }: { view: PageView }) {
  const { query, code } = view;
  const { watchlist, run, from } = query;
  return (
    <search>
      <form className="filter" id="filter" method="get" action="#kbs">
        <Carried fields={{ watchlist, run, from }} code={code} />
        <Field id="search" label="Search">
          <input
            {...named("search")}
            type="search"
            defaultValue={query.search ?? ""}
            placeholder="KB, name, product"
            maxLength={maxLength}
            autoComplete="off"
          />
        </Field>
        <Field id="change" label="Change">
          <select {...named("change")} defaultValue={query.change ?? ""}>
            <option value="">All</option>
            {changeFilters.map((filter) => (
              <option key={filter} value={filter}>
                {changeLabel(filter)}
              </option>
            ))}
          </select>
        </Field>
        <Field id="softwareId" label="Product">
          <ProductField view={view} />
        </Field>
        <div className="checks">
          <Check name="exploited" label="Exploited" checked={query.exploited ?? false} />
          <Check name="overdue" label="Overdue" checked={query.overdue ?? false} />
          <Check name="stalled" label="Stalled" checked={query.stalled ?? false} />
        </div>
        <Field id="sort" label="Sort by">
          <select {...named("sort")} defaultValue={query.sort ?? "worst"}>
            {sortKeys.map((key) => (
              <option key={key} value={key}>
                {sortLabels[key]}
              </option>
            ))}
          </select>
        </Field>
        <div className="buttons">
          <button type="submit">Apply</button>
          {isNarrowed(query) && <a href={`${pageHref({ watchlist, run }, { from }, code)}#kbs`}>Show all</a>}
        </div>
      </form>
    </search>
  );
}

/** The attributes of a field that sends this parameter. */
export function named(parameter: keyof ReportParameters | keyof OverviewParameters) {
  return { id: parameter, name: parameter };
}

/** A field with its label. */
export function Field(props: { id: Parameters<typeof named>[0]; label: string; children: ReactNode }) {
  const { id, label, children } = props;
  return (
    <div className={`field field-${id}`}>
      <label htmlFor={id}>{label}</label>
      {children}
    </div>
  );
}

function Check({
  name,
  label,
  checked,
}: {
  name: "exploited" | "overdue" | "stalled";
  label: string;
  checked: boolean;
}) {
  return (
    <label className="check">
      <input type="checkbox" name={name} value="true" defaultChecked={checked} /> {label}
    </label>
  );
}

function ProductField({ view: { full, query } }: { view: PageView }) {
  const asked = query.softwareId ?? "";
  const listed = listProducts(full);
  const more = full.products.length - listed.length;
  return (
    <select {...named("softwareId")} defaultValue={asked}>
      <option value="">All</option>
      {asked !== "" && !listed.includes(asked) && <option value={asked}>{productLabel(asked)}</option>}
      {listed.map((softwareId) => (
        <option key={softwareId} value={softwareId}>
          {productLabel(softwareId)}
        </option>
      ))}
      {more > 0 && <option disabled>{`${many(more, "more product")}: use the search`}</option>}
    </select>
  );
}

/** The products to choose from, in the watchlist's order; if there are too many, those that miss most. */
function listProducts({ products }: Report): string[] {
  const most = sortByMissing(products).slice(0, pageLimits.choices);
  const chosen = new Set(most);
  return products.flatMap((row) => (chosen.has(row) ? [row.softwareId] : []));
}
