import type { Mail, Run, RunMessage, RunSummary } from "./core/run.ts";
import type { RunId } from "./core/run-id.ts";
import type { Snapshot } from "./core/snapshot.ts";
import type { Watchlist } from "./core/watchlist.ts";

/** The outside world as a run or an endpoint sees it. */
export interface Ports {
  defender: Defender;
  store: Store;
  mailer: Mailer;
  queue: RunQueue;
  now: () => Date;
  log: Log;
  watchlists: readonly Watchlist[];
  rules: Rules;
}

/** Settings that hold for all watchlists. */
export interface Rules {
  /** IANA name; the days and times in reports are in this zone. */
  timeZone: string;
  /** How long a scheduled run waits for products that could not be read. */
  graceMinutes: number;
  retentionDays: number;
  /** NCRONTAB in UTC. */
  schedule: string;
  /** Base of the links in mails, without a trailing slash; `null`: no links. */
  reportUrl: string | null;
  /** The cloud's Defender portal, without a trailing slash. */
  portalUrl: string;
}

export type LogLevel = "debug" | "info" | "warn" | "error";
/** A fixed message with its facts in fields. Neither ever holds a secret. */
export type Log = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void;

/** Microsoft Defender for Endpoint. Every call keeps within the quotas and fails with a `DefenderError`. */
export interface Defender {
  /**
   * The `value` of `GET /api/Software/{Id}/getmissingkbs`, all pages, as Defender sent it.
   * Aborting `signal` gives up the call under way.
   */
  getMissingKbs(tenant: string, softwareId: string, signal?: AbortSignal): Promise<readonly unknown[]>;
  /** `GET /api/Software/{Id}`; `null` if Defender has no product with this id. */
  getSoftware(tenant: string, softwareId: string, signal?: AbortSignal): Promise<ProductFacts | null>;
}

/** The part of Defender's Software entity that decides whether an empty list means clean. */
export interface ProductFacts {
  id: string;
  /** Open CVEs; `null` if Defender does not say. */
  weaknesses: number | null;
  exposedMachines: number | null;
}

/** A failed read. `message` is for people, and always the same for the same fault. */
export class DefenderError extends Error {
  /** Whether it lasts until a person acts. */
  readonly permanent: boolean;
  /** Set if Defender throttles for longer than is worth waiting: nothing of this tenant can be read before then. */
  readonly retryAfterSeconds: number | null;
  /** Whether Defender answered 404: it does not know the product, or does not find it now. */
  readonly notFound: boolean;

  constructor(
    message: string,
    options: { permanent: boolean; retryAfterSeconds?: number; notFound?: boolean; cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.name = "DefenderError";
    this.permanent = options.permanent;
    this.notFound = options.notFound ?? false;
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
  }
}

/** Data that does not fit into one row. None of it is kept, because part of it would mislead. `message` is for people. */
export class TooLargeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "TooLargeError";
  }
}

/** A row that is damaged or was written by a newer version. `message` names it and says what to do. */
export class RowError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "RowError";
  }
}

export type SnapshotKey = Pick<Snapshot, "tenant" | "softwareId" | "runId">;
export type ProductKey = Pick<Snapshot, "tenant" | "softwareId">;

/** A run with the version of its row, for `updateMail` and `commitRun`. */
export interface StoredRun {
  run: Run;
  version: string;
}

export interface Store {
  readSnapshot(key: SnapshotKey): Promise<Snapshot | null>;
  /** The snapshots that these runs took of a product, oldest first; one query for up to ten runs. */
  readSnapshots(product: ProductKey, runIds: readonly RunId[]): Promise<Snapshot[]>;
  /** All snapshots of a product from one run id to another, both included, sorted by run id; one query. */
  listSnapshots(product: ProductKey, from: RunId, to: RunId): Promise<Snapshot[]>;
  /** The newest snapshot of a product from before a run, whichever watchlist's run took it. */
  latestSnapshot(before: SnapshotKey): Promise<Snapshot | null>;
  /** Insert-only: an existing snapshot is never replaced. True only if this one is certainly the one stored. */
  addSnapshot(snapshot: Snapshot): Promise<boolean>;
  /** Does nothing if there is none. */
  deleteSnapshot(key: SnapshotKey): Promise<void>;

  readRun(watchlist: string, runId: RunId): Promise<StoredRun | null>;
  /** In the order in which they were opened; `from` is the first run id wanted. */
  listRuns(watchlist: string, from?: RunId): Promise<RunSummary[]>;
  /**
   * Inserts the run and marks the scheduled run that it follows, both or neither.
   * False if another commit was first: this run is already committed, the row it follows has changed since it was read,
   * or it follows none and is not the first scheduled run of its watchlist.
   */
  commitRun(run: Run, follows: StoredRun | null): Promise<boolean>;
  /** Replaces the mail's state; false if the row has changed since `version`. */
  updateMail(run: Pick<Run, "watchlist" | "runId">, version: string, mail: Mail): Promise<boolean>;
  /** Does nothing if there is none. */
  deleteRun(watchlist: string, runId: RunId): Promise<void>;
}

/** A digest, ready to send. */
export interface OutgoingMail {
  watchlist: string;
  runId: RunId;
  to: readonly string[];
  subject: string;
  html: string;
  text: string;
  attachments: readonly Attachment[];
}

export interface Attachment {
  filename: string;
  /** A media type, such as `text/csv`. */
  type: string;
  content: string;
}

/**
 * `refused`: it will never be accepted as it is. `failed`: it was not accepted, try again.
 * `unknown`: it may have been accepted (the answer was lost).
 */
export type SendOutcome =
  | { status: "sent"; messageId: string | null }
  | { status: "refused" | "failed" | "unknown"; reason: string };

export interface Mailer {
  send(mail: OutgoingMail): Promise<SendOutcome>;
}

export interface RunQueue {
  /** Makes the message visible after `delaySeconds`, at most seven days. */
  send(message: RunMessage, delaySeconds?: number): Promise<void>;
  /** Roughly how many messages the platform gave up on. */
  countPoison(): Promise<number>;
}
