import * as z from "zod/mini";
import { feedNames, restarts, severities } from "../../core/advisory.ts";
import { worseReasons } from "../../core/change.ts";
import { mailStatuses } from "../../core/mail.ts";
import { digestStatuses, type OverviewState, overviewStates } from "../../core/overview.ts";
import { mostPreviewed } from "../../core/preview.ts";
import { rowKinds } from "../../core/row.ts";
import { changeFilters } from "../../core/selection.ts";
import { type TotalName, totalNames } from "../../core/totals.ts";
import { dueFroms, mailWhens, weekdays } from "../../core/watchlist.ts";
import { previewParameters, startParameters } from "../parameters.ts";
import { type ReportColumn, reportColumns } from "./csv.ts";

// The shape of every JSON response, as a type for the code and as a published schema.

/** A schema with its published description. */
function described<Schema extends z.ZodMiniType>(schema: Schema, description: string): Schema {
  return schema.check(z.describe(description)) as Schema;
}

const count = z.int().check(z.minimum(0));
const share = z.number().check(z.minimum(0), z.maximum(1));
const runId = described(
  z.string().check(z.regex(/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}Z)?$/)),
  "The day of a scheduled run, such as 2026-11-23; for a run asked for its UTC minute, such as 2026-11-23T10:17Z.",
);
const day = described(z.string().check(z.regex(/^\d{4}-\d{2}-\d{2}$/)), "A calendar day in REPORT_TIME_ZONE.");
const time = described(z.string(), "ISO 8601 in UTC.");
const softwareId = described(z.string(), "Defender's id, such as microsoft-_-windows_11.");
const change = described(
  z.enum(rowKinds),
  "The change since the run compared with. more-cves: more CVEs on fewer machines. baseline: the product was read for the first time. not-read: the product could not be read, so its last counts are shown and no change is claimed.",
);
const why = described(
  z.array(z.enum(worseReasons)),
  "Why it got worse: more machines, more CVEs, or a count that is now known for the first time.",
);

const totalDescriptions: Readonly<Record<TotalName, string>> = {
  new: "KBs that are new in at least one product.",
  worsened: "KBs that got worse in at least one product.",
  returned: "KBs that are back in at least one product.",
  moreCves: "KBs that list more CVEs on fewer machines in at least one product.",
  improved: "KBs that got better in at least one product.",
  resolved: "KBs that at least one product no longer misses.",
  replaced: "KBs in whose place at least one product lists a later one: they were not installed.",
  missingKbs: "Different KBs missing in all products.",
  missingInstalls:
    "Missing installs: for each KB its largest count in one product, added up. No machine counts twice for one KB.",
  overdue: "KBs that are overdue in at least one product that was read.",
  stalled: "KBs that are stalled in at least one product that was read.",
  exploited: "KBs that close a CVE known to be exploited, missing in at least one product that was read.",
  baseline: "Products read for the first time.",
  read: "Products read.",
  notRead: "Products that could not be read.",
};
const totals = z.object(
  Object.fromEntries(totalNames.map((name) => [name, described(count, totalDescriptions[name])])) as Record<
    TotalName,
    typeof count
  >,
);

const counts = z.object({
  machineMissedOn: described(z.nullable(count), "null: unknown, never 0."),
  cveAddressed: described(z.nullable(count), "null: unknown, never 0."),
});

const since = described(
  day,
  "The day that its age counts from: with dueFrom=released the oldest release in its line of replaced KBs, else and where that is unknown its first sight.",
);
const dueOn = described(day, "The last day on which it is not overdue.");
const ageDays = described(count, "Days from since to the run's day.");
const overdueDays = described(count, "Days past dueOn; 0 if it is not overdue or could not be read.");

/** `exploitedCves` and more of a KB: what MSRC and CISA said of it when the run was committed. */
const exploitedCve = z.object({
  cve: z.string(),
  sources: described(z.array(z.enum(feedNames)), "Who says so: MSRC, or CISA's catalogue (kev)."),
  since: described(z.nullable(day), "The day on which CISA added it; null: only MSRC says so."),
  ransomware: described(z.boolean(), "Whether CISA knows that ransomware uses it."),
});
const advisoryState = described(
  z.enum(["known", "not-known", "no-facts"]),
  "not-known: MSRC does not know this KB, which does not mean that it is not exploited. no-facts: the run had none.",
);
const advisory = z.object({
  released: described(day, "The earliest release that was read."),
  severity: described(z.nullable(z.enum(severities)), "The worst of the CVEs that it closes."),
  exploited: described(z.array(exploitedCve), "CVEs that it closes and that are known to be exploited."),
  restart: described(z.nullable(z.enum(restarts)), "Whether installing it needs a restart."),
  supersedes: described(z.array(z.string()), "KBs that it replaces directly, by MSRC's word."),
  hotpatch: z.boolean(),
});

