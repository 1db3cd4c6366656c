import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { jsonSchema, openApiDocument } from "../../../shared/render/export/openapi.ts";

const document = JSON.parse(JSON.stringify(openApiDocument("1.2.3")));
const names = Object.keys(document.components.schemas);

/** Every object in a document. */
function* objectsIn(value: unknown): Generator<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return;
  if (!Array.isArray(value)) yield value as Record<string, unknown>;
  for (const child of Object.values(value)) yield* objectsIn(child);
}

describe("the OpenAPI document", () => {
  test("describes every call", () => {
    const calls = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods as object).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(calls).toEqual([
      "GET /api/report",
      "GET /api/actions",
      "GET /api/history",
      "GET /api/overview",
      "GET /",
      "GET /api/products",
      "POST /api/preview",
      "POST /api/runs",
      "GET /api/runs/{watchlist}/{runId}",
      "POST /api/runs/{watchlist}/{runId}/mail",
      "DELETE /api/runs/{watchlist}/{runId}/mail",
      "GET /api/health",
      "GET /api/reasons",
      "POST /api/doctor",
      "GET /api/openapi.json",
    ]);
    expect(document).toMatchObject({ openapi: "3.1.1", info: { version: "1.2.3" } });
  });

  test("refers to each of its schemas and to no others", () => {
    const referred = [...objectsIn(document)].flatMap(({ $ref }) => ($ref === undefined ? [] : [String($ref)]));
    expect(new Set(referred)).toEqual(new Set(names.map((name) => `#/components/schemas/${name}`)));
  });

  test("names the parameters of every path, and gives each operation its own id", () => {
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.values(
        methods as Record<string, { operationId: string; parameters?: { name: string; in: string }[] }>,
      ).map((operation) => ({ path, ...operation })),
    );
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
    for (const { path, parameters = [] } of operations) {
      const inPath = parameters.filter((one) => one.in === "path").map(({ name }) => `{${name}}`);
      expect(path.match(/\{\w+\}/g) ?? []).toEqual(inPath);
    }
  });

  test("describes every error as a problem, in JSON or as a page", () => {
    for (const { responses } of objectsIn(document)) {
      for (const [status, response] of Object.entries((responses ?? {}) as Record<string, { content?: object }>)) {
        if (!/^4/.test(status) || status === "401") continue;
        expect(Object.keys(response.content ?? {})).toEqual(["application/problem+json", "text/html"]);
      }
    }
  });

  test("has the schema of a document of watchlists, which editors have too", () => {
    const { $schema: _, ...schema } = JSON.parse(readFileSync("docs/watchlists.schema.json", "utf8"));
    expect(document.components.schemas.WatchlistsDocument).toEqual(schema);
    expect(() => new Ajv2020({ strict: true }).compile(schema)).not.toThrow();
  });

  test("has schemas that a strict validator accepts, and that allow what later versions may add", () => {
    for (const name of names.filter((one) => one !== "WatchlistsDocument")) {
      const schema = jsonSchema(name as Parameters<typeof jsonSchema>[0]);
      expect(() => new Ajv2020({ strict: true }).compile(schema)).not.toThrow();
      for (const part of objectsIn(schema)) expect(part.additionalProperties ?? true).not.toBe(false);
    }
  });
});
