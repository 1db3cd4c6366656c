import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** What happens to the app: it is this instant, the timer fires this often, someone starts a run. */
export interface Command {
  at: number;
  fire: number;
  ask?: { watchlist: string; mail: boolean };
}

/** What the app reports; `waiting` comes last for a command, and is `null` if the queue could not be read. */
export type News =
  | { fired: true }
  | { asked: number }
  | { failed: string }
  | { defect: string }
  | { waiting: number | null };

/** The outcome of a command. */
export interface Outcome {
  killed: boolean;
  fired: boolean;
  /** The HTTP status of the request for a run. */
  asked: number | null;
  /** How many messages are left in the queue; `null` if unknown. */
  waiting: number | null;
  /** Invocations that threw. */
  failed: readonly string[];
}

export interface KillableApp {
  /** Starts the process if none is alive. */
  obey(command: Command): Promise<Outcome>;
  /** SIGKILL, at once; false if no command is running. */
  kill(): boolean;
  starts(): number;
  close(): Promise<void>;
}

// Longer than all tries to reach storage and Defender take.
const limitMs = 180_000;

/** The app in a process that may die at any time. */
export function createKillableApp(env: Readonly<Record<string, string>>): KillableApp {
  let child: ChildProcess | null = null;
  let running = false;
  let starts = 0;

  const alive = (): ChildProcess => {
    if (child && child.exitCode === null && child.signalCode === null) return child;
    starts += 1;
    child = fork(fileURLToPath(new URL("./app.ts", import.meta.url)), {
      env: { ...process.env, NODE_OPTIONS: "", ...env },
      execArgv: [],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    return child;
  };

  return {
    async obey(command) {
      const process = alive();
      running = true;
      try {
        process.send(command, () => {});
        return await hear(process);
      } finally {
        running = false;
      }
    },
    kill() {
      return running && (child?.kill("SIGKILL") ?? false);
    },
    starts: () => starts,
    async close() {
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

function hear(child: ChildProcess): Promise<Outcome> {
  const heard: { fired: boolean; asked: number | null; failed: string[] } = { fired: false, asked: null, failed: [] };
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(limit);
      child.off("message", onNews).off("exit", onExit);
    };
    const done = (last: Pick<Outcome, "killed" | "waiting">) => {
      end();
      resolve({ ...heard, ...last });
    };
    const fail = (reason: string) => {
      end();
      reject(new Error(reason));
    };
    const limit = setTimeout(() => fail("The app did not finish."), limitMs);
    const onNews = (news: News) => {
      if ("defect" in news) fail(news.defect);
      else if ("failed" in news) heard.failed.push(news.failed);
      else if ("waiting" in news) done({ killed: false, waiting: news.waiting });
      else Object.assign(heard, news);
    };
    const onExit = (code: number | null, signal: string | null) => {
      if (signal === "SIGKILL") done({ killed: true, waiting: null });
      else fail(`The app ended on its own with ${signal ?? code}.`);
    };
    child.on("message", onNews).on("exit", onExit);
  });
}
