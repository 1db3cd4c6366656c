/** How many calls Defender allows an application in a tenant. */
export interface CallQuota {
  callsPerMinute: number;
  callsPerHour: number;
}

/** A mail may need a few tries: so long after its run had to close it may come. Readers and health wait equally long. */
export const deliveryMinutes = 30;

/** Vanished KBs are confirmed by a second read, on some days in every product. */
export const readsPerProduct = 2;

/** How many seconds this many calls to one tenant take: full minutes one after another, until the hour's calls are used up. */
export function walkSeconds(calls: number, { callsPerMinute, callsPerHour }: CallQuota): number {
  if (calls <= 0) return 0;
  const hours = Math.ceil(calls / callsPerHour) - 1;
  const secondsPerCall = 60 / callsPerMinute;
  return Math.ceil(
    hours * Math.max(3600, callsPerHour * secondsPerCall) + (calls - hours * callsPerHour) * secondsPerCall,
  );
}

/** How many minutes after a scheduled run was due it is late, in a tenant with this many different products. */
export function minutesUntilLate(products: number, rules: CallQuota & { graceMinutes: number }): number {
  return rules.graceMinutes + walkSeconds(products * readsPerProduct, rules) / 60 + deliveryMinutes;
}
