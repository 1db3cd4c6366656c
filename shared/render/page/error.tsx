import { renderToStaticMarkup } from "react-dom/server";
import style from "./client/error.css?inline";

/** An error as a person in a browser sees it. */
export interface ErrorView {
  title: string;
  detail: string;
  /** What is allowed instead. */
  allowed: readonly string[];
  /** For the inline style; new for every response. */
  nonce: string;
}

/** The page of an error, without a script. It lists what is allowed where the detail does not name it. */
export function renderError({ title, detail, allowed, nonce }: ErrorView): string {
  const listed = allowed.filter((one) => !detail.includes(one));
  const html = renderToStaticMarkup(
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>{`${title} · Missing KBs`}</title>
        {/* biome-ignore lint/security/noDangerouslySetInnerHtml: our own constant text */}
        <style nonce={nonce} dangerouslySetInnerHTML={{ __html: style }} />
      </head>
      <body>
        <main>
          <h1>{title}</h1>
          <p>{detail}</p>
          {listed.length > 0 && (
            <>
              <p>Allowed:</p>
              <ul>
                {listed.map((one) => (
                  <li key={one}>{one}</li>
                ))}
              </ul>
            </>
          )}
        </main>
      </body>
    </html>,
  );
  return `<!doctype html>\n${html}\n`;
}
