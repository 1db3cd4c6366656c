import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface AzuriteOptions {
  /** Where the data is kept; absent: in memory, gone at the end. */
  dir?: string;
  /** Paths of a certificate and its key, both PEM: https alone, and bearer tokens are taken besides the shared key. */
  oauth?: { cert: string; key: string };
}

export interface Azurite {
  connectionString: string;
  /** With the account, without a slash at the end. */
  tableUri: string;
  queueUri: string;
  /** The emulator lives at another time from now on, as `turnClock` does to the own process. */
  turnClock(instant: Date): Promise<void>;
  restoreClock(): Promise<void>;
  /** Ends it as a power cut would: of the last five seconds it has lost even what it said was written. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

// The emulator's one account and its key are the same on every machine and open to all.
const account = "devstoreaccount1";
const key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

// Runs inside the emulator. It must not outlive a parent that was killed, and it has one clock with its parent.
const preload = `
import { restoreClock, turnClock } from ${JSON.stringify(new URL("./clock.ts", import.meta.url).href)};
process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));
process.on("message", ({ instant }) => {
  if (instant === null) restoreClock();
  else turnClock(new Date(instant));
  process.send("turned");
});`;

/** The storage emulator as a child on free ports of 127.0.0.1; it ends with this process. */
export async function startAzurite(options: AzuriteOptions = {}): Promise<Azurite> {
  const child = fork(createRequire(import.meta.url).resolve("azurite/dist/src/azurite.js"), args(options), {
    cwd: tmpdir(),
    // A Ctrl-C is for this process, which may still need its storage to end well.
    detached: true,
    execArgv: ["--import", `data:text/javascript,${encodeURIComponent(preload)}`],
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const ended = once(child, "exit");
  const uris = await listening(child);

  const setClock = async (instant: Date | null) => {
    // The far side of a turn must have happened before anything is sent to it.
    const answer = once(child, "message");
    child.send({ instant: instant?.getTime() ?? null });
    await Promise.race([answer, ended.then(() => Promise.reject(new Error("The storage emulator has ended.")))]);
  };

  return {
    ...uris,
    connectionString: connectionString(uris),
    turnClock: (instant) => setClock(instant),
    restoreClock: () => setClock(null),
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
    },
    close: async () => {
      if (child.connected) child.disconnect();
      await Promise.race([ended, sleep(5_000, undefined, { ref: false })]);
      child.kill("SIGKILL");
      await ended;
    },
  };
}

type Uris = Pick<Azurite, "tableUri" | "queueUri"> & { blobUri: string };

function args(options: AzuriteOptions): string[] {
  const services = ["blob", "queue", "table"];
  return [
    ...services.flatMap((service) => [`--${service}Host`, "127.0.0.1", `--${service}Port`, "0"]),
    ...["--silent", "--disableTelemetry", "--skipApiVersionCheck"],
    ...(options.dir ? ["--location", resolve(options.dir)] : ["--inMemoryPersistence"]),
    ...(options.oauth ? ["--oauth", "basic", "--cert", options.oauth.cert, "--key", options.oauth.key] : []),
  ];
}

function listening(child: ChildProcess): Promise<Uris> {
  return new Promise((done, reject) => {
    let said = "";
    const found = (service: string) =>
      said.match(new RegExp(`${service} service is successfully listening at (\\S+)`))?.[1];
    const hear = (chunk: Buffer) => {
      said += chunk.toString();
      const [blob, queue, table] = [found("Blob"), found("Queue"), found("Table")];
      if (!blob || !queue || !table) return;
      child.stdout?.off("data", hear).resume();
      const [blobUri, queueUri, tableUri] = [blob, queue, table].map((uri) => `${uri}/${account}`);
      if (blobUri && queueUri && tableUri) done({ blobUri, queueUri, tableUri });
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    child.once("exit", (code) => reject(new Error(`The storage emulator ended with code ${code}: ${said.trim()}`)));
  });
}

function connectionString({ blobUri, queueUri, tableUri }: Uris): string {
  const parts = {
    DefaultEndpointsProtocol: new URL(tableUri).protocol.replace(":", ""),
    AccountName: account,
    AccountKey: key,
    BlobEndpoint: blobUri,
    QueueEndpoint: queueUri,
    TableEndpoint: tableUri,
  };
  return Object.entries(parts)
    .map(([name, value]) => `${name}=${value}`)
    .join(";");
}
