import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { getEventListeners } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import type { AccessToken, TokenCredential } from "@azure/core-auth";
import * as fc from "fast-check";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createDefender, type DefenderOptions } from "../../../shared/io/defender/defender.ts";
import type { Timing } from "../../../shared/io/defender/timing.ts";
import { type Defender, DefenderError } from "../../../shared/ports.ts";
import { type Handler, type HttpServer, type ScriptedAnswer, startHttpServer } from "../../support/http-server.ts";

// Thousands of calls take a while on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

const id = "microsoft-_-windows_11";
const scope = "https://api.securitycenter.microsoft.com/.default";
const call = "getmissingkbs";
const kb = (number: number) => ({ id: String(number), name: "November 2026 Security Updates" });

const quick: Partial<Timing> = {
  call: 10_000,
  retries: [2, 2],
  notFoundPauses: [2, 2, 2],
  throttle: 20,
  tokenFailure: 60_000,
};

interface World {
  server: HttpServer;
  defender: Defender;
  /** The scopes that the credential was asked for, one for each token handed out. */
  asked: unknown[];
}

async function world(handler: Handler, options: Partial<DefenderOptions> = {}): Promise<World> {
  const server = await startHttpServer(handler);
  onTestFinished(() => server.close());
  const asked: unknown[] = [];
  const defender = createDefender({
    credential: () => countingCredential(asked),
    baseUrl: server.url,
    scope,
    callsPerMinute: 1_000_000,
    callsPerHour: 1_000_000,
    ...options,
    timing: { ...quick, ...options.timing },
  });
  return { server, defender, asked };
}

function countingCredential(asked: unknown[], life = 3_600_000): TokenCredential {
  return {
    async getToken(scopes): Promise<AccessToken> {
      asked.push(scopes);
      return { token: `secret-token-${asked.length}`, expiresOnTimestamp: Date.now() + life };
    },
  };
}

/** These answers in turn, the last one for good. */
function inTurn(...answers: (ScriptedAnswer | Handler)[]): Handler {
  return (request, response, index) => {
    const answer = answers[Math.min(index, answers.length - 1)];
    return typeof answer === "function" ? answer(request, response, index) : answer;
  };
}

const list = (...numbers: number[]): ScriptedAnswer => ({ body: { value: numbers.map(kb) } });

let correlation = 0;
function refused(status: number, code: string, message = "Refused."): ScriptedAnswer {
  correlation += 1;
  return { status, body: { error: { code, message, target: `correlation-${correlation}` } } };
}

async function failure(promise: Promise<unknown>): Promise<DefenderError> {
  const error = await promise.then(
    () => null,
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(DefenderError);
  return error;
}

const hang: Handler = () => undefined;
const reset: Handler = (_request, response) => {
  response.socket?.resetAndDestroy();
  return undefined;
};

describe("a read", () => {
  test("asks for the product's missing KBs with a token of the scope and returns the items as they are", async () => {
    const items = [kb(5041585), { id: null, osBuild: "22631.4037" }, "odd"];
    const { server, defender, asked } = await world(() => ({ body: { value: items } }));
    expect(await defender.getMissingKbs("home", id)).toEqual(items);
    expect(server.requests).toHaveLength(1);
    expect(server.requests[0]).toMatchObject({
      method: "GET",
      path: "/api/Software/microsoft-_-windows_11/getmissingkbs",
      headers: { authorization: "Bearer secret-token-1" },
      body: "",
    });
    expect(asked).toEqual([scope]);
  });

  test("keeps a path that the address has", async () => {
    const { server, defender } = await world(() => list(1));
    const proxied = createDefender({
      credential: () => countingCredential([]),
      baseUrl: `${server.url}/defender/`,
      scope,
      callsPerMinute: 10,
      callsPerHour: 10,
    });
    await proxied.getSoftware("home", id);
    await defender.getSoftware("home", id);
    expect(server.requests.map(({ path }) => path)).toEqual([`/defender/api/Software/${id}`, `/api/Software/${id}`]);
  });

  test("carries any id unchanged in one path segment", async () => {
    const { server, defender } = await world(() => list());
    const ids = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => text !== "." && text !== "..");
    const examples: [string][] = [["a/b"], ["a/../b"], ["..."], ["a?b#c"], ["%2e%2e"], ["c\\d"], ["\n"], ["…é"]];
    await fc.assert(
      fc.asyncProperty(ids, async (softwareId) => {
        await defender.getMissingKbs("home", softwareId);
        const path = server.requests.at(-1)?.path.split("/") ?? [];
        expect(path.map(decodeURIComponent)).toEqual(["", "api", "Software", softwareId, "getmissingkbs"]);
      }),
      { numRuns: 60, examples },
    );
  });

  test.each(["", ".", "..", "\ud800"])(
    "refuses the id %j, which no URL can carry, without a call",
    async (softwareId) => {
      const { server, defender } = await world(() => list());
      for (const read of [defender.getMissingKbs, defender.getSoftware]) {
        const error = await failure(read("home", softwareId));
        expect(error).toMatchObject({ permanent: true, message: expect.stringContaining("microsoft-_-windows_11") });
      }
      expect(server.requests).toHaveLength(0);
    },
  );

  test.each(["http://defender.example", "http://127.0.0.1.example", "http://10.0.0.1", "ftp://127.0.0.1"])(
    "is refused from the start at %s, where others could read the token",
    (baseUrl) => {
      const create = () =>
        createDefender({
          credential: () => countingCredential([]),
          baseUrl,
          scope,
          callsPerMinute: 1,
          callsPerHour: 1,
        });
      expect(create).toThrow(/must begin with https/);
    },
  );
});

