/** What a run is committed with. */
export interface Settings {
  readonly minMachines: number;
  readonly minPercent: number;
  readonly minCves: number;
  readonly mailWhen: "worse" | "changed" | "always";
  /** `Monday` to `Sunday`, or `none`. */
  readonly heartbeatDay: string;
  readonly dueDays: number;
  readonly dueDaysExploited: number;
  readonly dueFrom: "released" | "first-seen";
  readonly timeZone: string;
  /** 400 where absent. */
  readonly retentionDays?: number;
}

/** What the feeds say at a time. */
export interface Known {
  /** By number. */
  readonly kbs: Readonly<Record<string, KnownKb>>;
  /** The CVEs in CISA's catalogue. */
  readonly kev: readonly string[];
}

/** A KB in MSRC's documents. */
export interface KnownKb {
  readonly released: string;
  readonly supersedes: readonly string[];
  readonly cves: readonly string[];
  /** Those that MSRC calls exploited. */
  readonly exploitedCves: readonly string[];
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
  /** What was known of KBs while it was read and committed; absent: nothing. */
  readonly known?: Known | null;
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
  | "resolved"
  | "replaced";

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
  /** What it replaced. */
  readonly line: Line | null;
  /** The key of the KB that replaced it when it left. */
  readonly replacedBy: string | null;
}

/** The KBs that a KB replaced. */
export interface Line {
  /** Their keys, the first ones first. */
  readonly keys: readonly string[];
  /** The earliest day that the age of one of them counted from, with `DUE_FROM=released`. */
  readonly since: string;
  /** The KB's own first sight. */
  readonly ownFirstSeen: string;
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
  /** The day that its age counts from. */
  readonly since: string;
  /** The last day on which it is not overdue. */
  readonly dueOn: string;
  readonly ageDays: number;
  readonly overdueDays: number;
  readonly stalled: boolean;
  /** The day on which its counts were read. */
  readonly readDay: string;
  /** The keys of what it replaced. */
  readonly replaces: readonly string[];
  /** Where it is replaced: the key of the KB that is listed in its place. */
  readonly replacedBy: string | null;
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
  readonly since: string;
  readonly dueOn: string;
  readonly advisory: AdvisoryState;
  /** The release and the exploited CVEs; null and none where it is not known to MSRC. */
  readonly released: string | null;
  readonly exploitedCves: readonly string[];
  readonly ageDays: number;
  readonly overdueDays: number;
  readonly stalled: boolean;
}

/** Whether MSRC's documents have a KB, as far as the run had any facts of it. */
export type AdvisoryState = "known" | "not-known" | "no-facts";

/** What a run knew of its KBs, by key: null where MSRC does not know the KB. */
export type Advisories = ReadonlyMap<string, Advised | null>;

export interface Advised {
  readonly released: string;
  readonly supersedes: readonly string[];
  /** By either feed, sorted. */
  readonly exploitedCves: readonly string[];
}

/** A KB to install, and the entries that this closes. */
export interface Action {
  readonly key: string;
  readonly installs: readonly Entry[];
  readonly covers: readonly Entry[];
  readonly exploited: boolean;
  /** The largest count of machines of one product that has to install it. */
  readonly machines: number | null;
  readonly since: string;
}

/** KBs, but for the last three, which are products. */
export interface Totals {
  readonly new: number;
  readonly worsened: number;
  readonly returned: number;
  readonly moreCves: number;
  readonly improved: number;
  readonly resolved: number;
  readonly replaced: number;
  readonly missingKbs: number;
  readonly missingInstalls: number;
  readonly overdue: number;
  readonly stalled: number;
  readonly exploited: number;
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
  /** Null: it used no facts. */
  readonly advisories: Advisories | null;
  readonly entries: readonly Entry[];
  readonly products: readonly Product[];
  /** In the order of the report. */
  readonly rows: readonly Row[];
  readonly totals: Totals;
  readonly mails: boolean;
  readonly mailReasons: readonly MailReason[];
}
