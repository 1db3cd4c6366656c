const RealDate = globalThis.Date;

let offset = 0;

// A proxy, not a subclass: dates made before, after and in between are all instances of both,
// and whatever else the constructor can do stays as it is.
const TurnedDate: DateConstructor = new Proxy(RealDate, {
  construct(target, args, newTarget) {
    const here = newTarget === TurnedDate ? target : newTarget;
    return Reflect.construct(target, args.length === 0 ? [turnedNow()] : args, here);
  },
  apply: () => new RealDate(turnedNow()).toString(),
  get: (target, key) => (key === "now" ? turnedNow : Reflect.get(target, key)),
});

/** `globalThis.Date` goes on from `instant` at the real pace, for the whole process; timers and monotonic clocks stay. */
export function turnClock(instant: Date): void {
  offset = instant.getTime() - RealDate.now();
  putInPlace(TurnedDate);
}

/** Real time again. */
export function restoreClock(): void {
  offset = 0;
  putInPlace(RealDate);
}

function turnedNow(): number {
  return RealDate.now() + offset;
}

function putInPlace(date: DateConstructor): void {
  globalThis.Date = date;
  // So that `value.constructor === Date` stays true.
  RealDate.prototype.constructor = date;
}
