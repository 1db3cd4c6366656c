import * as z from "zod/mini";
import { rowKinds } from "../../core/row.ts";
import { mailStatuses } from "../../core/run.ts";
import { startParameters } from "../parameters.ts";

// The shape of every JSON response, as a type for the code and as a published schema.

/** A schema with its published description. */
function described<Schema extends z.ZodMiniType>(schema: Schema, description: string): Schema {
  return schema.check(z.describe(description)) as Schema;
}

const count = z.int().check(z.minimum(0));
const share = z.number().check(z.minimum(0), z.maximum(1));
const runId = described(
  z.string().check(z.regex(/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}Z)?$/)),
  "The day of a scheduled run, such as 2026-11-23; for a run on demand its UTC minute, such as 2026-11-23T10:17Z.",
);
const day = described(z.string().check(z.regex(/^\d{4}-\d{2}-\d{2}$/)), "A calendar day in REPORT_TIME_ZONE.");
const time = described(z.string(), "ISO 8601 in UTC.");
const softwareId = described(z.string(), "Defender's id, such as microsoft-_-windows_11.");
const change = described(
  z.enum(rowKinds),
  "The change since the run compared with. baseline: the product was read for the first time. not-read: the product could not be read, so its last counts are shown and no change is claimed.",
);

const totals = z.object({
  new: count,
  worsened: count,
  improved: count,
  resolved: count,
  returned: count,
  baseline: described(count, "Products read for the first time."),
  read: described(count, "Products read."),
  notRead: described(count, "Products that could not be read."),
  missingKbs: described(count, "Different KBs missing in all products."),
  missingInstalls: described(
    count,
    "Missing installs: for each KB its largest count in one product, added up. No machine counts twice for one KB.",
  ),
});

const counts = z.object({
  machineMissedOn: described(z.nullable(count), "null: unknown, never 0."),
  cveAddressed: described(z.nullable(count), "null: unknown, never 0."),
});

const entry = z.object({
  softwareId,
  change,
  current: described(z.nullable(counts), "null: no longer missing."),
  previous: described(z.nullable(counts), "The counts last reported; null: none were."),
  firstSeen: day,
  peakMachineMissedOn: described(z.nullable(count), "The largest machineMissedOn since it was first seen."),
  stalled: described(z.boolean(), "Still at 80 % of its peak or more, at least 14 days after it was first seen."),
});

const row = z.object({
  id: described(z.string(), "The KB's number, without the letters KB."),
  name: z.string(),
  productsNames: z.array(z.string()),
  url: described(z.nullable(z.string()), "As Defender gives it, unchecked."),
  link: described(z.nullable(z.string()), "The url if it is https on a known Microsoft host, else null."),
  change,
  machineMissedOn: described(z.nullable(count), "The largest count of one product, never a sum."),
  cveAddressed: described(z.nullable(count), "The largest count of one product, never a sum."),
  firstSeen: day,
  ageDays: count,
  overdueDays: described(count, "Days past dueDays; 0 if it is not overdue."),
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
  missingKbs: count,
  missingInstalls: described(count, "Sum of machineMissedOn over its KBs."),
  unusable: described(count, "Items in Defender's answer that could not be used."),
  failure: described(
    z.nullable(
      z.object({
        softwareId,
        reason: z.string(),
        permanent: described(z.boolean(), "Whether it lasts until a person acts."),
        since: described(runId, "The first of the consecutive runs that could not read it."),
        misses: described(count, "How many scheduled runs in a row could not read it."),
      }),
    ),
    "Why it could not be read.",
  ),
});

const basis = {
  runs: described(count, "How many runs the line is drawn through."),
  from: runId,
  to: runId,
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

/** `GET /api/report?format=json`. */
export const reportSchema = described(
  z.object({
    watchlist: z.string(),
    tenant: described(z.string(), "home or a tenant id."),
    runId,
    previousRunId: described(z.nullable(runId), "The run compared with; null: there was none before."),
    openedAt: time,
    committedAt: time,
    dueDays: described(z.number(), "A KB missing for longer than this many days is overdue."),
    page: described(z.nullable(z.string()), "The report page of this run; null: REPORT_URL is not set."),
    totals,
    overdue: described(count, "How many KBs are overdue."),
    stalled: described(count, "How many KBs are stalled in at least one product."),
    forecast: described(forecast, "Where the missing installs of the watchlist are heading."),
    trend: described(
      z.array(z.object({ runId, totals })),
      "The scheduled runs up to this one, oldest first, for the entire watchlist.",
    ),
    products: described(z.array(product), "In the watchlist's order."),
    rows: described(z.array(row), "One per KB, worst first."),
  }),
  "What changed in a watchlist between two runs, and everything that is missing.",
);
export type ReportJson = z.infer<typeof reportSchema>;

/** `GET /api/history?format=json`. */
export const historySchema = described(
  z.object({
    watchlist: z.string(),
    days: described(z.int().check(z.minimum(1)), "How many days back from today."),
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
        }),
      ),
      "Oldest first.",
    ),
  }),
  "The totals of a watchlist's runs.",
);

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
  "The run that was started. Asked again within the minute, it is the same run.",
);

/** `GET /api/runs/{watchlist}/{runId}`. */
export const progressSchema = described(
  z.object({
    watchlist: z.string(),
    runId,
    state: described(
      z.enum(["queued", "running", "committed"]),
      "queued: nothing read yet. running: some products read. committed: finished, its report is there.",
    ),
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

export type ProgressJson = z.infer<typeof progressSchema>;

/** `GET /api/health` and `GET /api/health/reasons`. */
export const healthSchema = described(
  z.object({
    status: z.enum(["healthy", "unhealthy"]),
    reasons: described(z.optional(z.array(z.string())), "Why it is unhealthy; only from /api/health/reasons."),
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
        status: described(z.enum(["ok", "fault", "skipped"]), "skipped: an earlier check failed."),
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
  }),
  "What the caller did wrong or cannot have (RFC 9457).",
);
