import { renderToStaticMarkup } from "react-dom/server";
import type { Verdict } from "../../core/verdict.ts";
import type { Digest } from "./content.ts";
import { Anchor, Block, Button, Layout, Line, Section } from "./html-blocks.tsx";
import { PartRows } from "./html-parts.tsx";
import { breaking, darkSheet, type Fill, filled, font, inked, ruled } from "./html-style.ts";

// The doctype that every client treats alike.
const doctype =
  '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">';

/** A digest as html that mail clients show as it is: tables, inline styles, nothing loaded from anywhere. */
export function htmlOf(digest: Digest): string {
  return doctype + renderToStaticMarkup(<Mail digest={digest} />);
}

function Mail({ digest }: { digest: Digest }) {
  return (
    <html lang="en" dir="ltr">
      <head>
        <meta httpEquiv="Content-Type" content="text/html; charset=UTF-8" />
        <meta name="viewport" content="width=device-width" />
        <meta name="x-apple-disable-message-reformatting" />
        <meta name="format-detection" content="telephone=no,date=no,address=no,email=no,url=no" />
        <meta name="color-scheme" content="light dark" />
        <meta name="supported-color-schemes" content="light dark" />
        <title>{digest.headline}</title>
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
                    <Block fill={stripes[digest.verdict]} height={4} />
                    <Layout>
                      <Top digest={digest} />
                      {digest.parts.map((part, index) => (
                        // biome-ignore lint/suspicious/noArrayIndexKey: rendered once, never reordered
                        <PartRows key={index} part={part} />
                      ))}
                      <Bottom digest={digest} />
                    </Layout>
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

const stripes: Readonly<Record<Verdict, Fill>> = {
  worse: "worse",
  "not-read": "amber",
  "partly-read": "amber",
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
    <Layout style={{ marginTop: 12 }}>
      <tr>
        <td {...filled("caution", { padding: "8px 12px" })}>
          <Line ink="caution">{children}</Line>
        </td>
      </tr>
    </Layout>
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
                {health && <Anchor href={health}>Reporter health</Anchor>}
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
