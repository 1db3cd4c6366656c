import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { holdPort, onPortOrAny } from "../../local/ports.ts";

test("a port that another program uses is replaced by a free one", async () => {
  const first = await holdPort(0);
  const second = await holdPort(first.port);
  expect(second.port).not.toBe(first.port);
  await Promise.all([first.release(), second.release()]);
});

test("a held port answers that it is too early, and is free once it is released", async () => {
  const held = await holdPort(0);
  const answer = await fetch(`${held.url}/api/report`);
  expect([answer.status, answer.headers.get("refresh")]).toEqual([503, "2"]);
  await held.release();
  const server = createServer().listen(held.port, "127.0.0.1");
  await once(server, "listening");
  expect((server.address() as AddressInfo).port).toBe(held.port);
  server.close();
});

test("a port that needs more rights is named, and any other error is passed on", async () => {
  const failWith = (code: string) => async () => {
    throw Object.assign(new Error(`listen ${code}`), { code });
  };
  await expect(onPortOrAny(80, failWith("EACCES"))).rejects.toThrow(
    "Port 80 needs more rights. Choose another, such as --port 8080.",
  );
  await expect(onPortOrAny(8080, failWith("EMFILE"))).rejects.toThrow("listen EMFILE");
});
