import type { ReactNode } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { Anchor, Block, Button, Layout, Line, Section } from "./html-blocks.tsx";
import { breaking, darkSheet, type Fill, filled, font, inked, ruled } from "./html-style.ts";

// The doctype that every client treats alike.
const doctype =
  '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">';

/** What every mail has. */
export interface Framed {
  headline: string;
  /** What it is about, and of when. */
  about: string;
  /** What the headline leaves open; `null` where nothing is. */
  caution: string | null;
  link: string | null;
  /** Where else to look. */
  places?: readonly MailLink[];
  /** What the mail says of itself. */
  audit: readonly string[];
}

/** A mail as html that mail clients show as it is: tables, inline styles, nothing loaded from anywhere. */
export function framed(mail: Framed, stripe: Fill, links: readonly MailLink[], parts: ReactNode): string {
  return (
    doctype +
    renderToStaticMarkup(
      <Frame title={mail.headline} stripe={stripe}>
        <Top mail={mail} />
        {parts}
        <Bottom audit={mail.audit} links={links} />
      </Frame>,
    )
  );
}

/** A link in a line of links; left out where it leads nowhere. */
export interface MailLink {
  words: string;
  href: string | null;
}

/** Links one after another. */
export function Links({ links }: { links: readonly MailLink[] }) {
  const shown = links.flatMap(({ words, href }) => (href === null ? [] : [{ words, href }]));
  return shown.flatMap(({ words, href }, index) => [
    index > 0 && " · ",
    <Anchor key={words} href={href}>
      {words}
    </Anchor>,
  ]);
}

function Frame({ title, stripe, children }: { title: string; stripe: Fill; children: ReactNode }) {
  return (
    <html lang="en" dir="ltr">
      <head>
        <meta httpEquiv="Content-Type" content="text/html; charset=UTF-8" />
        <meta name="viewport" content="width=device-width" />
        <meta name="x-apple-disable-message-reformatting" />
        <meta name="format-detection" content="telephone=no,date=no,address=no,email=no,url=no" />
        <meta name="color-scheme" content="light dark" />
        <meta name="supported-color-schemes" content="light dark" />
        <title>{title}</title>
        <style>{darkSheet}</style>
      </head>
      <body {...filled("page", { margin: 0, padding: 0 })}>
        <Layout {...filled("page")}>
          <tr>
            <td style={{ padding: "16px 0" }}>
              {/* 600 pixels wide, less on a phone. */}
              <Layout align="center" {...filled("card", { maxWidth: 600, width: "100%" })}>
                <tr>
                  <td>
                    <Block fill={stripe} height={4} />
                    <Layout>{children}</Layout>
                  </td>
                </tr>
              </Layout>
            </td>
          </tr>
        </Layout>
      </body>
    </html>
  );
}

function Top({ mail: { headline, about, caution, link, places = [] } }: { mail: Framed }) {
  return (
    <Section top={18}>
      <h1 {...inked("text", { margin: 0, ...font(20, true) })}>{headline}</h1>
      <p {...inked("muted", { margin: "6px 0 0", ...font(13), ...breaking(about) })}>{about}</p>
      {caution && <Caution>{caution}</Caution>}
      {link && <Button href={link}>Open the report</Button>}
      {places.length > 0 && (
        <Line top={8}>
          <Links links={places} />
        </Line>
      )}
    </Section>
  );
}

function Caution({ children }: { children: string }) {
  return (
    <Layout style={{ marginTop: 12 }}>
      <tr>
        <td {...filled("caution", { padding: "8px 12px" })}>
          <Line ink="caution">{children}</Line>
        </td>
      </tr>
    </Layout>
  );
}

function Bottom({ audit, links }: { audit: readonly string[]; links: readonly MailLink[] }) {
  return (
    <tr>
      <td style={{ padding: "24px 20px 20px" }}>
        <Layout>
          <tr>
            <td {...ruled({ padding: "10px 0 0" })}>
              <p {...inked("muted", { margin: 0, ...font(12) })}>{audit.join(" ")}</p>
              <p {...inked("muted", { margin: "6px 0 0", ...font(12) })}>
                <Links links={links} />
              </p>
            </td>
          </tr>
        </Layout>
      </td>
    </tr>
  );
}
