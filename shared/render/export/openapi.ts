import * as z from "zod/mini";
import { changeFilters, sortKeys, sortOrders } from "../../core/selection.ts";
import {
  examinationSchema,
  healthSchema,
  historySchema,
  problemSchema,
  progressSchema,
  reportSchema,
  startedSchema,
  startSchema,
} from "./schemas.ts";

const schemas = {
  Report: reportSchema,
  History: historySchema,
  StartRun: startSchema,
  StartedRun: startedSchema,
  RunProgress: progressSchema,
  Health: healthSchema,
  Examination: examinationSchema,
  Problem: problemSchema,
};
type SchemaName = keyof typeof schemas;

const json = "application/json";

/** The JSON Schema (draft 2020-12) of an answer; unknown properties are allowed, for later versions may add some. */
export function jsonSchema(name: SchemaName): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(schemas[name], { target: "draft-2020-12", io: "input" });
  return { $schema, title: name, ...schema };
}

/** The OpenAPI 3.1 document of every call. */
export function openApiDocument(version: string): Record<string, unknown> {
  return {
    openapi: "3.1.1",
    info: {
      title: "Missing KB reporter",
      version,
      description: "What got worse in the missing security updates (KBs) of Microsoft Defender for Endpoint.",
      license: { name: "MIT", identifier: "MIT" },
    },
    jsonSchemaDialect: "https://json-schema.org/draft/2020-12/schema",
    servers: [{ url: "/" }],
    security: [{ keyHeader: [] }, { keyQuery: [] }],
    paths,
    components: { schemas: componentSchemas(), securitySchemes },
  };
}

function componentSchemas(): Record<string, unknown> {
  const names = Object.keys(schemas) as SchemaName[];
  return Object.fromEntries(names.map((name) => [name, withoutDialect(jsonSchema(name))]));
}

function withoutDialect({ $schema: _, ...schema }: Record<string, unknown>): Record<string, unknown> {
  return schema;
}

const securitySchemes = {
  keyHeader: {
    type: "apiKey",
    in: "header",
    name: "x-functions-key",
    description: "A function key. With AUTH=entra the platform's sign-in takes its place.",
  },
  keyQuery: { type: "apiKey", in: "query", name: "code", description: "The same key, for links." },
};

const text = { type: "string", maxLength: 300 };
const runIdText = { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}(T\\d{2}:\\d{2}Z)?$" };
const runOrLatest = { type: "string", pattern: "^(latest|\\d{4}-\\d{2}-\\d{2}(T\\d{2}:\\d{2}Z)?)$" };

function query(name: string, schema: object, description: string) {
  return { name, in: "query", required: false, schema, description };
}

function path(name: string, schema: object, description: string) {
  return { name, in: "path", required: true, schema, description };
}

const watchlist = query("watchlist", text, "May be left out where only one is configured.");

const reportParameters = [
  watchlist,
  query("run", { ...runOrLatest, default: "latest" }, "Which run: latest, or a run id."),
  query("from", runOrLatest, "Compare with this run instead of the one that was compared with."),
  query("softwareId", text, "Tell of this software alone."),
  query("search", text, "Words that must all occur in a KB's number, name, products or software."),
  query("change", { enum: changeFilters }, "worse: new, worsened or returned. missing: all but resolved."),
  query("overdue", { enum: ["true", "false"], default: "false" }, "Only what is missing for longer than DUE_DAYS."),
  query("stalled", { enum: ["true", "false"], default: "false" }, "Only what has stayed near its peak for 14 days."),
  query("sort", { enum: sortKeys, default: "worst" }, "worst: the report's own order."),
  query("order", { enum: sortOrders }, "Where left out: numbers fall, KBs rise, worst comes first."),
  query("format", { enum: ["html", "json", "csv", "text"] }, "Where left out, the Accept header chooses."),
  query("kb", { type: "string", maxLength: 40 }, "Page only: one KB over runs."),
  query("page", { type: "integer", minimum: 1, default: 1 }, "Page only: which page of KBs."),
  query("softwarePage", { type: "integer", minimum: 1, default: 1 }, "Page only: which page of software."),
  query("progress", runOrLatest, "Page only: the run whose progress is shown."),
];

const historyParameters = [
  watchlist,
  query("days", { type: "integer", minimum: 1, maximum: 3650, default: 90 }, "How many days back from today."),
  query("format", { enum: ["json", "csv"] }, "Where left out, the Accept header chooses."),
];

