import type { Ports, RunRequest } from "../../shared/ports.ts";
import { advance } from "../../shared/run/advance.ts";
import type { FakeWorld } from "./fake-world.ts";

/** The process died. */
export class Crash extends Error {}

/** When a process dies: at which outside call from now, and whether that call still had its effect. */
export interface CrashPoint {
  call: number;
  after: boolean;
}

type Neighbour = "defender" | "store" | "mailer" | "queue";

/** The same ports, except that the process dies at the given outside call. */
export function crashingAt(point: CrashPoint, ports: FakeWorld["ports"]): Ports {
  let calls = 0;
  const wrap = <T extends object>(neighbour: T): T =>
    new Proxy(neighbour, {
      get(target, name, receiver) {
        const method = Reflect.get(target, name, receiver);
        // What a process counts for itself is no outside call.
        if (typeof method !== "function" || name === "usage" || name === "resume") return method;
        return async (...args: unknown[]) => {
          calls += 1;
          // A dead process makes no more calls.
          if (calls > point.call || (calls === point.call && !point.after)) throw new Crash();
          const result = await method.apply(target, args);
          if (calls >= point.call) throw new Crash();
          return result;
        };
      },
    });
  const neighbours: Neighbour[] = ["defender", "store", "mailer", "queue"];
  return { ...ports, ...Object.fromEntries(neighbours.map((name) => [name, wrap(ports[name])])) };
}

/** Asks for a run, as `POST /api/runs` does. */
export async function askFor({ ports }: FakeWorld, request: Omit<RunRequest, "tenant">): Promise<void> {
  const { mail, ...run } = { tenant: "home", ...request };
  await ports.store.addRequest({ ...run, mail });
  await ports.queue.send(run);
}

/** Handles the first due message and sets the clock to its time; false if none is due by `until`. */
export async function handleNext(world: FakeWorld, until: number, crash?: CrashPoint): Promise<boolean> {
  const { queue, now } = world.ports;
  const next = queue.waiting.toSorted((a, b) => a.visibleAt - b.visibleAt)[0];
  if (!next || next.visibleAt > until) return false;
  world.setClock(Math.max(now().getTime(), next.visibleAt));
  try {
    await advance(next.message, crash ? crashingAt(crash, world.ports) : world.ports);
    queue.waiting.splice(queue.waiting.indexOf(next), 1);
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
    // The platform hides the message for a while, then delivers it again.
    next.visibleAt = now().getTime() + 60_000;
  }
  return true;
}

/** Handles every message that is due by `until`. */
export async function handleAll(world: FakeWorld, until: number, most = 500): Promise<void> {
  for (let handled = 0; handled < most; handled++) if (!(await handleNext(world, until))) return;
  throw new Error(`Messages are still due after ${most} were handled.`);
}
