/** The tenant of the app's own identity; any other is named by its tenant id. */
export const homeTenant = "home";

export const weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;
export type Weekday = (typeof weekdays)[number];

export const mailWhens = ["worse", "changed", "always"] as const;
export type MailWhen = (typeof mailWhens)[number];

/** Both must be reached for a rise in `machineMissedOn` to be told; a rise below adds up until it is. */
export interface Thresholds {
  minMachines: number;
  /** Of the count last told, 0 to 100 and above. */
  minPercent: number;
}

/** Who watches what, and who hears of it. */
export interface Watchlist {
  name: string;
  softwareIds: readonly string[];
  /** Addresses as configured, `a@b` or `Name <a@b>`. */
  mailTo: readonly string[];
  /** `home` or a tenant id. */
  tenant: string;
  thresholds: Thresholds;
  mailWhen: MailWhen;
  /** The day on which a mail comes whatever happened. */
  heartbeatDay: Weekday | "none";
  /** A KB missing for longer than this many days is overdue. */
  dueDays: number;
}
