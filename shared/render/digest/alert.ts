import { type AlertGap, type ExploitedAlert, gapsByKb } from "../../core/alert.ts";
import { earliest, type RunDate } from "../../core/day.ts";
import { linesShown } from "../limits.ts";
import { cveLinks, healthLink, reportLink, safeLink } from "../link.ts";
import { maxLength } from "../parameters.ts";
import {
  agree,
  count,
  formatDay,
  formatTime,
  many,
  productLabel,
  type RenderOptions,
  shortDay,
  shown,
} from "../words.ts";
import { alertHtml } from "./alert-html.tsx";
import { alertText } from "./alert-text.ts";
import { type Bodies, bounded } from "./bounded.ts";
import type { Framed, MailLink } from "./html-frame.tsx";
import { type Rest, restAt } from "./material.ts";

/** All that an alert says, in its order; its html and its text say the same. */
export interface AlertContent extends Framed {
  title: string;
  kbs: AlertKb[];
  rest: Rest | null;
  /** How its counts are to be read; `null` where there is one alone. */
  note: string | null;
  /** Pages about the CVE. */
  sources: { title: string; links: MailLink[] };
  links: MailLink[];
}

/** One KB that closes the CVE. */
export interface AlertKb {
  number: string;
  /** Safe to follow, or `null`. */
  link: string | null;
  name: string;
  /** The report of this KB; `null` where the mail has one alone, or none. */
  report: string | null;
  products: AlertProduct[];
  /** Products that found no room. */
  more: number;
}

/** A product that misses it. */
export interface AlertProduct {
  label: string;
  machines: string;
  missingSince: string;
  readOn: string;
}

/** An alert ready to be addressed. */
export interface RenderedAlert extends Bodies {
  subject: string;
}

/** The mail of an alert: as long as its news, and of the most gaps it shows the first. */
export function renderAlert(alert: ExploitedAlert, options: RenderOptions): RenderedAlert {
  const bodies = bounded((room) => {
    const content = contentOf(alert, options, room);
    return { html: alertHtml(content), text: alertText(content) };
  });
  return { subject: subjectOf(alert), ...bodies };
}

function subjectOf(alert: ExploitedAlert): string {
  return `Exploited now: ${shown(alert.cve, 30)}; ${leadOf(alert)}`;
}

/** The KB on most machines of one product, and how much more there is: `KB5068861 missing on 85 Windows 11 machines`. */
function leadOf(alert: ExploitedAlert): string {
  const [first = [], ...others] = gapsByKb(alert);
  const [gap] = first;
  if (!gap) return "";
  const product = shown(productLabel(gap.softwareId), 40);
  const { machineMissedOn } = gap;
  const where = machineMissedOn === null ? `in ${product}` : `on ${many(machineMissedOn, `${product} machine`)}`;
  return `${kbOf(gap)} missing ${where}${andMore(alert, first.length - 1, others.length)}`;
}

function andMore({ more }: ExploitedAlert, products: number, kbs: number): string {
  const atLeast = more > 0 ? "at least " : "";
  if (kbs > 0) return `, and ${atLeast}${many(kbs, "more update")}`;
  return products > 0 ? ` and in ${atLeast}${many(products, "more product")}` : "";
}

function kbOf({ id }: Pick<AlertGap, "id">): string {
  return `KB${shown(id, 20)}`;
}

function contentOf(alert: ExploitedAlert, options: RenderOptions, room: number): AlertContent {
  const { watchlist, cve, openedAt } = alert;
  const kbs = gapsByKb(alert);
  const [only] = kbs.length === 1 && alert.more === 0 ? kbs : [];
  const linkTo = (narrowed?: Record<string, string>) => reportLink(options.reportUrl, watchlist, "latest", narrowed);
  const toKb = ({ id }: Pick<AlertGap, "id">) => (id.length <= maxLength ? linkTo({ kb: id }) : linkTo());
  const link = only?.[0] ? toKb(only[0]) : linkTo();
  const lines = linesShown("alertKbs", kbs.length, room);
  const shownKbs = kbs
    .slice(0, lines)
    .map((gaps) => kbLine(gaps, { openedAt, room, toReport: only ? () => null : toKb }));
  const left = kbs.slice(lines).flat().length + alert.more;
  return {
    headline: `${shown(cve, 30)} is exploited. ${headlineOf(alert, kbs)}`,
    about: `${sourceWords(alert)} Watchlist ${shown(watchlist, 60)}.`,
    caution: null,
    link,
    title: only ? "Install this update" : "Install these updates",
    kbs: shownKbs,
    rest: left > 0 ? restAt(many(left, "more gap"), linkTo()) : null,
    note: noteOf(alert),
    sources: sourcesOf(alert),
    audit: auditOf(alert, options),
    links: [
      { words: "Reporter health", href: healthLink(options.reportUrl) },
      { words: "Defender portal", href: options.portalUrl },
    ],
  };
}

