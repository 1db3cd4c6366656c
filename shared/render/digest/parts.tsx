import type { ReactNode } from "react";
import { count } from "../words.ts";
import type { KbLine, Tone } from "./kb-line.ts";
import { breaking, type Fill, filled, font, type Ink, inked, ruled } from "./style.ts";
import type { Trend } from "./trend.ts";

/** A part of the mail: one row of its outermost table. */
export function Section({ children, top = 22 }: { children: ReactNode; top?: number }) {
  return (
    <tr>
      <td style={{ padding: `${top}px 20px 0` }}>{children}</td>
    </tr>
  );
}

/** A table that only places things. */
export function Layout({ children }: { children: ReactNode }) {
  return (
    <table role="presentation" width="100%" border={0} cellPadding={0} cellSpacing={0}>
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
    <table role="presentation" border={0} cellPadding={0} cellSpacing={0} style={{ marginTop: 14 }}>
      <tbody>
        <tr>
          <td {...filled("button", { padding: "8px 16px" })}>
            <a href={href} {...inked("onButton", { textDecoration: "none", ...font(13, true) })}>
              {children}
            </a>
          </td>
        </tr>
      </tbody>
    </table>
  );
}

const inkOf: Readonly<Record<Tone, Ink>> = { worse: "worse", better: "better", plain: "text" };

/** KBs with their software below each, the counts in columns. */
export function KbRows({ kbs }: { kbs: readonly KbLine[] }) {
  return (
    <table width="100%" border={0} cellPadding={0} cellSpacing={0} style={{ marginTop: 4 }}>
      <thead>
        <tr>
          <ColumnHead align="left">KB and software</ColumnHead>
          <ColumnHead align="right" width={100}>
            Machines
          </ColumnHead>
          <ColumnHead align="right" width={64}>
            CVEs
          </ColumnHead>
        </tr>
      </thead>
      {kbs.map((kb, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rendered once, never reordered
        <Kb key={index} kb={kb} />
      ))}
    </table>
  );
}

function ColumnHead({ align, width, children }: { align: "left" | "right"; width?: number; children: string }) {
  return (
    <th scope="col" align={align} {...inked("muted", { padding: "0 0 4px", ...(width && { width }), ...font(11) })}>
      {children}
    </th>
  );
}

function Kb({ kb }: { kb: KbLine }) {
  const { number, link, name, facts, warnings, software, more } = kb;
  const told = (parts: readonly string[]) => parts.map((part) => ` · ${part}`).join("");
  return (
    <tbody>
      <tr>
        <td colSpan={3} {...titleCell(`${name} ${facts.join()}`)}>
          <b>
            <MaybeLink link={link}>{number}</MaybeLink>
          </b>
          {name && ` ${name}`}
          <span {...inked("muted", { fontSize: 12 })}>{told(facts)}</span>
          {warnings.length > 0 && <span {...inked("worse", { fontSize: 12 })}>{told(warnings)}</span>}
        </td>
      </tr>
      {software.map(({ label, machines, cves }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rendered once, never reordered
        <tr key={index}>
          <td {...inked("muted", { paddingBottom: 4, ...font(13), ...breaking(label) })}>{label}</td>
          <Count ink={inkOf[machines.tone]}>{machines.text}</Count>
          <Count ink={inkOf[cves.tone]}>{cves.text}</Count>
        </tr>
      ))}
      {more > 0 && (
        <tr>
          <td colSpan={3} {...inked("muted", { paddingBottom: 4, ...font(12) })}>
            {`and ${count(more)} more software`}
          </td>
        </tr>
      )}
    </tbody>
  );
}

function titleCell(text: string) {
  const { className, style } = inked("text", { padding: "7px 0 1px", ...font(13), ...breaking(text) });
  const rule = ruled(style);
  return { ...rule, className: `${rule.className} ${className}` };
}

function Count({ children, ink }: { children: string; ink: Ink }) {
  return (
    <td align="right" valign="top" {...inked(ink, { paddingLeft: 10, ...font(13, ink !== "text") })}>
      {children.replaceAll(" ", "\u00a0")}
    </td>
  );
}

const trendHeight = 44;

/** A bar for each day as a table cell: no image to be blocked. The words beside it tell the same. */
export function TrendBars({ days }: Pick<Trend, "days">) {
  const most = Math.max(1, ...days.map(({ pairs }) => pairs ?? 0));
  return (
    <table
      aria-hidden="true"
      role="presentation"
      width="100%"
      border={0}
      cellPadding={0}
      cellSpacing={0}
      style={{ marginTop: 8 }}
    >
      <tbody>
        <tr>
          {days.map(({ day, pairs, partial }) => (
            <td key={day} height={trendHeight} width="3%" valign="bottom" style={{ padding: "0 1px" }}>
              <Block
                fill={pairs === null ? "line" : partial ? "paleBar" : "bar"}
                height={Math.max(1, Math.round((trendHeight * (pairs ?? 0)) / most))}
              />
            </td>
          ))}
        </tr>
      </tbody>
    </table>
  );
}

/** A filled block of a height in pixels; its text is smaller than it, or Word would stretch it. */
export function Block({ fill, height, width = "100%" }: { fill: Fill; height: number; width?: string }) {
  return (
    <table role="presentation" width={width} border={0} cellPadding={0} cellSpacing={0}>
      <tbody>
        <tr>
          <td height={height} {...filled(fill, { height, fontSize: 1, lineHeight: "1px" })}>
            &nbsp;
          </td>
        </tr>
      </tbody>
    </table>
  );
}
