import { describe, expect, test, vi } from "vitest";
import type { Watchlist } from "../../shared/core/watchlist.ts";
import { examine } from "../../shared/http/doctor.ts";
import type { Finding, Probes } from "../../shared/http/finding.ts";
import { DefenderError, type OutgoingMail, type SendOutcome } from "../../shared/ports.ts";
import { aWatchlist } from "../support/builders.ts";
import { configured, type FakeWorld, fakeWorld } from "../support/fake-world.ts";

const [contoso, fabrikam] = ["11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"];

/** An unsigned access token of the app with these roles. */
function tokenWith(...roles: string[]): string {
  return `e30.${Buffer.from(JSON.stringify({ appid: "5a1c", roles })).toString("base64url")}.`;
}

interface Tried {
  probes: Probes;
  mails: OutgoingMail[];
}

function probesOf(parts: Partial<Probes> = {}, outcomeOf: (mail: OutgoingMail) => SendOutcome = () => sent): Tried {
  const mails: OutgoingMail[] = [];
  const probes: Probes = {
    defenderScope: "https://api.securitycenter.microsoft.com/.default",
    defenderToken: async () => tokenWith("Software.Read.All"),
    consentUrl: (tenant) =>
      tenant === "home" ? null : `https://login.microsoftonline.com/${tenant}/adminconsent?client_id=5a1c`,
    tryQueue: async () => {},
    warnings: [],
    keyFingerprint: "1a2b3c4d",
    sandbox: {
      send: async (mail) => {
        mails.push(mail);
        return outcomeOf(mail);
      },
    },
    ...parts,
  };
  return { probes, mails };
}

const sent: SendOutcome = { status: "sent", messageId: null };
const faultsOf = (findings: readonly Finding[]) => findings.filter(({ status }) => status === "fault");
const detailOf = (check: string, findings: readonly Finding[]) => findings.find((one) => one.check === check)?.detail;
const lists = (...parts: Partial<Watchlist>[]) =>
  parts.map((part, index) => aWatchlist({ name: `w${index}`, ...part }));

describe("the doctor's mails", () => {
  test("go to the sandbox, one for each watchlist, to its own readers alone and hidden or shown as its digest", async () => {
    const world = fakeWorld(
      lists(
        { mailTo: ["a@contoso.example", "b@contoso.example"], mailTogether: true },
        { mailTo: ["c@fabrikam.example"] },
        { mailTo: [] },
      ),
    );
    const { probes, mails } = probesOf();
    const findings = await examine(world.ports, probes);
    expect(mails.map(({ to, together, watchlist }) => [watchlist, to, together])).toEqual([
      ["w0", ["a@contoso.example", "b@contoso.example"], true],
      ["w1", ["c@fabrikam.example"], false],
    ]);
    expect(world.inbox).toEqual([]);
    expect(detailOf("mail", findings)).toContain("the recipients of 2 watchlists");
  });

  test("that are refused are named with their watchlists, and without them where all are", async () => {
    const world = fakeWorld(lists({}, { mailTo: ["bad@"] }));
    const refuse = (reason: string): SendOutcome => ({ status: "refused", reason });
    const one = probesOf({}, ({ watchlist }) => (watchlist === "w1" ? refuse("No address.") : sent));
    expect(detailOf("mail", await examine(world.ports, one.probes))).toBe('Watchlist "w1": No address.');
    const all = probesOf({}, () => refuse("The key is wrong."));
    expect(detailOf("mail", await examine(world.ports, all.probes))).toBe("The key is wrong.");
  });

  test.each<SendOutcome>([
    { status: "failed", isAccount: true, reason: "The key is wrong." },
    { status: "unknown", reason: "SendGrid did not answer within 30 s." },
  ])("end with the first that no mail would survive: %o", async (outcome) => {
    const world = fakeWorld(lists(...Array.from({ length: 40 }, () => ({}))));
    const { probes, mails } = probesOf({}, () => outcome);
    const findings = await examine(world.ports, probes);
    expect(detailOf("mail", findings)).toBe("reason" in outcome && outcome.reason);
    expect(mails.length).toBeLessThanOrEqual(4);
  });
});

