import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Azurite } from "../../../local/azurite.ts";
import type { StorageConnection } from "../../../shared/io/storage/account.ts";
import { createRunQueue } from "../../../shared/io/storage/run-queue.ts";
import { createStore } from "../../../shared/io/storage/tables.ts";
import { emulator } from "../../support/azurite.ts";
import { aSnapshot } from "../../support/builders.ts";
import { startIdentityAzurite } from "../../support/identity-azurite.ts";
import { aStoredRun } from "../../support/store-contract.ts";

const storage = "https://storage.azure.com";

/** A token that the emulator accepts: unsigned, but for the right audience and time. */
function credentialFor(audience: string, scopes: unknown[] = []) {
  const getToken = async (scope: unknown) => {
    scopes.push(scope);
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: "https://sts.windows.net/tenant/", aud: audience, iat: now, nbf: now, exp: now + 3600 };
    const parts = [{ alg: "none" }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"));
    return { token: `${parts.join(".")}.`, expiresOnTimestamp: (now + 3600) * 1000 };
  };
  return { getToken };
}

describe("reached as an identity", { timeout: 20_000 }, () => {
  let azurite: Azurite;

  beforeAll(async () => {
    azurite = await startIdentityAzurite();
  }, 20_000);

  afterAll(async () => {
    await azurite.close();
  }, 20_000);

  const as = (credential: ReturnType<typeof credentialFor>): StorageConnection => ({
    kind: "identity",
    tableServiceUri: `${azurite.tableUri}/`,
    queueServiceUri: `${azurite.queueUri}/`,
    credential,
  });

  it("the store keeps snapshots and runs without any key", async () => {
    const scopes: unknown[] = [];
    const store = createStore(as(credentialFor(storage, scopes)));
    await store.addSnapshot(aSnapshot());
    expect(await store.readSnapshot(aSnapshot())).toEqual(aSnapshot());
    expect(await store.commitRun(aStoredRun(), null)).toBe(true);
    const stored = await store.readRun(aStoredRun(), "2026-11-23");
    expect(await store.commitRun(aStoredRun({ runId: "2026-11-24" }), stored)).toBe(true);
    expect(await store.listRuns(aStoredRun())).toHaveLength(2);
    expect(scopes.flat()).toContain(`${storage}/.default`);
  });

  it("the queue takes messages without any key", async () => {
    const runs = createRunQueue(as(credentialFor(storage)), { queue: "poisoned" });
    await runs.send({ tenant: "home", runId: "2026-11-23", openedAt: "2026-11-23T05:00:00.000Z" });
    expect(await runs.countPoison()).toBe(0);
    expect(await createRunQueue(as(credentialFor(storage)), { queue: "p" }).countPoison()).toBe(0);
  });

  it("a token for another service is refused with what to check, and does not leak", async () => {
    const wrong = as(credentialFor("https://graph.microsoft.com"));
    for (const call of [
      () => createStore(wrong).readSnapshot(aSnapshot()),
      () => createStore(wrong).commitRun(aStoredRun(), null),
      () => createRunQueue(wrong).countPoison(),
    ]) {
      const error = await call().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ name: "StorageError", message: expect.stringContaining("Check REPORTER_STORAGE") });
      expect(inspect(error, { depth: 20 })).not.toMatch(/eyJ|Bearer/);
    }
  });

  it("a credential that has no token explains that itself", async () => {
    const broken = as({ getToken: () => Promise.reject(new Error("The identity endpoint is down.")) });
    const sentence = /^The identity endpoint is down\.$/;
    await expect(createStore(broken).readRun(aStoredRun(), "2026-11-23")).rejects.toThrow(sentence);
    await expect(createStore(broken).commitRun(aStoredRun(), null)).rejects.toThrow(sentence);
    await expect(createRunQueue(broken).countPoison()).rejects.toThrow(sentence);
  });

  it("no token is sent over plain http", async () => {
    const plain = (service: string) =>
      new RegExp(`${service}Endpoint=([^;]+)`).exec(emulator().connectionString)?.[1] ?? "";
    const connection: StorageConnection = {
      ...{ kind: "identity", credential: credentialFor(storage) },
      ...{ tableServiceUri: plain("Table"), queueServiceUri: plain("Queue") },
    };
    await expect(createStore(connection).readRun(aStoredRun(), "2026-11-23")).rejects.toThrow(/https|allowInsecure/);
    await expect(createRunQueue(connection).countPoison()).rejects.toThrow(/https|allowInsecure/);
  });
});
