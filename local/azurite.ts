import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface AzuriteOptions {
  /** The folder for the data; absent: in memory only. */
  dir?: string;
  /** Paths of a certificate and its key, both PEM: only https then, and bearer tokens are accepted in addition to the shared key. */
  oauth?: { cert: string; key: string };
}

export interface Azurite {
  connectionString: string;
  /** Ends with the account, without a slash. */
  tableUri: string;
  queueUri: string;
  /** Sets the emulator's clock, as `turnClock` sets that of this process. */
  turnClock(instant: Date): Promise<void>;
  restoreClock(): Promise<void>;
  /** Ends it like a power cut: writes of the last five seconds are lost, even confirmed ones. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

// The emulator's account and key are public and the same on every machine.
const account = "devstoreaccount1";
const key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

// Runs inside the emulator: it ends with its parent, even a killed one, and shares its clock.
const preload = `
import { restoreClock, turnClock } from ${JSON.stringify(new URL("./clock.ts", import.meta.url).href)};
process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));
process.on("message", ({ instant }) => {
  if (instant === null) restoreClock();
  else turnClock(new Date(instant));
  process.send("turned");
});`;

/** Starts the storage emulator as a child process on free ports of 127.0.0.1; it ends with this process. */
export async function startAzurite(options: AzuriteOptions = {}): Promise<Azurite> {
  const child = fork(createRequire(import.meta.url).resolve("azurite/dist/src/azurite.js"), args(options), {
    cwd: tmpdir(),
    // Ctrl-C must not reach the emulator: this process may still need its storage while it closes.
    detached: true,
    execArgv: ["--import", `data:text/javascript,${encodeURIComponent(preload)}`],
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const ended = once(child, "exit");
  const uris = await listening(child);

  const setClock = async (instant: Date | null) => {
    // The clock must be set before the next request is sent.
    const answer = once(child, "message");
    child.send({ instant: instant?.getTime() ?? null });
    await Promise.race([answer, ended.then(() => Promise.reject(new Error("The storage emulator ended.")))]);
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
    ...["--silent", "--disableTelemetry", "--skipApiVersionCheck", "--disableProductStyleUrl"],
    ...(options.dir ? ["--location", resolve(options.dir)] : ["--inMemoryPersistence"]),
    ...(options.oauth ? ["--oauth", "basic", "--cert", options.oauth.cert, "--key", options.oauth.key] : []),
  ];
}

function listening(child: ChildProcess): Promise<Uris> {
  return new Promise((done, reject) => {
    let output = "";
    const found = (service: string) =>
      output.match(new RegExp(`${service} service is successfully listening at (\\S+)`))?.[1];
    const listen = (chunk: Buffer) => {
      output += chunk.toString();
      const [blob, queue, table] = [found("Blob"), found("Queue"), found("Table")];
      if (!blob || !queue || !table) return;
      child.stdout?.off("data", listen).resume();
      const [blobUri, queueUri, tableUri] = [blob, queue, table].map((uri) => `${uri}/${account}`);
      if (blobUri && queueUri && tableUri) done({ blobUri, queueUri, tableUri });
    };
    child.stdout?.on("data", listen);
    child.stderr?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.once("exit", (code) => reject(new Error(`The storage emulator ended with code ${code}: ${output.trim()}`)));
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
