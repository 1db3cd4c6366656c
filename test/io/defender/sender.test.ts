import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSender } from "../../../shared/io/defender/sender.ts";
import { type HttpServer, startHttpServer } from "../../support/http-server.ts";

let server: HttpServer;
let other: HttpServer;

beforeAll(async () => {
  [server, other] = await Promise.all([startHttpServer(() => ({ body: "0123456789" })), startHttpServer(() => ({}))]);
});

afterAll(() => Promise.all([server.close(), other.close()]));

async function send(to: HttpServer) {
  const sendOne = await createSender(new URL(server.url))();
  return sendOne(new URL(`${to.url}/api`), "a-token", new AbortController().signal);
}

test("a token goes to the host that it is for and nowhere else", async () => {
  await expect(send(other)).rejects.toThrow(`A token for ${server.url} must not go to ${other.url}.`);
  expect(other.requests).toEqual([]);
});

test("a call asks for JSON that nobody packed, because a packed stream hides that it broke off", async () => {
  const { stream } = await send(server);
  expect(await text(stream as Readable)).toBe("0123456789");
  expect(server.requests.at(-1)?.headers).toMatchObject({
    ...{ authorization: "Bearer a-token", accept: "application/json", "accept-encoding": "identity" },
  });
});
