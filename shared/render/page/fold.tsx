import type { ReactNode } from "react";

/**
 * A section that phones show folded, and wider screens and paper always open: there the style shows the content whatever the
 * state. `note` says in a line what it holds.
 */
export function Fold(props: {
  id: string;
  title: string;
  note: string;
  open?: boolean;
  isLive?: boolean;
  children: ReactNode;
}) {
  const { id, title, note, open = false, isLive = false, children } = props;
  return (
    <section id={id} aria-labelledby={`${id}-title`} data-live={isLive || undefined}>
      <h2 id={`${id}-title`}>{title}</h2>
      <details className="fold" open={open}>
        <summary>{note}</summary>
        {children}
      </details>
    </section>
  );
}
