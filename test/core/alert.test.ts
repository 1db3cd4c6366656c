import { describe, expect, test } from "vitest";
import {
  closingKbs,
  type ExploitedAlert,
  gapsByKb,
  gapsIn,
  isPast,
  mostGaps,
  nextAlertStep,
  openAlert,
  takesAlerts,
} from "../../shared/core/alert.ts";
import type { Mail } from "../../shared/core/mail.ts";
import { aKb, aMsrcKb, aSnapshot, aWatchlist, chainOf } from "../support/builders.ts";

const cve = "CVE-2026-20001";
const now = new Date("2026-11-23T14:17:00Z");
const exploited = { cve, sources: ["kev"], since: "2026-11-23", ransomware: false } as const;
const aGap = (id: string, softwareId: string, machineMissedOn: number | null) => {
  return { id, name: "", url: null, softwareId, machineMissedOn, firstSeen: "2026-11-12", readOn: "2026-11-23" };
};

describe("the KBs that close a CVE", () => {
  test("are those that MSRC ties to it, whether or not it calls it exploited, in any of its months", () => {
    const kbs = [
      aMsrcKb("1", { cves: [cve, "CVE-2026-1"] }),
      aMsrcKb("1", { cves: ["CVE-2026-20002"] }),
      aMsrcKb("2", { cves: ["CVE-2026-1"], exploitedCves: [cve] }),
      aMsrcKb("3", { cves: ["CVE-2026-1"] }),
      // It replaces one that does, and closes another CVE itself.
      aMsrcKb("4", { cves: ["CVE-2026-1"], supersedes: ["1"] }),
      aMsrcKb("5", { cves: [cve], exploitedCves: [cve] }),
    ];
    expect(closingKbs(new Set([cve, "CVE-2026-20002"]), kbs)).toEqual(
      new Map([
        ["1", [cve, "CVE-2026-20002"]],
        ["2", [cve]],
        ["5", [cve]],
      ]),
    );
  });
});

describe("the gaps of a snapshot", () => {
  const closing = new Map([["1", [cve]]]);

  test("are its missing KBs that close one, with the day on which it was read", () => {
    const snapshot = aSnapshot({
      ...{ runId: "2026-11-20", day: "2026-11-20" },
      missingKbs: [aKb({ id: "1", machineMissedOn: 85, firstSeen: "2026-11-12" }), aKb({ id: "2" })],
    });
    const [kb] = snapshot.missingKbs;
    expect(gapsIn(snapshot, closing)).toEqual([
      {
        gap: {
          ...{ id: "1", name: kb?.name, url: kb?.url, softwareId: "microsoft-_-windows_10" },
          ...{ machineMissedOn: 85, firstSeen: "2026-11-12", readOn: "2026-11-20" },
        },
        cves: [cve],
      },
    ]);
  });

  test("are missing since the KB itself was, not since what it replaced", () => {
    const line = { ids: ["0"], since: "2026-09-08", listedOn: "2026-11-12" };
    const found = gapsIn(aSnapshot({ missingKbs: [aKb({ id: "1", firstSeen: "2026-09-10", line })] }), closing);
    expect(found.map(({ gap }) => gap.firstSeen)).toEqual(["2026-11-12"]);
  });

  test("are those of a KB whose predecessor closed one, because it closes that, too", () => {
    const line = { ids: ["0", "1"], since: "2026-09-08", listedOn: "2026-11-12" };
    const found = gapsIn(aSnapshot({ missingKbs: [aKb({ id: "2", line })] }), closing);
    expect(found.map(({ gap, cves }) => [gap.id, cves])).toEqual([["2", [cve]]]);
  });

  test("do not include what was resolved or replaced", () => {
    const gone = [
      { id: "1", firstSeen: "2026-11-12", peak: 9, goneOn: "2026-11-22" },
      { id: "1", firstSeen: "2026-11-12", peak: 9, goneOn: "2026-11-22", replacedBy: "2" },
    ];
    for (const kb of gone)
      expect(gapsIn(aSnapshot({ missingKbs: [aKb({ id: "2" })], gone: [kb] }), closing)).toEqual([]);
  });
});

