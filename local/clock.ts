import { syncBuiltinESMExports } from "node:module";
import pauses from "node:timers/promises";

const RealDate = globalThis.Date;
const realPause = pauses.setTimeout;

let offset = () => 0;

// A proxy, not a subclass: all dates are instances of both constructors, whenever they were made, and everything else
// about the constructor stays the same.
const TurnedDate: DateConstructor = new Proxy(RealDate, {
  construct(target, args, newTarget) {
    const here = newTarget === TurnedDate ? target : newTarget;
    return Reflect.construct(target, args.length === 0 ? [turnedNow()] : args, here);
  },
  apply: () => new RealDate(turnedNow()).toString(),
  get: (target, key) => (key === "now" ? turnedNow : Reflect.get(target, key)),
});

/** Makes `Date` continue from `instant` in this process, at the real pace; timers and monotonic clocks are not affected. */
export function turnClock(instant: Date): void {
  const ahead = instant.getTime() - RealDate.now();
  followClock(() => ahead);
}

/** Makes `Date` run this many milliseconds ahead of the real time, asked anew each time: a clock that processes share. */
export function followClock(ahead: () => number): void {
  offset = ahead;
  putInPlace(TurnedDate);
}

/**
 * Ends every pause of this process at once, and turns the clock to when it would have ended. A pause is the `setTimeout` of
 * node:timers/promises, which somebody awaits; the global one, which limits how long something takes, keeps the real time.
 */
export function skipPauses(): void {
  replacePause(skippedPause);
}

/** Returns to the real time and to real pauses. */
export function restoreClock(): void {
  offset = () => 0;
  putInPlace(RealDate);
  replacePause(realPause);
}

async function skippedPause<T>(ms = 1, value?: T, options?: Parameters<typeof realPause>[2]): Promise<T> {
  const end = turnedNow() + ms;
  await realPause(0, undefined, options);
  // Of pauses at the same time, the longest counts.
  if (end > turnedNow()) turnClock(new RealDate(end));
  return value as T;
}

function replacePause(pause: typeof realPause): void {
  Object.assign(pauses, { setTimeout: pause });
  // Modules that imported it by name get the new one.
  syncBuiltinESMExports();
}

function turnedNow(): number {
  return RealDate.now() + offset();
}

function putInPlace(date: DateConstructor): void {
  globalThis.Date = date;
  // Keeps `value.constructor === Date` true.
  RealDate.prototype.constructor = date;
}
