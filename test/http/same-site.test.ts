import { describe, expect, test } from "vitest";
import { jsonResponse } from "../../shared/http/response.ts";
import { ask, request } from "../support/ask.ts";

const host = "kb.contoso.example";
type Headers = Readonly<Record<string, string>>;

/** What a call with such headers gets, and whether its work began. */
async function call(headers: Headers, method = "POST") {
  let begun = false;
  const given = await ask(request({}, { method, headers: { host, ...headers } }), async () => {
    begun = true;
    return jsonResponse(200, {});
  });
  return { status: given.status, begun, json: given.json };
}

const refused: readonly [string, Headers][] = [
  ["another site", { "sec-fetch-site": "cross-site" }],
  ["another host of the same site", { "sec-fetch-site": "same-site" }],
  ["a browser that names two sites", { "sec-fetch-site": "same-origin,cross-site" }],
  ["a browser that says something new", { "sec-fetch-site": "fenced" }],
  ["another site, whatever it calls itself", { "sec-fetch-site": "cross-site", origin: `https://${host}` }],
  ["another site in an old browser", { origin: "https://evil.example" }],
  ["another host of the same site in an old browser", { origin: "https://www.contoso.example" }],
  ["a host whose name begins like ours", { origin: `https://${host}.evil.example` }],
  ["a host whose name ends like ours", { origin: `https://evil-${host}` }],
  ["another port", { origin: `https://${host}:8443` }],
  ["a sandboxed frame or a file", { origin: "null" }],
  ["an empty origin", { origin: "" }],
  ["a file on this machine", { host: "localhost", origin: "file://" }],
  ["our name by http, where we were called by https", { origin: `http://${host}`, "x-forwarded-proto": "https" }],
];

const served: readonly [string, Headers][] = [
  ["a program", {}],
  ["our own page, which hides its origin", { "sec-fetch-site": "same-origin", origin: "null" }],
  [
    "our own page behind a proxy that says nothing",
    { "sec-fetch-site": "same-origin", origin: "https://public.example" },
  ],
  ["the person at the address bar", { "sec-fetch-site": "none" }],
  ["our own page in an old browser", { origin: `https://${host}` }],
  ["our own page with the port in the host", { host: `${host}:443`, origin: `https://${host}` }],
  ["our own page on this machine", { host: "localhost:7071", origin: "http://localhost:7071" }],
  ["our own page in capitals", { host: host.toUpperCase(), origin: `https://${host}` }],
  ["our own page behind Front Door", { "x-forwarded-host": "public.example", origin: "https://public.example" }],
  [
    "our own page behind two proxies",
    { "x-forwarded-host": "public.example, b.example", origin: "https://public.example" },
  ],
  [
    "our own page behind Application Gateway",
    { "x-original-host": "public.example", origin: "https://public.example" },
  ],
  ["our own page behind App Service", { "disguised-host": "public.example", origin: "https://public.example" }],
];

describe("a call that may change something", () => {
  test.each(refused)("from %s is refused before it does anything", async (_, headers) => {
    for (const method of ["POST", "DELETE", "PUT", "PATCH"]) {
      const given = await call(headers, method);
      expect([given.status, given.begun]).toEqual([403, false]);
      expect(given.json).toMatchObject({
        title: "Cross-site request",
        detail: expect.stringContaining("Another site"),
      });
    }
  });

  test.each(served)("from %s is served", async (_, headers) => {
    expect(await call(headers)).toMatchObject({ status: 200, begun: true });
  });
});

test.each(refused)("a call that only reads may come from %s", async (_, headers) => {
  for (const method of ["GET", "HEAD"]) expect((await call(headers, method)).status).toBe(200);
});
