import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, describe, expect, test } from "vitest";
import { startHost } from "../../local/host.ts";
import { playDay } from "../../local/play.ts";
import type { TenantCall } from "../../local/simulated-tenant.ts";
import { type LocalWorld, startWorld } from "../../local/world.ts";

const softwareIds = Array.from({ length: 40 }, (_, index) => `contoso-_-product_${index + 1}`);
const [forbidden, unknown, broken] = ["contoso-_-product_7", "contoso-_-product_19", "contoso-_-product_33"] as const;

let world: LocalWorld;
afterEach(() => world.close());

/** A tenant in which each product misses a KB of its own. */
async function startTenantOf40(): Promise<void> {
  world = await startWorld({
    estate: {
      software: (id) => ({
        ...{ id, name: id, vendor: "contoso", weaknesses: 0, publicExploit: false, activeAlert: false },
        ...{ installedMachines: 10, exposedMachines: 0, impactScore: 0 },
      }),
      missingKbs: (id) => [
        {
          ...{ id: `50${id.replace(/\D/g, "").padStart(5, "0")}`, name: "November 2026 Security Updates" },
          ...{ productsNames: [], url: null, machineMissedOn: 10, cveAddressed: 1 },
        },
      ],
      trouble: () => ({ statuses: [], allDay: false }),
    },
  });
}

const settings = () => ({ ...world.settings, SOFTWARE_IDS: softwareIds.join("\n") });

describe("a run over 40 products, three of which always fail", () => {
  test("names the three with the age of their last snapshot, and resolves none of their KBs", {
    timeout: 120_000,
  }, async () => {
    await startTenantOf40();
    const host = await startHost({
      appDir: process.cwd(),
      port: 0,
      hostKey: null,
      storageConnectionString: world.storageConnectionString,
      env: { ...settings(), MAIL_WHEN: "always" },
      log: () => {},
    });
    try {
      await playDay(host, world, "2026-11-20");
      world.tenant.setFault(forbidden, { kind: "answer", status: 403, body: error("Forbidden") });
      world.tenant.setFault(unknown, { kind: "answer", status: 404, body: error("ResourceNotFound") });
      world.tenant.setFault(broken, { kind: "answer", status: 500, body: error("InternalServerError") });
      await playDay(host, world, "2026-11-23");

      const mail = world.inbox.mails.at(-1);
      expect(mail?.subject).toContain("3 products could not be read");
      for (const softwareId of [forbidden, unknown, broken]) {
        expect(mail?.text).toContain(softwareId);
        expect(mail?.html).toContain(softwareId);
      }
      expect(mail?.text?.replace(/\s+/g, " ")).toContain("last read 20 Nov 2026: ");
      const report = (await (await fetch(`${host.url}/api/report?format=json`)).json()) as {
        totals: Record<string, number>;
      };
      expect(report.totals).toMatchObject({ resolved: 0, improved: 0, notRead: 3, read: 37, missingKbs: 40 });
    } finally {
      await host.close();
    }
  });
});

describe("a process that is killed in the middle of a walk", () => {
  test("is followed by one that reads no product twice and sends one mail", { timeout: 120_000 }, async () => {
    await startTenantOf40();
    const first = startApp(new Date());
    await Promise.race([untilCalled(20), once(first, "exit")]);
    first.kill("SIGKILL");
    await once(first, "exit");
    const answered = softwareRead();
    expect(answered.length).toBeGreaterThanOrEqual(15);
    expect(answered.length).toBeLessThan(40);
    expect(world.inbox.mails).toHaveLength(0);

    // Nobody else reads the tenant until the lease of the dead process has ended.
    const [early] = await once(startApp(new Date()), "exit");
    expect(early).toBe(0);
    expect(softwareRead()).toHaveLength(answered.length);
    const later = new Date(Date.now() + 6 * 60_000);
    await world.turnTo(later);
    const [code] = await once(startApp(later), "exit");
    expect(code).toBe(0);
    const reads = softwareRead();
    expect(new Set(reads).size).toBe(40);
    // Reads under way when the process died were not stored: at most as many as run at once.
    expect(reads.length - 40).toBeLessThanOrEqual(8);
    expect(world.inbox.mails).toHaveLength(1);
  });
});

function error(code: string) {
  return { error: { code, message: "As set.", target: "0" } };
}

function softwareRead(): string[] {
  const read = ({ status, softwareId, path }: TenantCall) =>
    status === 200 && path.includes("getmissingkbs") && softwareId;
  return world.tenant.calls.filter(read).map(({ softwareId }) => softwareId ?? "");
}

function startApp(at: Date): ChildProcess {
  return spawn(process.execPath, ["test/support/run-app.ts"], {
    env: { ...process.env, ...settings(), RUN_APP_AT: at.toISOString() },
    stdio: ["ignore", "inherit", "inherit"],
  });
}

async function untilCalled(times: number): Promise<void> {
  while (softwareRead().length < times) await new Promise((resolve) => setImmediate(resolve));
}
