import type { Report } from "../../core/report.ts";
import { many, type RenderOptions, shown } from "../words.ts";
import type { Actions } from "./actions.ts";
import type { Bars } from "./bars.ts";
import { type Digest, digestOf, type Part } from "./content.ts";
import type { KbLine, ProductLine } from "./kb-line.ts";
import type { Brief, KbTable } from "./kb-tables.ts";
import { gather, type OneLine, type Rest } from "./material.ts";
import type { Remark } from "./remarks.ts";
import type { Trend } from "./trend.ts";

/** Columns of a plain text. */
export const width = 78;

/** A report in plain text of 78 columns, for terminals; only links are longer. */
export function renderText(report: Report, options: RenderOptions): string {
  return textOf(digestOf(gather(report, options), 1, "none"));
}

/** A digest in plain text of 78 columns; only links are longer. */
export function textOf(digest: Digest): string {
  const blocks = [top(digest), ...digest.parts.map(partText), linksText(digest), bottom(digest)];
  const filled = blocks.filter((lines) => lines.length > 0);
  return `${filled.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

function partText(part: Part): string[] {
  switch (part.type) {
    case "actions":
      return actionsText(part);
    case "table":
      return tableText(part);
    case "brief":
      return briefText(part);
    case "line":
      return lineText(part);
    case "trend":
      return trendText(part);
    case "bars":
      return barsText(part);
    case "remark":
      return remarkText(part);
  }
}

function top({ headline, about, caution, link, places }: Digest): string[] {
  return [
    ...wrap(headline, width),
    ...wrap(about, width),
    ...(caution ? wrap(`! ${caution}`, width, "  ") : []),
    ...(link ? [link] : []),
    ...places.map(({ words, href }) => `${words}: ${href}`),
  ];
}

function actionsText({ title, steps, rest }: Actions): string[] {
  return [
    ...wrap(title.toUpperCase(), width),
    ...steps.flatMap(({ number, where, facts, warnings }, index) => {
      const marked = warnings.map((warning) => `! ${warning}`);
      return wrap(`${index + 1}. ${[`${number} on ${where}`, ...facts, ...marked].join("; ")}`, width, "   ");
    }),
    ...restText(rest),
  ];
}

function tableText({ title, note, kbs, rest }: KbTable): string[] {
  const columns = row("", "machines", "CVEs").slice(title.length);
  return [
    kbs.length > 0 && columns.startsWith(" ") ? title.toUpperCase() + columns : title.toUpperCase(),
    ...(note ? wrap(note, width) : []),
    ...kbs.flatMap(kbText),
    ...restText(rest),
  ];
}

function kbText({ number, name, facts, warnings, products, more }: KbLine): string[] {
  // The mark stays on the line of its warning.
  const marked = warnings.map((warning) => `!\u00a0${warning}`);
  const title = [[number, name].filter(Boolean).join(" "), ...facts, ...marked];
  return [
    ...wrap(title.join("; "), width, "  ").map((line) => line.replaceAll("\u00a0", " ")),
    ...products.flatMap(productText),
    ...(more > 0 ? [`  and ${many(more, "more product")}`] : []),
  ];
}

const labelWidth = 44;

function productText({ label, machines, cves }: ProductLine): string[] {
  const line = row(`  ${shown(label, labelWidth - 3)}`, machines.text, cves.text);
  if (line.length <= width) return [line];
  return [`  ${label}`, ...wrap(`    machines: ${machines.text}; CVEs: ${cves.text}`, width, "    ")];
}

function row(label: string, machines: string, cves: string): string {
  return `${label.padEnd(labelWidth)}${machines.padStart(20)}${cves.padStart(14)}`.trimEnd();
}

function briefText({ title, kbs, rest }: Brief): string[] {
  const named = [...kbs.map(({ number, words }) => `${number} ${words}`), ...(rest ? [rest.text] : [])];
  return wrap(`${title}. ${named.join("; ")}`, width, "  ");
}

function lineText({ title, text, rest }: OneLine): string[] {
  return wrap([title && `${title}.`, text, rest?.text].filter(Boolean).join(" "), width, "  ");
}

const steps = "▁▂▃▄▅▆▇█";

function trendText({ title, days, words }: Trend): string[] {
  const line = days.map(({ share }) => (share === null ? "·" : (steps[Math.round(7 * share)] ?? "")));
  return [title.toUpperCase(), line.join(""), ...wrap(words, width)];
}

const barWidth = 20;

function barsText({ title, bars, rest, note }: Bars): string[] {
  return [
    title.toUpperCase(),
    ...bars.flatMap(({ label, words, percent }) => {
      const bar = "█".repeat(Math.max(1, Math.round((percent * barWidth) / 100)));
      return wrap(`${shown(label, 24).padEnd(25)}${bar.padEnd(barWidth)} ${words}`, width, " ".repeat(4));
    }),
    ...restText(rest),
    ...(note ? wrap(note, width) : []),
  ];
}

function restText(rest: Rest | null): string[] {
  return rest ? wrap(rest.text, width) : [];
}

function remarkText({ title, tone, points, rest }: Remark): string[] {
  return [
    (tone === "caution" ? "! " : "") + title.toUpperCase(),
    ...points.flatMap(({ text, products, more }) => [
      ...wrap(text, width),
      ...products.flatMap((line) => wrap(`- ${line}`, width, "  ")),
      ...(more > 0 ? [`- and ${many(more, "more product")}`] : []),
    ]),
    ...restText(rest),
  ];
}

function linksText({ parts }: Digest): string[] {
  const links = new Set<string>();
  for (const part of parts) {
    const kbs = "kbs" in part ? part.kbs : "steps" in part ? part.steps : [];
    for (const { number, link } of kbs) if (link) links.add(`${number} ${link}`);
  }
  return links.size > 0 ? ["LINKS", ...links] : [];
}

function bottom({ audit, health, csv, portal }: Digest): string[] {
  return [
    "-".repeat(width),
    ...wrap(audit.join(" "), width),
    ...(health ? [`Health: ${health}`] : []),
    ...(csv ? [`Full list: ${csv}`] : []),
    `Defender: ${portal}`,
  ];
}

/** Text in lines of at most `width` characters, the later ones indented; a longer word gets a line of its own. */
export function wrap(text: string, width: number, indent = ""): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line === "") line = lines.length > 0 ? indent + word : word;
    else if (line.length + 1 + word.length <= width) line += ` ${word}`;
    else {
      lines.push(line);
      line = indent + word;
    }
  }
  return line === "" ? lines : [...lines, line];
}
