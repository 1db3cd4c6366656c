/** A log line: the fixed message, then its facts as JSON, so that queries can find both. */
export function formatLog(message: string, fields: Readonly<Record<string, unknown>> = {}): string {
  return Object.keys(fields).length === 0 ? message : `${message} ${JSON.stringify(fields)}`;
}

/** The log texts that alerts, the workbook and the runbook search for; infra/ and docs/ quote them. */
export const logTexts = {
  notStarted: "The app does not start",
  opened: "runs opened",
  read: "products read",
  notRead: "product could not be read",
  committed: "run committed",
  poison: "messages failed for good",
  feedFault: "advisories could not be read",
} as const;
