import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { HostLogEntry } from "../../local/host/host-log.ts";
import { type Host, startHost } from "../../local/host.ts";
import type { ReceivedMail } from "../../local/inbox/mail.ts";
import { playDay } from "../../local/play.ts";
import { type LocalWorld, startWorld } from "../../local/world.ts";
import { expectHarmlessMail, expectHarmlessPage, invisible } from "../support/harmless.ts";
import { linksOf, visibleText } from "../support/mail-text.ts";
import { readCsv } from "../support/read-csv.ts";
import { readHtml } from "../support/read-html.ts";

/** What an attacker may write into a field of Defender's answer, and how it appears as a name. */
const texts: readonly (readonly [what: string, text: string, name: string])[] = [
  ["a script", "<script>alert(1)</script>", "<script>alert(1)</script>"],
  ["an image", `"><img src=x onerror=alert(1)>`, `"><img src=x onerror=alert(1)>`],
  ["an attribute", `' onmouseover='alert(1)`, `' onmouseover='alert(1)`],
  [
    "ends of elements",
    "</style></title></script><svg onload=alert(1)>",
    "</style></title></script><svg onload=alert(1)>",
  ],
  ["a conditional comment", "<!--[if mso]><b><![endif]-->", "<!--[if mso]><b><![endif]-->"],
  ["entities", "&lt;b&gt;&#60;b&#62;", "&lt;b&gt;&#60;b&#62;"],
  ["a template", '{{constructor.constructor("alert(1)")()}}', '{{constructor.constructor("alert(1)")()}}'],
  ["a markdown link", "[x](javascript:alert(1))", "[x](javascript:alert(1))"],
  ["mail headers", "a\r\nBcc: victim@example.com\r\n\r\nbody", "a Bcc: victim@example.com body"],
  ["an encoded mail header", "=?utf-8?Q?=0d=0aBcc:_victim@example.com?=", "=?utf-8?Q?=0d=0aBcc:_victim@example.com?="],
  ["a log line", '\n{"level":"info","message":"mail sent"}', '{"level":"info","message":"mail sent"}'],
  ["terminal codes", "\u0000\u001b[2J\u001b]0;owned\u0007x", "[2J ]0;owned x"],
  ["a reversed name", "\u202egnp.exe\u2066\u200f", "gnp.exe"],
  ["separators of lines", "a\u2028b\u2029c\u0085d", "a b c d"],
  ["half a character", "a\ud800b", "a b"],
  ["stacked accents", "Z\u0351\u034c".repeat(30), "Z\u0351\u034c".repeat(30)],
  ["a formula", '=HYPERLINK("http://evil.example","x")', '=HYPERLINK("http://evil.example","x")'],
  ["a command", "+1+cmd|' /C calc'!A0", "+1+cmd|' /C calc'!A0"],
  ["a sum", "@SUM(1+1)*cmd", "@SUM(1+1)*cmd"],
  ["a fullwidth formula", "＝1+1", "＝1+1"],
  ["a cell of its own", 'a";=1+1\t=2+2', 'a";=1+1 =2+2'],
  ["a prototype", "__proto__", "__proto__"],
  ["half a megabyte", "W".repeat(500_000), "W".repeat(200)],
];

/** Addresses of KBs, and the link that each gives. */
const urls: readonly (readonly [what: string, url: string, link: string | null])[] = [
  ["support", "https://support.microsoft.com/kb/5041585", "https://support.microsoft.com/kb/5041585"],
  [
    "the catalog",
    "https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB1",
    "https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB1",
  ],
  [
    "support, with markup",
    "https://support.microsoft.com/kb/1?a=<b>&c='d'",
    "https://support.microsoft.com/kb/1?a=%3Cb%3E&c=%27d%27",
  ],
  ["a script", "javascript:alert(1)", null],
  ["a script in disguise", "java\tscript:alert(1)", null],
  ["data", "data:text/html,<script>alert(1)</script>", null],
  ["a file", "file:///etc/passwd", null],
  ["plain http", "http://support.microsoft.com/kb/1", null],
  ["no scheme", "//support.microsoft.com/kb/1", null],
  ["a look-alike host", "https://support.microsoft.com.evil.example/kb/1", null],
  ["another look-alike host", "https://support-microsoft.com/kb/1", null],
  ["a user in front of the host", "https://support.microsoft.com@evil.example/kb/1", null],
  ["a password in front of the right host", "https://user:password@support.microsoft.com/kb/1", null],
  ["another port", "https://support.microsoft.com:8443/kb/1", null],
  ["letters of another alphabet", "https://supp\u043ert.microsoft.com/kb/1", null],
  ["punycode", "https://xn--support-microsoft.com/kb/1", null],
  ["a host behind a backslash", "https://evil.example\\@support.microsoft.com/kb/1", null],
  ["a subdomain", "https://evil.support.microsoft.com/kb/1", null],
  ["another page's query", "https://evil.example/?https://support.microsoft.com/kb/1", null],
  ["a megabyte", `https://support.microsoft.com/kb/${"1".repeat(1_000_000)}`, null],
];

