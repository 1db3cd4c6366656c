import { describe, expect, onTestFinished, test } from "vitest";
import type { DefenderKb, Estate } from "../../local/estate.ts";
import { defenderAudience, startTenant, type TenantOptions } from "../../local/simulated-tenant.ts";

const noon = Date.parse("2026-11-23T12:00:00Z");

const kb = (id: string): DefenderKb => ({
  id,
  name: "November 2026 Security Updates",
  productsNames: ["windows_11"],
  url: `https://support.microsoft.com/kb/${id}`,
  machineMissedOn: 240,
  cveAddressed: 14,
});

const calm: Pick<Estate, "software" | "missingKbs" | "trouble"> = {
  software: (id) =>
    id === "unknown"
      ? null
      : {
          id,
          name: id.split("-_-")[1] ?? id,
          vendor: "microsoft",
          weaknesses: 14,
          publicExploit: false,
          activeAlert: false,
          installedMachines: 300,
          exposedMachines: 240,
          impactScore: 4,
        },
  missingKbs: (_id, day) => [kb("5068861"), kb("5066835"), kb(day.replaceAll("-", ""))],
  trouble: () => ({ statuses: [], allDay: false }),
};

function tokenOf(claims: Record<string, unknown> = {}): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const usual = { aud: defenderAudience, exp: noon / 1000 + 3_600, roles: ["Software.Read.All"], tid: "home" };
  return `${part({ alg: "none", typ: "JWT" })}.${part({ ...usual, ...claims })}.`;
}

async function start(options: Partial<TenantOptions> = {}) {
  const tenant = await startTenant({ estate: calm, now: () => noon, ...options });
  onTestFinished(tenant.close);
  const get = (path: string, token: string | null = tokenOf()) =>
    fetch(new URL(path, tenant.url), { headers: token === null ? {} : { authorization: `Bearer ${token}` } });
  return { ...tenant, get, read: (id: string) => get(`/api/Software/${encodeURIComponent(id)}/getmissingkbs`) };
}

interface Answer {
  value: DefenderKb[];
  error: { code: string; message: string };
}

const json = async (response: Response | Promise<Response>) => (await (await response).json()) as Answer;

const windows11 = "microsoft-_-windows_11";

describe("a read of missing KBs", () => {
  test("answers in Defender's form what the estate misses that day", async () => {
    const { url, read } = await start();
    const response = await read(windows11);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(/^application\/json/);
    expect(await json(response)).toEqual({
      "@odata.context": `${url}/api/$metadata#Collection(microsoft.windowsDefenderATP.api.PublicProductFixDto)`,
      value: [kb("5068861"), kb("5066835"), kb("20261123")],
    });
  });

  test("follows the clock that it was given", async () => {
    let time = Date.parse("2026-11-22T23:59:59Z");
    const { read } = await start({ now: () => time });
    const lastId = async () => (await json(read(windows11))).value.at(-1)?.id;
    expect(await lastId()).toBe("20261122");
    time += 1_000;
    expect(await lastId()).toBe("20261123");
  });

  test("accepts any id, encoded", async () => {
    const asked: string[] = [];
    const estate = {
      ...calm,
      missingKbs(id: string) {
        asked.push(id);
        return [];
      },
    };
    const { read } = await start({ estate });
    await read("contoso-_-a/b c%?é");
    expect(asked).toEqual(["contoso-_-a/b c%?é"]);
  });
});

test("a product is described by its id; one that the estate does not have is not found", async () => {
  const { get } = await start();
  expect(await (await get(`/api/Software/${windows11}`)).json()).toMatchObject({ id: windows11, weaknesses: 14 });
  for (const path of ["/api/Software/unknown", "/api/Software/unknown/getmissingkbs"]) {
    const response = await get(path);
    expect(response.status).toBe(404);
    expect(await json(response)).toEqual({
      error: { code: "ResourceNotFound", message: expect.stringContaining("unknown"), target: expect.any(String) },
    });
  }
});

