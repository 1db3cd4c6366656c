import { createElement as h, type ReactNode } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import type { ReceivedMail } from "./inbox.ts";
import type { Address } from "./inbox-rules.ts";

export const mailParts = ["html", "text", "headers"] as const;
export type MailPart = (typeof mailParts)[number];

/** The list and the reading pane. Without a `selected` mail a wide screen shows the newest, a narrow one the list. */
export function renderInbox(mails: readonly ReceivedMail[], selected: ReceivedMail | null, part: MailPart): string {
  const newestFirst = mails.toReversed();
  const shown = selected ?? newestFirst[0];
  const title = selected ? `${selected.subject} · Inbox` : `Inbox (${mails.length})`;
  const page = h(
    "html",
    { lang: "en" },
    h(
      "head",
      null,
      h("meta", { charSet: "utf-8" }),
      h("meta", { name: "viewport", content: "width=device-width, initial-scale=1" }),
      h("meta", { name: "color-scheme", content: "light dark" }),
      !shown && h("meta", { httpEquiv: "refresh", content: "3" }),
      h("title", null, title),
      h("link", { rel: "icon", href: "data:," }),
      h("link", { rel: "stylesheet", href: "/style.css" }),
    ),
    h(
      "body",
      { className: selected ? "reading" : "browsing" },
      h(
        "nav",
        { "aria-label": "Mails" },
        h(
          "header",
          null,
          h("h1", null, "Inbox", h("span", { className: "count" }, mails.length)),
          h("a", { href: "/", className: "button" }, "Look for new mail"),
        ),
        h(
          "ol",
          null,
          newestFirst.map((mail) => row(mail, mail === shown)),
        ),
      ),
      h("main", null, shown ? readingPane(shown, part) : emptyPane()),
    ),
  );
  return `<!doctype html>${renderToStaticMarkup(page)}`;
}

function emptyPane(): ReactNode {
  return h(
    "div",
    { className: "empty" },
    h("h2", null, "No mail yet"),
    h("p", null, "Mails that are sent through this inbox stand here until it is stopped. None leaves this machine."),
  );
}

function row(mail: ReceivedMail, isShown: boolean): ReactNode {
  return h(
    "li",
    { key: mail.id, id: mail.id },
    h(
      "a",
      { href: linkTo(mail), ...(isShown && { "aria-current": "true" }) },
      h("span", { className: "subject" }, mail.subject),
      h("span", { className: "people" }, mail.to.map(({ name, email }) => name ?? email).join(", ")),
      time(mail),
    ),
  );
}

// The fragment keeps the list where it was scrolled to.
function linkTo({ id }: ReceivedMail, part: MailPart = "html"): string {
  return `/mails/${id}?part=${part}#${id}`;
}

function time({ receivedAt }: ReceivedMail): ReactNode {
  const format = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });
  return h("time", { dateTime: receivedAt.toISOString() }, `${format.format(receivedAt)} UTC`);
}

function readingPane(mail: ReceivedMail, part: MailPart): ReactNode {
  return h(
    "article",
    null,
    h(
      "header",
      null,
      h("a", { href: `/#${mail.id}`, className: "back" }, "← All mails"),
      h("h2", null, mail.subject),
      h(
        "dl",
        null,
        fact("From", people([mail.from])),
        fact("To", recipients(mail.to)),
        fact("Received", time(mail)),
        mail.attachments.length > 0 && fact("Attached", attachmentLinks(mail)),
      ),
      h(
        "div",
        { className: "parts" },
        mailParts.map((name) =>
          h(
            "a",
            { key: name, href: linkTo(mail, name), ...(name === part && { "aria-current": "page" }) },
            { html: "HTML", text: "Plain text", headers: "Headers" }[name],
          ),
        ),
      ),
    ),
    partOf(mail, part),
  );
}

function fact(name: string, value: ReactNode): ReactNode {
  return [h("dt", { key: "name" }, name), h("dd", { key: "value" }, value)];
}

function people(addresses: readonly Address[]): string {
  return addresses.map(({ name, email }) => (name ? `${name} <${email}>` : email)).join(", ");
}

function recipients(addresses: readonly Address[]): ReactNode {
  const [first, ...others] = addresses;
  if (!first || others.length < 3) return people(addresses);
  return h("details", null, h("summary", null, `${people([first])} and ${others.length} others`), people(others));
}

function attachmentLinks({ id, attachments }: ReceivedMail): ReactNode {
  return attachments.map(({ filename, content }, index) =>
    h(
      "a",
      { key: `${index}`, href: `/mails/${id}/attachments/${index}`, className: "attachment" },
      filename,
      h("small", null, size(content.length)),
    ),
  );
}

