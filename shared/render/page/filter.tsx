import type { ReactNode } from "react";
import type { Report } from "../../core/report.ts";
import { changeFilters, sortKeys } from "../../core/selection.ts";
import { count, softwareLabel } from "../words.ts";
import { pageHref } from "./link.ts";
import type { PageView } from "./view.ts";
import { changeLabel, sortLabels } from "./words.ts";

/** So many software can be chosen from the list; the search finds the others. */
const listedSoftware = 300;

/** The parameters that a form must carry on besides its own fields. */
export function Carried({
  fields,
  code,
}: {
  fields: Readonly<Record<string, string | undefined>>;
  code?: string | undefined;
}) {
  const told = Object.entries({ ...fields, code }).filter((field): field is [string, string] => Boolean(field[1]));
  return told.map(([name, value]) => <input key={name} type="hidden" name={name} value={value} />);
}

/** Which KBs are wanted, and in what order; a form that works by itself. */
export function FilterForm({ view }: { view: PageView }) {
  const { query, code } = view;
  const { watchlist, run, from } = query;
  const narrowed = Boolean(query.search || query.change || query.softwareId || query.overdue || query.stalled);
  return (
    <search>
      <form className="filter" id="filter" method="get" action="#kbs">
        <Carried fields={{ watchlist, run, from }} code={code} />
        <Field id="search" label="Search">
          <input
            id="search"
            type="search"
            name="search"
            defaultValue={query.search ?? ""}
            placeholder="KB, name, product"
            maxLength={300}
            autoComplete="off"
          />
        </Field>
        <Field id="change" label="Change">
          <select id="change" name="change" defaultValue={query.change ?? ""}>
            <option value="">All</option>
            {changeFilters.map((filter) => (
              <option key={filter} value={filter}>
                {changeLabel(filter)}
              </option>
            ))}
          </select>
        </Field>
        <Field id="softwareId" label="Software">
          <SoftwareField view={view} />
        </Field>
        <div className="checks">
          <Check name="overdue" label="Overdue" checked={query.overdue ?? false} />
          <Check name="stalled" label="Stalled" checked={query.stalled ?? false} />
        </div>
        <Field id="sort" label="Sort by">
          <select id="sort" name="sort" defaultValue={query.sort ?? "worst"}>
            {sortKeys.map((key) => (
              <option key={key} value={key}>
                {sortLabels[key]}
              </option>
            ))}
          </select>
        </Field>
        <div className="buttons">
          <button type="submit">Apply</button>
          {narrowed && <a href={`${pageHref({ watchlist, run, ...(from && { from }) }, {}, code)}#kbs`}>Show all</a>}
        </div>
      </form>
    </search>
  );
}

function Field({ id, label, children }: { id: string; label: string; children: ReactNode }) {
  return (
    <div className={`field field-${id}`}>
      <label htmlFor={id}>{label}</label>
      {children}
    </div>
  );
}

function Check({ name, label, checked }: { name: string; label: string; checked: boolean }) {
  return (
    <label className="check">
      <input type="checkbox" name={name} value="true" defaultChecked={checked} /> {label}
    </label>
  );
}

function SoftwareField({ view: { report, query } }: { view: PageView }) {
  const asked = query.softwareId ?? "";
  const listed = listSoftware(report);
  const more = report.products.length - listed.length;
  return (
    <select id="softwareId" name="softwareId" defaultValue={asked}>
      <option value="">All</option>
      {asked !== "" && !listed.includes(asked) && <option value={asked}>{softwareLabel(asked)}</option>}
      {listed.map((softwareId) => (
        <option key={softwareId} value={softwareId}>
          {softwareLabel(softwareId)}
        </option>
      ))}
      {more > 0 && <option disabled>{`and ${count(more)} that miss less: search for them`}</option>}
    </select>
  );
}

/** The software to choose from, in the watchlist's order; of very many those that miss most. */
function listSoftware({ products }: Report): string[] {
  const most = products.toSorted((a, b) => b.missingInstalls - a.missingInstalls).slice(0, listedSoftware);
  const chosen = new Set(most);
  return products.flatMap((row) => (chosen.has(row) ? [row.softwareId] : []));
}
