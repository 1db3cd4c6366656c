import { describe, expect, test } from "vitest";
import { badParameter } from "../../shared/http/problem.ts";
import { jsonResponse } from "../../shared/http/response.ts";
import { RowError } from "../../shared/ports.ts";
import { ask, request } from "../support/ask.ts";
import { expectHarmlessPage } from "../support/harmless.ts";
import { readHtml } from "../support/read-html.ts";

const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const problem = badParameter("watchlist", "There is no watchlist of that name.", ["clients", "<script>servers"]);

const fail = (accept: string | undefined, error: Error = problem) =>
  ask(request({}, { headers: { accept } }), async () => {
    throw error;
  });

describe("an error", () => {
  test.each([
    undefined,
    "*/*",
    "application/json",
    "application/problem+json",
    "application/json, text/html;q=0.9",
    "application/problem+json, text/html;q=0.9",
    "text/html;q=0.5, application/json",
    "text/html;q=0, */*",
    "text/csv",
  ])("is a problem in JSON for Accept: %s", async (accept) => {
    const given = await fail(accept);
    expect([given.status, given.headers["Content-Type"]]).toEqual([400, "application/problem+json; charset=utf-8"]);
    expect(given.json).toEqual({
      ...{ type: "about:blank", title: "Bad parameter", status: 400, parameter: "watchlist" },
      ...{ detail: "There is no watchlist of that name.", allowed: ["clients", "<script>servers"] },
    });
  });

  test.each([browser, "text/html", "TEXT/*", "text/html, */*"])("is a page for Accept: %s", async (accept) => {
    const given = await fail(accept);
    expect([given.status, given.headers["Content-Type"]]).toEqual([400, "text/html; charset=utf-8"]);
    expectHarmlessPage(given.body, 0);
    const { tags, text } = readHtml(given.body);
    expect(text.replace(/\s+/g, " ")).toContain("There is no watchlist of that name. Allowed: clients <script>servers");
    const nonce = tags.find(({ name }) => name === "style")?.attributes.nonce;
    expect(given.headers["Content-Security-Policy"]).toContain(`style-src 'nonce-${nonce}'`);
    expect(given.headers).toMatchObject({ "Referrer-Policy": "no-referrer", "Cache-Control": "no-store" });
  });

  test("page names what is allowed once", async () => {
    const { body } = await fail(browser, badParameter("format", '"format" must be one of json, csv.', ["json", "csv"]));
    expect(readHtml(body).text).not.toContain("Allowed");
  });

  test("of an unreadable row is a problem; any other fails the invocation", async () => {
    const given = await fail(undefined, new RowError("Row (default, 2026-11-23) of table Runs is damaged."));
    expect([given.status, given.json.title]).toEqual([500, "Unreadable row"]);
    await expect(fail(browser, new Error("a bug"))).rejects.toThrow("a bug");
  });
});

test.each([200, 400])("HEAD gets the status %i and the headers of GET, and no body", async (status) => {
  const serve = async () => {
    if (status === 400) throw problem;
    return jsonResponse(200, { fine: true }, { ETag: '"x"' });
  };
  const [head, get] = [await ask(request({}, { method: "HEAD" }), serve), await ask(request(), serve)];
  expect(head).toEqual({ ...get, body: "", json: {} });
  expect(get.body).not.toBe("");
});

test.each([200, 400])(
  "a response of %i is not cached, not guessed at, and not loaded into another site's page",
  async (status) => {
    const { headers } = await ask(request(), async () => {
      if (status === 400) throw problem;
      return jsonResponse(200, {});
    });
    expect(headers).toMatchObject({
      ...{ "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" },
      "Cross-Origin-Resource-Policy": "same-origin",
    });
  },
);
