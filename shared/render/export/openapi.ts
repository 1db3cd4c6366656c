import * as z from "zod/mini";
import watchlists from "../../../docs/watchlists.schema.json" with { type: "json" };
import { positionShape } from "../../core/entry-position.ts";
import {
  actionsParameters,
  historyParameters,
  keyParameter,
  mailParameters,
  maxLength,
  overviewParameters,
  type Parameter,
  type Parameters,
  productsParameters,
  reportParameters,
} from "../parameters.ts";
import {
  actionsSchema,
  cancelledSchema,
  entriesSchema,
  examinationSchema,
  healthSchema,
  historySchema,
  overviewSchema,
  previewRequestSchema,
  previewSchema,
  problemSchema,
  productsSchema,
  progressSchema,
  reportSchema,
  startedSchema,
  startSchema,
} from "./schemas.ts";

const schemas = {
  Report: reportSchema,
  Actions: actionsSchema,
  History: historySchema,
  HistoryEntries: entriesSchema,
  Overview: overviewSchema,
  Products: productsSchema,
  PreviewRequest: previewRequestSchema,
  Preview: previewSchema,
  StartRun: startSchema,
  StartedRun: startedSchema,
  RunProgress: progressSchema,
  CancelledMail: cancelledSchema,
  Health: healthSchema,
  Examination: examinationSchema,
  Problem: problemSchema,
};
type SchemaName = keyof typeof schemas;

const json = "application/json";

/** The JSON Schema (draft 2020-12) of a response. It allows unknown properties, because later versions may add some. */
export function jsonSchema(name: SchemaName): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(schemas[name], { target: "draft-2020-12", io: "input" });
  return { $schema, title: name, ...schema };
}

/** The OpenAPI 3.1 document of every call. */
export function openApiDocument(version: string): Record<string, unknown> {
  return {
    openapi: "3.1.1",
    info: {
      title: "Missing-KB reporter",
      version,
      description:
        "What got worse in the missing security updates (KBs) of Microsoft Defender for Endpoint. HEAD works wherever GET does.",
      license: { name: "MIT", identifier: "MIT" },
    },
    jsonSchemaDialect: "https://json-schema.org/draft/2020-12/schema",
    servers: [{ url: "/" }],
    security: [{ keyHeader: [] }, { keyQuery: [] }],
    paths,
    webhooks,
    components: { schemas: componentSchemas(), securitySchemes },
  };
}

function componentSchemas(): Record<string, unknown> {
  const names = Object.keys(schemas) as SchemaName[];
  const own = Object.fromEntries(names.map((name) => [name, withoutDialect(jsonSchema(name))]));
  return { ...own, WatchlistsDocument: withoutDialect(watchlists) };
}

function withoutDialect({ $schema: _, ...schema }: Record<string, unknown>): Record<string, unknown> {
  return schema;
}

const securitySchemes = {
  keyHeader: {
    type: "apiKey",
    in: "header",
    name: "x-functions-key",
    description:
      "A function key. With AUTH=entra, the platform's sign-in replaces it: a watchlist with a readerRole is only shown to callers with that app role or Reports.Read.All.",
  },
  keyQuery: { type: "apiKey", in: "query", name: "code", description: keyParameter.code.description },
};

const runIdPattern = "\\d{4}-\\d{2}-\\d{2}(T\\d{2}:\\d{2}Z)?";

function query(parameters: Parameters) {
  return Object.entries(parameters).map(([name, parameter]) => ({
    ...{ name, in: "query", required: false, schema: parameterSchema(parameter) },
    description: parameter.pageOnly ? `For the page only. ${parameter.description}` : parameter.description,
  }));
}

function parameterSchema(parameter: Parameter): object {
  const preset = "default" in parameter ? { default: parameter.default } : {};
  switch (parameter.kind) {
    case "text":
    case "kb":
      return { type: "string", maxLength };
    case "choice":
      return { type: "string", enum: parameter.allowed, ...preset };
    case "flag":
      return { type: "boolean", ...preset };
    case "number":
      return { type: "integer", minimum: parameter.minimum ?? 1, maximum: parameter.maximum, ...preset };
    case "run":
      return { type: "string", pattern: `^(${parameter.latest ? "latest|" : ""}${runIdPattern})$`, ...preset };
    case "day":
      return { type: "string", format: "date" };
    case "position":
      return { type: "string", pattern: positionShape.source };
  }
}

function path(name: string, schema: object, description: string) {
  return { name, in: "path", required: true, schema: { type: "string", ...schema }, description };
}

function content(name: SchemaName, type = json) {
  return { [type]: { schema: reference(name) } };
}

function reference(name: SchemaName | "WatchlistsDocument") {
  return { $ref: `#/components/schemas/${name}` };
}

const plain = { schema: { type: "string" } };
const header = (description: string) => ({ description, schema: { type: "string" } });
const fileName = { "Content-Disposition": header("For CSV and JSON, a file name with the watchlist and the run.") };

