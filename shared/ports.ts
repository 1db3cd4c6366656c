import type { Catalogue, FeedName, KevEntry, MsrcKb, RunFacts } from "./core/advisory.ts";
import type { AlertKey, ExploitedAlert } from "./core/alert.ts";
import type { ConfiguredWatchlists } from "./core/configuration.ts";
import type { CallQuota } from "./core/deadline.ts";
import type { Mail, SendOutcome } from "./core/mail.ts";
import type { Chain, QueueMessage } from "./core/message.ts";
import type { Listing, ProductList } from "./core/product-list.ts";
import type { Run, RunKey, RunSummary } from "./core/run.ts";
import type { RunId } from "./core/run-id.ts";
import type { Snapshot } from "./core/snapshot.ts";
import type { WatchlistStatus } from "./core/watchlist-status.ts";

export type { ConfiguredWatchlists, WatchlistFault } from "./core/configuration.ts";
export type { SendOutcome } from "./core/mail.ts";

/** The outside world as a run or an endpoint sees it. */
export interface Ports {
  defender: Defender;
  store: Store;
  mailer: Mailer;
  queue: RunQueue;
  now: () => Date;
  log: Log;
  /** The watchlists of at most a minute ago; with `asOf`, as they were read then or later. */
  watchlists: (asOf?: Date) => Promise<ConfiguredWatchlists>;
  rules: Rules;
  /** `null`: ADVISORIES=none. */
  feeds: Feeds | null;
  /** What is known of KBs, of at most a minute ago; `null`: nothing yet, or ADVISORIES=none. Never fails: what cannot be read is logged. */
  catalogue: () => Promise<Catalogue | null>;
}

/** Settings that hold for all watchlists; the calls are those allowed in one tenant. */
export interface Rules extends CallQuota {
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
  /** The `value` of `GET /api/Software/{Id}/getmissingkbs`, all pages, as Defender sent it. */
  getMissingKbs(tenant: string, softwareId: string, calling?: Calling): Promise<readonly unknown[]>;
  /** `GET /api/Software/{Id}`; `null` if Defender has no product with this id. */
  getSoftware(tenant: string, softwareId: string, calling?: Calling): Promise<ProductFacts | null>;
  /** The `value` of `GET /api/Software`, all pages: every product that the tenant's machines have. */
  listSoftware(tenant: string, calling?: Calling): Promise<readonly unknown[]>;
  /** The calls of the last hour that the tenant's quotas count here. */
  usage(tenant: string): Usage;
  /** Makes the quotas count exactly these calls, besides those under way. */
  resume(tenant: string, usage: Usage): void;
}

/** Under which conditions a read makes its calls. */
export interface Calling {
  /** Aborting it ends all waits, and no further call begins; one under way is finished. */
  signal?: AbortSignal;
  /** Awaited right before each call leaves; where it throws, the call is not made and the read fails with that error. */
  permit?: () => Promise<void>;
}

/** Calls to a tenant, as another process can take them over. Times are milliseconds since 1970. */
export interface Usage {
  /** When calls ended, and how many; oldest first. */
  calls: readonly (readonly [endedAt: number, count: number])[];
  /** Until when the tenant asked to be left alone; `null`: it did not, or that time has passed. */
  throttledUntil: number | null;
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

/** A call that the storage account refused, or whose answer was lost: the write may then have succeeded. */
export class StorageError extends Error {
  /** The HTTP status; `null` if no answer came. */
  readonly status: number | null;
  /** Azure's error code, such as `EntityAlreadyExists`, or Node's, such as `ECONNREFUSED`. */
  readonly code: string;