function headlineOf(alert: ExploitedAlert, kbs: readonly AlertGap[][]): string {
  const { more } = alert;
  const [first = []] = kbs;
  const [gap] = first;
  if (!gap) return "";
  const most = reachOf(alert);
  if (kbs.length > 1 || more > 0) {
    const updates = `${more > 0 ? "At least " : ""}${many(kbs.length, "update")}`;
    const where = most === null ? "" : `, on at least ${many(most, "machine")}`;
    return `${updates} that ${agree(kbs.length, "closes", "close")} it ${agree(kbs.length, "is", "are")} missing${where}.`;
  }
  const kb = `${kbOf(gap)}, which closes it, is missing`;
  if (first.length === 1) {
    const product = shown(productLabel(gap.softwareId), 40);
    return most === null ? `${kb} in ${product}.` : `${kb} on ${many(most, `${product} machine`)}.`;
  }
  return `${kb} in ${many(first.length, "product")}${most === null ? "" : `, on at least ${many(most, "machine")}`}.`;
}

/** The largest count of one product; `null`: unknown. */
function reachOf({ gaps }: ExploitedAlert): number | null {
  return gaps[0]?.machineMissedOn ?? null;
}

function sourceWords({ sources, since, ransomware }: ExploitedAlert): string {
  const isListed = sources.includes("kev");
  const listed = `CISA lists it among the known exploited vulnerabilities (KEV)${since ? ` since ${formatDay(since)}` : ""}`;
  const cisa = `${listed}${ransomware ? "; ransomware uses it" : ""}.`;
  const microsoft = `Microsoft ${isListed ? "also " : ""}says that it is exploited.`;
  return [isListed && cisa, sources.includes("msrc") && microsoft].filter((part) => part !== false).join(" ");
}

interface LineOptions {
  openedAt: string;
  room: number;
  toReport: (kb: Pick<AlertGap, "id">) => string | null;
}

function kbLine(gaps: readonly AlertGap[], { openedAt, room, toReport }: LineOptions): AlertKb {
  const { id = "", name = "", url = null } = gaps[0] ?? {};
  const lines = linesShown("alertProducts", gaps.length, room);
  const day = (date: RunDate) => (date.slice(0, 4) === openedAt.slice(0, 4) ? shortDay(date) : formatDay(date));
  return {
    ...{ number: kbOf({ id }), link: safeLink(url), name: shown(name, 90), report: toReport({ id }) },
    products: gaps.slice(0, lines).map(({ softwareId, machineMissedOn, firstSeen, readOn }) => ({
      label: shown(productLabel(softwareId), 60),
      machines: count(machineMissedOn),
      missingSince: day(firstSeen),
      readOn: day(readOn),
    })),
    more: Math.max(0, gaps.length - lines),
  };
}

function noteOf({ gaps, more }: ExploitedAlert): string | null {
  if (gaps.length + more === 1) return null;
  return "A machine may be in several of these lists, so they are not added up.";
}

function sourcesOf({ cve, sources }: ExploitedAlert): AlertContent["sources"] {
  const links = cveLinks(cve);
  const pages = links
    ? [
        { words: "Microsoft's update guide", href: links.msrc },
        ...(sources.includes("kev") ? [{ words: "CISA's catalogue", href: links.cisa }] : []),
        { words: "NVD", href: links.nvd },
      ]
    : [];
  return { title: `About ${shown(cve, 30)}`, links: pages };
}

function auditOf({ gaps, openedAt }: ExploitedAlert, { timeZone }: RenderOptions): string[] {
  const days = new Set(gaps.map(({ readOn }) => readOn));
  const lists = `in lists of ${formatDay(earliest([...days]))}${days.size > 1 ? " and later" : ""}`;
  return [
    `Found ${formatTime(openedAt, timeZone)}, ${lists}.`,
    "An alert comes once for each CVE. ALERT_EXPLOITED=false turns alerts off.",
  ];
}
