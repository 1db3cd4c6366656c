import { renderToStaticMarkup } from "react-dom/server";
import { Container, Head, Html } from "react-email";
import type { Report } from "../../core/report.ts";
import type { Verdict } from "../../core/verdict.ts";
import { reportCsvChunks } from "../export/csv.ts";
import { count, formatDay, type RenderOptions } from "../words.ts";
import { type Brief, type Digest, digestOf, type KbTable, type Part } from "./content.ts";
import type { FullList, Rest } from "./context.ts";
import { gather, type Material } from "./material.ts";
import { Anchor, Block, Button, KbRows, Layout, Line, MaybeLink, Section, Title, TrendBars } from "./parts.tsx";
import type { Point, Remark, SoftwareBars } from "./products.ts";
import { breaking, darkSheet, type Fill, filled, font, inked, ruled } from "./style.ts";
import { renderSubject } from "./subject.ts";
import { textOf } from "./text.ts";
import type { Trend } from "./trend.ts";

/** A mail ready to be addressed. */
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

/** The mail of a report: however large the estate, the worst first and the rest counted. */
export async function renderDigest(report: Report, options: RenderOptions): Promise<RenderedDigest> {
  const attachments = attach(report);
  const list = report.rows.length === 0 ? "none" : attachments.length > 0 ? "attached" : "too large";
  const { html, text } = renderWithin(gather(report, options), list);
  return { subject: renderSubject(report), html, text, attachments };
}

// A common mail fits at once. With no room at all, what is left is of bounded size whatever the report says.
function renderWithin(material: Material, list: FullList): { html: string; text: string } {
  for (const room of [1, 0.75, 0.5, 0.2]) {
    const bodies = bodiesOf(digestOf(material, room, list));
    if (bytes(bodies.html) <= maxHtmlBytes && bytes(bodies.text) <= maxTextBytes) return bodies;
  }
  return bodiesOf(digestOf(material, 0, list));
}

// The doctype that every client treats alike. Static markup, since react-email's own `render` takes twice the time to
// load: it brings a parser of html to make plain text from it.
const doctype =
  '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">';

function bodiesOf(digest: Digest): { html: string; text: string } {
  return { html: doctype + renderToStaticMarkup(<Mail digest={digest} />), text: textOf(digest) };
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
  const watchlist = report.watchlist.replace(/[^\w.-]+/g, "_").slice(0, 60);
  const filename = `missing-kbs-${watchlist}-${report.runId.replaceAll(":", "")}.csv`;
  return [{ filename, type: "text/csv", content }];
}

function Mail({ digest }: { digest: Digest }) {
  return (
    <Html lang="en">
      <Head>
        <meta name="viewport" content="width=device-width" />
        <meta name="format-detection" content="telephone=no,date=no,address=no,email=no,url=no" />
        <meta name="color-scheme" content="light dark" />
        <meta name="supported-color-schemes" content="light dark" />
        <title>{digest.headline}</title>
        <style>{darkSheet}</style>
      </Head>
      <body {...filled("page", { margin: 0, padding: 0 })}>
        <table role="presentation" width="100%" border={0} cellPadding={0} cellSpacing={0} {...filled("page")}>
          <tbody>
            <tr>
              <td style={{ padding: "16px 0" }}>
                <Container {...filled("card", { maxWidth: 600, width: "100%" })}>
                  <Block fill={stripes[digest.verdict]} height={4} />
                  <Layout>
                    <Top digest={digest} />
                    {digest.parts.map((part, index) => (
                      // biome-ignore lint/suspicious/noArrayIndexKey: rendered once, never reordered
                      <PartRows key={index} part={part} />
                    ))}
                    <Bottom digest={digest} />
                  </Layout>
                </Container>
              </td>
            </tr>
          </tbody>
        </table>
      </body>
    </Html>
  );
}

function PartRows({ part }: { part: Part }) {
  switch (part.type) {
    case "table":
      return <Table table={part} />;
    case "brief":
      return <BriefList brief={part} />;
    case "trend":
      return <TrendPart trend={part} />;
    case "bars":
      return <Bars software={part} />;
    case "remark":
      return <RemarkPart remark={part} />;
  }
}

const stripes: Readonly<Record<Verdict, Fill>> = {
  worse: "worse",
  blind: "amber",
  first: "bar",
  better: "better",
  joined: "bar",
  quiet: "paleBar",
};

function Top({ digest: { headline, about, caution, link } }: { digest: Digest }) {
  return (
    <Section top={18}>
      <h1 {...inked("text", { margin: 0, ...font(20, true) })}>{headline}</h1>
      <p {...inked("muted", { margin: "6px 0 0", ...font(13), ...breaking(about) })}>{about}</p>
      {caution && <Caution>{caution}</Caution>}
      {link && <Button href={link}>Open the report</Button>}
    </Section>
  );
}

