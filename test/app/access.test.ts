import { QueueServiceClient } from "@azure/storage-queue";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Host, type HostOptions, startHost } from "../../local/host.ts";
import { type LocalWorld, startWorld } from "../../local/world.ts";
import { oneKbEstate } from "../support/one-kb-estate.ts";
import { readHtml } from "../support/read-html.ts";

const softwareId = "contoso-_-product";
const day = "2026-11-23";
const hostKey = "a-function-key-of-this-host";

let world: LocalWorld;
let host: Host;

beforeAll(async () => {
  world = await startWorld({ estate: oneKbEstate });
  await world.turnTo(new Date(`${day}T05:00:00Z`));
  host = await startApp({});
  await host.fireTimer("schedule-runs");
  await host.drainQueues();
}, 60_000);

afterAll(async () => {
  await host?.close();
  await world?.close();
}, 60_000);

function startApp(settings: Readonly<Record<string, string>>, platform: Partial<HostOptions> = {}): Promise<Host> {
  return startHost({
    appDir: process.cwd(),
    port: 0,
    hostKey,
    storageConnectionString: world.storageConnectionString,
    env: { ...world.settings, SOFTWARE_IDS: softwareId, ...settings },
    log: () => {},
    ...platform,
  });
}

interface Call extends RequestInit {
  path: string;
  headers?: Record<string, string>;
}

function call({ path, ...request }: Call, at = host): Promise<Response> {
  return fetch(`${at.url}/api/${path}`, { redirect: "manual", ...request });
}

const withKey = { "x-functions-key": hostKey };
const guarded: readonly Call[] = [
  { path: "report?format=json" },
  { path: "history" },
  { path: "overview" },
  { path: "actions" },
  { path: "products" },
  { path: "../" },
  { path: "runs", method: "POST", body: "{}" },
  { path: `runs/default/${day}` },
  { path: "reasons" },
  { path: "openapi.json" },
  { path: "doctor", method: "POST" },
  { path: `runs/default/${day}/mail`, method: "POST" },
  { path: `runs/default/${day}/mail`, method: "DELETE" },
];

/** What the functions themselves answer here; 307: the home page leads elsewhere; 409: a mail that was sent is neither sent again nor cancelled. */
const served = [200, 202, 307, 409];

describe("with function keys, the default", { timeout: 20_000 }, () => {
  test("every HTTP function is one of these", () => {
    const levels = host.registrations.flatMap(({ trigger, route, authLevel }) =>
      trigger === "http" ? [`${route?.replace("api/", "")} ${authLevel}`] : [],
    );
    expect(levels.toSorted()).toEqual([
      ...["/ function", "actions function", "doctor function", "health anonymous", "history function"],
      ...[
        "openapi.json function",
        "overview function",
        "preview function",
        "products function",
        "reasons function",
        "report function",
        "runs function",
        "runs/{watchlist}/{runId} function",
        ...["runs/{watchlist}/{runId}/mail function", "runs/{watchlist}/{runId}/mail function"],
      ],
    ]);
  });

  test.each(guarded)(
    "$path is closed without a key or with a wrong one, and open with it in a header or in the address",
    async (asked) => {
      const { path } = asked;
      const byAddress = (key: string) => ({ ...asked, path: `${path}${path.includes("?") ? "&" : "?"}code=${key}` });
      const refused = [asked, { ...asked, headers: { "x-functions-key": "guess" } }, byAddress("guess"), byAddress("")];
      for (const each of refused) {
        const answer = await call(each);
        expect([answer.status, await answer.text()]).toEqual([401, ""]);
      }
      for (const each of [{ ...asked, headers: withKey }, byAddress(hostKey)])
        expect(served).toContain((await call(each)).status);
    },
  );

  test("health shows everybody its status, and its reasons to nobody who only claims to have a key", async () => {
    const health = await call({ path: "health" });
    expect([health.status, await health.json()]).toEqual([200, { status: "healthy" }]);
    for (const asked of [{ path: "health?code=guess" }, { path: "health", headers: { "x-functions-key": "guess" } }]) {
      const answer = await call(asked);
      expect([answer.status, await answer.text()]).toEqual([307, ""]);
      const location = answer.headers.get("location") ?? "";
      expect((await fetch(`${host.url}${location}`, { headers: asked.headers ?? {} })).status).toBe(401);
    }
  });
});

