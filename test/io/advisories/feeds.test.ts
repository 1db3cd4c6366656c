import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { startAdvisoryFeeds } from "../../../local/advisory-feeds.ts";
import { createFeeds } from "../../../shared/io/advisories/feeds.ts";
import { FeedError, type Feeds } from "../../../shared/ports.ts";
import { type Handler, type HttpServer, startHttpServer } from "../../support/http-server.ts";
import { aKevDocument, aKevItem, aMonthDocument, aMonthList, aVulnerability } from "../../support/msrc-documents.ts";

const patience = { tries: 3, tryMs: 5_000, pauseMs: 1 };
const mib = 1024 * 1024;

let server: HttpServer;
let feeds: Feeds;

/** The document that each path has. */
const documents: Readonly<Record<string, unknown>> = {
  "/cvrf/v3.0/updates": aMonthList("2025-Nov", "2025-Oct"),
  "/cvrf/v3.0/cvrf/2025-Nov": aMonthDocument([aVulnerability("CVE-2025-62215")]),
  "/kev.json": aKevDocument([aKevItem("CVE-2025-62215")]),
};
const play: Handler = ({ path }) => ({ body: documents[path] });

type Call = (feeds: Feeds) => Promise<unknown>;
const calls: [name: string, setting: string, call: Call, maxMiB: number][] = [
  ["MSRC's list of months", "MSRC_URL", (from) => from.readMonths({}), 1],
  ["MSRC's document of 2025-Nov", "MSRC_URL", (from) => from.readMonth("2025-Nov"), 20],
  ["CISA's catalogue", "KEV_URL", (from) => from.readKev({}), 10],
];

function open(options: Partial<Parameters<typeof createFeeds>[0]> = {}): Feeds {
  return createFeeds({ msrcUrl: `${server.url}/cvrf/v3.0`, kevUrl: `${server.url}/kev.json`, patience, ...options });
}

beforeEach(async () => {
  server = await startHttpServer(play);
  feeds = open();
});
afterEach(() => server.close());

describe("the feeds", () => {
  it("are read at their addresses, as JSON, and without anything that says who asks", async () => {
    expect((await feeds.readMonths({}))?.content.map(({ id }) => id)).toEqual(["2025-Nov", "2025-Oct"]);
    expect((await feeds.readMonth("2025-Nov")).content.map(({ id }) => id)).toEqual(["5068861"]);
    expect((await feeds.readKev({}))?.content.map(({ cve }) => cve)).toEqual(["CVE-2025-62215"]);
    expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      ...["GET /cvrf/v3.0/updates", "GET /cvrf/v3.0/cvrf/2025-Nov", "GET /kev.json"],
    ]);
    for (const { headers } of server.requests) {
      expect(headers).toMatchObject({ accept: "application/json", "accept-encoding": "gzip" });
      for (const name of ["authorization", "cookie", "api-key", "if-none-match", "if-modified-since"]) {
        expect(headers).not.toHaveProperty(name);
      }
    }
  });

  it("are sent again only if they have changed since", async () => {
    const validators = { etag: 'W/"2"', lastModified: "Tue, 11 Nov 2025 18:00:00 GMT" };
    server.handle((request, ...rest) => {
      const headers = { etag: validators.etag, "last-modified": validators.lastModified };
      if (request.headers["if-none-match"] === validators.etag) return { status: 304, headers };
      return { ...play(request, ...rest), headers };
    });
    const [months, kev] = [await feeds.readMonths({}), await feeds.readKev({})];
    for (const read of [months, kev]) expect(read?.validators).toMatchObject(validators);
    expect(await feeds.readMonths(validators)).toBeNull();
    expect(await feeds.readKev(validators)).toBeNull();
    expect(server.requests.at(-1)?.headers).toMatchObject({ "if-modified-since": validators.lastModified });
    expect((await feeds.readKev({ etag: '"1"' }))?.content).toHaveLength(1);
  });

  it("are the same where their hosts send them again, with another tag or none", async () => {
    const [months, kev] = [await feeds.readMonths({}), await feeds.readKev({})];
    server.handle((request, ...rest) => ({ ...play(request, ...rest), headers: { etag: '"another"' } }));
    expect(await feeds.readMonths(months?.validators ?? {})).toBeNull();
    expect(await feeds.readKev(kev?.validators ?? {})).toBeNull();
    server.handle(() => ({ body: aMonthList("2025-Nov") }));
    expect((await feeds.readMonths(months?.validators ?? {}))?.content).toHaveLength(1);
  });

  it("have no validators that could not be sent back", async () => {
    server.handle((request, ...rest) => ({
      ...play(request, ...rest),
      headers: { etag: `"${"x".repeat(400)}"`, "last-modified": "gestern \u00e4" },
    }));
    expect((await feeds.readMonths({}))?.validators).toEqual({ digest: expect.stringMatching(/^[\w-]{43}$/) });
  });

  it("may come compressed", async () => {
    server.handle(({ path }) => ({
      headers: { "content-encoding": "gzip" },
      body: gzipSync(JSON.stringify(documents[path])),
    }));
    expect((await feeds.readMonth("2025-Nov")).content).toHaveLength(1);
  });

  test("are those of the simulated world too", async () => {
    const kb = { ...{ id: "5070001", released: "2026-11-10", cves: ["CVE-2026-20001"] }, supersedes: ["5066001"] };
    const kev = { cve: "CVE-2026-20001", since: "2026-11-12", ransomware: true };
    const now = () => new Date("2026-11-23T05:00:00Z");
    const world = await startAdvisoryFeeds({ kbs: [{ ...kb, hotpatch: true }], kev: [kev], now });
    try {
      const played = open(world);
      const list = await played.readMonths({});
      expect(list?.content).toMatchObject([{ id: "2026-Nov" }]);
      expect(await played.readMonths(list?.validators ?? {})).toBeNull();
      expect((await played.readMonth("2026-Nov")).content).toEqual([
        { ...kb, severity: "Important", exploitedCves: [], restart: "yes", hotpatch: true },
      ]);
      expect((await played.readKev({}))?.content).toEqual([kev]);
    } finally {
      await world.close();
    }
  });

  it.each(["2025-nov", "../updates", "2025-Nov?x", ""])("are asked for no month %j", async (id) => {
    await expect(feeds.readMonth(id)).rejects.toThrow("is not a month such as 2026-Nov");
    expect(server.requests).toEqual([]);
  });
});

