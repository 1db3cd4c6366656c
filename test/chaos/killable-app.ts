import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** What happens to the app: the timer fires this often, and people ask for something. */
export interface Command {
  fire: number;
  asks: readonly Ask[];
}

/** A request of a person, below `/api/`. */
export interface Ask {
  method: "GET" | "POST" | "DELETE";
  path: string;
  body?: object;
}

export interface Answer {
  ask: Ask;
  status: number;
  text: string;
}

/** What the app reports; `waiting` comes last for a command, and is `null` if the queue could not be read. */
export type News =
  | { fired: true }
  | { answered: Answer }
  | { failed: string }
  | { defect: string }
  | { waiting: number | null };

/** The outcome of a command. */
export interface Outcome {
  killed: boolean;
  fired: boolean;
  answers: readonly Answer[];
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
  /** SIGSTOP, at once: it does nothing until it is thawed; false if no command is running. */
  freeze(): boolean;
  thaw(): void;
  starts(): number;
  /** Ends the process, if there is one; the next command starts another. */
  close(): Promise<void>;
}

// Longer than all tries to reach storage and Defender take, on a machine with much else to do.
const limitMs = 300_000;

/** The app in a process that may die or freeze at any time; `env` is read at each start. */
export function createKillableApp(env: () => Readonly<Record<string, string>>): KillableApp {
  let child: ChildProcess | null = null;
  let running = false;
  let starts = 0;

  const alive = (): ChildProcess => {
    if (child && child.exitCode === null && child.signalCode === null) return child;
    starts += 1;
    child = fork(fileURLToPath(new URL("./app.ts", import.meta.url)), {
      env: { ...process.env, NODE_OPTIONS: "", ...env() },
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
    kill: () => running && (child?.kill("SIGKILL") ?? false),
    freeze: () => running && (child?.kill("SIGSTOP") ?? false),
    thaw: () => void child?.kill("SIGCONT"),
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
  const heard: { fired: boolean; answers: Answer[]; failed: string[] } = { fired: false, answers: [], failed: [] };
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
      else if ("answered" in news) heard.answers.push(news.answered);
      else if ("waiting" in news) done({ killed: false, waiting: news.waiting });
      else heard.fired = true;
    };
    const onExit = (code: number | null, signal: string | null) => {
      if (signal === "SIGKILL") done({ killed: true, waiting: null });
      else fail(`The app ended on its own with ${signal ?? code}.`);
    };
    child.on("message", onNews).on("exit", onExit);
  });
}