describe("with the platform's sign-in", { timeout: 20_000 }, () => {
  test.each([
    ["is off", {}, /AUTH: is entra, but App Service authentication is off/],
    [
      "lets everybody through",
      { WEBSITE_AUTH_ENABLED: "True", WEBSITE_AUTH_UNAUTHENTICATED_ACTION: "AllowAnonymous" },
      /AUTH: is entra, but App Service authentication lets unauthenticated callers in/,
    ],
  ])("that %s, the app does not start and registers nothing", async (_, platform, reason) => {
    await expect(startApp({ AUTH: "entra", ...platform })).rejects.toThrow(reason);
  });

  test("that is on, no key is required but a sign-in, and health believes no header that names the caller", async () => {
    const behind = await startApp({ AUTH: "entra" }, { people: { anna: ["Runs.Start"] } });
    try {
      const anna = { authorization: "Bearer anna" };
      for (const asked of guarded) {
        expect((await call(asked, behind)).status).toBe(401);
        expect([401, 403]).not.toContain((await call({ ...asked, headers: anna }, behind)).status);
      }
      const shown = async (path: string, headers: Record<string, string> = {}) =>
        Object.keys((await (await call({ path, headers }, behind)).json()) as object);
      expect(await shown("health")).toEqual(["status"]);
      expect(await shown("health", { "x-ms-client-principal-id": "00000000-1111-2222-3333-444444444444" })).toEqual([
        ...["status"],
      ]);
      expect(await shown("reasons", anna)).toEqual(["status", "reasons", "feeds"]);
    } finally {
      await behind.close();
    }
  });
});

async function countMessages(): Promise<number> {
  const queue = QueueServiceClient.fromConnectionString(world.storageConnectionString).getQueueClient("runs");
  return (await queue.getProperties()).approximateMessagesCount ?? 0;
}

const reportParameters = [
  ...["watchlist", "run", "from", "softwareId", "search", "change", "overdue", "stalled"],
  ...["exploited", "sort", "order"],
  ...["page", "productPage", "kb", "progress", "format"],
];

describe("the size of a request", { timeout: 20_000 }, () => {
  test.each([
    ...reportParameters.map((name) => ["report", name]),
    ...["watchlist", "run", "format"].map((name) => ["actions", name]),
    ...["watchlist", "detail", "days", "from", "to", "limit", "after", "format"].map((name) => ["history", name]),
    ...["search", "state", "sort", "order", "page", "format"].map((name) => ["overview", name]),
    ...["search", "tenant", "format"].map((name) => ["products", name]),
    ...["report", "health"].map((path) => [path, "code"]),
  ])("%s: %s of more than 300 characters is refused by its name", async (path, name) => {
    const query = new URLSearchParams({ ...(path === "report" && { format: "html" }), [name]: "9".repeat(301) });
    const answer = await call({ path: `${path}?${query}`, headers: withKey });
    expect([answer.status, answer.headers.get("location")]).toEqual([400, null]);
    expect(await answer.json()).toMatchObject({ parameter: name });
  });

  test.each([
    ["too large", "x".repeat(10_001), 413],
    ["too large for a form", `watchlist=${"x".repeat(10_001)}`, 413],
    ["no JSON", "{", 400],
    ["nested deeply", "[".repeat(5_000) + "]".repeat(5_000), 400],
    ["no object", '"default"', 400],
    ["full of unknown properties", JSON.stringify({ "<script>": "x".repeat(5_000) }), 400],
    ["of a prototype", '{"__proto__": {"mail": true}}', 400],
  ])("a body that is %s is refused, and starts nothing", async (_, body, status) => {
    const type = body.startsWith("watchlist=") ? "application/x-www-form-urlencoded" : "application/json";
    const before = await countMessages();
    const answer = await call({ path: "runs", method: "POST", body, headers: { ...withKey, "content-type": type } });
    expect(answer.status).toBe(status);
    expect(answer.headers.get("content-type")).toBe("application/problem+json; charset=utf-8");
    expect((await answer.text()).length).toBeLessThan(500);
    expect(await countMessages()).toBe(before);
  });

  test.each([
    ["of 20 MB that comes with its length in a header", 413, () => ({ body: " ".repeat(20_000_000) })],
    ["of 20 MB that comes in chunks", 411, () => chunked(" ".repeat(20_000_000))],
    ["that comes in chunks, which the host drops", 411, () => chunked('{"watchlist": "default"}')],
  ])("a body %s is refused, and starts nothing", async (_, status, sent) => {
    const before = await countMessages();
    const answer = await call({ path: "runs", method: "POST", headers: withKey, ...sent() });
    expect(answer.status).toBe(status);
    expect(await countMessages()).toBe(before);
  });
});

function chunked(text: string) {
  return { body: new Blob([text]).stream(), duplex: "half" as const };
}

