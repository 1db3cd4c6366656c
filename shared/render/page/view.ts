import type { KbHistory } from "../../core/kb-history.ts";
import type { Report } from "../../core/report.ts";
import type { RunId } from "../../core/run-id.ts";
import type { Selection } from "../../core/selection.ts";
import type { RenderOptions } from "../words.ts";

/** What the page was asked for: everything that its address says. */
export interface PageQuery extends Selection {
  watchlist: string;
  run: "latest" | RunId;
  /** The run compared with, where it is not the one that the run itself compared with. */
  from?: RunId;
  /** A KB to be shown over runs, in place of the report. */
  kb?: string;
  /** Which page of KBs, and which of software; from 1. */
  page?: number;
  softwarePage?: number;
}

/** A run under way, or just done. */
export interface ShownProgress {
  runId: RunId;
  state: "queued" | "running" | "committed";
  read: number;
  total: number;
}

/** What every page is made of. */
export interface PageFrame {
  watchlists: readonly string[];
  /** For the inline style and script; fresh for every answer. */
  nonce: string;
  /** The function key of the address, where it has one: links and forms carry it on. */
  code?: string;
  progress?: ShownProgress;
}

/** What the report page is made of. */
export interface PageView extends PageFrame {
  report: Report;
  options: RenderOptions;
  /** The runs to choose from, oldest first. */
  runs: readonly { runId: RunId }[];
  query: PageQuery;
  /** Over the runs up to this one, for `query.kb`. */
  history?: KbHistory;
}

/** What the page is made of where there is no run yet. */
export interface EmptyPageView extends PageFrame {
  watchlist: string;
  options: RenderOptions;
}
