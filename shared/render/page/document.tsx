import type { ReactNode } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import pageScript from "./client/script.ts?inline";
import pageStyle from "./client/style.css?inline";

/** A document's text. */
export function renderDocument(document: ReactNode): string {
  return `<!doctype html>\n${renderToStaticMarkup(document)}\n`;
}

const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='3' fill='%230b5cad'/%3E%3Cpath d='M4 11V8m4 3V5m4 6V7' stroke='%23fff' stroke-width='2'/%3E%3C/svg%3E";

/** The frame of every page. Style and script carry the nonce, so that they pass the page's content security policy. */
export function Document(props: { nonce: string; title: string; children: ReactNode }) {
  const { nonce } = props;
  return (
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="referrer" content="no-referrer" />
        <meta name="robots" content="noindex" />
        <title>{props.title}</title>
        <link rel="icon" href={icon} />
        {/* biome-ignore lint/security/noDangerouslySetInnerHtml: our own constant text */}
        <style nonce={nonce} dangerouslySetInnerHTML={{ __html: pageStyle }} />
      </head>
      <body>
        <div className="page">{props.children}</div>
        {/* biome-ignore lint/security/noDangerouslySetInnerHtml: our own constant text */}
        <script nonce={nonce} dangerouslySetInnerHTML={{ __html: pageScript }} />
      </body>
    </html>
  );
}