describe("an alert", () => {
  test("has its gaps on most machines first, unknown ones last, in an order that does not depend on theirs", () => {
    const gaps = [
      aGap("2", "b", null),
      aGap("2", "a", 9),
      aGap("10", "a", 9),
      aGap("1", "z", 85),
      aGap("10", "b", 9),
      aGap("3", "a", 0),
    ];
    const alert = openAlert(chainOf(), exploited, gaps, now);
    const order = alert.gaps.map(({ id, softwareId }) => `${id} ${softwareId}`);
    expect(order).toEqual(["1 z", "10 a", "10 b", "2 a", "3 a", "2 b"]);
    expect(openAlert(chainOf(), exploited, gaps.toReversed(), now)).toEqual(alert);
    expect(alert).toMatchObject({
      ...{ tenant: "home", watchlist: "default", ...exploited, openedAt: "2026-11-23T14:17:00.000Z", more: 0 },
      mail: { status: "pending", at: "2026-11-23T14:17:00.000Z", attempts: 0, unknownOutcomes: 0 },
    });
    expect(gapsByKb(alert).map((own) => own.map(({ id, softwareId }) => `${id} ${softwareId}`))).toEqual([
      ["1 z"],
      ["10 a", "10 b"],
      ["2 a", "2 b"],
      ["3 a"],
    ]);
  });

  test("counts the gaps for which there is no room", () => {
    const gaps = Array.from({ length: mostGaps + 5 }, (_, n) => aGap(`${n}`, "a", n));
    const alert = openAlert(chainOf(), exploited, gaps, now);
    expect([alert.gaps.length, alert.more, alert.gaps.at(-1)?.machineMissedOn]).toEqual([mostGaps, 5, 5]);
  });

  test("is wanted where alerts are on and somebody reads them", () => {
    expect(takesAlerts(aWatchlist())).toBe(true);
    expect(takesAlerts(aWatchlist({ alertExploited: false }))).toBe(false);
    expect(takesAlerts(aWatchlist({ mailTo: [] }))).toBe(false);
  });
});

describe("what is next to be done", () => {
  const watchlist = aWatchlist();
  const later = (minutes: number) => new Date(now.getTime() + minutes * 60_000);
  const anAlert = (id: string, mail: Partial<Mail> = {}): ExploitedAlert => {
    const alert = openAlert(chainOf(), { ...exploited, cve: id }, [aGap("1", "a", 1)], now);
    return { ...alert, mail: { ...alert.mail, ...mail } };
  };
  const next = (alerts: ExploitedAlert[], minutes = 0, changed = watchlist) => {
    const step = nextAlertStep(alerts, changed, later(minutes));
    return step && (step.type === "wait" ? step.seconds : [step.type, step.alert.cve]);
  };
  const retryAt = later(30).toISOString();

  test.each<[string, ExploitedAlert[], ReturnType<typeof next>]>([
    ["nothing without alerts", [], null],
    ["nothing where all are done", [anAlert("1", { status: "sent" }), anAlert("2", { status: "refused" })], null],
    ["send the first that is due", [anAlert("1", { retryAt }), anAlert("2"), anAlert("3")], ["send-alert", "2"]],
    ["wait for the one that is due next", [anAlert("1", { retryAt }), anAlert("2", { status: "claimed" })], 600],
  ])("%s", (_, alerts, step) => {
    expect(next(alerts)).toEqual(step);
  });

  test("takes over what a dead process held", () => {
    expect(next([anAlert("1", { status: "sending" })], 10)).toEqual(["send-alert", "1"]);
  });

  test("is not sent any more after three days", () => {
    const minutes = 3 * 24 * 60;
    expect(next([anAlert("1")], minutes - 1)).toEqual(["send-alert", "1"]);
    expect(next([anAlert("1")], minutes)).toEqual(["cancel-alert", "1"]);
    expect([isPast(anAlert("1"), later(minutes - 1)), isPast(anAlert("1"), later(minutes))]).toEqual([false, true]);
    // Also one that waits for its next try, but none that a process holds.
    const held = { status: "sending", at: later(minutes).toISOString() } as const;
    expect(next([anAlert("1", held), anAlert("2", { retryAt: later(minutes + 30).toISOString() })], minutes)).toEqual([
      "cancel-alert",
      "2",
    ]);
    expect(next([anAlert("1", held)], minutes)).toBe(600);
  });

  test.each([{ alertExploited: false }, { mailTo: [] }])("is not sent to a watchlist with %o", (changed) => {
    expect(next([anAlert("1")], 0, aWatchlist(changed))).toEqual(["cancel-alert", "1"]);
  });
});
