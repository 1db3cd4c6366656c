import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { WatchlistStatus } from "../../../shared/core/watchlist-status.ts";
import { renderOverview } from "../../../shared/render/page/overview.tsx";
import { anyText } from "../../support/any-rows.ts";
import { anOverviewView, aStatus, overviewOf, sampleOverview } from "../../support/overview-samples.ts";
import { readHtml } from "../../support/read-html.ts";

const textOf = (...statuses: WatchlistStatus[]) =>
  readHtml(renderOverview(anOverviewView(overviewOf(statuses)))).text.replace(/\s+/g, " ");

describe("the overview's page", () => {
  test("sums up what is urgent, and nothing where nothing is", () => {
    const { text } = readHtml(renderOverview(anOverviewView(sampleOverview())));
    expect(text).toContain(
      "Of 8 watchlists, 1 has a faulty entry, 2 have no run yet, 1 is late and 2 could not be read completely.",
    );
    expect(textOf(aStatus("a", {}), aStatus("b", {}))).toContain("All 2 watchlists were read.");
    expect(textOf(aStatus("a", {}))).toContain("The watchlist was read.");
  });

  test("says in words what its lines show", () => {
    const text = textOf(aStatus("a", { missingInstalls: 900, from: 1_200 }));
    expect(text).toMatch(/30 runs: 1,200 missing installs on 25 Oct, 900 on 23 Nov; at most [\d,]+ on \d+ (Oct|Nov)\./);
    expect(text).toContain("−300 since 25 Oct");
    expect(textOf({ ...aStatus("a", {}), line: [{ day: "2026-11-23", missingInstalls: 7 }] })).toContain(
      "7 missing installs on 23 Nov.",
    );
  });

  test("claims nothing of a run that read nothing", () => {
    const text = textOf(aStatus("a", { read: 0, notRead: 3, missingKbs: 4, missingInstalls: 50 }));
    expect(text).toMatch(/0 of 3 3 not read 4 last known 50 last known \? \?/);
    expect(textOf(aStatus("a", { read: 0, notRead: 3 }))).toMatch(/3 not read \? \? \? \?/);
  });

  test("shows what became of the last digest", () => {
    const at = "2026-11-22T23:30:00.000Z";
    const open = (status: "refused" | "pending") => [
      { runId: "2026-11-22", committedAt: at, mail: { status, at, attempts: 1, unknownOutcomes: 0, reason: "413." } },
    ];
    // Half past midnight in Berlin.
    expect(textOf(aStatus("a", {}, { lastDigest: { runId: "2026-11-22", at } }))).toContain("Sent 23 Nov 2026");
    expect(textOf(aStatus("a", {}, { open: open("refused") }))).toContain("Refused, of 22 Nov 2026 413.");
    expect(textOf(aStatus("a", {}, { open: open("pending") }))).toContain("Waiting, of 22 Nov 2026 413.");
    expect(textOf(aStatus("a", {}, { lastDigest: null }))).toContain("None yet");
  });

  test("has links that keep the selection and the key", () => {
    const view = anOverviewView(sampleOverview(), {
      ...{ query: { search: "contoso", sort: "installs" as const, page: 2 }, code: "k&y" },
    });
    const hrefs = readHtml(renderOverview(view)).tags.flatMap(({ attributes: { href } }) => (href ? [href] : []));
    const inner = hrefs.filter((href) => !href.startsWith("#") && !href.startsWith("data:"));
    for (const href of inner) expect(href).toMatch(/code=k%26y/);
    expect(inner).toContain("?search=contoso&sort=installs&code=k%26y#watchlists");
    expect(inner).toContain("?search=contoso&sort=installs&order=asc&code=k%26y#watchlists");
    expect(inner).toContain("?search=contoso&sort=installs&format=csv&code=k%26y");
    expect(inner).toContain("report?watchlist=Contoso+servers&change=worse&code=k%26y");
  });

  test("shows names, reasons and faults from anywhere as text", () => {
    fc.assert(
      fc.property(anyText, anyText, anyText, (name, reason, tenant) => {
        const failing = { softwareId: name, reason, misses: 3, others: 1 };
        const overview = overviewOf(
          [aStatus(name, { read: 0, notRead: 1 }, { tenant, failing })],
          [
            { watchlist: `${name}!`, message: reason },
            { watchlist: null, message: reason },
          ],
        );
        const view = anOverviewView(overview, { code: reason, query: { search: name } });
        expect(() => readHtml(renderOverview(view))).not.toThrow();
      }),
    );
  });
});
