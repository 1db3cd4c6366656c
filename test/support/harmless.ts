import { expect } from "vitest";
import { tagsOf } from "./mail-text.ts";
import { readHtml } from "./read-html.ts";

/** What no reader sees, and what turns the direction of reading; a line break is neither. */
export const invisible = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

const foreign = ["img", "iframe", "object", "embed", "base", "applet"];

/** Holds a page to our own scripts, no handler, no address that runs something, and no invisible character. */
export function expectHarmlessPage(html: string, scripts = 1): void {
  const { tags, text } = readHtml(html);
  expect(tags.filter(({ name }) => name === "script")).toHaveLength(scripts);
  for (const { name, attributes } of tags) {
    expect(foreign).not.toContain(name);
    expect(Object.keys(attributes).filter((attribute) => /^on/i.test(attribute))).toEqual([]);
    const { href = "", action = "", src = "" } = name === "link" ? {} : attributes;
    for (const address of [href, action, src]) expect(address).not.toMatch(/^\s*(javascript|data|vbscript):|^\/\//i);
  }
  expect(text).not.toMatch(invisible);
}

const mailTags = new Set("html head meta title style body table thead tbody tr td th h1 h2 p a b span".split(" "));

/** Holds a mail to the tags that a digest is made of, with attributes in quotes and no handler. */
export function expectHarmlessMail(html: string): void {
  const tags = tagsOf(html);
  for (const { name, attributes } of tags) {
    expect(mailTags).toContain(name);
    expect(attributes).not.toMatch(/\son\w+=/i);
    expect(attributes.replace(/\s[\w-]+="[^"]*"/g, "").trim()).toBe("");
  }
  expect(html.match(/</g)?.length).toBe(tags.length + (html.match(/<!/g)?.length ?? 0));
}
