import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { settingsFile } from "../../local/settings-file.ts";
import { settingNames } from "../../shared/settings/table.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let trap: Server;
const caught: string[] = [];
beforeAll(async () => {
  trap = createServer((request, response) => {
    caught.push(`${request.method} ${request.url}`);
    response.writeHead(502).end();
  });
  trap.on("connect", (request, socket) => {
    caught.push(`CONNECT ${request.url}`);
    socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
  });
  await new Promise<void>((listening) => trap.listen(0, "127.0.0.1", listening));
});
afterAll(async () => {
  trap.close();
  await once(trap, "close");
});

/** What a shell may have set: each setting, switches of libraries and of the platform, and a proxy for everything. */
function hostile(): Record<string, string> {
  const proxy = `http://127.0.0.1:${(trap.address() as AddressInfo).port}`;
  const names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
  return {
    ...Object.fromEntries(settingNames.map((name) => [name, "hostile"])),
    AUTH: "entra",
    MAIL_WHEN: "always",
    WORSE_MIN_MACHINES: "1000",
    WATCHLISTS: '[{"name":"other","softwareIds":["a-_-b"],"mailTo":["other@contoso.example"]}]',
    ...{ WEBSITE_SITE_NAME: "reporter", WEBSITE_AUTH_ENABLED: "True", MSI_ENDPOINT: proxy },
    ...{ AZURE_TENANT_ID: "hostile", AZURE_CLIENT_SECRET: "hostile", AZURE_LOG_LEVEL: "verbose", DEBUG: "*" },
    ...{ AZURITE_ACCOUNTS: "other:aG9zdGlsZQ==", AZURE_POD_IDENTITY_AUTHORITY_HOST: proxy, TZ: "Pacific/Kiritimati" },
    ...Object.fromEntries(names.flatMap((name) => [name, name.toLowerCase()]).map((name) => [name, proxy])),
    ...{ NODE_USE_ENV_PROXY: "1", NO_PROXY: "", no_proxy: "" },
  };
}

/** The first lines that `npm start` prints; then it is ended. */
async function firstLines(env: Readonly<Record<string, string>>, count: number): Promise<string[]> {
  const child = spawn(process.execPath, ["local/start.ts", "--once"], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  const ended = once(child, "close");
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on("line", (line) => lines.push(line) === count && child.kill("SIGTERM"));
  }
  await ended;
  return lines.slice(0, count);
}

// With a developer's own settings these commands would read that tenant.
const inWorld = test.skipIf(existsSync(settingsFile));

inWorld("the simulated world is the same, whatever the shell has set", async () => {
  const [clean, dirty] = await Promise.all([firstLines({}, 4), firstLines(hostile(), 4)]);
  expect(clean[1]).toMatch(/^Day {2}1 of 30, \S+: .*KBs missing/);
  expect(dirty).toEqual(clean);
  expect(caught).toEqual([]);
});

inWorld("the doctor's simulated world is the same, whatever the shell has set", async () => {
  const examine = async (env: Readonly<Record<string, string>>) => {
    const child = spawn(process.execPath, ["local/doctor.ts"], { env: { PATH: process.env.PATH, ...env } });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        output += chunk;
      });
    }
    const [code] = await once(child, "close");
    return { code, output: output.replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1") };
  };
  const [clean, dirty] = await Promise.all([examine({}), examine(hostile())]);
  expect(clean.code).toBe(0);
  expect(dirty).toEqual(clean);
  expect(caught).toEqual([]);
});
