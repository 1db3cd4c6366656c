import type { Report } from "../../core/report.ts";

/** A report's file name, the same in mail and download. It has only characters that need no quoting in a header or a shell. */
export function fileName({ watchlist, runId, previousRunId }: Report, extension: string): string {
  const parts = ["missing-kbs", watchlist, runId, ...(previousRunId ? ["since", previousRunId] : [])];
  return `${parts
    .join("-")
    .replaceAll(":", "")
    .replace(/[^\w.-]+/g, "-")}.${extension}`;
}
