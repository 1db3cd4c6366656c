import { expect, test } from "vitest";
import { homeTenant } from "../../shared/core/watchlist.ts";

test("the app's own tenant has the name under which its snapshots are stored, in every version", () => {
  expect(homeTenant).toBe("home");
});
