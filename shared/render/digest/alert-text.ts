import { many, shown } from "../words.ts";
import type { AlertContent, AlertKb } from "./alert.ts";
import type { MailLink } from "./html-frame.tsx";
import { width, wrap } from "./text.ts";

/** An alert in plain text of 78 columns; only links are longer. */
export function alertText(alert: AlertContent): string {
  const { headline, about, link, title, kbs, rest, note, sources, audit, links } = alert;
  const blocks = [
    [...wrap(headline, width), ...wrap(about, width), ...(link ? [link] : [])],
    [
      row(title.toUpperCase(), "machines", "missing since", "as of"),
      ...kbs.flatMap(kbText),
      ...(rest ? wrap(rest.text, width) : []),
      ...(note ? wrap(note, width) : []),
    ],
    linksText(sources.title.toUpperCase(), sources.links),
    linksText("LINKS", kbs.flatMap(linksOf)),
    ["-".repeat(width), ...wrap(audit.join(" "), width), ...linksText(null, links)],
  ];
  const filled = blocks.filter((lines) => lines.length > 0);
  return `${filled.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

const labelWidth = 40;

function row(label: string, machines: string, missingSince: string, readOn: string): string {
  return `${label.padEnd(labelWidth)}${machines.padStart(10)}${missingSince.padStart(14)}${readOn.padStart(14)}`;
}

function kbText({ number, name, products, more }: AlertKb): string[] {
  return [
    ...wrap([number, name].filter(Boolean).join(" "), width, "  "),
    ...products.map(({ label, machines, missingSince, readOn }) => {
      return row(`  ${shown(label, labelWidth - 3)}`, machines, missingSince, readOn);
    }),
    ...(more > 0 ? [`  and ${many(more, "more product")}`] : []),
  ];
}

function linksOf({ number, link, report }: AlertKb): MailLink[] {
  return [
    { words: number, href: link },
    { words: `${number} in the report`, href: report },
  ];
}

function linksText(title: string | null, links: readonly MailLink[]): string[] {
  const lines = links.flatMap(({ words, href }) => (href === null ? [] : [`${words}: ${href}`]));
  return lines.length > 0 && title !== null ? [title, ...lines] : lines;
}
