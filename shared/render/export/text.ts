import type { KbRow } from "../../core/row.ts";
import { isNarrowed, isWorstFirst, trendReport } from "../../core/selection.ts";
import { type AskedReport, askedLink, newerRunWords } from "../asked-report.ts";
import { type Digest, digestOf, type Part } from "../digest/content.ts";
import { type KbLine, kbLine } from "../digest/kb-line.ts";
import type { KbTable } from "../digest/kb-tables.ts";
import { type Context, gather } from "../digest/material.ts";
import { textOf } from "../digest/text.ts";
import { trendOf } from "../digest/trend.ts";
import { inSentence, kindLabels, whyWordsOf } from "../kind-words.ts";
import { textLimits } from "../limits.ts";
import { notReadOfAll, selectionHeadline, selectionTitle, trendLabel } from "../selection-words.ts";
import { count, type RenderOptions } from "../words.ts";

/** A report in plain text: as its digest, or, where entries were selected or sorted, as a list of these. */
export function reportText(asked: AskedReport, options: RenderOptions): string {
  const { report, selection, newerRuns } = asked;
  const digest = digestOf(gather(report, options), 1, "none");
  const isPlain = !isNarrowed(selection) && isWorstFirst(selection);
  const newer = newerRuns.map((runId) => ` ${newerRunWords(runId, report.timeZone)}: run=${runId}.`);
  return textOf({
    ...digest,
    ...(!isPlain && listed(asked, digest, options)),
    about: digest.about + newer.join(""),
    link: askedLink(asked, options.reportUrl),
    csv: askedLink(asked, options.reportUrl, { format: "csv" }),
  });
}

function listed(asked: AskedReport, digest: Digest, options: RenderOptions): Partial<Digest> {
  const { selection, full } = asked;
  const others = digest.parts.filter(({ type }) => type === "bars" || type === "remark");
  return {
    ...(isNarrowed(selection) && {
      headline: `${selectionTitle(selection)}. ${selectionHeadline(asked)}`,
      caution: notReadOfAll(full),
    }),
    parts: [...kbList(asked, options), ...trendPart(asked), ...others],
  };
}

function kbList({ report, selection }: AskedReport, options: RenderOptions): KbTable[] {
  const { rows } = report;
  if (rows.length === 0) return [];
  const context = { ...gather(report, options), room: 1, list: "none" as const, linkTo: () => null };
  const more = rows.length - textLimits.kbs;
  return [
    {
      type: "table",
      title: selectionTitle(selection),
      note: null,
      kbs: rows.slice(0, textLimits.kbs).map((row) => listedLine(row, context)),
      rest: more > 0 ? { text: `${count(more)} more: format=csv lists all.`, link: null } : null,
    },
  ];
}

function listedLine(row: KbRow, context: Context): KbLine {
  const line = kbLine(row, context);
  const change = [inSentence(kindLabels[row.kind].label), whyWordsOf(row)].filter(Boolean).join(": ");
  return { ...line, facts: [change, ...line.facts] };
}

function trendPart(asked: AskedReport): Part[] {
  const trend = trendOf(trendReport(asked));
  const label = trendLabel(asked.selection);
  return trend ? [{ ...trend, title: [trend.title, label].filter(Boolean).join(", ") }] : [];
}
