import type { Verdict } from "../../core/verdict.ts";
import type { Digest } from "./content.ts";
import { framed } from "./html-frame.tsx";
import { PartRows } from "./html-parts.tsx";
import type { Fill } from "./html-style.ts";

/** A digest as html. */
export function htmlOf(digest: Digest): string {
  const links = [
    { words: "Reporter health", href: digest.health },
    { words: "Full list as CSV", href: digest.csv },
    { words: "Defender portal", href: digest.portal },
  ];
  const parts = digest.parts.map((part, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: rendered once, never reordered
    <PartRows key={index} part={part} />
  ));
  return framed(digest, stripes[digest.verdict], links, parts);
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
