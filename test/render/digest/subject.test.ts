import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renderSubject } from "../../../shared/render/digest/subject.ts";
import { headline } from "../../../shared/render/headline.ts";
import { aKb, aReport, type RunStory } from "../../support/builders.ts";

const old = "2026-11-01";
const win10 = "microsoft-_-windows_10";
const win11 = "microsoft-_-windows_11";
const failure = { reason: "Defender answered 500.", permanent: false };

async function summaryOf(story: RunStory) {
  const report = await aReport(story);
  return { subject: renderSubject(report), headline: headline(report) };
}

describe("subject and headline", () => {
  it("count what is new, worse and back, and how far it reaches at most", async () => {
    const a = aKb({ id: "1", machineMissedOn: 512 });
    const b = aKb({ id: "2", machineMissedOn: 77 });
    const c = aKb({ id: "3", machineMissedOn: 30 });
    const products = {
      [win10]: {
        before: [{ ...b, machineMissedOn: 70 }],
        now: [a, b, c],
        beforeSnapshot: { gone: [{ id: "3", firstSeen: old, peak: 40, goneOn: "2026-11-10" }] },
      },
    };
    expect(await summaryOf({ products })).toEqual({
      subject: "1 new, 1 worse, 1 back on up to 512 machines · default · 23 Nov 2026",
      headline: "1 KB is new, 1 got worse and 1 came back, on up to 512 machines.",
    });
  });

  it("leave out the reach where no machine count is known", async () => {
    const products = { [win10]: { before: [], now: [aKb({ machineMissedOn: null })] } };
    expect(await summaryOf({ products })).toEqual({
      subject: "1 new · default · 23 Nov 2026",
      headline: "1 KB is new.",
    });
  });

  it("say that it is only better", async () => {
    const before = [aKb({ id: "1" }), aKb({ id: "2" }), aKb({ id: "3" })];
    const products = { [win10]: { before, now: [aKb({ id: "1", machineMissedOn: 200 })] } };
    expect(await summaryOf({ products })).toEqual({
      subject: "Nothing worse: 1 better, 2 resolved · default · 23 Nov 2026",
      headline: "Nothing got worse: 1 KB got better and 2 are resolved.",
    });
  });

  it("say that nothing changed, and how much is still missing", async () => {
    const products = { [win10]: { before: [aKb()], now: [aKb()] } };
    expect(await summaryOf({ products })).toEqual({
      subject: "Nothing changed, 1 KB missing · default · 23 Nov 2026",
      headline: "Nothing changed: 1 KB is missing.",
    });
    const clean = await summaryOf({ products: { [win10]: { before: [], now: [] } } });
    expect(clean.headline).toBe("Nothing changed: Defender lists no missing KBs.");
  });

  it("say that nothing could be read, whatever was known before", async () => {
    const products = {
      [win10]: { before: [aKb()], now: null, failure },
      [win11]: { before: null, now: null, failure },
    };
    expect(await summaryOf({ products })).toEqual({
      subject: "None of the 2 products could be read · default · 23 Nov 2026",
      headline: "None of the 2 products could be read.",
    });
  });

  it("say of a first run what is watched, and call none of it new", async () => {
    const products = {
      [win10]: { now: [aKb({ id: "1" }), aKb({ id: "2", machineMissedOn: 300 })] },
      [win11]: { now: [aKb({ id: "2", machineMissedOn: 20 })] },
    };
    expect(await summaryOf({ products, previousRunId: null })).toEqual({
      subject: "Now watching 2 products, 2 KBs missing · default · 23 Nov 2026",
      headline: "Now watching 2 products: 2 KBs are missing, on up to 300 machines.",
    });
  });

  it("say of later products that they are now watched, and call none of it new", async () => {
    const products = { [win10]: { before: [aKb()], now: [aKb()] }, [win11]: { before: null, now: [aKb({ id: "9" })] } };
    expect(await summaryOf({ products })).toEqual({
      subject: "1 more product is now watched · default · 23 Nov 2026",
      headline: "1 more product is now watched; nothing else changed.",
    });
  });

  it("claim nothing of products that could not be read", async () => {
    const notRead = { [win11]: { before: [aKb()], now: null, failure } };
    const quiet = await summaryOf({ products: { [win10]: { before: [aKb()], now: [aKb()] }, ...notRead } });
    expect(quiet.subject).toBe("Nothing changed, 1 KB missing, 1 product could not be read · default · 23 Nov 2026");
    expect(quiet.headline).toBe("Nothing that could be read changed: 1 KB is missing.");
    const better = await summaryOf({ products: { [win10]: { before: [aKb({ id: "1" })], now: [] }, ...notRead } });
    expect(better.headline).toBe("Nothing that could be read got worse: 1 KB is resolved.");
  });

  it("name the minute of a run asked for", async () => {
    const { subject } = await summaryOf({ runId: "2026-11-23T10:17Z", previousRunId: "2026-11-23" });
    expect(subject).toMatch(/ · default · 23 Nov 2026, 10:17 UTC$/);
  });

  it("are one line of at most 120 characters that ends with the day, whatever the watchlist is called", async () => {
    const name = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("x".repeat(500), "a\r\nBcc: b@c.d", "\u202eevil"),
    );
    const machines = fc.maxSafeNat();
    await fc.assert(
      fc.asyncProperty(name, machines, async (watchlist, machineMissedOn) => {
        const products = { [win10]: { before: [], now: [aKb({ machineMissedOn })] }, [win11]: { now: null, failure } };
        const subject = renderSubject(await aReport({ watchlist: { name: watchlist }, products }));
        expect(subject.length).toBeLessThanOrEqual(120);
        expect(subject).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
        expect(subject).toMatch(/^1 new on up to .* · 23 Nov 2026$/u);
      }),
      { numRuns: 200 },
    );
  }, 20_000);
});
