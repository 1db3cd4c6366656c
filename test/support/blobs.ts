import { once } from "node:events";
import { request } from "node:https";
import type { Azurite } from "../../local/azurite.ts";

/** A token that the storage emulator accepts: unsigned, but for the right audience and time. */
export function unsignedToken(audience = "https://storage.azure.com"): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: "https://sts.windows.net/tenant/", aud: audience, iat: now, nbf: now, exp: now + 3600 };
  const parts = [{ alg: "none" }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"));
  return `${parts.join(".")}.`;
}

/** Uploads to a blob of a container that is created with the first; the emulator must take tokens. Returns the blob's address. */
export async function uploadBlob({ connectionString }: Azurite, body: string): Promise<string> {
  const container = `${/BlobEndpoint=([^;]+)/.exec(connectionString)?.[1]}/configuration`;
  const blob = `${container}/watchlists.json`;
  await put(`${container}?restype=container`, "", [201, 409]);
  await put(blob, body, [201]);
  return blob;
}

async function put(address: string, body: string, expected: readonly number[]): Promise<void> {
  const headers = {
    authorization: `Bearer ${unsignedToken()}`,
    "x-ms-version": "2021-12-02",
    "x-ms-blob-type": "BlockBlob",
  };
  // The certificate was made by the test.
  const call = request(address, { method: "PUT", headers, rejectUnauthorized: false });
  call.end(body);
  const [answer] = await once(call, "response");
  answer.resume();
  if (!expected.includes(answer.statusCode)) throw new Error(`The emulator answered ${answer.statusCode}.`);
}
