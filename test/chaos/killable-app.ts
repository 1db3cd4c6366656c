import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** What the app is to live through: it is that instant, the timer fires so often, someone asks for a run. */
export interface Command {
  at: number;
  fire: number;
  ask?: { watchlist: string; mail: boolean };
}

/** What the app tells of itself; `waiting` is the last news of a command, and `null` where the queue could not be read. */
export type News =
  | { fired: true }
  | { asked: number }
  | { failed: string }
  | { defect: string }
  | { waiting: number | null };

/** What became of a command. */
export interface Outcome {
  killed: boolean;
  fired: boolean;
  /** The status that whoever asked for a run was given. */
  asked: number | null;
  /** What stays in the queue; `null` where nobody could tell. */
  waiting: number | null;
  /** Invocations that threw. */
  failed: readonly string[];
}

export interface KillableApp {
  /** Starts the process where none is alive. */
  obey(command: Command): Promise<Outcome>;
  /** SIGKILL, at once; false where no command is under way. */
  kill(): boolean;
  starts(): number;
  close(): Promise<void>;
}

// Longer than storage and Defender are waited for, over all their tries.
const limitMs = 180_000;

/** The app as a process that may die at any time. */
export function createKillableApp(env: Readonly<Record<string, string>>): KillableApp {
  let child: ChildProcess | null = null;
  let underWay = false;
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
      underWay = true;
      try {
        process.send(command, () => {});
        return await hear(process);
      } finally {
        underWay = false;
      }
    },
    kill() {
      return underWay && (child?.kill("SIGKILL") ?? false);
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
    const limit = setTimeout(() => fail("The app did not come to an end."), limitMs);
    const onNews = (news: News) => {
      if ("defect" in news) fail(news.defect);
      else if ("failed" in news) heard.failed.push(news.failed);
      else if ("waiting" in news) done({ killed: false, waiting: news.waiting });
      else Object.assign(heard, news);
    };
    const onExit = (code: number | null, signal: string | null) => {
      if (signal === "SIGKILL") done({ killed: true, waiting: null });
      else fail(`The app ended by itself with ${signal ?? code}.`);
    };
    child.on("message", onNews).on("exit", onExit);
  });
}
