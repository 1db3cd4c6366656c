import type { AlertContent, AlertKb } from "./alert.ts";
import { Anchor, Line, MaybeLink, Section, Title } from "./html-blocks.tsx";
import { framed, Links } from "./html-frame.tsx";
import { ColumnHead, Count, MoreProducts, RestLine, titleCell } from "./html-parts.tsx";
import { breaking, font, inked } from "./html-style.ts";

/** An alert as html. */
export function alertHtml(alert: AlertContent): string {
  const { title, kbs, rest, note, sources, links } = alert;
  return framed(
    alert,
    "worse",
    links,
    <>
      <Section>
        <Title>{title}</Title>
        <KbTable kbs={kbs} />
        <RestLine rest={rest} />
        {note && (
          <Line ink="muted" top={4}>
            {note}
          </Line>
        )}
      </Section>
      {sources.links.length > 0 && (
        <Section>
          <Title>{sources.title}</Title>
          <Line top={3}>
            <Links links={sources.links} />
          </Line>
        </Section>
      )}
    </>,
  );
}

const columns = ["Machines", "Missing since", "As of"];

/** KBs with the products that miss them below each. */
function KbTable({ kbs }: { kbs: readonly AlertKb[] }) {
  return (
    <table width="100%" border={0} cellPadding={0} cellSpacing={0} style={{ marginTop: 4 }}>
      <thead>
        <tr>
          <ColumnHead align="left">KB and product</ColumnHead>
          {columns.map((column) => (
            <ColumnHead key={column} align="right" width={72}>
              {column}
            </ColumnHead>
          ))}
        </tr>
      </thead>
      {kbs.map((kb) => (
        <KbBody key={kb.number} kb={kb} />
      ))}
    </table>
  );
}

function KbBody({ kb: { number, link, name, report, products, more } }: { kb: AlertKb }) {
  return (
    <tbody>
      <tr>
        <td colSpan={4} {...titleCell(name)}>
          <b>
            <MaybeLink link={link}>{number}</MaybeLink>
          </b>
          {name && ` ${name}`}
          {report && (
            <span {...inked("muted", { fontSize: 12 })}>
              {" · "}
              <Anchor href={report}>report</Anchor>
            </span>
          )}
        </td>
      </tr>
      {products.map(({ label, machines, missingSince, readOn }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rendered once, never reordered
        <tr key={index}>
          <td {...inked("muted", { paddingBottom: 4, ...font(13), ...breaking(label) })}>{label}</td>
          <Count ink="worse">{machines}</Count>
          <Count>{missingSince}</Count>
          <Count>{readOn}</Count>
        </tr>
      ))}
      <MoreProducts more={more} columns={4} />
    </tbody>
  );
}
