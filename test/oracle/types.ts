/** What a run is committed with. */
export interface Settings {
  readonly minMachines: number;
  readonly minPercent: number;
  readonly minCves: number;
  readonly mailWhen: "worse" | "changed" | "always";
  /** `Monday` to `Sunday`, or `none`. */
  readonly heartbeatDay: string;
  readonly dueDays: number;
  readonly timeZone: string;
  /** 400 where absent. */
  readonly retentionDays?: number;
}

/** A call that Defender did not answer; `notFound` where it answered 404. */
export interface Failure {
  readonly permanent: boolean;
  readonly reason: string;
  readonly notFound?: boolean;
}

/** One read of a product: the items of Defender's `value` as they came, or a failure. */
export type Read = readonly unknown[] | Failure;

/** All that Defender answered for one product in one run, or in one try of it. */
export interface ProductAnswers {
  /** In order. A product is given up where they end before the rules have what they need. */
  readonly reads: readonly Read[];
  /** Open weaknesses by `GET /api/Software/{id}`; null: not said; `unknown`: 404. Needed only where the rules ask. */
  readonly software?: number | null | "unknown" | Failure;
}

/** One run of one watchlist. */
export interface OracleRun {
  /** The day of a scheduled run, the UTC minute of a run asked for. */
  readonly runId: string;
  readonly openedAt: string;
  readonly scheduled: boolean;
  /** Whether a run asked for was asked to mail. */
  readonly mail?: boolean;
  /** Whether an earlier digest was refused since the last one that was sent. */
  readonly refusedEarlier?: boolean;
  /** `default` where absent. The watchlists of one oracle share a tenant. */
  readonly watchlist?: string;
  readonly softwareIds: readonly string[];
  readonly settings: Settings;
  /**
   * By software id, by the time the run was closed; null or absent: not attempted. A run tries again what it could not read:
   * then each try by itself, in order.
   */
  readonly answers: Readonly<Record<string, ProductAnswers | readonly ProductAnswers[] | null>>;
}

/** Counts of an entry; null is unknown. */
export interface Counts {
  readonly machines: number | null;
  readonly cves: number | null;
}

export type State = "read" | "empty" | "not-kb-patched" | "not-read";

export type Kind =
  | "new"
  | "worsened"
  | "returned"
  | "more-cves"
  | "improved"
  | "baseline"
  | "unchanged"
  | "not-read"
  | "resolved";

/** Why an entry is worse. */
export type Reason = "machines" | "cves" | "machines-known" | "cves-known";

/** What names a KB; `key` is the same for the same KB of any product. */
export interface KbName {
  readonly key: string;
  /** The number, or the text where it is not a number. */
  readonly id: string;
  readonly name: string;
  readonly productsNames: readonly string[];
}

/** A KB as a snapshot keeps it, with what is known of it from earlier snapshots. */
export interface SnapshotKb extends KbName, Counts {
  readonly firstSeen: string;
  /** Null while no count of machines was ever known. */
  readonly peak: number | null;
  /** When it last left the list. */
  readonly goneOn: string | null;
  /** Whether it left with a list that was not patched by KBs, so that nobody knows what became of it. */
  readonly isUnexplained: boolean;
}

/** What was read of a product in one run. */
export interface Snapshot {
  readonly day: string;
  readonly kbs: ReadonlyMap<string, SnapshotKb>;
  /** KBs that left the list within the last 90 days. */
  readonly gone: ReadonlyMap<string, SnapshotKb>;
  /** How many items of its answers could not be used, at most. */
  readonly unusable: number;
  /** The answer about weaknesses that explained an empty list. */
  readonly weaknesses: { readonly count: number; readonly askedOn: string } | null;
}

export interface ReadOutcome {
  readonly state: "read" | "empty" | "not-kb-patched";
  readonly snapshot: Snapshot;
  readonly differed: boolean;
}

export interface NotReadOutcome {
  readonly state: "not-read";
  readonly reason: string;
  /** Waiting will not help. */
  readonly forGood: boolean;
  readonly unknownId: boolean;
  /** Whether both calls answered 404; null where nothing was answered. */
  readonly notFound: boolean | null;
}

/** How the reads of one product ended. */
export type Outcome = (ReadOutcome | NotReadOutcome) & { readonly readsUsed: number };

/** One KB of one product in a report. */
export interface Entry extends KbName {
  readonly softwareId: string;
  readonly kind: Kind;
  readonly why: readonly Reason[];
  /** What was read; the last known counts of a product that was not read; null where resolved. */
  readonly current: Counts | null;
  /** The counts last reported; null where the entry was not listed before. */
  readonly previous: Counts | null;
  readonly firstSeen: string;
  readonly peak: number | null;
  readonly ageDays: number;
  readonly overdueDays: number;
  readonly stalled: boolean;
  /** The day on which its counts were read. */
  readonly readDay: string;
}

/** One product of a report. */
export interface Product {
  readonly softwareId: string;
  readonly state: State;
  /** Why it was not read. */
  readonly reason: string | null;
  readonly baseline: boolean;
  readonly unknownId: boolean;
  readonly leftInventory: boolean;
  readonly differed: boolean;
  /** How many of the given reads the rules needed. */
  readonly readsUsed: number;
}

/** One KB over all products; figures are of the entries of the row's kind. */
export interface Row extends KbName {
  readonly kind: Kind;
  readonly reach: number | null;
  readonly cves: number | null;
  readonly firstSeen: string;
  readonly ageDays: number;
  readonly overdueDays: number;
  readonly stalled: boolean;
}

/** KBs, but for the last three, which are products. */
export interface Totals {
  readonly new: number;
  readonly worsened: number;
  readonly returned: number;
  readonly moreCves: number;
  readonly improved: number;
  readonly resolved: number;
  readonly missingKbs: number;
  readonly missingInstalls: number;
  readonly overdue: number;
  readonly stalled: number;
  readonly read: number;
  readonly notRead: number;
  readonly baseline: number;
}

/** Why a run mails, by the numbers of docs/rules.md §5. */
export type MailReason =
  | "first-run"
  | "worse"
  | "changed"
  | "always"
  | "heartbeat"
  | "cannot-see"
  | "first-read"
  | "refused-earlier"
  | "asked-for";

/** What the rules make of one run. */
export interface OracleReport {
  readonly watchlist: string;
  readonly runId: string;
  readonly openedAt: string;
  readonly scheduled: boolean;
  readonly day: string;
  /** The run compared with; null where there is none. */
  readonly previousRunId: string | null;
  readonly settings: Settings;
  readonly entries: readonly Entry[];
  readonly products: readonly Product[];
  readonly rows: readonly Row[];
  readonly totals: Totals;
  readonly mails: boolean;
  readonly mailReasons: readonly MailReason[];
}
