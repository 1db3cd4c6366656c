import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Host, type Registration, startHost } from "../../local/host.ts";
import { sendGridFaults } from "../../local/inbox/faults.ts";
import { type LocalWorld, startWorld } from "../../local/world.ts";
import { type HttpServer, startHttpServer } from "../support/http-server.ts";
import { oneKbEstate } from "../support/one-kb-estate.ts";

// Each watchlist's name, product, readers' address and role have a word that nothing else has. Everyone may read Emden; after
// the first run, Dessau's entry is broken and Zwickau is removed.
const words = ["aachen", "borkum", "dessau", "emden", "zwickau"] as const;
type Word = (typeof words)[number];

const day = "2026-11-23";
const people = {
  nobody: [],
  aachen: ["Reports.Read.Aachen"],
  "former-reader": ["Reports.Read.Zwickau"],
  starter: ["Runs.Start"],
  "aachen-starter": ["Reports.Read.Aachen", "Runs.Start"],
  "all-reader": ["Reports.Read.All"],
  operator: ["Reports.Read.All", "Runs.Start"],
} as const;
type Person = keyof typeof people;
const persons = Object.keys(people) as Person[];

const restricted = persons.filter((person) => !(people[person] as readonly string[]).includes("Reports.Read.All"));

const mayRead: Readonly<Record<Person, readonly Word[]>> = {
  nobody: ["emden"],
  aachen: ["aachen", "emden"],
  "former-reader": ["emden"],
  starter: ["emden"],
  "aachen-starter": ["aachen", "emden"],
  "all-reader": words,
  operator: words,
};

const capitalized = (word: string) => `${word[0]?.toUpperCase()}${word.slice(1)}`;
const nameOf = (word: Word | "nowhere") => `${capitalized(word)} Works`;

function entryOf(word: Word, changes: object = {}): object {
  return {
    ...{ name: nameOf(word), softwareIds: [`${word}-_-product`], mailTo: [`team@${word}.example`] },
    ...(word !== "emden" && { readerRole: `Reports.Read.${capitalized(word)}` }),
    ...changes,
  };
}

let world: LocalWorld;
let blob: HttpServer;
let host: Host;

/** All five run once, and nobody gets a mail. */
beforeAll(async () => {
  world = await startWorld({ estate: oneKbEstate });
  const serve = (entries: readonly object[]) => () => ({
    headers: { etag: `"${entries.length}"` },
    body: JSON.stringify(entries),
  });
  blob = await startHttpServer(serve(words.map((word) => entryOf(word))));
  await world.turnTo(new Date(`${day}T05:00:00Z`));
  host = await startApp({ AUTH: "entra" }, people);
  world.inbox.faults.push(...words.map(() => sendGridFaults.tooLarge));
  await host.fireTimer("schedule-runs");
  await host.drainQueues();
  const later = words.filter((word) => word !== "zwickau");
  blob.handle(serve(later.map((word) => entryOf(word, word === "dessau" ? { mailTo: "dessau" } : {}))));
  await world.turnTo(new Date(`${day}T05:10:00Z`));
}, 120_000);

afterAll(async () => {
  await host?.close();
  await blob?.close();
  await world?.close();
}, 60_000);

function startApp(settings: Readonly<Record<string, string>>, signIn?: Record<string, readonly string[]>) {
  const { MAIL_TO: _, ...shared } = world.settings;
  return startHost({
    ...{ appDir: process.cwd(), port: 0, storageConnectionString: world.storageConnectionString, log: () => {} },
    ...(signIn ? { people: signIn } : { hostKey: "a-function-key" }),
    env: { ...shared, SOFTWARE_IDS: "", MAIL_TO: "", MAIL_WHEN: "always", ...settings, ...documentOf(settings) },
  });
}

function documentOf({ WATCHLISTS }: Readonly<Record<string, string>>): Record<string, string> {
  const path = "/devstoreaccount1/configuration/watchlists.json";
  return { WATCHLISTS_URL: WATCHLISTS === undefined ? `${blob.url}${path}` : "" };
}

interface Call {
  method: string;
  path: string;
  body?: string;
  headers?: Record<string, string>;
}

interface Answer {
  status: number;
  /** Status, headers and body, decoded. */
  text: string;
}

