/** The tags of a mail, in order: `{ name: "a", closes: false, attributes: ' href="…"' }`. */
export function tagsOf(html: string): { name: string; closes: boolean; attributes: string }[] {
  return [...html.matchAll(/<(\/?)([a-z][a-z0-9]*)((?:\s[^<>]*?)?)\/?>/gi)].map(
    ([, slash, name = "", attributes = ""]) => ({
      name: name.toLowerCase(),
      closes: slash === "/",
      attributes,
    }),
  );
}

/** Where a mail's links lead. */
export function linksOf(html: string): string[] {
  return [...html.matchAll(/\shref="([^"]*)"/g)].map(([, href = ""]) => decode(href));
}

/** What a reader of a mail sees, each cell and paragraph on a line of its own. */
export function visibleText(html: string): string {
  const body = html.replace(/^[\s\S]*<body/, "<body").replace(/<!--[\s\S]*?-->/g, "");
  const lines = body
    .replace(/<\/(td|th|p|h1|h2)>/g, "\n")
    .replace(/<[^>]*>/g, "")
    .split("\n");
  return lines
    .map((line) => decode(line).replaceAll("\u00a0", " ").trim())
    .filter(Boolean)
    .join("\n");
}

const entities: Readonly<Record<string, string>> = {
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&#x27;": "'",
  "&amp;": "&",
};

function decode(text: string): string {
  return text.replace(/&(lt|gt|quot|#x27|amp);/g, (entity) => entities[entity] ?? entity);
}
