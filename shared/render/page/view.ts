import type { KbHistory } from "../../core/kb-history.ts";
import type { OverviewRow } from "../../core/overview.ts";
import type { RunSummary } from "../../core/run.ts";
import type { RunId } from "../../core/run-id.ts";
import type { AskedReport } from "../asked-report.ts";
import type { ReportParameters, Values } from "../parameters.ts";
import type { RenderOptions } from "../words.ts";

/** What the page was asked for: everything that its address says. */
export type PageQuery = Omit<Partial<Values<ReportParameters>>, "format" | "progress"> & {
  watchlist: string;
  run: "latest" | RunId;
};

/** A run in progress, just finished or dropped. */
export interface ShownProgress {
  runId: RunId;
  state: "queued" | "running" | "committed" | "dropped";
  /** Why it was dropped. */
  reason?: string | undefined;
  read: number;
  total: number;
}

/** What every page needs. */
export interface PageFrame {
  watchlists: readonly string[];
  /** Whether the reader may start runs; absent: yes. */
  mayStart?: boolean;
  /** For the inline style and script; new for every response. */
  nonce: string;
  /** The function key in the address, if any: links and forms carry it on. */
  code?: string;
  progress?: ShownProgress;
}

/** What the report page needs. */
export interface PageView extends PageFrame, AskedReport {
  options: RenderOptions;
  /** Runs to choose from, in the order in which they were opened. */
  runs: readonly Pick<RunSummary, "runId" | "openedAt">[];
  query: PageQuery;
  /** Missing installs of listed products over 30 days; absent where products are not listed completely. */
  lines?: ReadonlyMap<string, OverviewRow["line"]>;
  /** Of `query.kb`, over the runs up to this one. */
  history?: KbHistory;
}

/** What the page needs before the first run. */
export interface EmptyPageView extends PageFrame {
  watchlist: string;
  options: RenderOptions;
}