function content(name: SchemaName, type = json) {
  return { [type]: { schema: { $ref: `#/components/schemas/${name}` } } };
}

const plain = { schema: { type: "string" } };
const header = (description: string) => ({ description, schema: { type: "string" } });
const fileName = { "Content-Disposition": header("A file name with watchlist and run, for CSV and JSON.") };

function ok(description: string, body: object, headers: object = {}) {
  return { description, ...(Object.keys(headers).length > 0 && { headers }), content: body };
}

function problem(description: string) {
  return { description, content: content("Problem", "application/problem+json") };
}

const badRequest = problem("A parameter cannot be taken; the problem names it and the values allowed.");
const unreadable = problem("A stored row is damaged or of a newer version; the problem names it and says what to do.");
const unauthorized = { description: "No valid key, or not signed in." };

const paths = {
  "/api/report": {
    get: {
      operationId: "getReport",
      summary: "The report of a run",
      parameters: reportParameters,
      responses: {
        200: ok(
          "The report.",
          { "text/html": plain, ...content("Report"), "text/csv": plain, "text/plain": plain },
          { ETag: header("Stays the same while the report does."), ...fileName },
        ),
        304: { description: "The report is the one that If-None-Match names." },
        400: badRequest,
        401: unauthorized,
        404: problem("No such run, or none yet; the problem says how to start one."),
        406: problem("No format that the Accept header takes."),
        410: problem("The run is older than the retention."),
        500: unreadable,
      },
    },
  },
  "/api/history": {
    get: {
      operationId: "getHistory",
      summary: "The totals of a watchlist's runs",
      parameters: historyParameters,
      responses: {
        200: ok("Oldest run first.", { ...content("History"), "text/csv": plain }, fileName),
        400: badRequest,
        401: unauthorized,
        500: unreadable,
      },
    },
  },
  "/api/runs": {
    post: {
      operationId: "startRun",
      summary: "Read now",
      requestBody: {
        required: false,
        content: { ...content("StartRun"), ...content("StartRun", "application/x-www-form-urlencoded") },
      },
      responses: {
        202: ok("Opened, or open already.", content("StartedRun"), { Location: header("Where progress is told.") }),
        303: { description: "For a form: back to the report page.", headers: { Location: header("The page.") } },
        400: badRequest,
        401: unauthorized,
        403: problem("Sent from another site."),
        413: problem("The body is too large."),
      },
    },
  },
  "/api/runs/{watchlist}/{runId}": {
    get: {
      operationId: "getRun",
      summary: "How far a run is",
      parameters: [path("watchlist", text, "Its name."), path("runId", runIdText, "A run id.")],
      responses: {
        200: ok("Its progress.", content("RunProgress")),
        400: badRequest,
        401: unauthorized,
        404: problem("Neither committed nor under way."),
        500: unreadable,
      },
    },
  },
  "/api/health": {
    get: {
      operationId: "getHealth",
      summary: "Whether a person should look",
      description: "Without a key it tells the status alone; a caller with one is sent on to the reasons.",
      security: [{}, { keyHeader: [] }, { keyQuery: [] }],
      responses: {
        200: ok("Healthy.", content("Health")),
        307: { description: "To the reasons, for a caller with a key.", headers: { Location: header("Where.") } },
        400: badRequest,
        503: ok("A person should look.", content("Health")),
      },
    },
  },
  "/api/health/reasons": {
    get: {
      operationId: "getHealthReasons",
      summary: "Why a person should look",
      responses: {
        200: ok("Healthy.", content("Health")),
        401: unauthorized,
        503: ok("A person should look, and why.", content("Health")),
      },
    },
  },
  "/api/doctor": {
    post: {
      operationId: "examine",
      summary: "Try everything that a run needs",
      description:
        "Takes a token, reads one software of each watchlist, writes and removes probe rows, sends in the sandbox.",
      responses: {
        200: ok("What was found; whether it is well stands in it.", content("Examination")),
        401: unauthorized,
      },
    },
  },
  "/api/openapi.json": {
    get: {
      operationId: "getOpenApi",
      summary: "This document",
      responses: {
        200: ok("OpenAPI 3.1.", { [json]: { schema: { type: "object" } } }),
        401: unauthorized,
      },
    },
  },
};