const entry = z.object({
  softwareId,
  change,
  why,
  current: described(
    z.nullable(counts),
    "null: no longer missing. Of a product that could not be read, the last known counts.",
  ),
  previous: described(
    z.nullable(counts),
    "The counts last reported, changed since or not; of a resolved entry too; where it replaced others theirs, without CVEs. null: it is new, back or in a baseline.",
  ),
  firstSeen: described(day, "Of the KB or, where it replaced others, of the oldest of these."),
  since,
  dueOn,
  ageDays,
  overdueDays,
  replaces: described(
    z.array(z.string()),
    "KBs that it replaced on the product's list, those replaced last at the end.",
  ),
  replacedBy: described(z.nullable(z.string()), "Of a replaced entry: the KB listed in its place."),
  peakMachineMissedOn: described(z.nullable(count), "The largest machineMissedOn since it was first seen."),
  stalled: described(
    z.boolean(),
    "Still at 80 % of its peak or more, at least 14 days after it was first seen; false if it could not be read.",
  ),
});

const row = z.object({
  id: described(z.string(), "The KB's number, without the letters KB."),
  name: z.string(),
  productsNames: z.array(z.string()),
  url: described(z.nullable(z.string()), "As Defender gives it, unchecked."),
  link: described(z.nullable(z.string()), "The url if it is https on a known Microsoft host, else null."),
  change: described(change, "That of its worst entry; the figures beside it are of the entries with that change."),
  why,
  machineMissedOn: described(
    z.nullable(count),
    "The largest count of one product, never a sum; of a resolved KB the count last reported.",
  ),
  cveAddressed: described(
    z.nullable(count),
    "The largest count of one product, never a sum; of a resolved KB the count last reported.",
  ),
  firstSeen: day,
  since,
  dueOn,
  ageDays,
  overdueDays,
  stalled: z.boolean(),
  advisoryState,
  advisory: described(z.nullable(advisory), "What MSRC and CISA say of the KB, as of the run."),
  entries: described(z.array(entry), "One per product."),
});

const product = z.object({
  softwareId,
  state: described(
    z.enum(["read", "empty", "not-kb-patched", "not-read"]),
    "not-kb-patched: Defender lists no KBs but counts weaknesses, which this report cannot show.",
  ),
  baseline: described(z.boolean(), "Whether it was read for the first time."),
  previous: described(z.nullable(runId), "The run that it is compared with."),
  current: described(
    z.nullable(runId),
    "The run whose counts are shown; an older one if the product could not be read.",
  ),
  missingKbs: described(count, "KBs that it misses; with a filter, those selected."),
  missingInstalls: described(count, "Sum of machineMissedOn over these KBs."),
  unusable: described(count, "Items in Defender's answer that could not be used."),
  failure: described(
    z.nullable(
      z.object({
        softwareId,
        reason: z.string(),
        permanent: described(z.boolean(), "Whether it lasts until a person acts."),
        since: described(runId, "The first of the consecutive runs that could not read it."),
        misses: described(count, "How many scheduled runs in a row could not read it."),
        permanentSince: described(z.optional(runId), "The first of these runs in which it failed for good."),
        unknownSince: described(z.optional(day), "Since when Defender answers that it does not know this id."),
        isGone: described(
          z.optional(z.literal(true)),
          "Found by its vendor and no longer on Defender's list: nobody needs to act.",
        ),
      }),
    ),
    "Why it could not be read.",
  ),
  lastReadOn: described(z.nullable(day), "The day on which the counts shown were read; null: never."),
  unlistedKbs: described(count, "KBs that Defender no longer lists although it still counts weaknesses."),
  differed: described(z.boolean(), "Whether two reads in this run listed different KBs: what either listed is shown."),
  unknownId: described(z.boolean(), "Whether Defender does not know this id, and never did."),
  leftInventory: described(z.boolean(), "Whether it was read once, but Defender has not known it for 14 days."),
});

