import type { Undelivered } from "../../core/mail.ts";
import type { Report } from "../../core/report.ts";
import type { SinceDigest } from "../../core/since.ts";
import { reportCsvChunks } from "../export/csv.ts";
import { fileName } from "../export/file-name.ts";
import { subject } from "../headline.ts";
import type { RenderOptions } from "../words.ts";
import { type Bodies, bounded } from "./bounded.ts";
import { digestOf } from "./content.ts";
import { htmlOf } from "./html.tsx";
import { type FullList, gather, type Material } from "./material.ts";
import { textOf } from "./text.ts";

/** A digest ready to be addressed. */
export interface RenderedDigest {
  subject: string;
  html: string;
  text: string;
  /** The full list, where it is small enough to be mailed. */
  attachments: { filename: string; type: string; content: string }[];
}

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
  const material = gather(report, options, since, undelivered);
  const { html, text } = bounded((room) => bodiesOf(material, room, list));
  return { subject: subject(report, since), html, text, attachments };
}

function bodiesOf(material: Material, room: number, list: FullList): Bodies {
  const digest = digestOf(material, room, list);
  return { html: htmlOf(digest), text: textOf(digest) };
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