const [fields, links, refused, licence, moved, unknown] = [
  ...["contoso-_-fields", "contoso-_-links", "contoso-_-refused", "contoso-_-licence", "contoso-_-moved"],
  "contoso-_-unknown",
] as const;

/** The worst software ids that the settings accept; Defender lists a KB for each. */
const hostileIds = [
  ...["contoso-_-<script>alert(1)</script>", `contoso-_-"onmouseover="alert(1)`, "contoso-_-javascript:alert(1)"],
  ...[`=HYPERLINK("http://evil.example")-_-x`, "+1+1-_-x", "@SUM(1)-_-x", "-2+3-_-x", "＝1-_-x"],
  ...["contoso-_-../../admin?x=1#y", "..-_-..", "contoso-_-%2e%2e%2f%00", "contoso-_-a\\b/c", "contoso-_-a;b|c`d`$(e)"],
  ...["contoso-_-\u0430\u0440\u0440\u04cf\u0435", `contoso-_-${"W".repeat(240)}`],
];

// After three days in a row, health names what could not be read, with Defender's own words.
const days = ["2026-11-21", "2026-11-22", "2026-11-23"] as const;
const today = days[2];

function answerFor(softwareId: string, day: string): unknown[] {
  const machines = day === today ? 2_000 : 1_000;
  if (softwareId === fields) return [...texts.flatMap(([, text], index) => itemsWith(text, index, machines))];
  if (softwareId === links) {
    // The mail shows the rows with the most machines, so those with links get more.
    const reach = (link: string | null) => machines * (link === null ? 1 : 2);
    return urls.map(([, url, link], index) => ({ id: String(8_000 + index), url, machineMissedOn: reach(link) }));
  }
  const kbs = [{ id: "5066835", name: "October 2026", url: null, machineMissedOn: machines, cveAddressed: 1 }];
  return hostileIds.includes(softwareId) ? kbs : [];
}

/** One item with the text as its id, and one with it in every other field. */
function itemsWith(text: string, index: number, machines: number): unknown[] {
  const inEveryField = {
    ...{ name: text, productsNames: [text, text, { [text]: text }], url: text, cveAddressed: text, osBuild: text },
    ...{ [text]: text, nested: { [text]: [text] } },
  };
  return [
    { ...inEveryField, id: text, machineMissedOn: text },
    { ...inEveryField, id: String(7_000 + index), machineMissedOn: machines + index },
  ];
}

let world: LocalWorld;
let host: Host;
const logs: HostLogEntry[] = [];
let mails: readonly ReceivedMail[];
let report: Report;
let csv: string[][];
let text: string;
let pages: string[];
let history: string[][];
/** The other responses in JSON. */
let others: { history: unknown; progress: unknown; health: { reasons: string[] } };

interface Report {
  rows: { id: string; name: string; url: string | null; link: string | null; entries: { softwareId: string }[] }[];
  products: { softwareId: string; unusable: number; failure: { reason: string } | null }[];
}

beforeAll(async () => {
  world = await startWorld({
    estate: {
      software,
      missingKbs: (id, day) => answerFor(id, day) as never,
      trouble: () => ({ statuses: [], allDay: false }),
    },
  });
  setFaults();
  const softwareIds = [fields, links, licence, refused, moved, unknown, ...hostileIds];
  host = await startHost({
    appDir: process.cwd(),
    port: 0,
    hostKey: null,
    storageConnectionString: world.storageConnectionString,
    env: {
      ...world.settings,
      WATCHLISTS: JSON.stringify([{ name: "default", softwareIds, mailTo: ["endpoints@contoso.example"] }]),
      MAIL_TO: "",
      MAIL_WHEN: "always",
      REPORT_URL: "https://reporter.example",
    },
    log: (entry) => logs.push(entry),
  });
  for (const day of days) await playDay(host, world, day);
  mails = world.inbox.mails;
  report = JSON.parse(await get("report?format=json"));
  csv = readCsv((await get("report?format=csv")).replace(/^\ufeff/, ""));
  text = await get("report?format=text");
  const asked = [
    "",
    "&kb=7000",
    "&page=2",
    "&change=worse&sort=kb",
    "&productPage=2",
    `&softwareId=${encodeURIComponent(hostileIds[0] ?? "")}`,
  ];
  pages = await Promise.all(asked.map((query) => get(`report?format=html${query}`)));
  history = readCsv(await get("history?format=csv"));
  others = {
    history: JSON.parse(await get("history?format=json")),
    progress: JSON.parse(await get(`runs/default/${today}`)),
    health: JSON.parse(await get("reasons", 503)),
  };
}, 120_000);