const basis = {
  runs: described(count, "How many runs the line is drawn through."),
  from: day,
  to: day,
  first: described(count, "Missing installs in the first of them."),
  last: described(count, "Missing installs in the last of them."),
  perDay: described(z.number(), "Slope of the least-squares line, in missing installs a day."),
  steadiness: described(share, "How much of the variation the line explains (r²)."),
};

const forecast = z.discriminatedUnion("outlook", [
  z.object({ outlook: z.literal("clear") }),
  z.object({ outlook: z.literal("too-few"), runs: count, needed: count }),
  z.object({ outlook: z.literal("not-falling"), ...basis }),
  z.object({ outlook: z.literal("distant"), ...basis }),
  z.object({ outlook: z.literal("falling"), zeroOn: day, ...basis }),
]);

const filter = z.object({
  kb: z.optional(z.string()),
  softwareId: z.optional(softwareId),
  search: z.optional(z.string()),
  change: z.optional(z.enum(changeFilters)),
  overdue: z.optional(z.boolean()),
  stalled: z.optional(z.boolean()),
  exploited: z.optional(z.boolean()),
});

const feedTimes = z.object({
  msrc: described(z.nullable(time), "When MSRC last answered; null: never."),
  kev: described(z.nullable(time), "When CISA last answered; null: never."),
});

const productList = z.object({
  readAt: described(z.nullable(time), "When the list was read that the run used. null: none could be read yet."),
  failure: described(
    z.nullable(z.object({ reason: z.string(), since: time })),
    "Why the list is not of the run itself; only for a watchlist that finds products in it.",
  ),
  found: described(
    z.nullable(
      z.object({
        configured: described(count, "How many products the watchlist names: the first of products."),
        withoutWeaknesses: described(
          count,
          "How many more it finds that have no weaknesses, so that they are not read.",
        ),
        beyond: described(count, "How many more it finds for which a run has no room."),
      }),
    ),
    "null: the watchlist names all of its products.",
  ),
  unknown: described(
    z.object({ ids: z.array(z.object({ softwareId, nearest: z.array(softwareId) })), more: count }),
    "Ids of the watchlist that the list lacks, with the nearest that it has.",
  ),
  mistaken: described(
    z.array(z.object({ softwareId, meant: softwareId })),
    "Ids of products that another followed, which is probably meant.",
  ),
  unwatched: described(
    z.object({ products: z.array(z.object({ softwareId, exposedMachines: count })), more: count }),
    "Microsoft's products on many exposed machines that no watchlist of the tenant has.",
  ),
  withoutKbs: described(z.array(softwareId), "Products that the watchlist names and that never had a KB."),
});

/** `GET /api/report?format=json`. */
export const reportSchema = described(
  z.object({
    watchlist: z.string(),
    tenant: described(z.string(), "home or a tenant id."),
    runId,
    day: described(day, "The day that the run belongs to."),
    previousRunId: described(z.nullable(runId), "The run compared with; null: there was none before."),
    previousDay: described(z.nullable(day), "The day of that run."),
    openedAt: time,
    committedAt: time,
    timeZone: described(z.string(), "The time zone of its days (IANA name)."),
    dueDays: described(z.number(), "A KB older than this many days is overdue."),
    dueDaysExploited: described(z.number(), "The same for a KB that closes an exploited CVE, if that is sooner."),
    dueFrom: z.enum(dueFroms),
    facts: described(z.nullable(feedTimes), "How old the facts of KBs were; null: the run had none."),
    page: described(z.nullable(z.string()), "The same as a page; null: REPORT_URL is not set."),
    newerRuns: described(
      z.array(runId),
      "Runs asked for after this one, oldest first. Only where run is latest, which is the last scheduled run.",
    ),
    filter: described(
      z.nullable(filter),
      "Which entries were selected: totals, products and rows are of these alone. null: all.",
    ),
    totals,
    trendOf: described(
      z.string(),
      "What trend and forecast are of: watchlist, or the software id that the filter names. Other filters do not narrow them.",
    ),
    forecast: described(forecast, "Where the missing installs are heading."),
    trend: described(z.array(z.object({ runId, day, totals })), "The scheduled runs up to this one, oldest first."),
    products: described(z.array(product), "In the watchlist's order."),
    productList: described(
      z.nullable(productList),
      "What Defender's list of products says of the watchlist. null: it was never read.",
    ),
    rows: described(z.array(row), "One per KB, worst first unless another order was asked for."),
  }),
  "What changed in a watchlist between two runs, and everything that is missing.",
);
export type ReportJson = z.infer<typeof reportSchema>;