function ok(description: string, body: object, headers: object = {}) {
  return { description, ...(Object.keys(headers).length > 0 && { headers }), content: body };
}

function problem(description: string) {
  return { description, content: { ...content("Problem", "application/problem+json"), "text/html": plain } };
}

const badRequest = problem("A parameter is unknown or has a value that is not allowed. The problem names it.");
const badReportRequest = problem(
  "A parameter is unknown or has a value that is not allowed, or `from` is not a run opened before `run`. The problem names it.",
);
const notAcceptable = problem("The Accept header allows none of the formats.");
const unreadable = problem("A stored row is damaged or was written by a newer version. The problem says what to do.");
const unauthorized = { description: "No valid key, or not signed in." };
const refused = { 400: badRequest, 401: unauthorized };
const noReader = problem("With AUTH=entra, the caller has no app role that lets them read a watchlist.");
const refusedToRead = { ...refused, 403: noReader };
const otherSite = problem("The request came from another site.");
const noStarter = problem(
  "The request came from another site or, with AUTH=entra, its caller lacks the app role Runs.Start.",
);

const chunked = problem("The body was sent in chunks and did not arrive. Send it with a Content-Length.");
const tooLarge = problem("The body is too large.");

const runPath = [
  path("watchlist", { maxLength }, "The name of the watchlist. Case-insensitive."),
  path("runId", { pattern: `^${runIdPattern}$` }, "A run id."),
];

const theOverview = {
  200: ok(
    "The watchlists that the caller may read, the most urgent first.",
    { "text/html": plain, ...content("Overview"), "text/csv": plain },
    { ETag: header("Unchanged as long as the overview is."), ...fileName },
  ),
  304: { description: "If-None-Match names the current overview." },
  403: problem("The caller may not read any watchlist."),
};