function size(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`;
  return bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

function partOf(mail: ReceivedMail, part: MailPart): ReactNode {
  if (part === "headers") return headers(mail);
  if (part === "text") return h("pre", { tabIndex: 0 }, mail.text ?? "The mail has no plain text.");
  return h("iframe", {
    src: `/mails/${mail.id}/html`,
    sandbox: "allow-popups allow-popups-to-escape-sandbox",
    title: `The HTML part of ${mail.subject}`,
  });
}

function headers({ id, headers, customArgs, request }: ReceivedMail): ReactNode {
  const facts = [
    ["X-Message-Id", id],
    ...Object.entries(headers),
    ...Object.entries(customArgs).map(([name, value]) => [`${name} (custom argument)`, value]),
    ["categories", (request.categories ?? []).join(", ")],
  ];
  return h(
    "table",
    null,
    h(
      "tbody",
      null,
      facts.map(([name, value]) => h("tr", { key: name }, h("th", { scope: "row" }, name), h("td", null, value))),
    ),
  );
}

/** The HTML part, with its links leading out of the frame it is shown in. */
export function renderHtmlPart({ html }: ReceivedMail): string {
  const base = '<base target="_blank">';
  if (html === null) return "<!doctype html><p>The mail has no HTML.</p>";
  return /<head[^>]*>/i.test(html) ? html.replace(/<head[^>]*>/i, (head) => head + base) : base + html;
}

export const style = `
:root {
  color-scheme: light dark;
  --paper: light-dark(#fff, #16181d);
  --side: light-dark(#f4f5f7, #1d2027);
  --chosen: light-dark(#e3ebfb, #2a3347);
  --line: light-dark(#d9dce2, #343944);
  --ink: light-dark(#1b1f27, #e6e9ef);
  --faint: light-dark(#596070, #a3abb9);
  --accent: light-dark(#1f5fd0, #8ab4ff);
  font: 15px/1.5 system-ui, sans-serif;
}
* { box-sizing: border-box; margin: 0; }
body { display: grid; grid-template-columns: minmax(260px, 340px) minmax(0, 1fr); height: 100dvh; background: var(--paper); color: var(--ink); }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: -2px; }
nav { display: flex; flex-direction: column; min-height: 0; background: var(--side); border-right: 1px solid var(--line); }
nav header { display: flex; align-items: center; justify-content: space-between; gap: 12px; padding: 14px 16px; border-bottom: 1px solid var(--line); }
h1 { font-size: 18px; }
h2 { font-size: 21px; line-height: 1.3; overflow-wrap: anywhere; }
.count { margin-left: 8px; font-size: 14px; font-weight: 400; color: var(--faint); }
.button { padding: 4px 10px; border: 1px solid var(--line); border-radius: 6px; background: var(--paper); font-size: 13px; text-decoration: none; white-space: nowrap; }
ol { flex: 1; overflow-y: auto; padding: 0; list-style: none; }
li { scroll-margin-top: 30dvh; }
li a { display: grid; gap: 1px; padding: 10px 16px; border-bottom: 1px solid var(--line); border-left: 3px solid transparent; color: inherit; text-decoration: none; }
li a:hover { background: var(--chosen); }
li a[aria-current] { background: var(--chosen); border-left-color: var(--accent); }
.subject { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; font-weight: 600; overflow-wrap: anywhere; }
.people, li time { font-size: 13px; color: var(--faint); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
main, article { display: flex; flex-direction: column; min-height: 0; min-width: 0; }
main, article, iframe { flex: 1; }
article > header { display: grid; gap: 10px; padding: 16px 24px 0; border-bottom: 1px solid var(--line); }
.back { display: none; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 2px 14px; font-size: 14px; }
dt { color: var(--faint); }
dd { overflow-wrap: anywhere; }
.attachment { display: inline-block; margin-right: 16px; }
.attachment small { display: inline-block; margin-left: 6px; color: var(--faint); }
.parts { display: flex; gap: 20px; }
.parts a { padding: 6px 0; border-bottom: 3px solid transparent; color: var(--faint); text-decoration: none; }
.parts a[aria-current] { border-bottom-color: var(--accent); color: var(--ink); font-weight: 600; }
iframe { width: 100%; min-height: 0; border: 0; }
pre { flex: 1; padding: 20px 24px; overflow: auto; font: 13px/1.5 ui-monospace, Consolas, monospace; }
table { margin: 16px 24px; border-collapse: collapse; font-size: 14px; }
th, td { padding: 6px 16px 6px 0; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { font-weight: 400; color: var(--faint); white-space: nowrap; }
.empty { display: grid; gap: 8px; margin: auto; padding: 24px; max-width: 26em; text-align: center; color: var(--faint); }
@media (max-width: 700px) {
  body { grid-template-columns: minmax(0, 1fr); }
  .browsing main, .reading nav { display: none; }
  .browsing:not(:has(li)) { grid-template-rows: max-content 1fr; }
  .browsing:not(:has(li)) main { display: flex; }
  .browsing li a[aria-current] { background: none; border-left-color: transparent; }
  .back { display: block; font-size: 14px; }
  article > header { padding: 12px 16px 0; }
  h2 { font-size: 18px; }
  pre { padding: 16px; }
  table { margin: 8px 16px; }
  th, td { display: block; padding: 0; white-space: normal; }
  td { padding-bottom: 10px; }
}
`;