const gap = z.object({
  softwareId,
  id: described(z.string(), "The number of the KB that is missing."),
  change,
  machineMissedOn: described(z.nullable(count), "null: unknown, never 0."),
});

/** `GET /api/actions?format=json`. */
export const actionsSchema = described(
  z.object({
    ...{ watchlist: z.string(), tenant: described(z.string(), "home or a tenant id."), runId, day },
    gaps: described(count, "Missing KBs, each once per product. Every one is closed by exactly one action."),
    actions: described(
      z.array(
        z.object({
          id: described(z.string(), "The number of the KB to install."),
          name: z.string(),
          link: row.shape.link,
          exploited: described(z.boolean(), "Whether it closes an exploited CVE, itself or through what it replaces."),
          machines: described(
            z.nullable(count),
            "At least so many machines need it: the largest count of one product.",
          ),
          since: described(day, "The oldest day from which the age of what it closes counts."),
          advisoryState,
          advisory: z.nullable(advisory),
          installs: described(z.array(gap), "Products to install it in."),
          covers: described(z.array(gap), "Missing KBs that it replaces in these products."),
        }),
      ),
      "Most urgent first: what is exploited, then what reaches further, then what is older.",
    ),
  }),
  "The fewest updates that close everything a watchlist's products miss.",
);
export type ActionsJson = z.infer<typeof actionsSchema>;

const historyFrame = {
  watchlist: z.string(),
  from: described(z.nullable(day), "The first day. null: there is none."),
  to: described(z.nullable(day), "The last day. null: there is none."),
};

/** `GET /api/history?format=json`. */
export const historySchema = described(
  z.object({
    ...historyFrame,
    runs: described(
      z.array(
        z.object({
          runId,
          scheduled: z.boolean(),
          openedAt: time,
          committedAt: time,
          ...totals.shape,
          mail: z.enum(mailStatuses),
          mailAt: time,
          day: described(day, "The day that the run belongs to."),
        }),
      ),
      "In the order in which they were opened.",
    ),
  }),
  "The totals of a watchlist's runs.",
);

const cell = described(
  z.unknown(),
  "As in a report's CSV: a text, a number, true or false; null where that has an empty cell. Texts are unchanged.",
);

/** `GET /api/history?detail=entries&format=json`. */
export const entriesSchema = described(
  z.object({
    ...historyFrame,
    rows: described(
      z.array(
        z.object(Object.fromEntries(reportColumns.map((name) => [name, cell])) as Record<ReportColumn, typeof cell>),
      ),
      "One per run, KB and product, with the columns of a report's CSV. Where change is lost, what the row names cannot be read any more, and why says so.",
    ),
    next: described(z.nullable(z.string()), "The path of the next page, without the key. null: this is the last page."),
  }),
  "A page of the entries of a watchlist's runs, in the order in which these were opened.",
);
export type EntriesJson = z.infer<typeof entriesSchema>;

/** `GET /api/overview?format=json`. */
export const overviewSchema = described(
  z.object({
    timeZone: described(z.string(), "The time zone of its days (IANA name)."),
    total: described(count, "Watchlists that the caller may read, whatever the filter."),
    states: described(
      z.object(
        Object.fromEntries(overviewStates.map((state) => [state, count])) as Record<OverviewState, typeof count>,
      ),
      "How many of them are in each state. One watchlist may be in several.",
    ),
    filter: described(
      z.nullable(z.object({ search: z.optional(z.string()), state: z.optional(z.enum(overviewStates)) })),
      "Which watchlists were selected. null: all.",
    ),
    faults: described(z.array(z.string()), "What is wrong with the configuration apart from single watchlists."),
    watchlists: described(
      z.array(
        z.object({
          watchlist: z.string(),
          tenant: described(z.nullable(z.string()), "home or a tenant id. null: its entry is too faulty to be read."),
          states: described(z.array(z.enum(overviewStates)), "The most urgent first."),
          faults: described(z.array(z.string()), "What is wrong with its entry in the configuration."),
          runId: described(z.nullable(runId), "The last scheduled run. null: there was none yet."),
          day: described(z.nullable(day), "The day that the run belongs to."),
          openedAt: z.nullable(time),
          committedAt: z.nullable(time),
          due: described(z.nullable(time), "When the run was due that is late. null: none is late."),
          totals: described(z.nullable(totals), "Of the last scheduled run."),
          overdueShare: described(
            z.nullable(share),
            "The share of its missing KBs that are overdue, to a thousandth. null: unknown.",
          ),
          failing: described(
            z.nullable(
              z.object({
                softwareId,
                reason: z.string(),
                misses: described(count, "How many scheduled runs in a row could not read it."),
                others: described(count, "Other products that at least three runs in a row could not read."),
              }),
            ),
            "Of the last scheduled run, the product that could not be read for the most runs.",
          ),
          digest: described(
            z.object({
              status: z.enum(digestStatuses),
              runId: described(z.nullable(runId), "The run that it is of."),
              at: described(z.nullable(time), "Since when it is in this status."),
              reason: described(z.nullable(z.string()), "Why it was refused, or why the last try failed."),
            }),
            "The last digest. refused and waiting are of digests after the last one that was sent.",
          ),
          line: described(
            z.array(z.object({ day, missingInstalls: count })),
            "The scheduled runs of the last 30 days, oldest first.",
          ),
          page: described(z.nullable(z.string()), "Its report as a page. null: REPORT_URL is not set."),
        }),
      ),
      "The most urgent first unless another order was asked for.",
    ),
  }),
  "Every watchlist that the caller may read, with the figures of its last scheduled run.",
);
export type OverviewJson = z.infer<typeof overviewSchema>;