describe.each(calls)("%s", (name, setting, call, maxMiB) => {
  it("may be as large as allowed and not a byte more, and has no end", async () => {
    const json = JSON.stringify(Object.values(documents)[calls.findIndex(([one]) => one === name)]);
    server.handle(() => ({ body: json.padEnd(maxMiB * mib, " ") }));
    await call(feeds);
    server.handle(() => ({ body: json.padEnd(maxMiB * mib + 1, " ") }));
    await expect(call(feeds)).rejects.toThrow(`${name} is larger than ${maxMiB} MiB.`);
    const closed = Promise.withResolvers<void>();
    server.handle((_, response) => {
      response.on("close", closed.resolve);
      response.writeHead(200, { "content-encoding": "gzip" });
      const bomb = gzipSync(Buffer.alloc(30 * mib, " "));
      const endless = new Readable({
        read() {
          this.push(bomb);
        },
      });
      endless.pipe(response);
      return undefined;
    });
    await expect(call(feeds)).rejects.toThrow(`${name} is larger than ${maxMiB} MiB.`);
    await closed.promise;
  });

  it("is not parsed if it has too many values", async () => {
    const length = Math.min(maxMiB * mib - 10, 4 * mib + 2);
    server.handle(() => ({ body: `[${"[],".repeat(Math.floor(length / 3))}[]]` }));
    const reason = maxMiB > 1 ? "has more than 2000000 values" : "does not have the shape of one";
    await expect(call(feeds)).rejects.toThrow(`${name} ${reason}.`);
  });

  it.each([["{"], ["<xml/>"], [""], [Buffer.from([0x22, 0xff, 0x22])]])(
    "is refused if it is not JSON: %#",
    async (body) => {
      server.handle(() => ({ body }));
      await expect(call(feeds)).rejects.toThrow(new FeedError(`${name} is not JSON in UTF-8.`));
      expect(server.requests).toHaveLength(1);
    },
  );

  it.each([301, 302, 307, 308])("does not follow a redirect: %d", async (status) => {
    server.handle(() => ({ status, headers: { location: `${server.url}/elsewhere` } }));
    const reason = `${name} could not be read: its host answered ${status}. Redirects are not followed: set ${setting} to where it leads.`;
    await expect(call(feeds)).rejects.toThrow(new FeedError(reason));
    expect(server.requests).toHaveLength(1);
  });

  it.each([400, 403, 404, 304])("fails at once if its host says %d", async (status) => {
    server.handle(() => ({ status, body: "secret" }));
    const failed = call(feeds);
    await expect(failed).rejects.toThrow(FeedError);
    await expect(failed).rejects.toThrow(
      `${name} could not be read: its host answered ${status}. Check ${setting}, and`,
    );
    expect(server.requests).toHaveLength(1);
  });

  it.each([429, 500, 503])("is asked for again if its host says %d", async (status) => {
    server.handle((request, response, index) => (index < 2 ? { status } : play(request, response, index)));
    await call(feeds);
    expect(server.requests).toHaveLength(3);
    server.handle(() => ({ status }));
    await expect(call(feeds)).rejects.toThrow(`${name} could not be read: its host answered ${status}. This usually`);
    expect(server.requests).toHaveLength(6);
  });

  it("is asked for again if the connection breaks, or no answer comes in time", async () => {
    server.handle((_, response) => void response.destroy());
    await expect(call(feeds)).rejects.toThrow(`${name} did not come (ECONNRESET). This usually clears up on its own.`);
    expect(server.requests).toHaveLength(3);
    const hasty = open({ patience: { tries: 2, tryMs: 200, pauseMs: 1 } });
    server.handle(() => undefined);
    await expect(call(hasty)).rejects.toThrow(`${name} did not come within 0.2 seconds. This usually`);
    expect(server.requests).toHaveLength(5);
  });

  it.each(["identity", "gzip"])("is asked for again if it breaks off in the middle, sent as %s", async (encoding) => {
    const hasty = open({ patience: { tries: 2, tryMs: 300, pauseMs: 1 } });
    const json = JSON.stringify(Object.values(documents)[calls.findIndex(([one]) => one === name)]);
    const bytes = encoding === "gzip" ? gzipSync(json) : Buffer.from(json);
    server.handle((_, response) => {
      response.writeHead(200, {
        ...(encoding === "gzip" && { "content-encoding": "gzip" }),
        "content-length": bytes.length,
      });
      response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
      return undefined;
    });
    await expect(call(hasty)).rejects.toThrow(`${name} did not come`);
    expect(server.requests).toHaveLength(2);
  });
});
