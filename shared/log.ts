/** One line for the log: the fixed message, then its facts as JSON, so that queries can find both. */
export function formatLog(message: string, fields: Readonly<Record<string, unknown>> = {}): string {
  return Object.keys(fields).length === 0 ? message : `${message} ${JSON.stringify(fields)}`;
}

/** What the logs say of the steps that alerts and the workbook look for; infra/ holds the same texts. */
export const logTexts = {
  opened: "runs opened",
  read: "software read",
  unread: "software not read",
  committed: "run committed",
  poison: "messages failed for good",
} as const;