const machines = described(z.nullable(count), "null: Defender does not say.");

/** `GET /api/products?format=json`. */
export const productsSchema = described(
  z.object({
    message: described(z.nullable(z.string()), "Why there are no products; null where there is a list."),
    lists: described(
      z.array(
        z.object({
          tenant: described(z.string(), "home or a tenant id."),
          readAt: described(z.nullable(time), "When the list was read. null: none could be read yet."),
          total: described(count, "How many products it has."),
          failure: described(
            z.nullable(z.object({ reason: z.string(), since: time })),
            "Why it is not newer; null: it is that of the last run.",
          ),
        }),
      ),
      "One per tenant.",
    ),
    products: described(
      z.array(
        z.object({
          tenant: z.string(),
          softwareId,
          name: z.string(),
          vendor: z.string(),
          weaknesses: described(z.nullable(count), "Open CVEs. null: Defender does not say."),
          exposedMachines: machines,
          installedMachines: machines,
          watchlists: described(z.array(z.string()), "Which watchlists watch it, of those that the caller may read."),
        }),
      ),
      "Those that match the search, those on most exposed machines first.",
    ),
  }),
  "Defender's products with their ids, as of the last run that read its list.",
);
export type ProductsJson = z.infer<typeof productsSchema>;

const triedSettings = {
  ...{ minMachines: count, minPercent: count, minCves: count },
  mailWhen: z.enum(mailWhens),
  heartbeatDay: z.enum([...weekdays, "none"]),
  ...{ dueDays: count, dueDaysExploited: count, dueFrom: z.enum(dueFroms) },
};
const tried = <Name extends keyof typeof triedSettings>(name: Name): z.ZodMiniOptional<(typeof triedSettings)[Name]> =>
  described(z.optional(triedSettings[name]), previewParameters[name].description);

/** The body of `POST /api/preview`. */
export const previewRequestSchema = described(
  z.object({
    watchlist: described(z.optional(z.string()), previewParameters.watchlist.description),
    runs: described(
      z.optional(z.int().check(z.minimum(1), z.maximum(mostPreviewed))),
      `${previewParameters.runs.description} ${mostPreviewed} if omitted.`,
    ),
    ...{ minMachines: tried("minMachines"), minPercent: tried("minPercent"), minCves: tried("minCves") },
    ...{ mailWhen: tried("mailWhen"), heartbeatDay: tried("heartbeatDay") },
    ...{ dueDays: tried("dueDays"), dueDaysExploited: tried("dueDaysExploited"), dueFrom: tried("dueFrom") },
    format: described(z.optional(z.enum(previewParameters.format.allowed)), previewParameters.format.description),
  }),
  "The settings to try.",
);

const previewMail = z.object({
  mails: described(z.boolean(), "Whether the run mails."),
  subject: described(z.nullable(z.string()), "null: it does not."),
});
const beforeAfter = z.object({ was: count, would: described(count, "Under the settings tried.") });
const unmentionedKb = z.object({
  id: described(z.string(), "The KB's number."),
  since: described(day, "The first run in which it was overdue."),
  until: described(day, "The last one."),
});