describe("the list of products", () => {
  const products = ["a-_-1", "a-_-2", "a-_-3", "a-_-4", "a-_-5"];
  const inventory = () => products.flatMap((id) => calm.software(id, "2026-11-23") ?? []);
  const ids = (body: { value: { id?: string | null }[] }) => body.value.map(({ id }) => id);

  test("comes in pages, each with the link to the next", async () => {
    const { get, calls, url } = await start({ estate: { ...calm, inventory }, pageSize: 2 });
    const listed: unknown[] = [];
    for (let next = `${url}/api/Software`; next !== ""; ) {
      const body = (await (await get(next)).json()) as { value: DefenderKb[]; "@odata.nextLink"?: string };
      listed.push(...ids(body));
      next = body["@odata.nextLink"] ?? "";
    }
    expect(listed).toEqual(products);
    expect(calls.map(({ softwareId }) => softwareId)).toEqual(["", "", ""]);
  });

  test("is the part that $skip and $top ask for, without a link", async () => {
    const { get } = await start({ estate: { ...calm, inventory } });
    const body = await json(get("/api/Software?$skip=1&$top=2"));
    expect(ids(body)).toEqual(["a-_-2", "a-_-3"]);
    expect(body).not.toHaveProperty(["@odata.nextLink"]);
  });

  test("fails as asked under an empty id, counts as a call, and is empty where the estate has none", async () => {
    const { get, setFault, calls } = await start();
    setFault("", { kind: "answer", status: 500 }, 1);
    expect((await get("/api/Software")).status).toBe(500);
    expect((await json(get("/api/Software"))).value).toEqual([]);
    expect(calls).toHaveLength(2);
  });
});

test.each(["/api/machines", "/", "/api/Software/"])("%s does not exist", async (path) => {
  const { get } = await start();
  expect((await get(path)).status).toBe(404);
});

describe("a token", () => {
  test.each([
    ["that is missing", null],
    ["that is not a JWT", "secret"],
    ["whose claims are not JSON", "e30.bm9wZQ."],
    ["for another audience", tokenOf({ aud: "https://storage.azure.com" })],
    ["that has expired", tokenOf({ exp: noon / 1000 })],
    ["without an end", tokenOf({ exp: undefined })],
    ["that is not valid yet", tokenOf({ nbf: noon / 1000 + 60 })],
  ])("%s is unauthorized", async (_what, token) => {
    const { get } = await start();
    const response = await get(`/api/Software/${windows11}/getmissingkbs`, token);
    expect(response.status).toBe(401);
    expect(await json(response)).toMatchObject({ error: { code: "Unauthorized", target: expect.any(String) } });
  });

  test.each([[undefined], [[]], [["Machine.Read.All"]]])(
    "with the roles %j is forbidden, with the name of the missing role",
    async (roles) => {
      const { get } = await start();
      const response = await get(`/api/Software/${windows11}`, tokenOf({ roles }));
      expect(response.status).toBe(403);
      const { error } = await json(response);
      expect(error.code).toBe("Forbidden");
      expect(error.message).toMatch(
        /^Missing application roles\. API required roles: Software\.Read\.All, application roles: /,
      );
    },
  );
});

describe("the quotas", () => {
  test("allow this many calls in any minute, and say how long to wait", async () => {
    let time = noon;
    const { read } = await start({ now: () => time, callsPerMinute: 3 });
    const statuses: number[] = [];
    for (const at of [0, 10_000, 20_000, 20_500]) {
      time = noon + at;
      statuses.push((await read(windows11)).status);
    }
    expect(statuses).toEqual([200, 200, 200, 429]);
    const refused = await read(windows11);
    expect(refused.headers.get("retry-after")).toBe("40");
    expect(await refused.json()).toMatchObject({ error: { code: "TooManyRequests" } });
    // The first call leaves the window; the refused ones were never in it.
    time = noon + 60_000;
    expect((await read(windows11)).status).toBe(200);
    expect((await read(windows11)).headers.get("retry-after")).toBe("10");
  });

  test("allow this many calls in any hour", async () => {
    let time = noon;
    const { read } = await start({ now: () => time, callsPerMinute: 100, callsPerHour: 2 });
    await read(windows11);
    time += 1_800_000;
    await read(windows11);
    expect((await read(windows11)).headers.get("retry-after")).toBe("1800");
  });

  test("are counted for each tenant and application on its own, without refused tokens", async () => {
    const { get } = await start({ callsPerMinute: 1 });
    const statusOf = async (token: string | null) => (await get(`/api/Software/${windows11}`, token)).status;
    expect(await statusOf(null)).toBe(401);
    expect(await statusOf(tokenOf({ tid: "one" }))).toBe(200);
    expect(await statusOf(tokenOf({ tid: "one" }))).toBe(429);
    expect(await statusOf(tokenOf({ tid: "two" }))).toBe(200);
    expect(await statusOf(tokenOf({ tid: "two", appid: "other" }))).toBe(200);
  });

  test("forget later calls when the clock is turned back", async () => {
    let time = noon;
    const { get } = await start({ now: () => time, callsPerMinute: 1 });
    const ever = tokenOf({ exp: noon / 1000 + 86_400 });
    expect((await get(`/api/Software/${windows11}`, ever)).status).toBe(200);
    time -= 3_600_000;
    expect((await get(`/api/Software/${windows11}`, ever)).status).toBe(200);
  });
});