const paths = {
  "/api/report": {
    get: {
      operationId: "getReport",
      summary: "The report of a run",
      parameters: query(reportParameters),
      responses: {
        200: ok(
          "The report.",
          { "text/html": plain, ...content("Report"), "text/csv": plain, "text/plain": plain },
          { ETag: header("Unchanged as long as the report is."), ...fileName },
        ),
        304: { description: "If-None-Match names the current report." },
        ...refusedToRead,
        400: badReportRequest,
        404: problem("There is no such report, none yet, or no such KB in it. The problem says what there is."),
        406: notAcceptable,
        410: problem("The run, or the run compared with, is older than RETENTION_DAYS."),
        500: unreadable,
      },
    },
  },
  "/api/actions": {
    get: {
      operationId: "getActions",
      summary: "What to install to close everything that is missing",
      parameters: query(actionsParameters),
      responses: {
        200: ok(
          "The updates to install, the most urgent first, and what each closes.",
          { ...content("Actions"), "text/csv": plain },
          { ETag: header("Unchanged as long as the list is."), ...fileName },
        ),
        304: { description: "If-None-Match names the current list." },
        ...refusedToRead,
        404: problem("There is no such report, or none yet. The problem says what there is."),
        406: notAcceptable,
        410: problem("The run is older than RETENTION_DAYS."),
        500: unreadable,
      },
    },
  },
  "/api/history": {
    get: {
      operationId: "getHistory",
      summary: "The totals of a watchlist's runs, or all their entries",
      description: "Entries come in pages. A page may be short, or even empty, and have a next one all the same.",
      parameters: query(historyParameters),
      responses: {
        200: ok(
          "The runs, in the order in which they were opened; with detail=entries, the entries of these.",
          { [json]: { schema: { anyOf: [reference("History"), reference("HistoryEntries")] } }, "text/csv": plain },
          { Link: header("With detail=entries, the next page with rel=next; absent on the last one."), ...fileName },
        ),
        ...refusedToRead,
        406: notAcceptable,
        500: unreadable,
      },
    },
  },
  "/api/overview": {
    get: {
      operationId: "getOverview",
      summary: "All watchlists at a glance",
      parameters: query(overviewParameters),
      responses: {
        ...theOverview,
        ...refusedToRead,
        406: notAcceptable,
      },
    },
  },
  "/": {
    get: {
      operationId: "getHome",
      summary: "The overview, as a page unless another format is asked for",
      parameters: query(overviewParameters),
      responses: {
        ...theOverview,
        307: {
          description: "For a page of a single watchlist: to its report.",
          headers: { Location: header("The report.") },
        },
        ...refusedToRead,
        406: notAcceptable,
      },
    },
  },
  "/api/products": {
    get: {
      operationId: "getProducts",
      summary: "Defender's products with their ids",
      description: "From the list that the last run read; never calls Defender. Without a list it says why.",
      parameters: query(productsParameters),
      responses: {
        200: ok(
          "The products that match.",
          { "text/html": plain, ...content("Products"), "text/csv": plain },
          { ETag: header("Unchanged as long as the list and the watchlists are."), ...fileName },
        ),
        304: { description: "If-None-Match names the current list." },
        ...refusedToRead,
        406: notAcceptable,
      },
    },
  },
  "/api/preview": {
    post: {
      operationId: "preview",
      summary: "Replay past runs under other settings",
      description: "Writes and sends nothing.",
      requestBody: {
        required: false,
        content: { ...content("PreviewRequest"), ...content("PreviewRequest", "application/x-www-form-urlencoded") },
      },
      responses: {
        200: ok("The mails that the runs had, and those that they would have had.", {
          ...content("Preview"),
          "text/html": plain,
        }),
        ...refused,
        403: noStarter,
        404: problem("There is no scheduled run to replay."),
        406: notAcceptable,
        411: chunked,
        413: tooLarge,
        500: unreadable,
      },
    },
  },
  "/api/runs": {
    post: {
      operationId: "startRun",
      summary: "Start a run now",
      requestBody: {
        required: false,
        content: { ...content("StartRun"), ...content("StartRun", "application/x-www-form-urlencoded") },
      },
      responses: {
        202: ok("The run was started.", content("StartedRun"), { Location: header("The path of its progress.") }),
        303: { description: "For a form: back to the report page.", headers: { Location: header("The page.") } },
        ...refused,
        403: noStarter,
        409: problem("This minute's run has already finished without a mail."),
        411: chunked,
        413: tooLarge,
        429: {
          ...problem("Too many runs with a mail were asked for within an hour."),
          headers: { "Retry-After": header("Seconds until one more may be asked for.") },
        },
      },
    },
  },
  "/api/runs/{watchlist}/{runId}": {
    get: {
      operationId: "getRun",
      summary: "The progress of a run",
      parameters: runPath,
      responses: {
        200: ok("The progress of the run.", content("RunProgress")),
        ...refusedToRead,
        404: problem("There is no such run, finished or in progress."),
        500: unreadable,
      },
    },
  },
  "/api/runs/{watchlist}/{runId}/mail": {
    post: {
      operationId: "resendMail",
      summary: "Send a refused or cancelled mail again",
      parameters: [...runPath, ...query(mailParameters)],
      responses: {
        202: ok("The mail is sent soon.", content("StartedRun"), {
          Location: header("The path of the run's progress."),
        }),
        ...refused,
        403: noStarter,
        404: problem("There is no such run, or no such watchlist of the tenant."),
        409: problem(
          "The mail is neither refused nor cancelled, or the watchlist is no longer configured. The problem says what to do.",
        ),
        500: unreadable,
      },
    },
    delete: {
      operationId: "cancelMail",
      summary: "Cancel a mail that is pending or was refused",
      description: "Health then forgets it. The next digest says all the same what it held.",
      parameters: [...runPath, ...query(mailParameters)],
      responses: {
        200: ok("The mail is cancelled.", content("CancelledMail")),
        ...refused,
        403: noStarter,
        404: problem("There is no such run, or no such watchlist of the tenant."),
        409: problem("The mail is being sent, was sent, or was never owed."),
        500: unreadable,
      },
    },
  },
  "/api/health": {
    get: {
      operationId: "getHealth",
      summary: "Whether the reporter is healthy",
      description: "Open to everybody. A caller with a key is redirected to the reasons.",
      security: [{}, { keyHeader: [] }, { keyQuery: [] }],
      responses: {
        200: ok("Healthy.", content("Health")),
        307: { description: "For a caller with a key.", headers: { Location: header("The path of the reasons.") } },
        400: badRequest,
        503: ok("Unhealthy.", content("Health")),
      },
    },
  },
  "/api/reasons": {
    get: {
      operationId: "getReasons",
      summary: "Why the reporter is unhealthy",
      description: "With AUTH=entra, only reasons that the caller may read, and whether there are others.",
      responses: {
        200: ok("Healthy.", content("Health")),
        ...refused,
        503: ok("Unhealthy, with the reasons.", content("Health")),
      },
    },
  },
  "/api/doctor": {
    post: {
      operationId: "examine",
      summary: "Check everything that a run needs",
      description:
        "Gets a token for each tenant, reads the first products of up to ten of its watchlists, writes and deletes test rows and a test message, and has SendGrid's sandbox check a mail for each watchlist, or asks Azure Communication Services whether it lets the app in.",
      responses: {
        200: ok("The findings; `ok` is true when every check passed.", content("Examination")),
        ...refused,
        403: otherSite,
      },
    },
  },
  "/api/openapi.json": {
    get: {
      operationId: "getOpenApi",
      summary: "This document",
      responses: {
        200: ok("OpenAPI 3.1.", { [json]: { schema: { type: "object" } } }),
        ...refused,
      },
    },
  },
};

/** Calls that the app makes, and what it expects to be answered. */
const webhooks = {
  readWatchlists: {
    get: {
      operationId: "readWatchlists",
      summary: "The app reads its watchlists from the blob at WATCHLISTS_URL, with its own identity",
      security: [{}],
      responses: {
        200: ok("The watchlists.", { [json]: { schema: reference("WatchlistsDocument") } }),
      },
    },
  },
};
