import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  followLink,
  readJson,
  readRefusal,
  readRetryAfter,
  softwarePath,
} from "../../../shared/io/defender/answers.ts";

/** Texts made of the pieces that matter. */
const textOf = (...pieces: string[]) => fc.string({ unit: fc.constantFrom(...pieces) });

describe("readRetryAfter", () => {
  const now = Date.UTC(2026, 10, 23, 5, 0, 0);

  test("reads seconds", () => {
    fc.assert(
      fc.property(fc.nat(), (seconds) => {
        expect(readRetryAfter(String(seconds), now)).toBe(seconds * 1_000);
        expect(readRetryAfter(` ${seconds} `, now)).toBe(seconds * 1_000);
      }),
    );
  });

  test("reads a date as the time until then, and one that is past as no time", () => {
    fc.assert(
      fc.property(fc.integer({ min: -100_000, max: 100_000 }), (seconds) => {
        const date = new Date(now + seconds * 1_000).toUTCString();
        expect(readRetryAfter(date, now)).toBe(Math.max(0, seconds * 1_000));
      }),
    );
  });

  test.each([
    undefined,
    "",
    " ",
    "-1",
    "+1",
    "1e3",
    "0x1F",
    "NaN",
    "Infinity",
    "1,5",
    "soon",
    "2026-11-23",
    "Mon",
    "x, 1",
  ])("makes nothing of %j", (header) => {
    expect(readRetryAfter(header, now)).toBeNull();
  });

  test("gives a time that is not negative, or none, whatever it is given", () => {
    fc.assert(
      fc.property(textOf("0", "9", ".", "-", "e", " ", ",", "Mon", "GMT", ":", "é", "\n"), (header) => {
        const wait = readRetryAfter(header, now);
        expect(wait === null || wait >= 0).toBe(true);
      }),
    );
  });
});

describe("followLink", () => {
  const from = new URL("https://api.security.microsoft.com/api/Software/a/getmissingkbs?page=1");

  test("never leaves the origin, whatever the link", () => {
    const hostile = fc.constantFrom(
      "//",
      "\\\\",
      "https:",
      "http://",
      "@",
      "evil.example",
      "/",
      ":443",
      "\t",
      "..",
      "#",
    );
    const link = fc.oneof(
      fc.webUrl(),
      fc.string(),
      fc.array(hostile).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(link, (text) => {
        const followed = followLink(text, from);
        const href = "problem" in followed ? `${from.origin}/` : followed.content.href;
        expect(href.startsWith(`${from.origin}/`)).toBe(true);
      }),
      {
        examples: [
          ["https://api.security.microsoft.com@evil.example/"],
          ["https://api.security.microsoft.com:444/"],
          ["blob:https://api.security.microsoft.com/5a0c8a1e-8f0f-4e4c-8a37-1f1d7c3f8b1d"],
          ["https://someone:else@api.security.microsoft.com/"],
        ],
      },
    );
  });

  test("takes a path, a query and a full link, each without its fragment", () => {
    const links = ["?page=2#top", "getmissingkbs?page=2", `${from.origin}/api/Software/a/getmissingkbs?page=2`];
    for (const link of links) {
      const expected = new URL("https://api.security.microsoft.com/api/Software/a/getmissingkbs?page=2");
      expect(followLink(link, from)).toEqual({ content: expected });
    }
  });
});

const anyId = fc.oneof(
  textOf("a", ".", "/", "\\", "%", "2e", "2F", "?", "#", ";", " ", "é", "😀", "\ud800"),
  fc.string(),
);

test("softwarePath gives one path segment for any id that a URL can carry, and different ones for different ids", () => {
  fc.assert(
    fc.property(anyId, anyId, (one, other) => {
      const [first, second] = [softwarePath(one), softwarePath(other)];
      if ("problem" in first || "problem" in second) return;
      const path = new URL(`https://defender.example${first.content}/end`).pathname;
      expect(path).toBe(`${first.content}/end`);
      expect(path.split("/")).toHaveLength(5);
      expect(first.content === second.content).toBe(one === other);
    }),
  );
});

