import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { type Host, startHost } from "../local/host.ts";
import { runToday } from "../local/play.ts";
import { startTenant } from "../local/simulated-tenant.ts";
import { startWorld } from "../local/world.ts";

/** The built app in the development host, in a simulated world, with its storage calls counted. */
export interface ServedWorld {
  host(): Host;
  /** Calls to tables and queues since the last call of this, by service and method. */
  takeOperations(): Record<string, number>;
  /** Plays a day's run. */
  play(day: string): Promise<void>;
  /** Stops the app and starts it again, with nothing in memory. */
  restart(): Promise<void>;
  /** Starts a run over HTTP, without a mail, and returns its id once it is committed. */
  startRun(): Promise<string>;
  close(): Promise<void>;
}

export interface EstateSize {
  products: number;
  kbsEach: number;
}

/** Each product misses KBs of its own, on a few more machines each day. */
export async function startServedWorld(size: EstateSize): Promise<ServedWorld> {
  const estate = estateOf(size);
  const world = await startWorld({ estate });
  // The world's own tenant enforces Defender's quota, which would make a run of hundreds of products take minutes.
  const calls = 1_000_000;
  const tenant = await startTenant({ estate, now: () => Date.now(), callsPerMinute: calls, callsPerHour: calls });
  const counter = createCounter();
  const storage = await counter.countThrough(world.storageConnectionString);
  const start = () =>
    startHost({
      appDir: process.cwd(),
      port: 0,
      hostKey: null,
      env: {
        ...world.settings,
        REPORTER_STORAGE: storage,
        DEFENDER_URL: tenant.url,
        SOFTWARE_IDS: Array.from({ length: size.products }, (_, index) => idOf(index)).join(","),
      },
      storageConnectionString: storage,
      log: ({ level, message, fields }) => {
        if (level === "error" || level === "critical") console.error(message, fields);
      },
    });
  let host = await start();
  return {
    host: () => host,
    takeOperations: counter.take,
    play: async (day) => {
      await world.turnTo(new Date(`${day}T05:00:00Z`));
      await runToday(host, { wait: true });
    },
    restart: async () => {
      await host.close();
      host = await start();
    },
    startRun: async () => {
      const body = JSON.stringify({ watchlist: "default", mail: false });
      const answer = await fetch(`${host.url}/api/runs`, { method: "POST", body });
      if (answer.status !== 202) throw new Error(`The run was not started: ${answer.status} ${await answer.text()}`);
      await host.drainQueues();
      return decodeURIComponent(answer.headers.get("location")?.split("/").at(-1) ?? "");
    },
    close: async () => {
      await host.close();
      await Promise.all([world.close(), tenant.close()]);
      counter.close();
    },
  };
}

function idOf(index: number): string {
  return `contoso-_-software_${index}`;
}

/** In which nothing is missing. */
export const emptyEstate = estateOf({ products: 0, kbsEach: 0 });

function estateOf({ kbsEach }: EstateSize): Parameters<typeof startWorld>[0]["estate"] {
  return {
    software: (id) => ({
      ...{ id, name: id, vendor: "contoso", weaknesses: 1, publicExploit: false, activeAlert: false },
      ...{ installedMachines: 900, exposedMachines: 900, impactScore: 1 },
    }),
    missingKbs: (softwareId, day) => {
      const number = Number(softwareId.split("_").at(-1));
      return Array.from({ length: kbsEach }, (_, at) => kbOf(number * kbsEach + at, Number(day.slice(-2))));
    },
    trouble: () => ({ statuses: [], allDay: false }),
  };
}

function kbOf(number: number, day: number) {
  const id = String(5_000_000 + number);
  return {
    id,
    name: "November 2026 Security Updates",
    productsNames: ["windows_11"],
    url: `https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB${id}`,
    machineMissedOn: (number % 800) + (number % 10 === 0 ? day : 0),
    cveAddressed: number % 40,
  };
}

/** Counts the calls to the storage emulator and forwards them. */
export function createCounter() {
  let counts: Record<string, number> = {};
  const closing: (() => void)[] = [];

  async function countService(service: string, target: URL): Promise<string> {
    const server = createServer((incoming, response) => {
      const { method = "", url: path = "", headers } = incoming;
      const operation = `${service} ${method}`;
      counts[operation] = (counts[operation] ?? 0) + 1;
      const onward = request({ host: target.hostname, port: target.port, method, path, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      onward.on("error", () => response.destroy());
      incoming.pipe(onward);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closing.push(() => {
      server.close();
      server.closeAllConnections();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}${target.pathname}`;
  }

  return {
    async countThrough(connectionString: string): Promise<string> {
      const parts = connectionString.split(";").map((part): [string, string] => {
        const at = part.indexOf("=");
        return [part.slice(0, at), part.slice(at + 1)];
      });
      const counted = parts.map(async ([name, value]) => {
        const service = { TableEndpoint: "table", QueueEndpoint: "queue" }[name];
        return `${name}=${service ? await countService(service, new URL(value)) : value}`;
      });
      return (await Promise.all(counted)).join(";");
    },
    take(): Record<string, number> {
      const taken = counts;
      counts = {};
      return taken;
    },
    close: () => {
      for (const close of closing) close();
    },
  };
}
