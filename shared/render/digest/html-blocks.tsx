import type { ComponentProps, ReactNode } from "react";
import { breaking, type Fill, filled, font, type Ink, inked } from "./html-style.ts";

/** A part of the mail: one row of its outermost table. */
export function Section({ children, top = 22 }: { children: ReactNode; top?: number }) {
  return (
    <tr>
      <td style={{ padding: `${top}px 20px 0` }}>{children}</td>
    </tr>
  );
}

/** A table that only places its rows; as wide as there is room unless a width is given. */
export function Layout({ children, ...attributes }: ComponentProps<"table">) {
  return (
    <table role="presentation" width="100%" border={0} cellPadding={0} cellSpacing={0} {...attributes}>
      <tbody>{children}</tbody>
    </table>
  );
}

export function Title({ children, ink = "text" }: { children: string; ink?: Ink }) {
  return <h2 {...inked(ink, { margin: 0, ...font(15, true) })}>{children}</h2>;
}

export function Line({ children, ink = "text", top = 0 }: { children: ReactNode; ink?: Ink; top?: number }) {
  const text = typeof children === "string" ? children : "";
  return <p {...inked(ink, { margin: `${top}px 0 0`, ...font(13), ...breaking(text) })}>{children}</p>;
}

export function Anchor({ href, children, ink = "link" }: { href: string; children: string; ink?: Ink }) {
  return (
    <a href={href} {...inked(ink)}>
      {children}
    </a>
  );
}

/** Text that leads to a place, where there is one. */
export function MaybeLink({ link, children, ink }: { link: string | null; children: string; ink?: Ink }) {
  return link ? (
    <Anchor href={link} {...(ink && { ink })}>
      {children}
    </Anchor>
  ) : (
    children
  );
}

export function Button({ href, children }: { href: string; children: string }) {
  return (
    <Layout width={undefined} style={{ marginTop: 14 }}>
      <tr>
        <td {...filled("button", { padding: "8px 16px" })}>
          <a href={href} {...inked("onButton", { textDecoration: "none", ...font(13, true) })}>
            {children}
          </a>
        </td>
      </tr>
    </Layout>
  );
}

/** A filled block of a height in pixels; its text is smaller than it, or Word would stretch it. */
export function Block({ fill, height, width = "100%" }: { fill: Fill; height: number; width?: string }) {
  return (
    <Layout width={width}>
      <tr>
        <td height={height} {...filled(fill, { height, fontSize: 1, lineHeight: "1px" })}>
          &nbsp;
        </td>
      </tr>
    </Layout>
  );
}