async function call(person: Person | null, { method, path, body, headers = {} }: Call, at = host): Promise<Answer> {
  const answer = await fetch(`${at.url}${path}`, {
    ...{ method, redirect: "manual", ...(body !== undefined && { body }) },
    headers: { ...(person && { authorization: `Bearer ${person}` }), ...headers },
  });
  const raw = [...[...answer.headers].map(([name, value]) => `${name}: ${value}`), "", await answer.text()].join("\n");
  return { status: answer.status, text: `${answer.status}\n${raw}\n${decoded(raw)}`.toLowerCase() };
}

function decoded(text: string): string {
  return text.replace(/(%[\da-f]{2})+/gi, (escaped) => {
    try {
      return decodeURIComponent(escaped);
    } catch {
      return escaped;
    }
  });
}

const asked = [...words, "nowhere"] as const;
const formats = ["html", "json", "csv", "text", "pdf"];
const pages = { accept: "text/html" };

/** What somebody can ask of each route; a new route needs a line. */
const callsOf: Readonly<Record<string, (method: string) => Call[]>> = {
  "/": (method) => overviewCalls(method, "/"),
  "api/overview": (method) => overviewCalls(method, "/api/overview"),
  "api/products": (method) => overviewCalls(method, "/api/products"),
  "api/report": (method) => [
    { method, path: "/api/report" },
    { method, path: "/api/report", headers: pages },
    ...formats.map((format) => ({ method, path: `/api/report?format=${format}` })),
    ...asked.flatMap((word) =>
      ["format=html", "format=json", "format=pdf", "run=2026-01-01", "from=2026-01-01", `format=html&progress=${day}`]
        .map((more) => `/api/report?watchlist=${encodeURIComponent(nameOf(word))}&${more}`)
        .flatMap((path) => [
          { method, path },
          { method, path: `${path}&softwareId=${word}-_-product`, headers: pages },
        ]),
    ),
  ],
  "api/history": (method) => [
    { method, path: "/api/history" },
    ...asked.flatMap((word) =>
      ["json", "csv", "pdf", "json&detail=entries", "csv&detail=entries&limit=1"].map((format) => ({
        ...{ method, path: `/api/history?watchlist=${encodeURIComponent(nameOf(word))}&format=${format}` },
      })),
    ),
  ],
  "api/actions": (method) => [
    { method, path: "/api/actions" },
    ...asked.flatMap((word) =>
      ["format=json", "format=csv", "format=pdf", "run=2026-01-01"].map((more) => ({
        ...{ method, path: `/api/actions?watchlist=${encodeURIComponent(nameOf(word))}&${more}` },
      })),
    ),
  ],
  "api/preview": (method) => [
    { method, path: "/api/preview", body: "{}" },
    ...asked.flatMap((word) => [
      { method, path: "/api/preview", body: JSON.stringify({ watchlist: nameOf(word), minMachines: 5 }) },
      {
        ...{ method, path: "/api/preview", body: new URLSearchParams({ watchlist: nameOf(word) }).toString() },
        headers: { "content-type": "application/x-www-form-urlencoded", ...pages },
      },
    ]),
  ],
  "api/runs": (method) => [
    { method, path: "/api/runs", body: "{}" },
    { method, path: "/api/runs", body: '{"mail": 1}' },
    ...asked.flatMap((word) => [
      { method, path: "/api/runs", body: JSON.stringify({ watchlist: nameOf(word), mail: true }) },
      {
        ...{ method, path: "/api/runs", body: new URLSearchParams({ watchlist: nameOf(word) }).toString() },
        headers: { "content-type": "application/x-www-form-urlencoded", ...pages },
      },
    ]),
  ],
  "api/runs/{watchlist}/{runId}": (method) => runPaths().map((path) => ({ method, path })),
  "api/runs/{watchlist}/{runId}/mail": (method) =>
    runPaths().flatMap((path) =>
      ["", "?tenant=home", "?tenant=0"].map((query) => ({ method, path: `${path}/mail${query}` })),
    ),
  "api/health": (method) => [{ method, path: "/api/health" }],
  "api/reasons": (method) => [{ method, path: "/api/reasons" }],
  "api/openapi.json": (method) => [{ method, path: "/api/openapi.json" }],
  "api/doctor": (method) => [{ method, path: "/api/doctor" }],
};

