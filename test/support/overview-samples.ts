import { addDays } from "../../shared/core/day.ts";
import { buildOverview, type Overview, type OverviewFacts, selectOverview } from "../../shared/core/overview.ts";
import { noTotals, type Totals } from "../../shared/core/totals.ts";
import { homeTenant } from "../../shared/core/watchlist.ts";
import type { WatchlistStatus } from "../../shared/core/watchlist-status.ts";
import type { OverviewView } from "../../shared/render/page/overview.tsx";
import { aWatchlist } from "./builders.ts";

const today = "2026-11-23";

/** A watchlist's status: its last run of a day with these totals, after 30 days from `from` missing installs. */
export function aStatus(
  watchlist: string,
  { from, day = today, ...totals }: Partial<Totals> & { from?: number; day?: string },
  parts: Partial<WatchlistStatus> = {},
): WatchlistStatus {
  const run = { runId: day, day, openedAt: `${day}T05:00:00.000Z`, committedAt: `${day}T05:04:00.000Z` };
  const { missingInstalls = 0 } = totals;
  const at = (index: number) =>
    (from ?? missingInstalls) + ((missingInstalls - (from ?? missingInstalls)) * index) / 29;
  const line = Array.from({ length: 30 }, (_, index) => ({
    day: addDays(day, index - 29),
    missingInstalls: Math.round(index === 29 ? missingInstalls : at(index) * (1 + ((index * 37) % 11) / 60)),
  }));
  return {
    ...{ tenant: homeTenant, watchlist, failing: null, line, open: [], removedOn: null },
    latest: { ...run, totals: { ...noTotals, read: 12, ...totals } },
    lastDigest: { runId: day, at: `${day}T05:05:00.000Z` },
    ...parts,
  };
}

/** An overview of these statuses, all configured, on 23 November 2026 at eight in the morning UTC. */
export function overviewOf(
  statuses: readonly WatchlistStatus[],
  faults: OverviewFacts["faults"] = [],
  added: OverviewFacts["watchlists"] = [],
): Overview {
  const watchlists = statuses.map(({ watchlist, tenant }) => aWatchlist({ name: watchlist, tenant }));
  const expected = {
    now: new Date(`${today}T08:00:00Z`),
    nextRun: (after: Date) => new Date(after.getTime() + 86_400_000),
    minutesUntilLate: 180,
  };
  return buildOverview({ watchlists: [...watchlists, ...added], faults, statuses, expected: () => expected });
}

const tenants = ["3f6d1c52-7b0e-4f0a-9a55-0c1d2e3f4a5b", "a81b7e0c-55d2-4c1e-8f43-9d27c6b1e044"];
const [contoso, fabrikam] = tenants.map((tenant) => ({ tenant }));
const mail = { at: `${today}T05:05:00.000Z`, attempts: 3, unknownOutcomes: 0 };

/** Seven customers with something of everything. */
export function sampleOverview(): Overview {
  const consent = "Entra ID refused the sign-in: AADSTS65001, nobody has consented to the application in this tenant.";
  return overviewOf(
    [
      aStatus(
        "Contoso servers",
        { missingKbs: 42, missingInstalls: 2_310, overdue: 17, new: 2, worsened: 4, from: 1_900, stalled: 3 },
        contoso,
      ),
      aStatus("Contoso clients", { missingKbs: 31, missingInstalls: 12_480, overdue: 3, from: 19_300 }, contoso),
      aStatus(
        "Fabrikam",
        { missingKbs: 12, missingInstalls: 640, read: 0, notRead: 12, from: 640 },
        {
          ...fabrikam,
          failing: { softwareId: "microsoft-_-windows_11", reason: consent, misses: 4, others: 11 },
          open: [
            {
              runId: today,
              committedAt: mail.at,
              mail: { ...mail, status: "refused", reason: "SendGrid refused the mail (413): it is too large." },
            },
          ],
        },
      ),
      aStatus("Northwind", { missingKbs: 9, missingInstalls: 120, overdue: 4, from: 260, day: "2026-11-21" }),
      aStatus("Tailspin", { from: 90, improved: 2 }),
      aStatus(
        "Wide World Importers",
        { missingKbs: 18, missingInstalls: 3_001, read: 10, notRead: 2, worsened: 1, overdue: 6, from: 2_950 },
        {
          failing: {
            ...{ softwareId: "microsoft-_-sql_server_2019", misses: 2, others: 0 },
            reason: "Defender returned 500 several times in a row.",
          },
          open: [{ runId: today, committedAt: mail.at, mail: { ...mail, status: "pending" } }],
        },
      ),
    ],
    [{ watchlist: "Adventure Works", message: 'softwareIds: "Microsoft Edge" is a display name, not a software id.' }],
    [aWatchlist({ name: "Proseware" })],
  );
}

/** An overview's page, with the watchlists that its query selects. */
export function anOverviewView(overview: Overview, parts: Partial<OverviewView> = {}): OverviewView {
  return {
    ...{ overview, rows: selectOverview(overview, parts.query ?? {}), query: {}, callsAt: "" },
    ...{ timeZone: "Europe/Berlin", nextRun: "2026-11-24T05:00:00.000Z", nonce: "c2FtcGxlLW5vbmNl" },
    ...parts,
  };
}

/** An overview of many tenants, with one watchlist each. */
export function largeOverview(watchlists: number): Overview {
  return overviewOf(
    Array.from({ length: watchlists }, (_, index) =>
      aStatus(
        `Customer ${String(index).padStart(4, "0")}`,
        {
          ...{ missingKbs: 20 + (index % 31), missingInstalls: 100 * (index % 97), overdue: index % 19 },
          ...{
            new: index % 5 === 0 ? index % 3 : 0,
            notRead: index % 50 === 7 ? 2 : 0,
            from: 100 * ((index * 7) % 97),
          },
        },
        { tenant: `00000000-0000-4000-8000-${String(index).padStart(12, "0")}` },
      ),
    ),
  );
}
