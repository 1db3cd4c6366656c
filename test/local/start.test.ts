import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
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

interface Started {
  child: ChildProcessWithoutNullStreams;
  output: { stdout: string; stderr: string };
  /** Waits until the text is in what it wrote. */
  wrote(text: RegExp): Promise<RegExpMatchArray>;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

const running: Started[] = [];
afterEach(async () => {
  for (const { child, ended } of running.splice(0)) {
    child.kill("SIGKILL");
    await ended;
  }
});

/** `npm start` or `npm run doctor` with this environment alone. */
function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Started {
  const child = spawn(process.execPath, args, { env: { PATH: process.env.PATH, ...env } });
  const output = { stdout: "", stderr: "" };
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal }));
  const looks = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const) {
    child[name].on("data", (chunk) => {
      output[name] += chunk;
      for (const look of looks) look();
    });
  }
  const wrote = (text: RegExp) =>
    new Promise<RegExpMatchArray>((resolve, reject) => {
      const look = () => {
        const found = `${output.stdout}${output.stderr}`.match(text);
        if (found) resolve(found);
      };
      looks.add(look);
      look();
      ended.then(() => reject(new Error(`It ended without ${text}: ${JSON.stringify(output)}`)));
    });
  const started = { child, output, wrote, ended };
  running.push(started);
  return started;
}

// With a developer's own settings these commands would read that tenant.
const inWorld = test.skipIf(existsSync(settingsFile));

inWorld("the simulated world is the same, whatever the shell has set", async () => {
  const firstDays = async (env: Readonly<Record<string, string>>) => {
    const { wrote } = start(["local/start.ts", "--once"], env);
    return (await wrote(/^[\s\S]*?Day 10 of 30, .*\n/))[0];
  };
  const [clean, dirty] = await Promise.all([firstDays({}), firstDays(hostile())]);
  expect(clean.split("\n")).toHaveLength(3);
  expect(dirty).toBe(clean);
  expect(caught).toEqual([]);
});

inWorld("the doctor's simulated world is that of npm start, whatever the shell has set", async () => {
  const examine = async (env: Readonly<Record<string, string>>) => {
    const { output, ended } = start(["local/doctor.ts"], env);
    const { code } = await ended;
    return { code, output: `${output.stdout}${output.stderr}`.replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1") };
  };
  const [clean, dirty] = await Promise.all([examine({}), examine(hostile())]);
  expect(clean.code).toBe(0);
  expect(clean.output).toContain("settings: 1 watchlist with 10 products;");
  expect(clean.output).toMatch(/^ok {6}walk: Reading 10 products takes .*100 a minute and 1,500 an hour\./m);
  expect(dirty).toEqual(clean);
  expect(caught).toEqual([]);
});

describe("npm start", () => {
  inWorld("ends with a screen of today's digest and addresses, opens the page, and stops when asked", async () => {
    // A program that has the port already, and an opener that notes what it is given.
    const taken = createServer();
    const port = String(await portOf(taken));
    const bin = mkdtempSync(join(tmpdir(), "bin-"));
    const opened = join(bin, "opened");
    for (const name of ["xdg-open", "open"]) {
      writeFileSync(join(bin, name), `#!/bin/sh\necho "$1" > ${opened}\n`, { mode: 0o755 });
    }
    const path = `${bin}${delimiter}${process.env.PATH}`;
    const { child, output, wrote, ended } = start(["local/start.ts", "--open", "--port", port], {
      PATH: path,
    });
    const [, page = ""] = await wrote(/^Report page {2}(\S+)$[\s\S]*^Press Ctrl-C to stop\.$/m);
    await waitFor(() => existsSync(opened));
    expect(readFileSync(opened, "utf8").trim()).toBe(page);
    const answer = await fetch(page, { headers: { accept: "text/html" } });
    expect([answer.status, new URL(answer.url).pathname]).toEqual([200, "/api/report"]);

    const lines = output.stdout.split("\n");
    // With the line of the cursor below it.
    const screen = lines.slice(
      lines.findIndex((line) => /^Played 30 days and today in \d+ s: \d+ mails\.$/.test(line)),
    );
    expect(screen.length).toBeLessThanOrEqual(24);
    expect(Math.max(...screen.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(output.stdout).toMatch(/^… \d+ more lines in the inbox\.$/m);
    expect(output.stdout).toContain(`Port ${port} is in use, so another one was taken.`);

    child.kill("SIGINT");
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(output.stderr).toBe("");
    rmSync(bin, { recursive: true });
    taken.close();
  });

  inWorld("ends without a complaint when nobody reads on", async () => {
    const { child, output, wrote, ended } = start(["local/start.ts", "--once"]);
    await wrote(/^Starting .*\n/);
    child.stdout.destroy();
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(output.stderr).toBe("");
  });

  inWorld("stops at once while it plays", async () => {
    const { child, output, wrote, ended } = start(["local/start.ts"]);
    await wrote(/^Starting .*\n/);
    child.kill("SIGINT");
    expect(await ended).toEqual({ code: null, signal: "SIGINT" });
    expect(output).toEqual({ stdout: expect.stringMatching(/^Starting .*\nStopped\.\n$/), stderr: "" });
  });

  test("says in one sentence what is wrong with its flags", async () => {
    const { output, ended } = start(["local/start.ts", "--prot", "8080"]);
    expect(await ended).toEqual({ code: 2, signal: null });
    expect(output).toEqual({ stdout: "", stderr: "There is no flag --prot. Did you mean --port?\n" });
  });

  test("shows its help", async () => {
    const { output, ended } = start(["local/start.ts", "--help"]);
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(output.stdout).toMatch(/^npm start \[-- flags\]\n/);
  });
});

async function portOf(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function waitFor(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 20));
}
