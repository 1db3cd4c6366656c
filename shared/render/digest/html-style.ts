import type { CSSProperties } from "react";

// Each ink and fill is a class as well, for dark mode; clients that invert by force leave mid tones readable.
const inks = {
  text: ["#1f2328", "#e6edf3"],
  muted: ["#57606a", "#9aa6b2"],
  worse: ["#b3261e", "#ff938a"],
  better: ["#1a7037", "#5fd38a"],
  link: ["#0b57b0", "#83b9ff"],
  caution: ["#6b4a00", "#f0cd7a"],
  onButton: ["#ffffff", "#0f1318"],
} as const;

const fills = {
  page: ["#f1f3f5", "#0f1318"],
  card: ["#ffffff", "#1a2027"],
  line: ["#d8dee4", "#353d47"],
  caution: ["#fff3d1", "#3a2f10"],
  bar: ["#4a7ab5", "#6d9fdb"],
  paleBar: ["#b4c7de", "#3f5672"],
  button: ["#0b57b0", "#83b9ff"],
  worse: ["#c9352b", "#e5675d"],
  better: ["#2e8b4f", "#43a868"],
  amber: ["#c98a00", "#d9a53a"],
} as const;

export type Ink = keyof typeof inks;
export type Fill = keyof typeof fills;

/** Font of a size, with the line height that suits it. */
export function font(size: 11 | 12 | 13 | 15 | 20, bold = false): CSSProperties {
  return { font: `${bold ? "bold " : ""}${size}px/${Math.round(size * 1.4)}px Segoe UI,Arial,sans-serif` };
}

/** Attributes that colour an element's text. */
export function inked(ink: Ink, style: CSSProperties = {}) {
  return { className: `i-${ink}`, style: { color: inks[ink][0], ...style } };
}

/** Attributes that colour a table's or cell's ground; Word needs the attribute, the others the style. */
export function filled(fill: Fill, style: CSSProperties = {}) {
  const [light] = fills[fill];
  return { className: `f-${fill}`, bgcolor: light, style: { backgroundColor: light, ...style } };
}

/** A rule above a cell. */
export function ruled(style: CSSProperties = {}) {
  return { className: "r", style: { borderTop: `1px solid ${fills.line[0]}`, ...style } };
}

/** The style sheet for clients that support dark mode; all else is inline. */
export const darkSheet = `:root{color-scheme:light dark}@media (prefers-color-scheme:dark){${[
  ...Object.entries(inks).map(([name, [, dark]]) => `.i-${name}{color:${dark}!important}`),
  ...Object.entries(fills).map(([name, [, dark]]) => `.f-${name}{background-color:${dark}!important}`),
  `.r{border-color:${fills.line[1]}!important}`,
].join("")}}`;

/** For a cell whose text may hold words too long for a phone, and only for such; Word supports `break-all` alone. */
export function breaking(text: string): CSSProperties {
  const longest = Math.max(...text.split(/[\s-]/).map((word) => word.length));
  if (longest <= 20) return {};
  return { wordBreak: longest > 40 ? "break-all" : "break-word" };
}
