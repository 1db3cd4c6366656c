import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { MissingKb } from "../../../shared/core/missing-kb.ts";
import { renderDigest } from "../../../shared/render/digest/digest.ts";
import { safeLink } from "../../../shared/render/link.ts";
import type { RenderOptions } from "../../../shared/render/words.ts";
import { aKb, aReport } from "../../support/builders.ts";
import { linksOf, tagsOf, visibleText } from "../../support/mail-text.ts";

const options: RenderOptions = {
  timeZone: "UTC",
  reportUrl: "https://reporter.example.com",
  portalUrl: "https://security.microsoft.com",
  nextRun: "2026-11-24T05:00:00.000Z",
  graceMinutes: 120,
};

/** What an attacker who names a KB, a product or a watchlist might try. */
const hostile = fc.oneof(
  fc.constantFrom(
    `<script>alert(1)</script>`,
    `"><img src=x onerror=alert(1)>`,
    `' onmouseover='alert(1)`,
    `</style></title><svg/onload=alert(1)>`,
    `<!--[if mso]><v:rect><![endif]-->`,
    `&lt;b&gt;&#60;b&#62;`,
    `javascript:alert(1)`,
    `data:text/html,<b>`,
    `\u202Egnp.exe\u2066\u200F`,
    `a\r\nBcc: victim@example.com\r\n\r\nbody`,
    `\u0000\u001b[2J\u001b]0;owned\u0007`,
    `=HYPERLINK("http://evil.example","x")`,
    `+1+cmd|' /C calc'!A0`,
    `\ud800`,
    `${"W".repeat(5_000)}`,
    `${"Z\u0351\u034c".repeat(300)}`,
    `{{constructor.constructor("alert(1)")()}}`,
  ),
  fc.string({ unit: "binary", maxLength: 60 }),
);

const hostileUrl = fc.oneof(
  hostile,
  fc.constantFrom(
    "https://support.microsoft.com.evil.example/kb/1",
    "https://support.microsoft.com@evil.example/kb/1",
    "https://evil.example/?https://support.microsoft.com/kb/1",
    "http://support.microsoft.com/kb/1",
    "https://support.microsoft.com:8443/kb/1",
    "//support.microsoft.com/kb/1",
    `https://support.microsoft.com/kb/1"onclick="alert(1)`,
    `https://support.microsoft.com/kb/1?q=<script>&a='b'`,
    "https://support.microsoft.com/kb/5041585",
  ),
);

const hostileKb: fc.Arbitrary<MissingKb> = fc
  .record({
    id: hostile,
    name: hostile,
    productsNames: fc.array(hostile, { maxLength: 3 }),
    url: fc.option(hostileUrl, { nil: null }),
    machineMissedOn: fc.option(fc.maxSafeNat(), { nil: null }),
  })
  .map(aKb);

const hostileStory = fc.record({
  watchlist: hostile,
  kbs: fc.uniqueArray(hostileKb, { maxLength: 4, selector: ({ id }) => id }),
  gone: fc.uniqueArray(hostileKb, { maxLength: 2, selector: ({ id }) => id }),
  read: hostile,
  notRead: hostile,
  reason: hostile,
});

type HostileStory = typeof hostileStory extends fc.Arbitrary<infer Story> ? Story : never;

async function mailOf({ watchlist, kbs, gone, read, notRead, reason }: HostileStory) {
  const report = await aReport({
    watchlist: { name: watchlist },
    products: {
      [`m-_-${read}`]: { before: gone, now: kbs },
      [`u-_-${notRead}`]: { before: gone, now: null, failure: { reason, permanent: true } },
    },
  });
  return { report, mail: await renderDigest(report, options) };
}

const tags = new Set("html head meta title style body table thead tbody tr td th h1 h2 p a b span".split(" "));
const attributes = new Set(
  "dir lang content http-equiv name class bgcolor style role width height border cellpadding cellspacing align valign colspan scope href aria-hidden".split(
    " ",
  ),
);
const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

describe("a mail about hostile data", () => {
  it("holds no tag, attribute or link that is not its own", async () => {
    await fc.assert(
      fc.asyncProperty(hostileStory, async (story) => {
        const { report, mail } = await mailOf(story);
        const ours = ["https://reporter.example.com/api/", "https://security.microsoft.com"];
        const theirs = report.rows.map(({ url }) => safeLink(url));
        const found = tagsOf(mail.html);
        expect(found.map(({ name }) => name).filter((name) => !tags.has(name))).toEqual([]);
        const names = found.flatMap((tag) =>
          [...tag.attributes.matchAll(/([\w-]+)="[^"]*"/g)].map(([, name = ""]) => name),
        );
        expect(names.filter((name) => !attributes.has(name.toLowerCase()))).toEqual([]);
        const strays = found.map((tag) => tag.attributes.replace(/\s[\w-]+="[^"]*"/g, "").trim()).filter(Boolean);
        expect(strays).toEqual([]);
        // Each bracket begins one of these tags, or is the doctype's.
        expect(mail.html.match(/</g)?.length).toBe(found.length + 1);
        const links = linksOf(mail.html).filter((link) => !ours.some((start) => link.startsWith(start)));
        expect(links.filter((link) => !theirs.includes(link))).toEqual([]);
      }),
      { numRuns: 100 },
    );
  }, 20_000);

  it("shows no character that is invisible or turns the direction of reading", async () => {
    await fc.assert(
      fc.asyncProperty(hostileStory, async (story) => {
        const { mail } = await mailOf(story);
        const lines = [mail.subject, ...visibleText(mail.html).split("\n"), ...mail.text.split("\n")];
        expect(lines.filter((line) => hidden.test(line))).toEqual([]);
        expect(mail.attachments[0]?.filename ?? "").toMatch(/^[\w.-]*$/);
      }),
      { numRuns: 100 },
    );
  }, 20_000);

  it("keeps plain text to 78 columns, so that no name can draw lines of its own", async () => {
    await fc.assert(
      fc.asyncProperty(hostileStory, async (story) => {
        const { mail } = await mailOf(story);
        const long = mail.text.split("\n").filter((line) => line.length > 78);
        expect(long.filter((line) => !/^(- )?\S+$| https:\/\/\S+$/.test(line.trim()))).toEqual([]);
      }),
      { numRuns: 100 },
    );
  }, 20_000);

  it("shows the text itself where it is only strange", async () => {
    const kb = aKb({ id: "1", name: `<b>"Tom" & 'Jerry'</b>`, firstSeen: "2026-11-23" });
    const mail = await renderDigest(
      await aReport({ products: { "microsoft-_-a": { before: [], now: [kb] } } }),
      options,
    );
    expect(visibleText(mail.html)).toContain(`KB1 <b>"Tom" & 'Jerry'</b> · also for windows 10 · first seen today`);
    expect(mail.text).toContain(`KB1 <b>"Tom" & 'Jerry'</b>; also for windows 10; first seen today`);
  });
});
