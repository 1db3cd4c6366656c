// biome-ignore-all lint/a11y/noRedundantRoles: browsers drop the elements' own roles where narrow screens show tables as cards
import type { ComponentPropsWithoutRef, ReactNode } from "react";
import type { SortOrder } from "../../core/selection.ts";

/** A table that narrow screens show as cards, one per row. Its caption is for screen readers. */
export function Table(props: ComponentPropsWithoutRef<"table"> & { caption: ReactNode; head: ReactNode }) {
  const { caption, head, children, ...rest } = props;
  return (
    <table role="table" {...rest}>
      <caption className="sr">{caption}</caption>
      <thead role="rowgroup">
        <tr role="row">{head}</tr>
      </thead>
      <tbody role="rowgroup">{children}</tbody>
    </table>
  );
}

export function ColumnHead(props: ComponentPropsWithoutRef<"th">) {
  return <th scope="col" role="columnheader" {...props} />;
}

const ariaSorts = { asc: "ascending", desc: "descending" } as const;

/** The head of a column with a link that sorts by it; `sorted` says how it is sorted now. */
export function SortHead(props: ComponentPropsWithoutRef<"th"> & { href: string; sorted: SortOrder | undefined }) {
  const { href, sorted, children, ...rest } = props;
  return (
    <ColumnHead aria-sort={sorted && ariaSorts[sorted]} {...rest}>
      <a href={href}>{children}</a>
    </ColumnHead>
  );
}

export function Row(props: ComponentPropsWithoutRef<"tr">) {
  return <tr role="row" {...props} />;
}

export function RowHead(props: ComponentPropsWithoutRef<"th">) {
  return <th scope="row" role="rowheader" {...props} />;
}

/** A cell; on a card its label comes before it. */
export function Cell({ label, ...props }: ComponentPropsWithoutRef<"td"> & { label?: string }) {
  return <td role="cell" data-label={label} {...props} />;
}
