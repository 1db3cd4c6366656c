import type { Mail, Run, RunMessage, RunSummary } from "./core/run.ts";
import type { RunId } from "./core/run-id.ts";
import type { Snapshot } from "./core/snapshot.ts";
import type { Watchlist } from "./core/watchlist.ts";

/** What the verbs need of the world. */
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

/** What the operator decided for all watchlists. */
export interface Rules {
  /** IANA name; days and times of reports. */
  timeZone: string;
  /** How long a scheduled run waits for software that cannot be read. */
  graceMinutes: number;
  retentionDays: number;
  /** NCRONTAB in UTC, to tell when the next report is due. */
  schedule: string;
  /** Base of the links in mails, without a trailing slash; `null`: no links. */
  reportUrl: string | null;
  /** The cloud's Defender portal, without a trailing slash. */
  portalUrl: string;
}

export type LogLevel = "debug" | "info" | "warn" | "error";
/** A fixed message with its facts in fields; never a secret in either. */
export type Log = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void;

/** Microsoft Defender for Endpoint. Every call keeps the quotas and throws `DefenderError`. */
export interface Defender {
  /**
   * The `value` of `GET /api/Software/{Id}/getmissingkbs`, all pages, as Defender sent it.
   * `signal` ends the wait; what was under way is given up.
   */
  getMissingKbs(tenant: string, softwareId: string, signal?: AbortSignal): Promise<readonly unknown[]>;
  /** `GET /api/Software/{Id}`; `null` where Defender knows no such software. */
  getSoftware(tenant: string, softwareId: string, signal?: AbortSignal): Promise<SoftwareFacts | null>;
}

/** The part of Defender's Software entity that tells whether an empty list means clean. */
export interface SoftwareFacts {
  id: string;
  /** Open CVEs; `null` where Defender does not say. */
  weaknesses: number | null;
  exposedMachines: number | null;
}

/** A read that gave no answer. `message` is one sentence for a person, and the same for the same fault. */
export class DefenderError extends Error {
  /** Whether it stays until a person acts. */
  readonly permanent: boolean;
  /** Set where Defender throttles for longer than is worth waiting: nothing of this tenant can be read before. */
  readonly retryAfterSeconds: number | null;

  constructor(message: string, options: { permanent: boolean; retryAfterSeconds?: number; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.name = "DefenderError";
    this.permanent = options.permanent;
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
  }
}

/** What does not fit one row of the store and is not kept, for a part of it would mislead. `message` is one sentence for a person. */
export class TooLargeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "TooLargeError";
  }
}

/** A row of the store that is damaged or of a newer version, and is not guessed at. `message` names it and says what to do. */
export class RowError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "RowError";
  }
}

/** Names one snapshot. */
export type SnapshotKey = Pick<Snapshot, "tenant" | "softwareId" | "runId">;

/** A run with the version of its row, for `updateMail` and `commitRun`. */
export interface StoredRun {
  run: Run;
  version: string;
}

export interface Store {
  readSnapshot(key: SnapshotKey): Promise<Snapshot | null>;
  /** The newest snapshot of a software from before a run, whoever's run it was. */
  latestSnapshot(before: SnapshotKey): Promise<Snapshot | null>;
  /** Insert-only: where one stands already, it stays. True where this one is surely the one that stands. */
  addSnapshot(snapshot: Snapshot): Promise<boolean>;
  /** Nothing to delete is fine. */
  deleteSnapshot(key: SnapshotKey): Promise<void>;

  readRun(watchlist: string, runId: RunId): Promise<StoredRun | null>;
  /** In the order of run ids; `from` is the first run id wanted. */
  listRuns(watchlist: string, from?: RunId): Promise<RunSummary[]>;
  /**
   * Inserts the run and, where it follows a scheduled run, marks that one as followed, both or neither.
   * False where another commit was first: this run stands already, the followed row has changed since it was read, or a
   * scheduled run that follows none is not the first of its watchlist.
   */
  commitRun(run: Run, follows: StoredRun | null): Promise<boolean>;
  /** Puts another mail status in place; false where the row has changed since `version`. */
  updateMail(run: Pick<Run, "watchlist" | "runId">, version: string, mail: Mail): Promise<boolean>;
  /** Nothing to delete is fine. */
  deleteRun(watchlist: string, runId: RunId): Promise<void>;
}

/** A digest ready to go out. */
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
 * `refused`: it will never be taken as it is. `failed`: it was not taken, try again.
 * `unknown`: it may have been taken (the answer was lost).
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
  /** How many messages the platform gave up on; about, not exactly. */
  countPoison(): Promise<number>;
}
