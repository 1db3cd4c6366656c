import { expect, test } from "vitest";
import { homeTenant } from "../../shared/core/watchlist.ts";

test("the app's own tenant has the same name in every version, because its snapshots are stored under it", () => {
  expect(homeTenant).toBe("home");
});
