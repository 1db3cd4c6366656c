import { expect, test } from "vitest";
import { abortable } from "../../../shared/io/defender/waiting.ts";

test("a wait that begins after the signal ends at once with its reason", async () => {
  const reason = new Error("time is up");
  await expect(abortable(new Promise(() => {}), AbortSignal.abort(reason))).rejects.toBe(reason);
});