describe("each tenant", () => {
  test("without consent is named with the link that gives it", async () => {
    const refusal = new Error(`The tenant ${contoso} gave the app registration 5a1c no token (AADSTS700016).`);
    const { probes } = probesOf({
      defenderToken: async (tenant) => {
        if (tenant === contoso) throw refusal;
        return tokenWith("Software.Read.All");
      },
    });
    const findings = await examine(fakeWorld(lists({ tenant: contoso }, { tenant: fabrikam }, {})).ports, probes);
    expect(faultsOf(findings)).toEqual([
      {
        check: `token of tenant ${contoso}`,
        status: "fault",
        detail: `${refusal.message} An administrator of the tenant can consent at https://login.microsoftonline.com/${contoso}/adminconsent?client_id=5a1c`,
      },
    ]);
  });

  test("without the role is apart from one without consent, and home from abroad", async () => {
    const { probes } = probesOf({ defenderToken: async () => tokenWith() });
    const findings = await examine(fakeWorld(lists({ tenant: contoso }, {})).ports, probes);
    expect(faultsOf(findings).map(({ check }) => check)).toEqual([`token of tenant ${contoso}`, "token"]);
    expect(detailOf(`token of tenant ${contoso}`, findings)).toMatch(
      /no app role but needs Software\.Read\.All.* consent again: https:\/\/login\.microsoftonline\.com\/1111/,
    );
    expect(detailOf("token", findings)).toContain('Grant it with "npm run grant".');
  });

  test("without a licence is named at the product that could not be read", async () => {
    const world = fakeWorld(lists({ tenant: contoso }));
    const reason = "The tenant needs an active licence that includes Defender Vulnerability Management.";
    world.answers.set("microsoft-_-windows_10", new DefenderError(reason, { permanent: true }));
    const findings = await examine(world.ports, probesOf().probes);
    expect(faultsOf(findings)).toEqual([
      { check: `read of microsoft-_-windows_10 of tenant ${contoso}`, status: "fault", detail: reason },
    ]);
  });
});

describe("the calls to Defender", () => {
  const countOf = async ({ ports }: FakeWorld, tenant = "home") =>
    (await ports.store.readLease(tenant))?.lease.outside.reduce((sum, [, count]) => sum + count, 0);

  test("are reserved before they are made, in the row that the tenant's reader counts", async () => {
    const world = fakeWorld(lists({ softwareIds: ["a-_-a"] }, { softwareIds: ["b-_-b"] }, { tenant: contoso }));
    world.answers.set("b-_-b", [{ id: "5066835" }]);
    await examine(world.ports, probesOf().probes);
    // An empty list is explained by a second call.
    expect([await countOf(world), await countOf(world, contoso)]).toEqual([3, 2]);
  });

  test("are not made where the quota has no room for them", async () => {
    const world = fakeWorld(lists({}));
    const usage = { calls: [[Date.parse("2026-11-23T04:59:30Z"), 100] as const], throttledUntil: null };
    const lease = { owner: "a", until: "2026-11-23T05:04:00.000Z", usage, reserved: 0, outside: [], progress: [] };
    await world.ports.store.writeLease("home", lease, null);
    const findings = await examine(world.ports, probesOf().probes);
    expect(findings.find(({ check }) => check.startsWith("read"))).toMatchObject({
      status: "skipped",
      detail: "Defender was not asked, because this minute's calls are used up. Try again later.",
    });
    expect([world.reads, faultsOf(findings)]).toEqual([[], []]);
  });

  test("read at most ten products of a tenant, however many watchlists it has", async () => {
    const many = Array.from({ length: 60 }, (_, index) => ({ softwareIds: [`vendor-_-${index}`] }));
    const world = fakeWorld(lists(...many));
    await examine(world.ports, probesOf().probes);
    expect(world.reads).toHaveLength(10);
  });
});

describe("the time that a day's products take", () => {
  const ids = (count: number) => Array.from({ length: count }, (_, index) => `vendor-_-${index}`);

  test.each([
    [10, "less than a minute", "a little longer"],
    [1_200, "12 minutes", "up to 1 hour and 9 minutes"],
    [5_000, "3 hours and 5 minutes", "up to 6 hours and 10 minutes"],
  ])("is said with the calls that take it: %i products take %s, or %s", async (count, takes, longest) => {
    const findings = await examine(
      fakeWorld(lists({ softwareIds: ids(count) }, { softwareIds: ids(1) })).ports,
      probesOf().probes,
    );
    const number = count.toLocaleString("en-US");
    expect(findings.find(({ check }) => check === "walk")).toEqual({
      check: "walk",
      status: "ok",
      detail: `Reading ${number} products takes ${takes}: ${number} calls, of which Defender allows 100 a minute and 1,500 an hour. A product from which KBs vanish is read twice, so a run can take ${longest}.`,
    });
  });

  test("is a fault where the next run is due before", async () => {
    const world = fakeWorld(lists({ softwareIds: ids(5_000), tenant: contoso }));
    world.ports.rules.schedule = "0 0 6,8 * * *";
    expect(faultsOf(await examine(world.ports, probesOf().probes))).toEqual([
      {
        check: `walk of tenant ${contoso}`,
        status: "fault",
        detail: expect.stringContaining("The next run is due after 2 hours. Take products off the watchlists"),
      },
    ]);
  });
});

