/** A start tag with its attributes, decoded. */
export interface Tag {
  name: string;
  attributes: Record<string, string>;
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#x27": "'" };

function decode(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|#x27);/g, (_, name: string) => entities[name] ?? "");
}

const tagShape = /<(\/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s[a-zA-Z][a-zA-Z0-9-]*(?:="[^"<>]*")?)*)\/?>/g;

/**
 * The start tags and the text of a document, read by the few rules that a careful renderer follows. Anything else, such as
 * a `<` that begins no tag, is an error, so text that was not escaped is noticed.
 */
export function readHtml(html: string): { tags: Tag[]; text: string } {
  const markup = html.replace(/^<!doctype html>/, "").replace(/(<(style|script) [^<>]*>)[\s\S]*?(<\/\2>)/g, "$1$3");
  const tags: Tag[] = [];
  const text = markup.replace(tagShape, (_, end: string, name: string, attributes: string) => {
    if (end === "") tags.push({ name, attributes: readAttributes(attributes) });
    return "\n";
  });
  if (/[<>]/.test(text)) throw new Error(`Text holds a bracket: ${/.{0,40}[<>].{0,40}/.exec(text)}`);
  return { tags, text: decode(text) };
}

function readAttributes(text: string): Record<string, string> {
  const found = text.matchAll(/\s([a-zA-Z-]+[a-zA-Z0-9-]*)(?:="([^"]*)")?/g);
  return Object.fromEntries([...found].map(([, name = "", value = ""]) => [name, decode(value)]));
}