function overviewCalls(method: string, path: string): Call[] {
  const queries = ["", "?format=html", "?format=json", "?format=csv", "?format=pdf"];
  return [...queries, ...asked.map((word) => `?format=json&search=${word.slice(0, 4)}`)].map((query) => ({
    ...{ method, path: `${path}${query}` },
  }));
}

function runPaths(): string[] {
  return asked.flatMap((word) =>
    [day, "2026-01-01", "yesterday"].map((id) => `/api/runs/${encodeURIComponent(nameOf(word))}/${id}`),
  );
}

function routes(): (Registration & { route: string; methods: readonly string[] })[] {
  return host.registrations.flatMap((one) =>
    one.trigger === "http" ? [{ ...one, route: one.route ?? "", methods: one.methods ?? [] }] : [],
  );
}

describe("what a caller may read", { timeout: 60_000 }, () => {
  const shown = (text: string) => words.filter((word) => text.includes(nameOf(word).toLowerCase()));
  const configured = (person: Person): readonly Word[] => mayRead[person].filter((word) => word !== "zwickau");

  test.each(persons)("is all there for %s: report, page, history, run, overview, health", async (person) => {
    for (const word of words) {
      const name = encodeURIComponent(nameOf(word));
      const paths = [`report?watchlist=${name}`, `history?watchlist=${name}`, `runs/${name}/${day}`];
      const statuses = await Promise.all(
        paths.map(async (path) => (await call(person, { method: "GET", path: `/api/${path}` })).status),
      );
      const status = configured(person).includes(word) ? 200 : 400;
      expect([word, statuses]).toEqual([word, [status, status, status]]);
    }
    const see = async (path: string) => shown((await call(person, { method: "GET", path })).text);
    expect(await see(`/api/report?format=html&watchlist=${encodeURIComponent(nameOf("emden"))}`)).toEqual(
      configured(person),
    );
    expect(await see("/api/report?watchlist=x")).toEqual(configured(person));
    expect(await see("/?format=csv")).toEqual(configured(person));
    // The digest of each was refused.
    expect(await see("/api/reasons")).toEqual(mayRead[person]);
  });

  test.each(persons)("is not all of health for %s, unless they read everything", async (person) => {
    const { status, text } = await call(person, { method: "GET", path: "/api/reasons" });
    const readsEverything = !restricted.includes(person);
    expect([status, text.includes("only callers with the app role")]).toEqual([503, !readsEverything]);
    // Dessau's last good version is used; nobody knows who may read the faulty one.
    expect(text.includes("is not a mail address")).toBe(readsEverything);
    const open = await call(null, { method: "GET", path: "/api/health" });
    expect([open.status, shown(open.text)]).toEqual([503, []]);
  });
});

describe("what a caller may not read", { timeout: 120_000 }, () => {
  test.each(restricted)("appears in no byte of any answer to %s", async (person) => {
    const others = words.filter((word) => !mayRead[person].includes(word));
    const found: string[] = [];
    for (const { route, methods } of routes()) {
      // HEAD is GET without the body.
      const calls = methods.flatMap(
        (method) => callsOf[route]?.(method).slice(0, method === "HEAD" ? 1 : undefined) ?? [],
      );
      expect([route, calls.length > 0]).toEqual([route, true]);
      for (const one of calls) {
        const { status, text } = await call(person, one);
        // What a caller asks for comes back in no refusal either.
        const named = others.filter((word) => text.includes(word));
        if (named.length > 0) found.push(`${one.method} ${one.path}: ${status}, ${named.join()}`);
        expect([one.path, status]).not.toEqual([one.path, 500]);
      }
    }
    expect(found).toEqual([]);
    await host.drainQueues();
  });

  test("gives the same answers as what does not exist", async () => {
    const person = "aachen-starter";
    for (const word of words.filter((one) => !mayRead[person].includes(one))) {
      for (const [there, nowhere] of pairs(word)) {
        const [one, other] = [await call(person, there), await call(person, nowhere)];
        const same = (text: string) => text.replace(/nonce-[\w-]+|nonce="[^"]*"|^date: .*$/gm, "");
        expect([there.method, there.path, same(one.text)]).toEqual([there.method, there.path, same(other.text)]);
      }
    }
  });
});

