const RealDate = globalThis.Date;

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

/** Returns to the real time. */
export function restoreClock(): void {
  offset = () => 0;
  putInPlace(RealDate);
}

function turnedNow(): number {
  return RealDate.now() + offset();
}

function putInPlace(date: DateConstructor): void {
  globalThis.Date = date;
  // Keeps `value.constructor === Date` true.
  RealDate.prototype.constructor = date;
}
