import { createElement as h, type ReactNode } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import type { ReceivedMail } from "./mail.ts";
import type { Address } from "./rules.ts";

export const mailParts = ["html", "text", "headers"] as const;
export type MailPart = (typeof mailParts)[number];

/** The list and the reading pane. If no mail is `selected`, a wide screen shows the newest, a narrow one the list. */
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
          h("a", { href: "/", className: "button" }, "Check for new mail"),
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
    h("p", null, "Mails sent to this inbox appear here until it stops. None leaves this machine."),
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

// The fragment keeps the list scrolled to this mail.
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
  if (part === "text") return h("pre", { tabIndex: 0 }, mail.text ?? "This mail has no plain text.");
  return h("iframe", {
    src: `/mails/${mail.id}/html`,
    sandbox: "allow-popups allow-popups-to-escape-sandbox",
    title: `HTML part of ${mail.subject}`,
  });
}

function headers({ messageId, headers, customArgs, categories }: ReceivedMail): ReactNode {
  const facts = [
    ["Message id", messageId],
    ...Object.entries(headers),
    ...Object.entries(customArgs).map(([name, value]) => [`${name} (custom argument)`, value]),
    ["categories", categories.join(", ")],
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

/** The HTML part; its links open outside the frame that shows it. */
export function renderHtmlPart({ html }: ReceivedMail): string {
  const base = '<base target="_blank">';
  if (html === null) return "<!doctype html><p>This mail has no HTML.</p>";
  return /<head[^>]*>/i.test(html) ? html.replace(/<head[^>]*>/i, (head) => head + base) : base + html;
}
