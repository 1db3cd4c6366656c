/** The tenant of the app's own identity; any other tenant goes by its tenant id. */
export const homeTenant = "home";

export const weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;
export type Weekday = (typeof weekdays)[number];

export const mailWhens = ["worse", "changed", "always"] as const;
export type MailWhen = (typeof mailWhens)[number];

/** A rise in `machineMissedOn` is reported once it reaches both; until then, small rises add up. */
export interface Thresholds {
  minMachines: number;
  /** Of the count last reported; may be above 100. */
  minPercent: number;
}

/** Which products are watched, and who gets the mail. */
export interface Watchlist {
  name: string;
  softwareIds: readonly string[];
  /** Addresses as configured, `a@b` or `Name <a@b>`. */
  mailTo: readonly string[];
  /** `home` or a tenant id. */
  tenant: string;
  thresholds: Thresholds;
  mailWhen: MailWhen;
  /** The weekday on which a mail is always sent. */
  heartbeatDay: Weekday | "none";
  /** A KB missing for longer than this many days is overdue. */
  dueDays: number;
}
