import { expect, test } from "vitest";
import { isLoopback } from "../../shared/core/loopback.ts";

test.each(["http://localhost:7071", "http://127.0.0.1", "http://127.10.200.255:80", "http://[::1]:3000"])(
  "%s is this machine",
  (url) => {
    expect(isLoopback(new URL(url).hostname)).toBe(true);
  },
);

test.each([
  ...["http://evil.localhost", "http://localhost.example", "http://10.0.0.1", "http://127.0.0.1.example"],
  ...["http://[::2]", "http://[::ffff:127.0.0.1]", "http://0.0.0.0", "http://notlocalhost"],
])("%s is not this machine", (url) => {
  expect(isLoopback(new URL(url).hostname)).toBe(false);
});