function Caution({ children }: { children: string }) {
  return (
    <table role="presentation" width="100%" border={0} cellPadding={0} cellSpacing={0} style={{ marginTop: 12 }}>
      <tbody>
        <tr>
          <td {...filled("caution", { padding: "8px 12px" })}>
            <Line ink="caution">{children}</Line>
          </td>
        </tr>
      </tbody>
    </table>
  );
}

function Table({ table: { title, note, kbs, rest } }: { table: KbTable }) {
  return (
    <Section>
      <Title>{title}</Title>
      {note && <Line ink="muted">{note}</Line>}
      {kbs.length > 0 && <KbRows kbs={kbs} />}
      <RestLine rest={rest} />
    </Section>
  );
}

function RestLine({ rest }: { rest: Rest | null }) {
  if (!rest) return null;
  return (
    <Line ink="muted" top={4}>
      <MaybeLink link={rest.link}>{rest.text}</MaybeLink>
    </Line>
  );
}

function BriefList({ brief: { title, note, kbs, rest } }: { brief: Brief }) {
  return (
    <Section>
      <Title>{title}</Title>
      {kbs.map(({ number, link: to, words }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rendered once, never reordered
        <p key={index} {...inked("text", { margin: "3px 0 0", ...font(13), ...breaking(words) })}>
          <MaybeLink link={to}>{number}</MaybeLink>
          {` ${words}`}
        </p>
      ))}
      <RestLine rest={rest} />
      <Line ink="muted" top={3}>
        {note}
      </Line>
    </Section>
  );
}

function TrendPart({ trend: { days, words } }: { trend: Trend }) {
  return (
    <Section>
      <Title>Missing machine-KB pairs, 30 days</Title>
      <TrendBars days={days} />
      <Layout>
        <tr>
          <td {...ruled({ padding: "2px 0 0" })}>
            <span {...inked("muted", font(11))}>{formatDay(days[0]?.day ?? "")}</span>
          </td>
          <td align="right" {...ruled({ padding: "2px 0 0" })}>
            <span {...inked("muted", font(11))}>{formatDay(days.at(-1)?.day ?? "")}</span>
          </td>
        </tr>
      </Layout>
      <Line top={2}>{words}</Line>
    </Section>
  );
}

function Bars({ software: { bars, rest, note } }: { software: SoftwareBars }) {
  return (
    <Section>
      <Title>Missing by software</Title>
      <Layout>
        {bars.map(({ label, words, percent, read }, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: rendered once, never reordered
          <tr key={index}>
            <td style={{ padding: "6px 0 0" }}>
              <Layout>
                <tr>
                  <td {...inked("text", { padding: "0 0 2px", ...font(13), ...breaking(label) })}>{label}</td>
                  <td align="right" {...inked("muted", { padding: "0 0 2px 12px", ...font(13) })}>
                    {words}
                  </td>
                </tr>
              </Layout>
              <Block fill={read ? "bar" : "paleBar"} height={6} width={`${percent}%`} />
            </td>
          </tr>
        ))}
      </Layout>
      <RestLine rest={rest} />
      {note && (
        <Line ink="muted" top={4}>
          {note}
        </Line>
      )}
    </Section>
  );
}

function RemarkPart({ remark: { title, tone, points, rest } }: { remark: Remark }) {
  return (
    <Section>
      <Title ink={tone === "caution" ? "caution" : "text"}>{title}</Title>
      {points.map((point) => (
        <PointLines key={point.text} point={point} />
      ))}
      <RestLine rest={rest} />
    </Section>
  );
}

function PointLines({ point: { text, products, more } }: { point: Point }) {
  return (
    <>
      <Line top={4}>{text}</Line>
      {[...products, ...(more > 0 ? [`and ${count(more)} more`] : [])].map((line, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rendered once, never reordered
        <Line key={index} ink="muted" top={2}>
          {line}
        </Line>
      ))}
    </>
  );
}

function Bottom({ digest: { audit, health, csv, portal } }: { digest: Digest }) {
  return (
    <tr>
      <td style={{ padding: "24px 20px 20px" }}>
        <Layout>
          <tr>
            <td {...ruled({ padding: "10px 0 0" })}>
              <p {...inked("muted", { margin: 0, ...font(12) })}>{audit.join(" ")}</p>
              <p {...inked("muted", { margin: "6px 0 0", ...font(12) })}>
                {health && <Anchor href={health}>Health of the reporter</Anchor>}
                {health && " · "}
                {csv && <Anchor href={csv}>Full list as CSV</Anchor>}
                {csv && " · "}
                <Anchor href={portal}>Defender portal</Anchor>
              </p>
            </td>
          </tr>
        </Layout>
      </td>
    </tr>
  );
}
