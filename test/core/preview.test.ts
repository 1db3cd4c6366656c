import { expect, test } from "vitest";
import { countPreview, type PreviewRun } from "../../shared/core/preview.ts";

/** Runs on consecutive days from 1 October: whether each mailed, would mail, and what is overdue. */
function runsOf(days: readonly (readonly [was: boolean, would: boolean, overdue: string])[]): PreviewRun[] {
  const mail = (mails: boolean) => ({ mails, subject: mails ? "New" : null });
  return days.map(([was, would, overdue], index) => {
    const day = `2026-10-0${index + 1}`;
    return { runId: day, day, was: mail(was), would: mail(would), overdue: overdue.split(" ").filter(Boolean) };
  });
}

test("a KB is mentioned by any mail on a day on which it is overdue", () => {
  const preview = countPreview(
    runsOf([
      [true, true, ""],
      [true, false, "1 2"],
      [true, true, "2"],
      [false, false, "2 3"],
      [true, false, "3 4"],
    ]),
  );
  expect(preview).toMatchObject({
    mails: { was: 4, would: 2 },
    silentDays: { was: 2, would: 2 },
    overdueKbs: 4,
    unmentioned: [{ id: "1", since: "2026-10-02", until: "2026-10-02" }],
    waiting: [
      { id: "3", since: "2026-10-04", until: "2026-10-05" },
      { id: "4", since: "2026-10-05", until: "2026-10-05" },
    ],
  });
});

test("without any mail the silence is all of the time, and what is overdue waits or went unmentioned", () => {
  const preview = countPreview(
    runsOf([
      [false, false, "1"],
      [false, false, "2"],
      [false, false, "2"],
    ]),
  );
  expect([preview.silentDays.would, preview.unmentioned.length, preview.waiting.length]).toEqual([2, 1, 1]);
  expect(countPreview([])).toMatchObject({ mails: { was: 0, would: 0 }, silentDays: { was: 0, would: 0 } });
});