/** The calls that name a watchlist, and the same calls with a name that there is not. */
function pairs(word: Word): [Call, Call][] {
  const without = ({ path, body, ...one }: Call): Call => ({
    ...{ ...one, path: path.replaceAll(capitalized(word), "Nowhere") },
    ...(body !== undefined && { body: body.replaceAll(capitalized(word), "Nowhere") }),
  });
  return routes()
    .flatMap(({ route, methods }) => methods.flatMap((method) => callsOf[route]?.(method) ?? []))
    .filter(({ method, path, body = "" }) => method !== "HEAD" && `${path}${body}`.includes(capitalized(word)))
    .map((one) => [one, without(one)]);
}

describe("starting runs, sending and cancelling mails", { timeout: 60_000 }, () => {
  const emden = encodeURIComponent(nameOf("emden"));
  const zwickau = `/api/runs/${encodeURIComponent(nameOf("zwickau"))}/${day}/mail?tenant=home`;
  const calls: Call[] = [
    { method: "POST", path: "/api/runs", body: JSON.stringify({ watchlist: nameOf("emden") }) },
    { method: "POST", path: `/api/runs/${emden}/${day}/mail` },
    { method: "DELETE", path: `/api/runs/${emden}/${day}/mail` },
    { method: "DELETE", path: zwickau },
  ];

  test.each(persons)("needs its own role, of %s too", async (person) => {
    const maySend = (people[person] as readonly string[]).includes("Runs.Start");
    const answers = [];
    for (const one of calls) answers.push(await call(person, one));
    if (!maySend) for (const { text } of answers) expect(text).toContain("needs the app role runs.start");
    // What becomes of a call depends on those before it.
    const isDone = answers.map(({ status }) => [200, 202, 409].includes(status));
    expect(isDone).toEqual([maySend, maySend, maySend, person === "operator"]);
    expect(answers.map(({ status }) => status === 403)).toEqual([!maySend, !maySend, !maySend, !maySend]);
    await host.drainQueues();
  });

  test.each(persons)("is offered by the page to those who have it, here to %s or not", async (person) => {
    const { text } = await call(person, { method: "GET", path: `/api/report?format=html&watchlist=${emden}` });
    expect(text.includes("read now")).toBe((people[person] as readonly string[]).includes("Runs.Start"));
  });
});

describe("a header that says who calls", { timeout: 60_000 }, () => {
  const principal = (...roles: string[]) => {
    const claims = roles.map((val) => ({ typ: "roles", val }));
    const json = JSON.stringify({ auth_typ: "aad", claims, name_typ: "name", role_typ: "roles" });
    return { "x-ms-client-principal": Buffer.from(json).toString("base64") };
  };
  const forged = principal("Reports.Read.All", "Runs.Start");
  const start = { method: "POST", path: "/api/runs", body: JSON.stringify({ watchlist: nameOf("emden") }) };

  test("counts for nothing where it comes from outside", async () => {
    const report = { method: "GET", path: `/api/report?watchlist=${encodeURIComponent(nameOf("borkum"))}` };
    expect((await call(null, { ...report, headers: forged })).status).toBe(401);
    expect((await call("aachen", { ...report, headers: forged })).status).toBe(400);
    expect((await call("aachen", { ...start, headers: forged })).status).toBe(403);
  });

  test("is not read with function keys: the key opens everything, and nothing else does", async () => {
    const { readerRole: _, ...open } = entryOf("emden") as Record<string, unknown>;
    const keyed = await startApp({ AUTH: "key", WATCHLISTS: JSON.stringify([open]) });
    try {
      const report = { method: "GET", path: "/api/report" };
      for (const one of [report, start]) {
        expect((await call(null, { ...one, headers: forged }, keyed)).status).toBe(401);
        const headers = { "x-functions-key": "a-function-key", ...principal() };
        expect((await call(null, { ...one, headers }, keyed)).status).toBe(one.method === "GET" ? 200 : 202);
      }
    } finally {
      await keyed.close();
    }
  });
});
