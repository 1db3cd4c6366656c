import type { Undelivered } from "../../core/mail.ts";
import type { Report } from "../../core/report.ts";
import type { SinceDigest } from "../../core/since.ts";
import { reportCsvChunks } from "../export/csv.ts";
import { fileName } from "../export/file-name.ts";
import { subject } from "../headline.ts";
import type { RenderOptions } from "../words.ts";
import { digestOf } from "./content.ts";
import { htmlOf } from "./html.tsx";
import { type FullList, gather, type Material } from "./material.ts";
import { textOf } from "./text.ts";

/** A digest ready to be addressed. */
export interface RenderedDigest {
  subject: string;
  /** At most 80,000 bytes; Gmail cuts a mail off at about 102,000. */
  html: string;
  text: string;
  /** The full list, where it is small enough to be mailed. */
  attachments: { filename: string; type: string; content: string }[];
}

const maxHtmlBytes = 80_000;
const maxTextBytes = 80_000;
/** More is for the report page, not for a mailbox. */
const maxAttachedCharacters = 8_000_000;

/** The digest of a report: however large the estate, the worst first and the rest counted. */
export async function renderDigest(
  report: Report,
  options: RenderOptions,
  since: SinceDigest | null = null,
  undelivered?: Undelivered,
): Promise<RenderedDigest> {
  const attachments = attach(report);
  const list = report.rows.length === 0 ? "none" : attachments.length > 0 ? "attached" : "too large";
  const { html, text } = renderWithin(gather(report, options, since, undelivered), list);
  return { subject: subject(report, since), html, text, attachments };
}

// A common mail fits at once. With no room at all, what is left is of bounded size whatever the report says.
function renderWithin(material: Material, list: FullList): { html: string; text: string } {
  for (const room of [1, 0.75, 0.5, 0.2]) {
    const bodies = bodiesOf(material, room, list);
    if (bytes(bodies.html) <= maxHtmlBytes && bytes(bodies.text) <= maxTextBytes) return bodies;
  }
  return bodiesOf(material, 0, list);
}

function bodiesOf(material: Material, room: number, list: FullList): { html: string; text: string } {
  const digest = digestOf(material, room, list);
  return { html: htmlOf(digest), text: textOf(digest) };
}

function bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}

function attach(report: Report): RenderedDigest["attachments"] {
  if (report.rows.length === 0) return [];
  let content = "";
  for (const chunk of reportCsvChunks(report)) {
    content += chunk;
    if (content.length > maxAttachedCharacters) return [];
  }
  return [{ filename: fileName(report, "csv"), type: "text/csv", content }];
}