test("what is odd about the settings follows what they say", async () => {
  const warning = "SOFTWARE_ID: is not a setting. Did you mean SOFTWARE_IDS?";
  const findings = await examine(fakeWorld().ports, probesOf({ warnings: [warning] }).probes);
  expect(findings[0]).toMatchObject({ check: "settings", status: "ok" });
  expect(findings[0]?.detail).toMatch(/^1 watchlist with .* in UTC\. SOFTWARE_ID: is not a setting\./);
});

test("a faulty entry of the configuration is a fault of the settings", async () => {
  const world = fakeWorld();
  world.ports.watchlists = configured(lists({}), [{ watchlist: "x", message: "mailTo is empty.", isKept: false }]);
  expect(faultsOf(await examine(world.ports, probesOf().probes))).toEqual([
    { check: "settings", status: "fault", detail: 'Watchlist "x": mailTo is empty.' },
  ]);
});

test("what the doctor writes is not shown as a watchlist, even by a doctor that died", async () => {
  const world = fakeWorld();
  const { deleteStatus, listStatuses } = world.ports.store;
  world.ports.store.deleteStatus = async () => {};
  await examine(world.ports, probesOf().probes);
  expect(await listStatuses()).toMatchObject([{ watchlist: "(doctor)", latest: null, open: [] }]);
  world.ports.store.deleteStatus = deleteStatus;
  await examine(world.ports, probesOf().probes);
  expect(await listStatuses()).toEqual([]);
});

test("reads for which no time was left are skipped, and are no faults", async () => {
  const world = fakeWorld(lists({ tenant: contoso }, { tenant: fabrikam, softwareIds: ["microsoft-_-office"] }));
  const timeout = vi.spyOn(AbortSignal, "timeout").mockReturnValue(AbortSignal.abort(new Error("It was aborted.")));
  const findings = await examine(world.ports, probesOf().probes);
  timeout.mockRestore();
  expect(faultsOf(findings)).toEqual([]);
  expect(
    findings.filter(({ check }) => check.startsWith("read of")).map(({ status, detail }) => [status, detail]),
  ).toEqual(Array(2).fill(["skipped", "Skipped, because the examination of all products took two minutes."]));
});

describe("the doctor's look at the product list", () => {
  const finding = lists({ softwareIds: [], vendor: "microsoft" });
  const listed = ["a", "b"].map((name) => ({ id: `microsoft-_-${name}`, weaknesses: 1 }));

  test("is one read where a watchlist finds products, and none where each is named", async () => {
    const world = fakeWorld(finding);
    world.inventory.products = listed;
    const { probes } = probesOf();
    const findings = await examine(world.ports, probes);
    expect(detailOf("product list", findings)).toBe("Defender lists 2 products.");
    expect(detailOf("settings", findings)).toContain("0 products and those found by their vendor");
    expect(faultsOf(findings)).toEqual([]);
    world.ports.watchlists = configured(lists({}));
    expect(detailOf("product list", await examine(world.ports, probes))).toBeUndefined();
  });

  test("is a fault where the list is empty or cannot be read, and counts what the stored one has", async () => {
    const world = fakeWorld(finding);
    const { probes } = probesOf();
    expect(faultsOf(await examine(world.ports, probes))).toMatchObject([
      { check: "product list", detail: expect.stringContaining("is empty") },
    ]);
    world.inventory.products = new DefenderError("Defender returned 403.", { permanent: true });
    expect(faultsOf(await examine(world.ports, probes))).toMatchObject([
      { check: "product list", detail: expect.stringContaining("403") },
    ]);
    const readAt = "2026-11-23T05:00:00.000Z";
    const products = listed.map(({ id, weaknesses }) => {
      return { softwareId: id, name: "", vendor: "", weaknesses, exposedMachines: 1, installedMachines: 1 };
    });
    await world.ports.store.saveListing(
      "home",
      { triedAt: readAt, list: { readAt, count: 2 }, failure: null },
      { readAt, products },
    );
    expect(detailOf("walk", await examine(world.ports, probes))).toContain("Reading 2 products");
  });
});
