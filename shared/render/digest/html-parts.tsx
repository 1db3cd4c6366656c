import { Fragment } from "react";
import { many } from "../words.ts";
import type { Actions } from "./actions.ts";
import type { Bars } from "./bars.ts";
import type { Part } from "./content.ts";
import { Block, Layout, Line, MaybeLink, Section, Title } from "./html-blocks.tsx";
import { breaking, font, type Ink, inked, ruled } from "./html-style.ts";
import type { KbLine, Tone } from "./kb-line.ts";
import type { Brief, KbTable } from "./kb-tables.ts";
import type { OneLine, Rest } from "./material.ts";
import type { Point, Remark } from "./remarks.ts";
import type { Trend, TrendBar } from "./trend.ts";

/** One part of a digest, as rows of the card's table. */
export function PartRows({ part }: { part: Part }) {
  switch (part.type) {
    case "actions":
      return <ActionsPart actions={part} />;
    case "table":
      return <Table table={part} />;
    case "brief":
      return <BriefPart brief={part} />;
    case "line":
      return <LinePart line={part} />;
    case "trend":
      return <TrendPart trend={part} />;
    case "bars":
      return <BarsPart bars={part} />;
    case "remark":
      return <RemarkPart remark={part} />;
  }
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

function ActionsPart({ actions: { title, steps, rest } }: { actions: Actions }) {
  return (
    <Section>
      <Title>{title}</Title>
      <Layout>
        {steps.map(({ number, link, where, facts, warnings }, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: rendered once, never reordered
          <tr key={index}>
            <td width={22} valign="top" {...inked("muted", { padding: "3px 0 0", ...font(13) })}>
              {`${index + 1}.`}
            </td>
            <td {...inked("text", { padding: "3px 0 0", ...font(13), ...breaking(where) })}>
              <b>
                <MaybeLink link={link}>{number}</MaybeLink>
              </b>
              {` on ${where}`}
              <span {...inked("muted", { fontSize: 12 })}>{afterDots(facts)}</span>
              {warnings.length > 0 && <span {...inked("worse", { fontSize: 12 })}>{afterDots(warnings)}</span>}
            </td>
          </tr>
        ))}
      </Layout>
      <RestLine rest={rest} />
    </Section>
  );
}

function afterDots(parts: readonly string[]): string {
  return parts.map((part) => ` · ${part}`).join("");
}

/** What found no room. */
export function RestLine({ rest }: { rest: Rest | null }) {
  if (!rest) return null;
  return (
    <Line ink="muted" top={4}>
      <MaybeLink link={rest.link}>{rest.text}</MaybeLink>
    </Line>
  );
}

const inkOf: Readonly<Record<Tone, Ink>> = { worse: "worse", better: "better", plain: "text" };

/** KBs with their products below each, the counts in columns. */
function KbRows({ kbs }: { kbs: readonly KbLine[] }) {
  return (
    <table width="100%" border={0} cellPadding={0} cellSpacing={0} style={{ marginTop: 4 }}>
      <thead>
        <tr>
          <ColumnHead align="left">KB and product</ColumnHead>
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

/** The head of a column of counts, or of their labels. */
export function ColumnHead({ align, width, children }: { align: "left" | "right"; width?: number; children: string }) {
  return (
    <th scope="col" align={align} {...inked("muted", { padding: "0 0 4px", ...(width && { width }), ...font(11) })}>
      {children}
    </th>
  );
}

function Kb({ kb }: { kb: KbLine }) {
  const { number, link, name, facts, warnings, products, more } = kb;
  return (
    <tbody>
      <tr>
        <td colSpan={3} {...titleCell(`${name} ${facts.join()}`)}>
          <b>
            <MaybeLink link={link}>{number}</MaybeLink>
          </b>
          {name && ` ${name}`}
          <span {...inked("muted", { fontSize: 12 })}>{afterDots(facts)}</span>
          {warnings.length > 0 && <span {...inked("worse", { fontSize: 12 })}>{afterDots(warnings)}</span>}
        </td>
      </tr>
      {products.map(({ label, machines, cves }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rendered once, never reordered
        <tr key={index}>
          <td {...inked("muted", { paddingBottom: 4, ...font(13), ...breaking(label) })}>{label}</td>
          <Count ink={inkOf[machines.tone]}>{machines.text}</Count>
          <Count ink={inkOf[cves.tone]}>{cves.text}</Count>
        </tr>
      ))}
      <MoreProducts more={more} columns={3} />
    </tbody>
  );
}

/** How many products of a KB found no room, as a row below them. */
export function MoreProducts({ more, columns }: { more: number; columns: number }) {
  if (more === 0) return null;
  return (
    <tr>
      <td colSpan={columns} {...inked("muted", { paddingBottom: 4, ...font(12) })}>
        {`and ${many(more, "more product")}`}
      </td>
    </tr>
  );
}

/** Attributes of the cell that a KB begins with. */
export function titleCell(text: string) {
  const { className, style } = inked("text", { padding: "7px 0 1px", ...font(13), ...breaking(text) });
  const rule = ruled(style);
  return { ...rule, className: `${rule.className} ${className}` };
}

/** A cell of a column of counts. */
export function Count({ children, ink = "text" }: { children: string; ink?: Ink }) {
  return (
    <td align="right" valign="top" {...inked(ink, { paddingLeft: 10, ...font(13, ink !== "text") })}>
      {children.replaceAll(" ", "\u00a0")}
    </td>
  );
}

function BriefPart({ brief: { title, kbs, rest } }: { brief: Brief }) {
  return (
    <Section top={12}>
      <p {...inked("text", { margin: 0, ...font(13), ...breaking(kbs.map(({ words }) => words).join(" ")) })}>
        <b>{`${title}.`}</b>
        {kbs.map(({ number, link, words }, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: rendered once, never reordered
          <Fragment key={index}>
            {index > 0 ? "; " : " "}
            <MaybeLink link={link}>{number}</MaybeLink>
            {` ${words}`}
          </Fragment>
        ))}
        {rest && (
          <>
            {kbs.length > 0 ? "; " : " "}
            <MaybeLink link={rest.link}>{rest.text}</MaybeLink>
          </>
        )}
      </p>
    </Section>
  );
}

function LinePart({ line: { title, text, rest } }: { line: OneLine }) {
  return (
    <Section top={12}>
      <p {...inked(title ? "text" : "muted", { margin: 0, ...font(13) })}>
        {title && <b>{`${title}.`}</b>}
        {title && text ? ` ${text}` : text}
        {rest && (title || text) && " "}
        {rest && <MaybeLink link={rest.link}>{rest.text}</MaybeLink>}
      </p>
    </Section>
  );
}

function TrendPart({ trend: { title, days, from, to, words } }: { trend: Trend }) {
  return (
    <Section>
      <Title>{title}</Title>
      <TrendBars days={days} />
      <Layout>
        <tr>
          <td {...ruled({ padding: "2px 0 0" })}>
            <span {...inked("muted", font(11))}>{from}</span>
          </td>
          <td align="right" {...ruled({ padding: "2px 0 0" })}>
            <span {...inked("muted", font(11))}>{to}</span>
          </td>
        </tr>
      </Layout>
      <Line top={2}>{words}</Line>
    </Section>
  );
}

const trendHeight = 44;

/** A bar for each day as a table cell: no image to be blocked. The words below say the same. */
function TrendBars({ days }: { days: readonly TrendBar[] }) {
  return (
    <Layout aria-hidden="true" style={{ marginTop: 8 }}>
      <tr>
        {days.map(({ day, share, isPartial }) => (
          <td key={day} height={trendHeight} width="3%" valign="bottom" style={{ padding: "0 1px" }}>
            <Block
              fill={share === null ? "line" : isPartial ? "paleBar" : "bar"}
              height={Math.max(1, Math.round(trendHeight * (share ?? 0)))}
            />
          </td>
        ))}
      </tr>
    </Layout>
  );
}

function BarsPart({ bars: { title, bars, rest, note } }: { bars: Bars }) {
  return (
    <Section>
      <Title>{title}</Title>
      <Layout>
        {bars.map(({ label, words, percent, isRead }, index) => (
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
              <Block fill={isRead ? "bar" : "paleBar"} height={6} width={`${percent}%`} />
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
      {text && <Line top={4}>{text}</Line>}
      {[...products, ...(more > 0 ? [`and ${many(more, "more product")}`] : [])].map((line, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rendered once, never reordered
        <Line key={index} ink="muted" top={2}>
          {line}
        </Line>
      ))}
    </>
  );
}