  constructor(message: string, fault: { status: number | null; code: string }, cause: unknown) {
    super(message, { cause });
    this.name = "StorageError";
    this.status = fault.status;
    this.code = fault.code;
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

  readRun(chain: Chain, runId: RunId): Promise<StoredRun | null>;
  /** In the order in which they were opened; `from` is the first run id wanted. */
  listRuns(chain: Chain, from?: RunId): Promise<RunSummary[]>;
  /** The facts that a run's report uses; `null` for one without. */
  readFacts(run: RunKey): Promise<RunFacts | null>;
  /**
   * Inserts the run with its facts and marks the scheduled run that it follows, all or nothing.
   * False if another commit was first: this run is already committed, the row it follows has changed since it was read,
   * or it follows none and is not the first scheduled run of its watchlist.
   */
  commitRun(run: Run, follows: StoredRun | null, facts?: RunFacts | null): Promise<boolean>;
  /** Replaces the mail's state; false if the row has changed since `version`. */
  updateMail(run: RunKey, version: string, mail: Mail): Promise<boolean>;
  /** Its facts too. Does nothing if there is none. */
  deleteRun(run: RunKey): Promise<void>;
  /** Forgets that a watchlist ever had a first run; only for one without runs. */
  deleteBeginning(chain: Chain): Promise<void>;

  /** Of all tenants. One whose row cannot be read has nothing but its names, until it is saved again. */
  listStatuses(): Promise<WatchlistStatus[]>;
  /** The last write holds. */
  saveStatus(status: WatchlistStatus): Promise<void>;
  /** Does nothing if there is none. */
  deleteStatus(chain: Chain): Promise<void>;

  /** False if the watchlist has an alert for this CVE already: it stays as it is. */
  addAlert(alert: ExploitedAlert): Promise<boolean>;
  readAlert(key: AlertKey): Promise<StoredAlert | null>;
  listAlerts(chain: Chain): Promise<ExploitedAlert[]>;
  /** Replaces the mail's state; false if the row has changed since `version`. */
  updateAlertMail(key: AlertKey, version: string, mail: Mail): Promise<boolean>;
  /** Does nothing if there is none. */
  deleteAlert(key: AlertKey): Promise<void>;

  /** How the feeds are, without what they say. */
  readFeeds(): Promise<Readonly<Record<FeedName, FeedState>>>;
  /** A damaged row of a month is left out, so that it is read anew. */
  readAdvisories(): Promise<StoredAdvisories>;
  /** The last write holds, as in the other two. */
  saveMonth(month: StoredMonth): Promise<void>;
  saveFeed(name: FeedName, state: FeedState): Promise<void>;
  /** Saves KEV's entries with its state, both or neither. */
  saveKev(exploited: readonly KevEntry[], state: FeedState): Promise<void>;

  /** The last good versions of the watchlists in a document; `null` if there are none. */
  readLastGood(): Promise<StoredLastGood | null>;
  /** False if another was first. `version` is that of the stored ones, `null` for none. */
  saveLastGood(good: readonly LastGood[], version: string | null): Promise<boolean>;

  /** One whose row is damaged can be taken over at once, with all quotas used up. */
  readLease(tenant: string): Promise<StoredLease | null>;
  /** Its new version; `null` if another was first. `version` is that of the row it replaces, `null` for none. */
  writeLease(tenant: string, lease: Lease, version: string | null): Promise<string | null>;

  /**
   * The runs asked for in a tenant that are not committed, and lately dropped ones; those asked for first come first.
   * Without those whose rows cannot be read: `readRequest` says so.
   */
  listRequests(tenant: string): Promise<RunRequest[]>;
  readRequest(run: RunKey): Promise<RunRequest | null>;
  /** Adds a request. One that exists stays as it is, except that it mails as soon as one of the two does. */
  addRequest(request: RunRequest): Promise<void>;
  /** Notes why a request is not carried out; does nothing if there is none. */
  dropRequest(run: RunKey, reason: string): Promise<void>;
  /** Does nothing if there is none. */
  deleteRequest(run: RunKey): Promise<void>;

  /** What is known of a tenant's product list; `null`: it was never asked for, or the row cannot be read. */
  readListing(tenant: string): Promise<Listing | null>;
  /** The list in use; `null` where there is none, or it cannot be read. */
  readProductList(tenant: string): Promise<ProductList | null>;
  /** With `list`, that one is used from now on, and the one before is deleted. */
  saveListing(tenant: string, listing: Listing, list?: ProductList): Promise<void>;

  /** The day on which a tenant's retention last finished, and how far it has got since; `null`: never, or it cannot be read. */
  readBookmark(tenant: string): Promise<Bookmark | null>;
  saveBookmark(tenant: string, bookmark: Bookmark): Promise<void>;
  /** The run ids of a product's snapshots from before a run, oldest first. */
  listSnapshotIds(product: ProductKey, before: RunId): Promise<RunId[]>;
}

/** The last good version of a watchlist. */
export interface LastGood {
  /** Its JSON as written, which a later version of the app may read differently. */
  source: unknown;
  /** Since when it replaces a faulty one, ISO 8601 in UTC; `null`: it is the current one. */
  since: string | null;
}

/** Last good versions with the version of their rows. */
export interface StoredLastGood {
  good: readonly LastGood[];
  version: string;
}

/**
 * The right to read a tenant, held by one process at a time, and the calls that its quotas count: so a process that takes over
 * goes on with the quotas of the one before.
 */
export interface Lease {
  /** Which step of which process; a new one for each acquisition. */
  owner: string;
  /** When it ends, ISO 8601 in UTC. */
  until: string;
  /** What the owner counted when it last wrote this row. */
  usage: Usage;
  /** Calls that the owner may have made since then. */
  reserved: number;
  /** Calls that others than the owner have reserved since then, for single questions such as the doctor's. */
  outside: Usage["calls"];
  /** How far the owner's runs are. */
  progress: readonly RunProgress[];
}

/** A lease with the version of its row. */
export interface StoredLease {
  lease: Lease;
  version: string;
  /** The row cannot be read: the lease has ended, and counts more calls than any quota allows. */
  isDamaged?: boolean;
}

/** How many of a run's products were read, of how many. */
export interface RunProgress extends Omit<RunKey, "tenant"> {
  read: number;
  total: number;
}

/** A run that someone asked for. */
export interface RunRequest extends RunKey {
  /** ISO 8601 in UTC. */
  openedAt: string;
  /** Whether it mails its digest. */
  mail: boolean;
  /** Why it is not carried out. */
  dropped?: string;
}

/** How far retention has got in a tenant. */
export interface Bookmark {
  /** The day in the reports' time zone. */
  day: string;
  isDone: boolean;
  /** The last product whose snapshots are done. */
  after?: string;
}

/** A digest or an alert, ready to send. */
export interface OutgoingMail {
  tenant: string;
  watchlist: string;
  /** The run that a digest reports. */
  runId?: RunId;
  /** The CVE that an alert is about. */
  cve?: string;
  /** Names this send: one of unknown outcome is tried again under its key, and any other send has another. */
  sendKey: string;
  /** Whether an earlier try of this send may have reached the service. */
  isRepeat: boolean;
  to: readonly string[];
  /** Whether the readers see each other's addresses. */
  together: boolean;
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

export interface Mailer {
  /** Whether it asks the service about an earlier try of a send, so that a repeat makes no second copy. */
  readonly canAsk?: boolean;
  send(mail: OutgoingMail): Promise<SendOutcome>;
}

export interface RunQueue {
  /** Makes the message visible after `delaySeconds`, at most seven days. */
  send(message: QueueMessage, delaySeconds?: number): Promise<void>;
  /** Roughly how many messages the platform gave up on. */
  countPoison(): Promise<number>;
}

/** What shows that a document has not changed: what its host sent with it, and for hosts that send nothing its digest. */
export interface Validators {
  etag?: string;
  lastModified?: string;
  digest?: string;
}

/** What can be used of a document. */
export interface FeedContent<Content> {
  content: Content;
  /** How many of its entries are malformed, and left out. */
  skipped: number;
}

/** A feed's answer. */
export interface FeedAnswer<Content> extends FeedContent<Content> {
  validators: Validators;
}

/** A month in MSRC's list. */
export interface MsrcMonth {
  /** Such as `2026-Nov`. */
  id: string;
  /** When MSRC last changed it, as it writes it: another text is another version. */
  changedAt: string;
}

/** MSRC's and CISA's public documents. Every call fails with a `FeedError`; `null`: not modified since `validators`. */
export interface Feeds {
  readMonths(validators: Validators): Promise<FeedAnswer<readonly MsrcMonth[]> | null>;
  readMonth(id: string): Promise<FeedContent<readonly MsrcKb[]>>;
  readKev(validators: Validators): Promise<FeedAnswer<readonly KevEntry[]> | null>;
}

/** A feed that could not be read. `message` is for people, and always the same for the same fault. */
export class FeedError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "FeedError";
  }
}

/** How a feed's last refreshes went. */
export interface FeedState {
  validators: Validators;
  /** When it last answered with what can be used, ISO 8601 in UTC; `null`: never. */
  readAt: string | null;
  /** Why the last refresh failed; absent: it did not. */
  fault?: { reason: string; since: string };
  /** MSRC only: watched KBs that are in none of the months that could have them, so they are not looked for again. */
  notFound?: readonly MissedKb[];
}

/** A KB that MSRC does not know. */
export interface MissedKb {
  id: string;
  /** Those that could have it. */
  months: readonly string[];
}

/** A month as it was read. */
export interface StoredMonth extends MsrcMonth {
  kbs: readonly MsrcKb[];
}

/** An alert with the version of its row. */
export interface StoredAlert {
  alert: ExploitedAlert;
  version: string;
}

/** The facts that are kept of both feeds. */
export interface StoredAdvisories {
  msrc: FeedState;
  months: readonly StoredMonth[];
  kev: FeedState;
  /** `null` before the first answer: then nothing is newly exploited. */
  exploited: readonly KevEntry[] | null;
}