describe("readJson", () => {
  const body = Buffer.from("{}");

  test.each([
    "",
    "application/json",
    "text/json",
    "Application/JSON; charset=utf-8",
    "application/vnd.x+json",
    " application/json ",
  ])("takes %j for JSON", (type) => {
    expect(readJson(type, body)).toEqual({ content: {} });
  });

  test.each(["text/html", "text/plain", "application/jsonp", "application/octet-stream", "image/json", "json"])(
    "does not take %j for JSON",
    (type) => {
      expect(readJson(type, body)).toEqual({ problem: "it is not declared as JSON" });
    },
  );
});

describe("readRefusal", () => {
  test("makes one line of anything that Defender says, and never throws", () => {
    const said = fc.oneof(fc.jsonValue(), fc.record({ error: fc.record({ code: fc.string(), message: fc.string() }) }));
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 599 }), said, (status, json) => {
        const fault = readRefusal("GET /x", status, Buffer.from(JSON.stringify(json)));
        expect(fault.message).toMatch(/^Defender [^\p{Cc}]*\.$/u);
        expect(fault.message.length).toBeLessThan(600);
        expect(fault.message).toContain(String(status));
      }),
    );
  });

  test("takes the code without the rest, and the rest without the code", () => {
    const of = (error: unknown) => readRefusal("GET /x", 500, Buffer.from(JSON.stringify({ error })));
    expect(of({ code: "Busy" })).toMatchObject({ message: expect.stringContaining("returned 500 (Busy)") });
    expect(of({ code: "Busy" })).not.toHaveProperty("said");
    expect(of({ message: "Later." })).toMatchObject({
      message: expect.stringContaining("returned 500 several"),
      said: "Later.",
    });
    expect(of({ message: "Later.", target: "id" }).said).toBe("Later. [id]");
  });

  test("repeats no token that an answer echoes, and takes nothing for a code that is more than words", () => {
    const token = `${Buffer.from('{"alg":"RS256"}').toString("base64url")}.${Buffer.from('{"aud":"x"}').toString("base64url")}.c2ln`;
    const echoes = [token, `Bearer ${token}`, `bearer ${"opaque".repeat(8)}`, `No Tvm license for ${token}!`];
    for (const text of echoes) {
      for (const status of [400, 401, 403, 404, 500]) {
        const error = { code: text, message: text, target: text };
        const { message, said } = readRefusal("GET /x", status, Buffer.from(JSON.stringify({ error })));
        expect(`${message} ${said}`).not.toMatch(/eyJ|opaque|c2ln|Bearer/i);
        expect(message).toContain(`returned ${status} `);
        expect(said).toContain("[token]");
      }
    }
  });

  test("says what the tenant needs, however much Defender says about its licence", () => {
    const error = { code: "Unauthorized", message: `No Tvm license ${"because ".repeat(100)}` };
    const { message } = readRefusal("getmissingkbs", 401, Buffer.from(JSON.stringify({ error })));
    expect(message).toMatch(/: "No Tvm license because .*"\. The tenant needs an active licence .*\.$/);
    // A run's row keeps no more of a reason.
    expect(message.length).toBeLessThanOrEqual(300);
  });

  test("decides on the status: only a refused token is tried with a fresh one, only a 404 is looked for again", () => {
    const kinds = (status: number) => readRefusal("GET /x", status, null).kind;
    expect([400, 403, 405, 410, 302].map(kinds)).toEqual(Array(5).fill("final"));
    expect([401, 404].map(kinds)).toEqual(["token", "missing"]);
    expect([408, 500, 502, 503, 504, 202, 206].map(kinds)).toEqual(Array(7).fill("passing"));
  });

  test("is permanent if only a person can help", () => {
    const permanent = (status: number) => readRefusal("GET /x", status, null).permanent;
    expect([400, 401, 403, 405, 499].map(permanent)).toEqual(Array(5).fill(true));
    expect([300, 302, 399, 404, 408, 500, 503, 204].map(permanent)).toEqual(Array(8).fill(false));
  });
});