describe("the estate's trouble", () => {
  const troubled = (statuses: number[], allDay: boolean) => ({
    ...calm,
    trouble: (id: string, day: string) =>
      id === windows11 && day === "2026-11-23" ? { statuses, allDay } : { statuses: [], allDay: false },
  });

  test("fails the first reads of the day, then clears up", async () => {
    const { read } = await start({ estate: troubled([404, 500, 429], false) });
    const answers = [await read(windows11), await read(windows11), await read(windows11), await read(windows11)];
    expect(answers.map(({ status }) => status)).toEqual([404, 500, 429, 200]);
    expect(answers[2]?.headers.get("retry-after")).toBe("1");
    expect((await read("microsoft-_-windows_10")).status).toBe(200);
  });

  test("may last all day, but not until the next", async () => {
    let time = noon;
    const { get } = await start({ estate: troubled([404, 500], true), now: () => time });
    const token = tokenOf({ exp: noon / 1000 + 86_400 });
    const status = async () => (await get(`/api/Software/${windows11}/getmissingkbs`, token)).status;
    expect([await status(), await status(), await status()]).toEqual([404, 500, 500]);
    time = Date.parse("2026-11-23T23:59:59Z");
    expect(await status()).toBe(500);
    time = Date.parse("2026-11-24T00:00:00Z");
    expect(await status()).toBe(200);
  });
});

describe("a fault", () => {
  test("strikes one product, a number of times or until it is ended", async () => {
    const { read, setFault } = await start();
    const statuses = async (id: string) => [(await read(id)).status, (await read(id)).status];
    setFault(windows11, { kind: "answer", status: 503 }, 1);
    expect(await statuses("microsoft-_-windows_10")).toEqual([200, 200]);
    expect(await statuses(windows11)).toEqual([503, 200]);
    setFault("*", { kind: "answer", status: 502, headers: { "content-type": "text/html" }, body: "<h1>Bad</h1>" });
    const response = await read(windows11);
    expect(response.headers.get("content-type")).toBe("text/html");
    expect(await response.text()).toBe("<h1>Bad</h1>");
    setFault("*", null);
    expect((await read(windows11)).status).toBe(200);
  });

  test("may be a reset connection", async () => {
    const { read, setFault, calls } = await start();
    setFault(windows11, { kind: "reset" });
    await expect(read(windows11)).rejects.toThrow("fetch failed");
    expect(calls).toMatchObject([{ softwareId: windows11, status: null }]);
  });

  test("may be half an answer", async () => {
    const { read, setFault } = await start();
    setFault(windows11, { kind: "truncate" });
    const response = await read(windows11);
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
  });

  test("may be anything the test does with the response", async () => {
    const { read, setFault } = await start();
    setFault(windows11, (_request, response) => void response.writeHead(418).end());
    expect((await read(windows11)).status).toBe(418);
  });
});

test("every call is recorded with its status", async () => {
  const { get, read, calls } = await start();
  await read(windows11);
  await get("/api/Software/unknown", null);
  expect(calls).toEqual([
    {
      at: noon,
      method: "GET",
      path: `/api/Software/${windows11}/getmissingkbs`,
      softwareId: windows11,
      status: 200,
    },
    { at: noon, method: "GET", path: "/api/Software/unknown", softwareId: "unknown", status: 401 },
  ]);
});

test("the tenant listens on loopback only and closes with a request in flight", async () => {
  const tenant = await startTenant({ estate: calm, now: () => noon });
  expect(new URL(tenant.url).hostname).toBe("127.0.0.1");
  tenant.setFault("*", () => {});
  const hanging = fetch(`${tenant.url}/api/Software/${windows11}`, {
    headers: { authorization: `Bearer ${tokenOf()}` },
  });
  const failed = expect(hanging).rejects.toThrow();
  await tenant.close();
  await failed;
});