/** The response of `POST /api/preview`. */
export const previewSchema = described(
  z.object({
    watchlist: z.string(),
    tenant: described(z.string(), "home or a tenant id."),
    summary: described(z.string(), "Mails before and after, and what no mail would have mentioned, in one sentence."),
    settings: described(
      z.object(triedSettings),
      "The settings tried; those that the request left out are as configured.",
    ),
    cut: described(
      z.nullable(z.enum(["not-kept", "too-large"])),
      "Why older runs are left out: what they compared is no longer kept or is damaged, or more do not fit into memory.",
    ),
    mails: described(beforeAfter, "How many of the runs mail."),
    silentDays: described(beforeAfter, "The most days between two mails."),
    unmentioned: described(
      z.array(unmentionedKb),
      "KBs that were overdue by the settings tried, and not any more by the time of the next mail.",
    ),
    waiting: described(z.array(unmentionedKb), "KBs overdue in the last run, that no mail mentioned yet."),
    runs: described(z.array(z.object({ runId, day, was: previewMail, would: previewMail })), "Oldest first."),
  }),
  "Past scheduled runs under other settings. Every digest counts as delivered.",
);
export type PreviewJson = z.infer<typeof previewSchema>;

/** The body of `POST /api/runs`. */
export const startSchema = described(
  z.object({
    watchlist: described(z.optional(z.string()), startParameters.watchlist.description),
    mail: described(z.optional(z.boolean()), `${startParameters.mail.description} False if omitted.`),
  }),
  "Which watchlist to read now.",
);

/** The response of `POST /api/runs`. */
export const startedSchema = described(
  z.object({ watchlist: z.string(), runId, status: described(z.string(), "The path of its progress.") }),
  "The run that was started. Asked again within the minute, it is the same run, which mails if either was to.",
);

/** `GET /api/runs/{watchlist}/{runId}`. */
export const progressSchema = described(
  z.object({
    watchlist: z.string(),
    runId,
    state: described(
      z.enum(["queued", "running", "committed", "dropped"]),
      "queued: nothing read yet. running: products are being read. committed: finished, its report is there. dropped: it will not be carried out.",
    ),
    reason: described(z.optional(z.string()), "Why it was dropped."),
    read: described(count, "Products read so far."),
    total: count,
    failures: described(
      z.array(z.object({ softwareId, reason: z.string(), permanent: z.boolean() })),
      "Empty until the run is committed, because a product may still be read until then.",
    ),
    mail: z.enum(mailStatuses),
  }),
  "The progress of a run.",
);

/** The response of `DELETE /api/runs/{watchlist}/{runId}/mail`. */
export const cancelledSchema = described(
  z.object({ watchlist: z.string(), runId, mail: z.literal("cancelled") }),
  "The mail that was cancelled.",
);

export type ProgressJson = z.infer<typeof progressSchema>;

/** `GET /api/health` and `GET /api/reasons`. */
export const healthSchema = described(
  z.object({
    status: z.enum(["healthy", "unhealthy"]),
    reasons: described(z.optional(z.array(z.string())), "Why it is unhealthy; only from /api/reasons."),
    feeds: described(
      z.optional(z.object({ msrc: z.nullable(z.string()), kev: z.nullable(z.string()) })),
      "When MSRC and CISA last answered, in UTC; only from /api/reasons, and not with ADVISORIES=none.",
    ),
  }),
  "Whether the reporter is healthy.",
);

/** `POST /api/doctor`. */
export const examinationSchema = described(
  z.object({
    ok: described(z.boolean(), "True when every check passed."),
    findings: z.array(
      z.object({
        check: z.string(),
        status: described(
          z.enum(["ok", "fault", "skipped"]),
          "skipped: an earlier check failed, or Defender's calls are used up.",
        ),
        detail: described(z.string(), "What was found, or what to do."),
      }),
    ),
  }),
  "Everything that a run needs, checked step by step.",
);

/** Every error (RFC 9457). */
export const problemSchema = described(
  z.looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: described(z.string(), "What is wrong, what is allowed, and what to do."),
    parameter: described(z.optional(z.string()), "The parameter that was not accepted."),
    allowed: described(z.optional(z.array(z.string())), "What is allowed instead, or examples of it."),
    retryAfterSeconds: described(z.optional(count), "When to ask again; also in the header Retry-After."),
  }),
  "What the caller did wrong or cannot have (RFC 9457).",
);
