import * as z from "zod/mini";
import { rowKinds } from "../../core/row.ts";
import { mailStatuses } from "../../core/run.ts";

// The shapes of every JSON answer: types for what renders them, and the schemas that are published of them.

/** A schema with a sentence for whoever reads it published. */
function told<Schema extends z.ZodMiniType>(schema: Schema, description: string): Schema {
  return schema.check(z.describe(description)) as Schema;
}

const count = z.int().check(z.minimum(0));
const share = z.number().check(z.minimum(0), z.maximum(1));
const runId = told(
  z.string().check(z.regex(/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}Z)?$/)),
  "The day of a scheduled run, such as 2026-11-23; for a run on demand its UTC minute, such as 2026-11-23T10:17Z.",
);
const day = told(z.string().check(z.regex(/^\d{4}-\d{2}-\d{2}$/)), "A calendar day in REPORT_TIME_ZONE.");
const time = told(z.string(), "ISO 8601 in UTC.");
const softwareId = told(z.string(), "Defender's id, such as microsoft-_-windows_11.");
const change = told(
  z.enum(rowKinds),
  "What became of it since the run compared with. baseline: its software was seen for the first time. not-measured: its software could not be read, so the last counts stand and nothing is claimed.",
);

const totals = z.object({
  new: count,
  worsened: count,
  improved: count,
  resolved: count,
  returned: count,
  baseline: told(count, "Software seen for the first time."),
  read: told(count, "Software measured."),
  notRead: told(count, "Software that could not be measured."),
  missingKbs: told(count, "Different KBs missing over all software."),
  missingInstalls: told(
    count,
    "Sum over KBs of the largest count of any one software, so that no machine counts twice.",
  ),
});

const counts = z.object({
  machineMissedOn: told(z.nullable(count), "null is unknown, never 0."),
  cveAddressed: told(z.nullable(count), "null is unknown, never 0."),
});

const entry = z.object({
  softwareId,
  change,
  current: told(z.nullable(counts), "null where it is no longer missing."),
  previous: told(z.nullable(counts), "The counts last told; null where there were none."),
  firstSeen: day,
  peakMachineMissedOn: told(z.nullable(count), "The largest machineMissedOn since it was first seen."),
  stalled: told(z.boolean(), "Still at 80 % of its peak or above, 14 days or more after it was first seen."),
});

const row = z.object({
  id: told(z.string(), "The KB's number without KB."),
  name: z.string(),
  productsNames: z.array(z.string()),
  url: told(z.nullable(z.string()), "As Defender gives it; not checked."),
  link: told(z.nullable(z.string()), "The url where it is https on a known host of Microsoft's; else null."),
  change,
  machineMissedOn: told(z.nullable(count), "The largest of any one software; counts are never added up over software."),
  cveAddressed: told(z.nullable(count), "The largest of any one software."),
  firstSeen: day,
  ageDays: count,
  overdueDays: told(count, "Days by which it has outstayed dueDays; 0 within them."),
  entries: told(z.array(entry), "One per software."),
});

const product = z.object({
  softwareId,
  state: told(
    z.enum(["read", "empty", "not-kb-patched", "not-read"]),
    "not-kb-patched: Defender lists no KBs and yet counts weaknesses, so its gaps cannot be seen here.",
  ),
  baseline: told(z.boolean(), "Whether this is its first sight."),
  previous: told(z.nullable(runId), "The run of the snapshot compared with."),
  current: told(z.nullable(runId), "The run of the snapshot shown; older than the report where its read failed."),
  missingKbs: count,
  missingInstalls: told(count, "Sum of machineMissedOn over its KBs."),
  unusable: told(count, "Items of Defender's answer that could not be used."),
  failure: told(
    z.nullable(
      z.object({
        softwareId,
        reason: z.string(),
        permanent: told(z.boolean(), "Whether it stays until a person acts."),
        since: told(runId, "The first run of the row of runs that could not measure it."),
        misses: told(count, "How many scheduled runs in a row could not."),
      }),
    ),
    "Why it was not measured.",
  ),
});