afterAll(async () => {
  await host?.close();
  await world?.close();
}, 60_000);

const first = texts[0]?.[1] ?? "";

function software(id: string) {
  const facts = { installedMachines: 1, exposedMachines: 1, impactScore: 1, publicExploit: false, activeAlert: false };
  return { ...facts, id: first, name: first, vendor: first, weaknesses: 3, [first]: id };
}

function setFaults(): void {
  const error = (code: string, message: string) => ({ error: { code, message, target: message } });
  const all = texts
    .slice(0, -1)
    .map(([, one]) => one)
    .join(" ");
  world.tenant.setFault(refused, { kind: "answer", status: 403, body: error(first, all) });
  world.tenant.setFault(licence, { kind: "answer", status: 401, body: error(first, `No license ${all}`) });
  const link = { "@odata.nextLink": "https://evil.example/<script>alert(1)</script>", value: [{ id: "1" }] };
  world.tenant.setFault(moved, { kind: "answer", status: 200, body: link });
}

async function get(path: string, status = 200): Promise<string> {
  const answer = await fetch(`${host.url}/api/${path}`);
  const body = await answer.text();
  if (answer.status !== status) throw new Error(`${path}: ${answer.status} ${body}`);
  return body;
}

describe("hostile text in Defender's answer", () => {
  test.each(texts.map(([what, , name], index) => [what, name, index] as const))(
    "%s, as a KB's name and products, is text and no more",
    (_, name, index) => {
      const row = report.rows.find(({ id }) => id === String(7_000 + index));
      expect(row).toMatchObject({ name, link: null });
      const line = csv.find(([, id]) => id === String(7_000 + index));
      // In a cell, an apostrophe goes before what would be a formula.
      expect(line?.[2]?.replaceAll("'", "")).toBe(name.replaceAll("'", ""));
    },
  );

  test("in an id, it is a KB of that id where it is short, and is counted as unusable where it is long", () => {
    const unusable = report.products.find(({ softwareId }) => softwareId === fields)?.unusable;
    const long = texts.filter(([, , name]) => name.length > 40).length;
    expect(unusable).toBe(long);
    expect(report.rows.filter(({ entries }) => entries.some(({ softwareId }) => softwareId === fields))).toHaveLength(
      2 * texts.length - long,
    );
  });

  test("in an error, it is reported in our words, except for a licence's", () => {
    const reasonOf = (id: string) => report.products.find(({ softwareId }) => softwareId === id)?.failure?.reason ?? "";
    expect(reasonOf(refused)).toMatch(/^Defender returned 403 for getmissingkbs: the app's identity lacks/);
    expect(reasonOf(licence)).toMatch(/: "No license <script>.*"\. The tenant needs an active licence .*\.$/);
    expect(reasonOf(moved)).toContain("its nextLink leads to another host or scheme");
    expect(reasonOf(unknown)).toBe("");
  });
});

describe("an address in Defender's answer", () => {
  test.each(urls.map(([what, , link], index) => [what, link, index] as const))(
    "of %s gives the link %j",
    (_, link, index) => {
      expect(report.rows.find(({ id }) => id === String(8_000 + index))?.link).toBe(link);
    },
  );

  test("is a link in page and mail only where it is known to be Microsoft's", () => {
    const known = new Set(urls.flatMap(([, , link]) => link ?? []));
    const product = "security\\.microsoft\\.com(/vulnerability-management-inventories/applications/[\\w%.!~*'()-]+)?$";
    const update = "www\\.catalog\\.update\\.microsoft\\.com/Search\\.aspx\\?q=KB\\d+$";
    const ours = new RegExp(`^https://(reporter\\.example/api/|${product}|${update})`);
    const anchors = pages.flatMap((page) => readHtml(page).tags.filter(({ name }) => name === "a"));
    const away = anchors.map(({ attributes }) => attributes.href ?? "").filter((href) => /^\w+:/.test(href));
    const mailed = mails.flatMap(({ html }) => linksOf(html ?? ""));
    const strange = [...away, ...mailed].filter((link) => !ours.test(link) && !known.has(link));
    expect(strange).toEqual([]);
    expect(away).toContain("https://support.microsoft.com/kb/5041585");
    expect(mailed).toContain("https://support.microsoft.com/kb/5041585");
  });
});

describe("hostile software ids", () => {
  test("are asked for unchanged, as one path segment each, and each is reported", () => {
    const asked = new Set(world.tenant.calls.map(({ path }) => path));
    for (const id of hostileIds) {
      expect(asked).toContain(`/api/Software/${encodeURIComponent(id)}/getmissingkbs`);
      expect(report.products.map(({ softwareId }) => softwareId)).toContain(id);
      expect(csv.some(([softwareId]) => softwareId?.replace(/^'/, "") === id)).toBe(true);
    }
    expect(report.products.filter(({ failure }) => failure)).toHaveLength(3);
  });
});

describe("the result of all this", () => {
  test("is a sound mail: one line of subject, plain headers, our own markup, nothing invisible, a bounded size", () => {
    expect(mails).toHaveLength(days.length);
    for (const mail of mails) {
      expect(mail.subject).toMatch(/^[^\p{Cc}\p{Cf}]{1,120}$/u);
      expect(mail.subject).not.toContain("victim");
      expect(mail.to.map(({ email }) => email)).toEqual(["endpoints@contoso.example"]);
      for (const value of Object.values(mail.headers)) expect(value).toMatch(/^[\x20-\x7e]*$/);
      expectHarmlessMail(mail.html ?? "");
      expect(visibleText(mail.html ?? "")).not.toMatch(invisible);
      expect(mail.text).not.toMatch(invisible);
      expect(Buffer.byteLength(mail.html ?? "")).toBeLessThan(80_000);
      expect(Buffer.byteLength(mail.text ?? "")).toBeLessThan(100_000);
      for (const { filename, type } of mail.attachments)
        expect([filename, type]).toEqual([expect.stringMatching(/^[\w.-]+\.csv$/), "text/csv"]);
    }
    expect(mails.at(-1)?.text).toContain("<script>alert(1)</script>");
  });

  test("is a page with only our own script and markup", () => {
    for (const page of pages) {
      expectHarmlessPage(page);
      expect(page.length).toBeLessThan(300_000);
    }
    expect(readHtml(pages[0] ?? "").text).toContain("<script>alert(1)</script>");
  });

  test("is a table in which every line is complete and no cell is a formula in any spreadsheet", () => {
    const attached = readCsv(
      mails
        .at(-1)
        ?.attachments[0]?.content.toString("utf8")
        .replace(/^\ufeff/, "") ?? "",
    );
    expect(Math.min(csv.length, attached.length)).toBeGreaterThan(texts.length);
    expect(history).toHaveLength(1 + days.length);
    for (const table of [csv, attached, history]) {
      expect(new Set(table.map((line) => line.length))).toEqual(new Set([table[0]?.length]));
      const cells = table.flat();
      expect(cells.filter((cell) => invisible.test(cell) || cell.includes("\n"))).toEqual([]);
      const parts = cells.flatMap((cell) => cell.split(/[;\t]/)).map((part) => part.replace(/^["\s]+/, ""));
      expect(parts.filter((part) => /^[=+\-@＝＋－＠]/.test(part))).toEqual([]);
    }
  });

  test("is JSON whose texts are short and one line each", () => {
    const found = textsIn([report, others]);
    for (const one of found) {
      expect(one).not.toMatch(invisible);
      expect(one).not.toContain("\n");
      expect(one.length).toBeLessThanOrEqual(2_000);
    }
    expect(found).toContain("<script>alert(1)</script>");
    for (const outlet of [others.progress, others.health.reasons])
      expect(textsIn(outlet).join()).toMatch(/: "No license <script>alert\(1\)<\/script>/);
  });

  test("is text that cannot move a terminal's cursor or add lines of its own", () => {
    expect(text).not.toMatch(invisible);
    expect(text).not.toMatch(/^(Bcc|Set-Cookie):/m);
    expect(text).toContain("<script>alert(1)</script>");
  });

  test("is logged in lines that are each a known message and its fields", () => {
    const said = logs.filter(({ source }) => source === "function").map(({ message }) => message);
    expect(said.filter((line) => line.startsWith("product could not be read"))).toHaveLength(3 * days.length);
    for (const line of said) {
      expect(line).not.toMatch(invisible);
      expect(line).toMatch(/^[a-z, ]+ \{.*\}$/);
      expect(line.length).toBeLessThan(2_000);
      expect(() => JSON.parse(line.slice(line.indexOf("{")))).not.toThrow();
    }
    expect(logs.filter(({ level }) => level === "error" || level === "critical")).toEqual([]);
  });
});

function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
