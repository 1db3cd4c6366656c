import { describe, expect, test } from "vitest";
import { type Caller, callerOf, mayRead, mayStart, portsOf, readsEverything } from "../../shared/http/caller.ts";
import { serveCancelMail } from "../../shared/http/resend.ts";
import { serveStartRun } from "../../shared/http/start-run.ts";
import { ask, request } from "../support/ask.ts";
import { aWatchlist } from "../support/builders.ts";
import { configured, fakeWorld } from "../support/fake-world.ts";

const roleUri = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role";

interface Claim {
  typ?: unknown;
  val?: unknown;
}

function encoded(principal: unknown): string {
  return Buffer.from(JSON.stringify(principal)).toString("base64");
}

function principal(claims: readonly Claim[], more: object = {}): string {
  return encoded({ auth_typ: "aad", claims, name_typ: "name", role_typ: roleUri, ...more });
}

function entra(header: string | null): Caller {
  return callerOf({ get: (name) => (name === "x-ms-client-principal" ? header : null) }, "entra");
}

const withRoles = (...roles: string[]): Caller => ({ roles: new Set(roles) });

describe("a caller's app roles", () => {
  test("are the claims `roles` and those of the header's own role type", () => {
    const claims = [
      { typ: "roles", val: "Runs.Start" },
      { typ: roleUri, val: "Reports.Read.Contoso" },
      { typ: "name", val: "Reports.Read.All" },
      { typ: "groups", val: "Reports.Read.Fabrikam" },
    ];
    expect(entra(principal(claims)).roles).toEqual(new Set(["Runs.Start", "Reports.Read.Contoso"]));
  });

  test("are read whatever letters the header needs", () => {
    const claims = [
      { typ: "name", val: "Søren Łukasz 水>>>???" },
      { typ: "roles", val: "Runs.Start" },
    ];
    expect(entra(principal(claims)).roles).toEqual(new Set(["Runs.Start"]));
  });

  test.each<[string, string | null]>([
    ["missing", null],
    ["empty", ""],
    ["not base64", "Runs.Start"],
    ["not JSON", Buffer.from("Runs.Start").toString("base64")],
    ["null", encoded(null)],
    ["a list", encoded([{ typ: "roles", val: "Runs.Start" }])],
    ["without claims", encoded({ auth_typ: "aad", role_typ: "roles" })],
    ["with claims that are not a list", encoded({ auth_typ: "aad", claims: { typ: "roles", val: "Runs.Start" } })],
    ["of claims that are none", principal([null as never, "roles" as never, 1 as never, {}, { typ: "roles" }])],
    ["of a role that is not a text", principal([{ typ: "roles", val: ["Runs.Start"] }])],
    ["of claims without a type", principal([{ val: "Runs.Start" }], { role_typ: undefined })],
    ["of claims with an empty type", principal([{ typ: "", val: "Runs.Start" }], { role_typ: "" })],
    ["of another provider", principal([{ typ: "roles", val: "Runs.Start" }], { auth_typ: "github" })],
    ["sent twice", [principal([]), principal([{ typ: "roles", val: "Runs.Start" }])].join(",")],
    ["sent twice, the first one forged", [principal([{ typ: "roles", val: "Runs.Start" }]), principal([])].join(",")],
  ])("are none if the header is %s", (_, header) => {
    const caller = entra(header);
    expect(caller.roles).toEqual(new Set());
    expect([mayStart(caller), readsEverything(caller)]).toEqual([false, false]);
    expect(mayRead({ readerRole: null }, caller)).toBe(true);
  });

  test("do not matter with function keys", () => {
    for (const header of [null, principal([])]) {
      const caller = callerOf({ get: () => header }, "key");
      expect([mayStart(caller), readsEverything(caller), mayRead({ readerRole: "R" }, caller)]).toEqual([
        ...[true, true, true],
      ]);
    }
  });
});

describe("a watchlist", () => {
  test.each([
    ["everyone", null, withRoles(), true],
    ["those with its role", "Reports.Read.Contoso", withRoles("Reports.Read.Contoso"), true],
    ["those who read all", "Reports.Read.Contoso", withRoles("Reports.Read.All"), true],
    ["those with another role", "Reports.Read.Contoso", withRoles("Reports.Read.Fabrikam", "Runs.Start"), false],
    ["those whose role differs in capitals", "Reports.Read.Contoso", withRoles("reports.read.contoso"), false],
  ])("of role %2$s is read by %1$s: %4$s", (_, readerRole, caller, expected) => {
    expect(mayRead({ readerRole }, caller)).toBe(expected);
  });
});

describe("the ports of a request", () => {
  const contoso = aWatchlist({ name: "contoso", readerRole: "Reports.Read.Contoso" });
  const open = aWatchlist({ name: "open" });
  const faults = [{ watchlist: "contoso", message: "Faulty.", isKept: true }];
  const world = fakeWorld();
  world.ports.watchlists = configured([contoso, open], faults);
  const seenBy = (caller: Caller) => portsOf(caller, world.ports).watchlists();

  test("have what the caller may read, and all of it for what others' watchlists decide", async () => {
    expect(await seenBy(withRoles())).toEqual({ list: [open], faults: [] });
    expect(await seenBy(withRoles("Reports.Read.Contoso"))).toEqual({ list: [contoso, open], faults: [] });
    for (const caller of [withRoles("Reports.Read.All"), { roles: null }])
      expect(await seenBy(caller)).toEqual({ list: [contoso, open], faults });
    expect((await portsOf(withRoles(), world.ports).everyWatchlist()).list).toEqual([contoso, open]);
  });

  test("pass on as of when the watchlists must be", async () => {
    const asked: (Date | undefined)[] = [];
    const watchlists = async (asOf?: Date) => {
      asked.push(asOf);
      return { list: [], faults: [] };
    };
    const asOf = new Date(0);
    await portsOf(withRoles(), { ...world.ports, watchlists }).watchlists(asOf);
    expect(asked).toEqual([asOf]);
  });
});

describe("a caller without a right learns which role it takes and who assigns it", () => {
  const assign =
    "An owner of the app in Entra ID, or a Cloud Application Administrator, can assign you a role: Enterprise applications > Users and groups.";
  const start = (world = fakeWorld(), caller = withRoles("Reports.Read.All")) =>
    ask(request({}, { method: "POST", body: "{" }), (one) => serveStartRun(one, portsOf(caller, world.ports)));

  test("to start a run, whatever the request says", async () => {
    const world = fakeWorld();
    expect(await start(world)).toMatchObject({
      status: 403,
      json: {
        detail: `Starting runs, sending or cancelling their mails, and trying other settings needs the app role Runs.Start. ${assign}`,
      },
    });
    expect(world.ports.queue.waiting).toEqual([]);
  });

  test("to read any watchlist, if they may read none", async () => {
    const world = fakeWorld([aWatchlist({ readerRole: "Reports.Read.Contoso" })]);
    const asked = request({}, { method: "DELETE", params: { watchlist: "default", runId: "2026-11-23" } });
    const given = await ask(asked, (one) => serveCancelMail(one, portsOf(withRoles("Runs.Start"), world.ports)));
    expect([given.status, given.json.detail]).toEqual([403, `You may not read any watchlist. ${assign}`]);
  });

  test("not where there is nothing to read for anybody", async () => {
    const world = fakeWorld([]);
    const given = await ask(request({}, { method: "POST" }), (one) => serveStartRun(one, world.ports));
    expect([given.status, given.json.detail]).toEqual([503, "There are no watchlists now. GET /api/reasons says why."]);
  });
});