describe("a proxy", () => {
  test("from the environment is used for Defender, but never on loopback", async () => {
    const proxy = await startRefusingProxy();
    vi.stubEnv("HTTPS_PROXY", proxy.url);
    vi.stubEnv("HTTP_PROXY", proxy.url);
    onTestFinished(() => void vi.unstubAllEnvs());
    const { defender } = await world(() => list(1));
    expect(await defender.getMissingKbs("home", id)).toEqual([kb(1)]);
    const { defender: abroad } = await world(() => list(), { baseUrl: "https://defender.example" });
    expect((await failure(abroad.getMissingKbs("home", id))).permanent).toBe(true);
    expect(proxy.heard).toHaveLength(1);
    expect(proxy.heard[0]).toMatch(/^CONNECT defender\.example:443 /);
    expect(proxy.heard[0]).not.toMatch(/authorization|secret-token/i);
  });
});

/** A proxy that records what it is asked and refuses everything. */
async function startRefusingProxy(): Promise<{ url: string; heard: string[] }> {
  const heard: string[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (data) => {
      heard.push(String(data));
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard };
}

describe("pages", () => {
  test("are followed and joined, whether the link is absolute or relative", async () => {
    const { server, defender } = await world((request) => {
      const at = new URL(request.path, "http://127.0.0.1").searchParams.get("$skip") ?? "0";
      const links: Record<string, string | null> = {
        "0": `${server.url}${request.path}?$skip=1`,
        "1": "?$skip=2",
        "2": null,
      };
      return { body: { value: [kb(Number(at))], "@odata.nextLink": links[at] } };
    });
    expect(await defender.getMissingKbs("home", id)).toEqual([kb(0), kb(1), kb(2)]);
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(Array(3).fill("Bearer secret-token-1"));
  });

  test("of the product list are followed and joined too, each with a permit", async () => {
    const permits: number[] = [];
    const { server, defender } = await world((request) => {
      const isLast = request.path.includes("$skip=1");
      return { body: { value: [isLast ? "b" : "a"], ...(!isLast && { "@odata.nextLink": "?$skip=1" }) } };
    });
    const permit = async () => void permits.push(server.requests.length);
    expect(await defender.listSoftware("home", { permit })).toEqual(["a", "b"]);
    expect(server.requests.map(({ path }) => path)).toEqual(["/api/Software", "/api/Software?$skip=1"]);
    expect(permits).toEqual([0, 1]);
    expect(defender.usage("home").calls.reduce((sum, [, count]) => sum + count, 0)).toBe(2);
  });

  test("are not followed to another host, scheme or port, and no token goes there", async () => {
    const other = await startHttpServer(() => list(666));
    onTestFinished(() => other.close());
    let link = "";
    const { server, defender } = await world(() => ({ body: { value: [], "@odata.nextLink": link } }));
    const path = `/api/Software/${id}/getmissingkbs?$skip=1`;
    const links = [
      `${other.url}${path}`,
      `https://127.0.0.1:${server.port}${path}`,
      `http://localhost:${server.port}${path}`,
      `//127.0.0.1:${other.port}${path}`,
      `http://127.0.0.1:${server.port}@127.0.0.1:${other.port}${path}`,
      "javascript:alert(1)",
      `blob:${server.url}/5a0c8a1e-8f0f-4e4c-8a37-1f1d7c3f8b1d`,
      `filesystem:${server.url}${path}`,
    ];
    for (link of links) {
      const error = await failure(defender.getMissingKbs("home", id));
      expect(error.permanent).toBe(false);
      expect(error.message).toBe(
        `Defender's answer to ${call} cannot be used: its nextLink leads to another host or scheme.`,
      );
    }
    expect(other.requests).toHaveLength(0);
    expect(server.requests).toHaveLength(links.length);
  });

  test("that lead back to one already read end the read", async () => {
    const { server, defender } = await world((request) => {
      const next = request.path.includes("page=b") ? "?page=a#again" : "?page=b";
      return { body: { value: [kb(1)], "@odata.nextLink": next } };
    });
    const error = await failure(defender.getMissingKbs("home", id));
    expect(error).toMatchObject({ permanent: false, message: expect.stringContaining("already read") });
    expect(server.requests.map(({ path }) => path.split("?")[1])).toEqual([undefined, "page=b", "page=a"]);
  });

  test("whose link is the page itself, not a link or not a string end the read", async () => {
    let link: unknown;
    const { server, defender } = await world((request) => ({
      body: { value: [], "@odata.nextLink": link === "self" ? request.path : link },
    }));
    const outcomes: [unknown, RegExp, number][] = [
      ["self", /already read/, 1],
      ["http://[", /not a link/, 1],
      [`?${"x".repeat(1_000_000)}`, /longer than 8,000/, 1],
      [{ href: "x" }, /not a string/, 3],
    ];
    for (const [given, message, calls] of outcomes) {
      link = given;
      const before = server.requests.length;
      expect((await failure(defender.getMissingKbs("home", id))).message).toMatch(message);
      expect(server.requests.length - before).toBe(calls);
    }
  });

  test("are read up to a hundred: an endless list must not use up the quota of the others", async () => {
    let last = 100;
    const { server, defender } = await world((request) => {
      const number = Number(new URL(request.path, "http://127.0.0.1").searchParams.get("page") ?? 1);
      return { body: { value: [number], "@odata.nextLink": number < last ? `?page=${number + 1}` : undefined } };
    });
    expect(await defender.getMissingKbs("home", id)).toHaveLength(100);
    last = 101;
    const error = await failure(defender.getMissingKbs("home", id));
    expect(error).toMatchObject({ permanent: false, message: expect.stringContaining("more than 100 pages") });
    expect(server.requests).toHaveLength(200);
  });

  test("together are bounded like one", async () => {
    const filler = "x".repeat(6 * 1024 * 1024);
    const { defender } = await world(
      (_request, _response, index) => ({
        body: { value: [filler], "@odata.nextLink": `?page=${index}` },
      }),
      { timing: { call: 20_000 } },
    );
    expect((await failure(defender.getMissingKbs("home", id))).message).toMatch(/larger than 16 MiB/);
    const many = Array.from({ length: 30_000 }, () => ({ a: [] }));
    const { server, defender: other } = await world((_request, _response, index) => ({
      body: { value: many, "@odata.nextLink": `?page=${index}` },
    }));
    expect((await failure(other.getMissingKbs("home", id))).message).toMatch(/more than 500,000 values/);
    expect(server.requests).toHaveLength(6);
  });

  test("of a list as long as any real one are within the limits", async () => {
    const products = Array.from({ length: 20 }, (_, index) => `windows_server_20${index}, and "more"`);
    const entry = (index: number) => ({ ...kb(5_000_000 + index), osBuild: "22631.4037", productsNames: products });
    const entries = Array.from({ length: 10_000 }, (_, index) => ({
      ...entry(index),
      machineMissedOn: 1,
      cveAddressed: 2,
    }));
    const { defender } = await world(() => ({ body: { value: entries } }));
    expect(await defender.getMissingKbs("home", id)).toEqual(entries);
  });
});

describe("a fault", () => {
  const drip: Handler = (_request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    const timer = setInterval(() => response.write(" "), 20);
    response.on("close", () => clearInterval(timer));
    return undefined;
  };
  const breakOff: Handler = (_request, response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
    response.write('{"value":[', () => response.socket?.destroy());
    return undefined;
  };
  const html = { "content-type": "text/html" };
  const json = { "content-type": "application/json" };

  test.each<[string, ScriptedAnswer | Handler, number, boolean, RegExp]>([
    [
      "400",
      () => refused(400, "BadRequest"),
      1,
      true,
      /returned 400 \(BadRequest\) for getmissingkbs.* the id is one of/,
    ],
    [
      "401 for good",
      () => refused(401, "Unauthorized"),
      2,
      true,
      /401 \(Unauthorized\) twice .*rejects the app's token.*DEFENDER_CLOUD/,
    ],
    [
      "a refused licence",
      () => refused(401, "Unauthorized", "No Tvm license"),
      1,
      true,
      /: "No Tvm license"\. .*active licence/,
    ],
    [
      "an inactive account",
      () => refused(401, "Unauthorized", "Account mode is inactive"),
      1,
      true,
      /needs an active licence/,
    ],
    ["403", () => refused(403, "Forbidden", "Missing application roles."), 1, true, /Software\.Read\.All.*24 hours/],
    [
      "a feature turned off",
      () => refused(403, "DisabledFeature"),
      1,
      true,
      /403 \(DisabledFeature\).*Turn on Defender/,
    ],
    [
      "404 for good",
      () => refused(404, "ResourceNotFound"),
      4,
      false,
      /does not find this product.*404 \(ResourceNotFound\)/,
    ],
    ["409", () => refused(409, "Conflict"), 1, true, /409 \(Conflict\)/],
    ["408", () => refused(408, "Timeout"), 3, false, /408 \(Timeout\)/],
    [
      "500",
      () => refused(500, "InternalServerError"),
      3,
      false,
      /returned 500 \(InternalServerError\) several times in a row for getmissingkbs/,
    ],
    [
      "502 with a page",
      { status: 502, headers: html, body: "<html>Bad Gateway</html>" },
      3,
      false,
      /returned 502 several/,
    ],
    ["503 without Retry-After", () => refused(503, "Unavailable"), 3, false, /503 \(Unavailable\)/],
    ["204", { status: 204 }, 3, false, /returned 204 several/],
    ["a reset", reset, 3, false, /could not be reached for getmissingkbs .*ECONNRESET/],
    ["an answer broken off", breakOff, 3, false, /could not be reached for getmissingkbs .*ECONNRESET/],
    ["truncated JSON", { headers: json, body: '{"value":[{"id":"50' }, 3, false, /it is not JSON/],
    ["an empty body", { headers: json, body: "" }, 3, false, /it is not JSON/],
    ["another content type", { headers: html, body: '{"value":[]}' }, 3, false, /not declared as JSON/],
    ["no value", { body: { values: [] } }, 3, false, /no list named value/],
    ["a null value", { body: { value: null } }, 3, false, /no list named value/],
    ["a value that is no list", { body: { value: { 0: kb(1) } } }, 3, false, /no list named value/],
    ["null", { body: null }, 3, false, /no list named value/],
  ])(
    "%s fails with the same words each time, after the tries it deserves",
    async (_name, answer, calls, permanent, message) => {
      const { server, defender } = await world(typeof answer === "function" ? answer : () => answer);
      const error = await failure(defender.getMissingKbs("home", id));
      expect(server.requests).toHaveLength(calls);
      expect(error).toMatchObject({ permanent, retryAfterSeconds: null });
      expect(error.message).toMatch(message);
      const again = await failure(defender.getMissingKbs("home", `${id}-2`));
      expect(again.message).toBe(error.message);
      expect(error.message).toMatch(/^Defender[^\n]*\.$/);
      expect(error.message).not.toContain("correlation");
    },
  );

  test.each([
    ["silence", hang],
    ["a slow drip", drip],
  ])("%s is cut off at the limit of one call", async (_name, handler) => {
    const { server, defender } = await world(handler, { timing: { call: 250, retries: [2] } });
    const error = await failure(defender.getMissingKbs("home", id));
    expect(error).toMatchObject({ permanent: false, retryAfterSeconds: null });
    expect(error.message).toMatch(/did not answer getmissingkbs .* within 0\.25 seconds/);
    expect(server.requests).toHaveLength(2);
  });

  test.each<[string, Handler]>([
    ["401", inTurn(() => refused(401, "Unauthorized"), list(1))],
    ["404 twice", inTurn(refused(404, "NotFound"), refused(404, "NotFound"), list(1))],
    ["404 three times", inTurn(refused(404, "NotFound"), refused(404, "NotFound"), refused(404, "NotFound"), list(1))],
    ["500 twice", inTurn(refused(500, "InternalServerError"), { status: 500 }, list(1))],
    ["a reset", inTurn(reset, list(1))],
    ["silence", inTurn(hang, list(1))],
    ["truncated JSON", inTurn({ headers: { "content-type": "application/json" }, body: '{"val' }, list(1))],
  ])("%s and then an answer is an answer", async (_name, handler) => {
    const { defender } = await world(handler, { timing: { call: 500 } });
    expect(await defender.getMissingKbs("home", id)).toEqual([kb(1)]);
  });

  test("keeps Defender's own words and the request's id for the logs, on one line", async () => {
    const answer = refused(500, "Internal\u202eServerError", `Line one\nline two ${"x".repeat(5_000)}`);
    const { defender } = await world(() => answer);
    const error = await failure(defender.getMissingKbs("home", id));
    expect(error.message).toContain("500 (Internal ServerError)");
    expect(error.cause).toMatchObject({
      message: expect.stringMatching(/^Line one line two x{100,} \[correlation-\d+\]$/),
    });
    expect(String(error.cause).length).toBeLessThan(400);
  });

  test("never shows a token", async () => {
    const tokens: unknown[] = [];
    for (const answer of [reset, hang, breakOff, () => refused(401, "Unauthorized"), () => refused(403, "Forbidden")]) {
      const { defender, asked } = await world(answer, { timing: { call: 250, retries: [] } });
      const error = await failure(defender.getMissingKbs("home", id));
      tokens.push(...asked);
      expect(inspect(error, { depth: 20, showHidden: true })).not.toContain("secret-token");
      expect(JSON.stringify(error)).not.toContain("secret-token");
    }
    expect(tokens.length).toBeGreaterThan(0);
  });

  test("that redirects is not followed, and no token goes there", async () => {
    const other = await startHttpServer(() => list(666));
    onTestFinished(() => other.close());
    for (const status of [301, 302, 307, 308]) {
      const { server, defender } = await world(() => ({ status, headers: { location: `${other.url}/elsewhere` } }));
      const error = await failure(defender.getMissingKbs("home", id));
      expect(error).toMatchObject({ permanent: false, message: expect.stringContaining("DEFENDER_URL") });
      expect(server.requests).toHaveLength(1);
    }
    expect(other.requests).toHaveLength(0);
  });

  test("of 64 MB is given up at 16 MiB, without a second try", async () => {
    let written = 0;
    const spaces = async function* () {
      const piece = Buffer.alloc(256 * 1024, " ");
      for (; written < 64_000_000; written += piece.length) yield piece;
    };
    const flood: Handler = async (_request, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      await pipeline(spaces, response).catch(() => {});
      return undefined;
    };
    const { server, defender } = await world(flood, { timing: { call: 20_000 } });
    const error = await failure(defender.getMissingKbs("home", id));
    expect(error).toMatchObject({ permanent: false, message: expect.stringContaining("larger than 16 MiB") });
    expect(server.requests).toHaveLength(1);
    expect(written).toBeLessThan(32_000_000);
  });

  test("of items without end is given up with the first 500,000 values", async () => {
    let written = 0;
    const items = async function* () {
      yield '{"value":[{}';
      const piece = ",{}".repeat(10_000);
      for (; written < 31_000_000; written += piece.length) yield piece;
    };
    const { server, defender } = await world(async (_request, response) => {
      response.writeHead(200, json);
      await pipeline(items, response).catch(() => {});
      return undefined;
    });
    const error = await failure(defender.getMissingKbs("home", id));
    expect(error).toMatchObject({ permanent: false, message: expect.stringContaining("more than 500,000 values") });
    expect(server.requests).toHaveLength(1);
    expect(written).toBeLessThan(16_000_000);
  });

  test("that nobody thought of is a fault like any other, and keeps its cause", async () => {
    const parse = vi.spyOn(JSON, "parse").mockImplementation(() => ({
      get value() {
        throw new RangeError("surprise");
      },
    }));
    onTestFinished(() => parse.mockRestore());
    const { server, defender } = await world(() => list(1));
    const errors = [
      await failure(defender.getMissingKbs("home", id)),
      await failure(defender.getSoftware("home", id).then(() => defender.getMissingKbs("home", id))),
    ];
    for (const error of errors) {
      expect(error).toMatchObject({ permanent: false, notFound: false, retryAfterSeconds: null });
      expect(error.message).toBe(
        "Defender's answer to getmissingkbs could not be read because of an unexpected error.",
      );
      expect(error.cause).toMatchObject({ message: "surprise" });
    }
    expect(server.requests.length).toBe(3);
  });

  test("in JSON that is declared as another JSON type is not one", async () => {
    const types = [
      "application/json; odata.metadata=minimal",
      "text/json",
      "application/problem+json",
      "APPLICATION/JSON",
    ];
    for (const type of types) {
      const { defender } = await world(() => ({ headers: { "content-type": type }, body: '\ufeff{"value":[1]}' }));
      expect(await defender.getMissingKbs("home", id)).toEqual([1]);
    }
  });
});

describe("a token", () => {
  test("is asked for once for many reads at once", async () => {
    const { server, defender, asked } = await world(() => list());
    await Promise.all(Array.from({ length: 20 }, (_, index) => defender.getMissingKbs("home", `a-_-${index}`)));
    expect(server.requests).toHaveLength(20);
    expect(asked).toHaveLength(1);
  });

  test("that is rejected is renewed once, however many calls it was rejected for", async () => {
    const { server, defender, asked } = await world((request) =>
      request.headers.authorization === "Bearer secret-token-1" ? refused(401, "Unauthorized") : list(),
    );
    await Promise.all(Array.from({ length: 4 }, (_, index) => defender.getMissingKbs("home", `a-_-${index}`)));
    expect(asked).toHaveLength(2);
    expect(server.requests).toHaveLength(8);
  });

  test("is of the tenant that is read", async () => {
    const { server, defender } = await world(() => list(), {
      credential: (tenant) => ({
        getToken: async () => ({ token: `token-of-${tenant}`, expiresOnTimestamp: Date.now() + 3_600_000 }),
      }),
    });
    for (const tenant of ["home", "contoso", "home"]) await defender.getMissingKbs(tenant, id);
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([
      "Bearer token-of-home",
      "Bearer token-of-contoso",
      "Bearer token-of-home",
    ]);
  });

  test.each([
    ["an hour", 3_600_000, 3_300_000],
    ["two minutes", 120_000, 60_000],
  ])("of %s is renewed before it ends: five minutes, or half its life", async (_name, life, renewal) => {
    const start = Date.now();
    let time = start;
    const asked: unknown[] = [];
    const { defender } = await world(() => list(), {
      now: () => time,
      credential: () => ({
        getToken: async () => {
          asked.push(time - start);
          return { token: "t", expiresOnTimestamp: time + life };
        },
      }),
    });
    for (const at of [0, renewal - 1, renewal, renewal + 1]) {
      time = start + at;
      await defender.getMissingKbs("home", id);
    }
    expect(asked).toEqual([0, renewal]);
  });

  test("that cannot be had is one clear fault for all reads, and the identity is not asked again and again", async () => {
    let asked = 0;
    const { server, defender } = await world(() => list(), {
      credential: () => ({
        getToken: async () => {
          asked += 1;
          throw new Error("the app has no managed\nidentity; assign one.");
        },
      }),
    });
    const together = await Promise.all([1, 2, 3].map(() => failure(defender.getMissingKbs("home", id))));
    const errors = [...together, await failure(defender.getMissingKbs("home", id))];
    for (const error of errors) {
      expect(error.message).toBe("Could not get a token for Defender: the app has no managed identity; assign one.");
      expect(error.permanent).toBe(false);
    }
    expect(asked).toBe(1);
    expect(server.requests).toHaveLength(0);
  });

  test("of a throttled sign-in is a passing fault that says when to come back, and is not asked for before", async () => {
    let asked = 0;
    const { server, defender } = await world(() => list(), {
      timing: { tokenFailure: 0 },
      credential: () => ({
        getToken: async () => {
          asked += 1;
          throw Object.assign(new Error("Sign-ins are throttled."), { retryAfterSeconds: 600 });
        },
      }),
    });
    for (const _ of [1, 2]) {
      const error = await failure(defender.getMissingKbs("home", id));
      expect(error).toMatchObject({ permanent: false, retryAfterSeconds: 600 });
      expect(error.message).toBe("Could not get a token for Defender: sign-ins are throttled.");
    }
    expect(asked).toBe(1);
    expect(server.requests).toHaveLength(0);
  });

  test("is asked for again once an identity that was down is back, and no call was counted meanwhile", async () => {
    let asked = 0;
    const { defender } = await world(() => list(1), {
      callsPerHour: 1,
      timing: { tokenFailure: 0 },
      credential: () => ({
        getToken: async () => {
          asked += 1;
          if (asked === 1) throw new Error("down");
          return { token: "t", expiresOnTimestamp: Date.now() + 3_600_000 };
        },
      }),
    });
    await failure(defender.getMissingKbs("home", id));
    expect(await defender.getMissingKbs("home", id)).toEqual([kb(1)]);
  });

  test.each<[string, () => TokenCredential, RegExp]>([
    ["never comes", () => ({ getToken: () => new Promise(() => {}) }), /did not answer in time/],
    ["is none", () => ({ getToken: async () => null }), /returned none/],
    [
      "has no credential",
      () => {
        throw new Error("set DEFENDER_APP_ID.");
      },
      /set DEFENDER_APP_ID\./,
    ],
  ])("that %s is named as the cause", async (_name, credential, message) => {
    const { server, defender } = await world(() => list(), { credential, timing: { token: 50 } });
    expect((await failure(defender.getMissingKbs("home", id))).message).toMatch(message);
    expect(server.requests).toHaveLength(0);
  });
});

describe("throttling", () => {
  const limited = (retryAfter?: string): ScriptedAnswer => ({
    ...refused(429, "TooManyRequests"),
    ...(retryAfter === undefined ? {} : { headers: { "retry-after": retryAfter } }),
  });

  test("by seconds makes every call of that tenant wait in place, and those of another not", async () => {
    const { server, defender } = await world(inTurn(limited("1"), list(1)));
    const first = defender.getMissingKbs("home", id);
    await defender.getMissingKbs("other", id).then(() => expect(server.requests).toHaveLength(2));
    expect(await Promise.all([first, defender.getMissingKbs("home", "a-_-b")])).toEqual([[kb(1)], [kb(1)]]);
    const [throttled, , ...late] = server.requests.map(({ at }) => at);
    expect(late).toHaveLength(2);
    for (const at of late) expect(at - Number(throttled)).toBeGreaterThanOrEqual(1_000);
  });

  test("by a date waits until that date", async () => {
    const date = "Mon, 23 Nov 2026 05:00:00 GMT";
    const { server, defender } = await world(inTurn(limited(date), list(1)), { now: () => Date.parse(date) - 300 });
    await defender.getMissingKbs("home", id);
    const [first, second] = server.requests.map(({ at }) => at);
    expect(Number(second) - Number(first)).toBeGreaterThanOrEqual(300);
  });

  test("by 503 with a Retry-After counts as throttling", async () => {
    const busy = { status: 503, headers: { "retry-after": "0.2" } };
    const { server, defender } = await world(inTurn(busy, busy, busy, busy, list(1)));
    expect(await defender.getMissingKbs("home", id)).toEqual([kb(1)]);
    const ats = server.requests.map(({ at }) => at);
    for (const [index, at] of ats.slice(1).entries()) expect(at - Number(ats[index])).toBeGreaterThanOrEqual(200);
  });

  test.each([undefined, "", "soon", "-5", "NaN", "1e9", "0x10", "2026-13-45"])(
    "with a Retry-After of %j waits longer each time in a row",
    async (retryAfter) => {
      const answers = [limited(retryAfter), limited(retryAfter), limited(retryAfter), list(1)];
      const { server, defender } = await world(inTurn(...answers), { timing: { throttle: 25 } });
      expect(await defender.getMissingKbs("home", id)).toEqual([kb(1)]);
      const ats = server.requests.map(({ at }) => at);
      for (const [index, wait] of [25, 50, 100].entries()) {
        expect(Number(ats[index + 1]) - Number(ats[index])).toBeGreaterThanOrEqual(wait);
      }
    },
  );

  test("for longer than is worth waiting fails at once, and so do reads that wait already or come before it is over", async () => {
    const { server, defender } = await world(
      async (_request, _response, index) => {
        if (index === 0) return limited("600");
        await sleep(50);
        return list(index);
      },
      { concurrency: 4 },
    );
    const reads = Array.from({ length: 8 }, (_, index) => defender.getMissingKbs("home", `a-_-${index}`));
    const outcomes = await Promise.allSettled([...reads, ...reads.map(() => defender.getMissingKbs("home", id))]);
    const errors = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
    const late = await failure(defender.getSoftware("home", id));
    expect(server.requests.length).toBeLessThanOrEqual(4);
    expect(errors.length).toBe(outcomes.length - (server.requests.length - 1));
    for (const error of [...errors, late]) {
      expect(error).toMatchObject({ permanent: false, message: late.message });
      expect(error.retryAfterSeconds).toBeGreaterThan(590);
      expect(error.retryAfterSeconds).toBeLessThanOrEqual(600);
    }
    expect(late.message).toMatch(/throttles/);
    expect(await defender.getMissingKbs("other", id)).toHaveLength(1);
  });

  test.each(["999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])("until %s is cut to an hour", async (retryAfter) => {
    const { defender } = await world(() => limited(retryAfter));
    const error = await failure(defender.getMissingKbs("home", id));
    expect(error.retryAfterSeconds).toBe(3_600);
  });

  test("of one product while others are answered ends its read, or each try would hold up all others", async () => {
    let tries = 0;
    const { defender } = await world(({ path }) => {
      if (!path.includes(id)) return list(1);
      tries += 1;
      return { ...refused(503, "ServerBusy"), headers: { "retry-after": "0.01" } };
    });
    const error = failure(defender.getMissingKbs("home", id));
    const ended = error.then(() => true);
    while (!(await Promise.race([ended, sleep(1).then(() => tries > 100)]))) {
      await defender.getMissingKbs("home", "microsoft-_-office");
    }
    expect(tries).toBe(12);
    expect(await error).toMatchObject({ permanent: false, retryAfterSeconds: null });
    expect((await error).message).toMatch(/throttles this product/);
  });

  test("forever lasts no longer than the longest throttle", async () => {
    const { defender } = await world(inTurn(limited("999999999"), list(1)), { timing: { longestThrottle: 50 } });
    expect(await defender.getMissingKbs("home", id)).toEqual([kb(1)]);
  });

  test("that never ends is not waited for in place forever, even if each Retry-After is short", async () => {
    for (const retryAfter of [undefined, "0", "Mon, 23 Nov 2020 05:00:00 GMT"]) {
      const { server, defender } = await world(() => limited(retryAfter), { timing: { throttle: 20, patience: 100 } });
      const error = await failure(defender.getMissingKbs("home", id));
      expect(error.retryAfterSeconds).toBe(1);
      expect(server.requests.length).toBeLessThan(10);
    }
  });

  test("of calls that were under way together counts once", async () => {
    const { server, defender } = await world(
      async (_request, _response, index) => {
        if (index < 4) await sleep(50);
        return index < 4 ? limited() : list(1);
      },
      { timing: { throttle: 40, patience: 60 } },
    );
    const reads = [1, 2, 3, 4].map((index) => defender.getMissingKbs("home", `a-_-${index}`));
    expect(await Promise.all(reads)).toEqual(Array(4).fill([kb(1)]));
    expect(server.requests).toHaveLength(8);
  });

  test("starts again once a call was accepted", async () => {
    const answers = [limited(), list(1)];
    const { defender } = await world((_request, _response, index) => answers[index % 2], {
      timing: { throttle: 20, patience: 35 },
    });
    for (const _ of [1, 2, 3]) expect(await defender.getMissingKbs("home", id)).toEqual([kb(1)]);
  });
});

describe("the quotas", () => {
  /** Counts calls over a sliding window as a service does, at some moment while each is under way. */
  function slidingWindows(windows: { calls: number; length: number }[], random: () => number): Handler {
    const taken: number[] = [];
    return async () => {
      await sleep(random() * 30);
      const now = performance.now();
      const full = windows.some(({ calls, length }) => taken.filter((at) => at > now - length).length >= calls);
      if (full) return refused(429, "TooManyRequests");
      taken.push(now);
      await sleep(random() * 30);
      // Retries and pages count too.
      if (random() < 0.1) return refused(500, "InternalServerError");
      return { body: { value: [], "@odata.nextLink": random() < 0.1 ? `?page=${taken.length}` : null } };
    };
  }

  test("are never exceeded, whatever the delays, so that nothing is throttled", async () => {
    const windows = [
      { calls: 10, length: 150 },
      { calls: 25, length: 500 },
    ];
    const random = seeded(20261123);
    const { server, defender } = await world(slidingWindows(windows, random), {
      callsPerMinute: 10,
      callsPerHour: 25,
      timing: { minute: 150, hour: 500, throttle: 60_000, retries: Array(20).fill(1) },
    });
    await Promise.all(Array.from({ length: 50 }, (_, index) => defender.getMissingKbs("home", `a-_-${index}`)));
    expect(server.requests.length).toBeGreaterThan(50);
  });

  test("are used: a window's calls go out without delay, but for four in hand", async () => {
    const { server, defender } = await world(() => list(), { callsPerMinute: 24 });
    await Promise.all(Array.from({ length: 20 }, (_, index) => defender.getMissingKbs("home", `a-_-${index}`)));
    expect(server.requests).toHaveLength(20);
  });

  test("of the hour, once used up, fail the read instead of being waited for", async () => {
    const { server, defender } = await world(() => list(), { callsPerHour: 7 });
    for (const _ of [1, 2, 3]) await defender.getMissingKbs("home", id);
    const error = await failure(defender.getMissingKbs("home", id));
    expect(error).toMatchObject({ permanent: false, message: expect.stringContaining("DEFENDER_CALLS_PER_HOUR") });
    expect(error.retryAfterSeconds).toBeGreaterThan(3_590);
    expect(error.retryAfterSeconds).toBeLessThanOrEqual(3_600);
    expect(server.requests).toHaveLength(3);
    expect(await defender.getMissingKbs("other", id)).toEqual([]);
  });

  test("come with a limit of concurrent calls, for each tenant", async () => {
    const under: Record<string, number> = { home: 0, other: 0 };
    const peak: Record<string, number> = { home: 0, other: 0 };
    const { defender } = await world(
      async (request) => {
        const tenant = String(request.headers.authorization).replace("Bearer ", "");
        under[tenant] = Number(under[tenant]) + 1;
        peak[tenant] = Math.max(Number(peak[tenant]), Number(under[tenant]));
        await sleep(10);
        under[tenant] = Number(under[tenant]) - 1;
        return list();
      },
      {
        concurrency: 3,
        credential: (tenant) => ({ getToken: async () => ({ token: tenant, expiresOnTimestamp: Date.now() + 3.6e6 }) }),
      },
    );
    const reads = Array.from({ length: 24 }, (_, index) =>
      defender.getMissingKbs(index % 2 ? "home" : "other", `a-_-${index}`),
    );
    await Promise.all(reads);
    expect(peak).toEqual({ home: 3, other: 3 });
  });

  test("hand over what they counted to another process", async () => {
    const { server, defender } = await world(() => list(), { callsPerHour: 7 });
    for (const _ of [1, 2, 3]) await defender.getMissingKbs("home", id);
    const { defender: next } = await world(() => list(), { baseUrl: server.url, callsPerHour: 7 });
    const usage = defender.usage("home");
    expect(usage.calls.reduce((sum, [, count]) => sum + count, 0)).toBe(3);
    expect(usage.throttledUntil).toBeNull();
    next.resume("home", usage);
    expect((await failure(next.getMissingKbs("home", id))).message).toContain("DEFENDER_CALLS_PER_HOUR");
    expect(await next.getMissingKbs("other", id)).toEqual([]);
    expect(defender.usage("other")).toEqual({ calls: [], throttledUntil: null });
  });

  test("admit reads in the order in which they came", async () => {
    const { server, defender } = await world(() => list(), { concurrency: 1 });
    const ids = Array.from({ length: 10 }, (_, index) => `a-_-${index}`);
    await Promise.all(ids.map((softwareId) => defender.getMissingKbs("home", softwareId)));
    expect(server.requests.map(({ path }) => path.split("/")[3])).toEqual(ids);
  });
});

/** A small generator (mulberry32): the same numbers each time. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

describe("a signal", () => {
  const reason = new Error("time is up");

  /** Aborts once any first answer has arrived: by then another tenant's read has been answered. */
  async function abortedAfterFirst(handler: Handler, options: Partial<DefenderOptions>) {
    const control = new AbortController();
    const first = Promise.withResolvers<void>();
    const { server, defender } = await world(async (request, response, index) => {
      if (index > 0) return list();
      response.on("finish", first.resolve);
      return handler(request, response, index);
    }, options);
    const outcome = defender.getMissingKbs("home", id, { signal: control.signal }).catch((error) => error);
    await first.promise;
    await defender.getMissingKbs("other", id);
    control.abort(reason);
    return { server, outcome: await outcome };
  }

  test("that came before ends a read without a call", async () => {
    const { server, defender, asked } = await world(() => list());
    await expect(defender.getMissingKbs("home", id, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(server.requests).toHaveLength(0);
    expect(asked).toHaveLength(0);
  });

  test.each<[string, Handler, Partial<DefenderOptions>]>([
    ["the pause before another try", () => refused(500, "InternalServerError"), { timing: { retries: [60_000] } }],
    ["the pause before another look", () => refused(404, "NotFound"), { timing: { notFoundPauses: [60_000] } }],
    ["the wait of a throttled tenant", () => refused(429, "TooManyRequests"), { timing: { throttle: 50_000 } }],
    ["the wait for the quota", () => ({ body: { value: [], "@odata.nextLink": "?page=2" } }), { callsPerMinute: 1 }],
  ])("ends %s at once with its reason", async (_name, handler, options) => {
    const { server, outcome } = await abortedAfterFirst(handler, options);
    expect(outcome).toBe(reason);
    expect(server.requests).toHaveLength(2);
  });

  test("lets a call under way finish, and makes no other", async () => {
    const control = new AbortController();
    const nextLink = "?page=2";
    const { server, defender } = await world(() => {
      control.abort(reason);
      return list(1);
    });
    expect(await defender.getMissingKbs("home", id, { signal: control.signal })).toHaveLength(1);
    const paged = new AbortController();
    const pages = await world(() => {
      paged.abort(reason);
      return { body: { value: [], "@odata.nextLink": nextLink } };
    });
    await expect(pages.defender.getMissingKbs("home", id, { signal: paged.signal })).rejects.toBe(reason);
    expect([server, pages.server].map(({ requests }) => requests.length)).toEqual([1, 1]);
  });

  test("ends the wait for a token at once", async () => {
    const asked = Promise.withResolvers<void>();
    const { server, defender } = await world(() => list(), {
      credential: () => ({
        getToken: () => {
          asked.resolve();
          return new Promise(() => {});
        },
      }),
    });
    const control = new AbortController();
    const read = defender.getMissingKbs("home", id, { signal: control.signal });
    await asked.promise;
    control.abort(reason);
    await expect(read).rejects.toBe(reason);
    expect(server.requests).toHaveLength(0);
  });

  test("leaves the places of reads that gave up to others", async () => {
    const control = new AbortController();
    const arrived = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    const { server, defender } = await world(
      async () => {
        arrived.resolve();
        await answer.promise;
        return list();
      },
      { concurrency: 1 },
    );
    const first = defender.getMissingKbs("home", "first-_-one");
    const given = Array.from({ length: 5 }, () =>
      defender.getMissingKbs("home", "given-_-up", { signal: control.signal }),
    );
    const last = defender.getMissingKbs("home", "last-_-one");
    await arrived.promise;
    control.abort(reason);
    for (const read of given) await expect(read).rejects.toBe(reason);
    answer.resolve();
    await Promise.all([first, last]);
    expect(server.requests.map(({ path }) => path.split("/")[3])).toEqual(["first-_-one", "last-_-one"]);
  });

  test("that is never aborted keeps no listeners", async () => {
    const { signal } = new AbortController();
    const { defender } = await world(inTurn(() => refused(500, "InternalServerError"), list(1)));
    await defender.getMissingKbs("home", id, { signal });
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });
});

describe("a permit", () => {
  test("is asked for before each call, pages and tries included", async () => {
    const answers = [
      refused(500, "InternalServerError"),
      { body: { value: [], "@odata.nextLink": "?page=2" } },
      list(),
    ];
    const { server, defender } = await world(inTurn(...answers));
    const sentBefore: number[] = [];
    const permit = async () => {
      sentBefore.push(server.requests.length);
    };
    await defender.getMissingKbs("home", id, { permit });
    await defender.getSoftware("home", id, { permit });
    expect(sentBefore).toEqual([0, 1, 2, 3]);
  });

  test("comes last: nothing is waited for between it and the call, not even the first one", async () => {
    const { defender } = await world(() => list());
    const order: string[] = [];
    const sent = () => order.push("sent");
    subscribe("http.client.request.created", sent);
    onTestFinished(() => void unsubscribe("http.client.request.created", sent));
    const permit = async () => {
      await sleep(5);
      setImmediate(() => order.push("a turn later"));
    };
    for (const _ of [1, 2]) await defender.getMissingKbs("home", id, { permit });
    expect(order).toEqual(["sent", "a turn later", "sent", "a turn later"]);
  });

  test.each([new Error("the lease is lost"), new DefenderError("no", { permanent: true }), "a text"])(
    "that throws ends the read with what it threw, and the call is not counted: %s",
    async (thrown) => {
      const { server, defender } = await world(() => list(), { callsPerHour: 1 });
      for (const _ of [1, 2]) {
        const permit = () => Promise.reject(thrown);
        await expect(defender.getMissingKbs("home", id, { permit })).rejects.toBe(thrown);
        await expect(defender.getSoftware("home", id, { permit })).rejects.toBe(thrown);
      }
      expect(server.requests).toHaveLength(0);
      expect(defender.usage("home").calls).toEqual([]);
      await defender.getMissingKbs("home", id);
    },
  );

  test("that never comes ends with the signal", async () => {
    const { server, defender } = await world(() => list());
    const control = new AbortController();
    const reason = new Error("time is up");
    const permit = () => {
      control.abort(reason);
      return new Promise<void>(() => {});
    };
    const calling = { permit, signal: control.signal };
    await expect(defender.getMissingKbs("home", id, calling)).rejects.toBe(reason);
    expect(server.requests).toHaveLength(0);
    expect(defender.usage("home").calls).toEqual([]);
  });
});

describe("getSoftware", () => {
  test("asks for the product itself", async () => {
    const { server, defender } = await world(() => ({
      body: { id, name: "windows_11", weaknesses: 12, exposedMachines: 3 },
    }));
    expect(await defender.getSoftware("home", id)).toEqual({ id, weaknesses: 12, exposedMachines: 3 });
    expect(server.requests[0]?.path).toBe(`/api/Software/${id}`);
  });

  test("is null if Defender still does not find it after another look", async () => {
    const { server, defender } = await world(() => refused(404, "ResourceNotFound"));
    expect(await defender.getSoftware("home", id)).toBeNull();
    expect(server.requests).toHaveLength(4);
  });

  test("fails as any read does", async () => {
    const { defender } = await world(() => refused(403, "Forbidden"));
    expect((await failure(defender.getSoftware("home", id))).message).toContain(
      "returned 403 (Forbidden) for GET /api/Software/{id}",
    );
    const list = await world(() => ({ body: ["no", "object"] }));
    expect((await failure(list.defender.getSoftware("home", id))).message).toContain("it is not an object");
  });

  test("takes anything that is not a count as unknown, never as 0", async () => {
    const counts: [unknown, number | null][] = [
      [0, 0],
      ["7", 7],
      [" 7 ", 7],
      [null, null],
      [undefined, null],
      ["", null],
      ["many", null],
      [-1, null],
      [1.5, null],
      [2 ** 53, null],
      ["99999999999999999999", null],
      [true, null],
      [[3], null],
    ];
    for (const [weaknesses, expected] of counts) {
      const { defender } = await world(() => ({ body: { weaknesses } }));
      expect(await defender.getSoftware("home", id)).toEqual({ id, weaknesses: expected, exposedMachines: null });
    }
  });
});