const basis = {
  runs: told(count, "How many runs the line was drawn through."),
  from: runId,
  to: runId,
  first: told(count, "Machine-KB pairs in the first of them."),
  last: told(count, "Machine-KB pairs in the last of them."),
  perDay: told(z.number(), "Slope of the least-squares line, in machine-KB pairs a day."),
  steadiness: told(share, "How much of the ups and downs the line explains (r²)."),
};

const forecast = z.discriminatedUnion("outlook", [
  z.object({ outlook: z.literal("clear") }),
  z.object({ outlook: z.literal("too-few"), runs: count, needed: count }),
  z.object({ outlook: z.literal("not-falling"), ...basis }),
  z.object({ outlook: z.literal("distant"), ...basis }),
  z.object({ outlook: z.literal("falling"), zeroOn: day, ...basis }),
]);

/** `GET /api/report?format=json`. */
export const reportSchema = told(
  z.object({
    watchlist: z.string(),
    tenant: told(z.string(), "home, or a tenant id."),
    runId,
    previousRunId: told(z.nullable(runId), "The run compared with; null where there was none before."),
    openedAt: time,
    committedAt: time,
    dueDays: told(z.number(), "A KB missing for longer than this many days is overdue."),
    page: told(z.nullable(z.string()), "The report page of this run; null where REPORT_URL is not set."),
    totals,
    overdue: told(count, "How many of the rows are overdue."),
    stalled: told(count, "How many of the rows are stalled for some software."),
    forecast: told(forecast, "Where the machine-KB pairs of the whole watchlist are heading."),
    trend: told(
      z.array(z.object({ runId, totals })),
      "The scheduled runs up to this one, oldest first, over the whole watchlist.",
    ),
    products: told(z.array(product), "In the watchlist's order."),
    rows: told(z.array(row), "One per KB, worst first."),
  }),
  "What changed in one watchlist from one run to another, and all that is missing.",
);
export type ReportJson = z.infer<typeof reportSchema>;

/** `GET /api/history?format=json`. */
export const historySchema = told(
  z.object({
    watchlist: z.string(),
    days: told(z.int().check(z.minimum(1)), "How many days back from today."),
    runs: told(
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

/** What `POST /api/runs` takes. */
export const startSchema = told(
  z.object({
    watchlist: told(z.optional(z.string()), "May be left out where only one is configured."),
    mail: told(z.optional(z.boolean()), "Whether the run mails its digest; false where left out."),
  }),
  "Which watchlist to measure now.",
);

/** The answer of `POST /api/runs`. */
export const startedSchema = told(
  z.object({ watchlist: z.string(), runId, status: told(z.string(), "Where its progress is told.") }),
  "A run that was opened. Asked again within the minute, it is the same run.",
);

/** `GET /api/runs/{watchlist}/{runId}`. */
export const progressSchema = told(
  z.object({
    watchlist: z.string(),
    runId,
    state: told(z.enum(["queued", "running", "committed"]), "committed: done, its report stands."),
    read: told(count, "Software read so far."),
    total: count,
    failures: told(
      z.array(z.object({ softwareId, reason: z.string(), permanent: z.boolean() })),
      "Told once the run is committed: until then they may still be read.",
    ),
    mail: z.enum(mailStatuses),
  }),
  "How far a run is.",
);

/** `GET /api/health`. */
export const healthSchema = told(
  z.object({
    status: z.enum(["healthy", "unhealthy"]),
    reasons: told(z.optional(z.array(z.string())), "Only for callers who proved who they are."),
  }),
  "Whether a person should look.",
);

/** What was tried of the world, and how it was. */
export const examinationSchema = told(
  z.object({
    ok: told(z.boolean(), "Whether every finding is."),
    findings: z.array(
      z.object({
        check: z.string(),
        status: told(z.enum(["ok", "fault", "skipped"]), "skipped: not tried, because something before it failed."),
        detail: told(z.string(), "How it is, or what to do."),
      }),
    ),
  }),
  "Everything that a run needs, tried step by step.",
);

/** Every error (RFC 9457). */
export const problemSchema = told(
  z.looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: told(z.string(), "What is wrong, what is allowed, and what to do."),
    parameter: told(z.optional(z.string()), "The parameter that cannot be taken."),
    allowed: told(z.optional(z.array(z.string())), "The values it may have, or examples of them."),
  }),
  "What a caller did wrong or cannot have (RFC 9457).",
);