describe("a call that may change something", { timeout: 20_000 }, () => {
  const cases = [
    ["another site", { "sec-fetch-site": "cross-site" }],
    ["another host of the same site", { "sec-fetch-site": "same-site" }],
    ["another site in an old browser", { origin: "https://evil.example" }],
    ["a page that hides its origin", { origin: "null" }],
  ] as const;

  test.each(cases)("from %s is refused by every function that takes one, whatever its body", async (_, site) => {
    const before = await countMessages();
    const calls = host.registrations.flatMap((one) => (one.trigger === "http" ? callsOf(one) : []));
    expect(calls.map(({ path }) => path)).toEqual(expect.arrayContaining(["runs", "doctor"]));
    const types = ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", null];
    for (const asked of calls) {
      for (const type of [...types, "application/json"]) {
        const headers = { ...withKey, ...site, ...(type && { "content-type": type }) };
        // Of bytes, fetch claims no type by itself.
        const answer = await call({ ...asked, body: Buffer.from("{}"), headers });
        expect([asked.path, answer.status]).toEqual([asked.path, 403]);
        expect(await answer.json()).toMatchObject({ title: "Cross-site request" });
      }
    }
    expect(await countMessages()).toBe(before);
  });

  test.each([
    ["our own page", () => ({ "sec-fetch-site": "same-origin", origin: "null" })],
    ["our own page in an old browser", () => ({ origin: host.url })],
    ["our own page behind a proxy", () => ({ origin: "https://kb.example", "x-forwarded-host": "kb.example" })],
  ])("from %s is served", async (_, site) => {
    const answer = await call({ path: "runs", method: "POST", body: "{}", headers: { ...withKey, ...site() } });
    expect(answer.status).toBe(202);
    await host.drainQueues();
  });
});

/** A call by each method of a function that may change something. */
function callsOf({ methods, route = "" }: { methods?: readonly string[]; route?: string }): Call[] {
  const path = route.replace("api/", "").replace("{watchlist}", "default").replace("{runId}", day);
  return (methods ?? []).filter((method) => !["GET", "HEAD"].includes(method)).map((method) => ({ path, method }));
}

const hostile = [
  "<script>alert(1)</script>",
  `"><img src=x onerror=alert(1)>`,
  `' onmouseover='alert(1)`,
  "javascript:alert(1)",
  "</style></title><svg onload=alert(1)>",
  "\r\nSet-Cookie: canary=1\r\n\r\n<html>",
  "\u202egnp.exe\u2066",
  "{{7*7}}<%= 7*7 %>",
];

describe("what a caller sends comes back only as text", { timeout: 20_000 }, () => {
  test.each(reportParameters)("in the page, asked with any %s", async (name) => {
    for (const text of hostile) {
      const query = new URLSearchParams({ format: "html", code: text, [name]: text });
      const answer = await call({ path: `report?${query}`, headers: withKey });
      const body = await answer.text();
      expect(answer.headers.get("set-cookie")).toBeNull();
      expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
      if (answer.status !== 200) {
        expect([400, 404]).toContain(answer.status);
        expect(answer.headers.get("content-type")).toBe("application/problem+json; charset=utf-8");
        // What is refused is named, not repeated.
        expect(JSON.stringify(JSON.parse(body))).not.toContain(JSON.stringify(text).slice(1, -1));
        continue;
      }
      expectHarmless(body);
    }
  });

  test("in redirects", async () => {
    const type = { "content-type": "application/x-www-form-urlencoded" };
    for (const text of hostile) {
      const body = new URLSearchParams({ watchlist: "default", code: text }).toString();
      const form = await call({ path: "runs", method: "POST", body, headers: { ...withKey, ...type } });
      const health = await call({ path: `health?${new URLSearchParams({ code: text })}` });
      expect([form.status, health.status]).toEqual([303, 307]);
      const visible = text.replace(/[\p{Cc}\p{Cf}]+/gu, " ").trim();
      for (const answer of [form, health]) {
        const location = answer.headers.get("location") ?? "";
        expect(location).toMatch(/^\/api\/(report|reasons)\?[\w%&=.*+-]+$/);
        expect(new URLSearchParams(location.replace(/^.*\?/, "")).get("code")).toBe(visible);
        expect(answer.headers.get("set-cookie")).toBeNull();
      }
    }
    await host.drainQueues();
  });

  test("in the address of a run's status", async () => {
    for (const text of hostile) {
      const path = `runs/${encodeURIComponent(text)}/${encodeURIComponent(text)}`;
      const answer = await call({ path, headers: withKey });
      expect(await answer.text()).not.toContain("alert");
      expect([400, 404]).toContain(answer.status);
    }
  });
});

/** A page with our one script, no handler, no address that runs or leads away, and no invisible character. */
function expectHarmless(html: string): void {
  const { tags, text } = readHtml(html);
  expect(tags.filter(({ name }) => name === "script")).toHaveLength(1);
  expect(tags.filter(({ name }) => ["img", "iframe", "object", "embed", "base"].includes(name))).toEqual([]);
  for (const { name, attributes } of tags) {
    expect(Object.keys(attributes).filter((attribute) => /^on/i.test(attribute))).toEqual([]);
    const { href = "", action = "", src = "" } = name === "link" ? {} : attributes;
    for (const address of [href, action, src]) expect(address).not.toMatch(/^\s*(javascript|data|vbscript):|^\/\//i);
  }
  expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
}
