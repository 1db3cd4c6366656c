import {
  claimed,
  givenBack,
  type Mail,
  maySend,
  refused,
  secondsUntilDue,
  sending,
  settled,
  withoutDeadClaim,
} from "../core/mail.ts";
import type { RunId } from "../core/run-id.ts";
import { type OutgoingMail, type Ports, RowError, type Store, TooLargeError } from "../ports.ts";
import { SnapshotGoneError } from "./load-report.ts";

/** A row that owes a mail, and how that is made; the row has changed since `version` where `save` is false. */
export interface Letter<Row extends { mail: Mail }> {
  read(): Promise<Versioned<Row> | null>;
  save(version: string, mail: Mail): Promise<boolean>;
  compose(row: Row, ports: Ports): Promise<OutgoingMail>;
  /** The run of the last digest before it. */
  since: RunId | null;
  /** What names it in the log. */
  named: Readonly<Record<string, string>>;
  /** When its row was written, ISO 8601 in UTC. */
  owedSince: string;
}

interface Versioned<Row> {
  row: Row;
  version: string;
}

/** Claims one owed mail and sends it, unless another process is faster. */
export async function sendLetter<Row extends { mail: Mail }>(letter: Letter<Row>, ports: Ports): Promise<void> {
  const { now, log } = ports;
  const stored = await letter.read();
  if (!stored || secondsUntilDue(stored.row.mail, now()) !== 0) return;
  const { row, version } = stored;
  const mail = withoutDeadClaim(row.mail, now());
  if (mail.status === "refused") {
    if (await letter.save(version, mail)) log("error", mailLogs.refused, fieldsOf(letter, mail));
    return;
  }
  if (mail !== row.mail) log("error", mailLogs[row.mail.status], fieldsOf(letter, mail));
  const claim = claimed(mail, letter.since, now());
  if (await letter.save(version, claim)) await sendClaimed({ ...row, mail: claim }, letter, ports);
}

/** Composes and sends a mail that this process has claimed. */
async function sendClaimed<Row extends { mail: Mail }>(row: Row, letter: Letter<Row>, ports: Ports): Promise<void> {
  const { mailer, now, log } = ports;
  const outgoing = await composeOrRefuse(row, letter, ports);
  if (!outgoing) return;
  const leaving = sending(row.mail, now(), mailer.canAsk === true);
  if (!(await replaceMail(row.mail, leaving, letter))) return;
  // A process that was frozen until now must not send what another sends: nothing is awaited between this and the send.
  if (!maySend(leaving, now())) {
    log("warn", "mail given back: too late to send it", fieldsOf(letter, leaving));
    await replaceMail(leaving, givenBack(leaving, now()), letter);
    return;
  }
  const outcome = await mailer.send(outgoing);
  const mail = settled(leaving, outcome, letter.owedSince, now());
  const isUnknown = outcome.status === "unknown" && mail.status === "pending";
  const text = isUnknown ? mailLogs.sending : mailLogs[mail.status];
  log(mail.status === "sent" ? "info" : "error", text, { ...outcome, ...fieldsOf(letter, mail) });
  if (!(await replaceMail(leaving, mail, letter)))
    log("error", "mail outcome not saved: another process took over the claim", fieldsOf(letter, mail));
}

/** The log text for each status that a mail can get; alerts search for these texts. */
export const mailLogs = {
  none: "mail not owed",
  pending: "mail not sent, will retry",
  claimed: "mail not composed, will retry",
  sending: "mail of unknown outcome",
  sent: "mail sent",
  refused: "mail refused",
  cancelled: "mail cancelled",
} as const satisfies Record<Mail["status"], string>;

/** What the log says of a mail. */
export function fieldsOf({ named }: Pick<Letter<never>, "named">, { attempts, reason }: Mail) {
  return { ...named, attempts, ...(reason !== undefined && { reason }) };
}

/** The mail, or `null` if it cannot be composed and is refused. Where storage fails, it is given back and the error thrown. */
async function composeOrRefuse<Row extends { mail: Mail }>(
  row: Row,
  letter: Letter<Row>,
  ports: Ports,
): Promise<OutgoingMail | null> {
  const { store, now, log } = ports;
  const watched = watch(store);
  try {
    return await letter.compose(row, { ...ports, store: watched.store });
  } catch (error) {
    if (watched.hasFailedWith(error)) {
      await replaceMail(row.mail, givenBack(row.mail, now()), letter).catch((also) => {
        log("error", "mail not given back", { ...fieldsOf(letter, row.mail), reason: String(also) });
      });
      throw error;
    }
    const mail = refused(row.mail, reasonOf(error), now());
    log("error", mailLogs.refused, { ...fieldsOf(letter, mail), error: error instanceof Error ? error.stack : error });
    await replaceMail(row.mail, mail, letter);
    return null;
  }
}

function reasonOf(error: unknown): string {
  const isForPeople = error instanceof RowError || error instanceof SnapshotGoneError || error instanceof TooLargeError;
  return isForPeople ? error.message : `The app failed to compose it: ${String(error)}.`;
}

/** The same store, and whether an error is trouble of storage itself and not of a row: that passes. */
function watch(store: Store): { store: Store; hasFailedWith: (error: unknown) => boolean } {
  const failures = new Set<unknown>();
  const watched = new Proxy(store, {
    get(target, name, receiver) {
      const method: unknown = Reflect.get(target, name, receiver);
      if (typeof method !== "function") return method;
      return async (...args: unknown[]) => {
        try {
          return await method.apply(target, args);
        } catch (error) {
          if (!(error instanceof RowError)) failures.add(error);
          throw error;
        }
      };
    },
  });
  return { store: watched, hasFailedWith: (error) => failures.has(error) };
}

/** Replaces the mail that this process holds, however often the rest of the row changes meanwhile; false if it no longer holds it. */
async function replaceMail<Row extends { mail: Mail }>(held: Mail, mail: Mail, letter: Letter<Row>): Promise<boolean> {
  for (let tries = 0; tries < 10; tries++) {
    const stored = await letter.read();
    if (!stored || !isSameClaim(stored.row.mail, held)) return false;
    if (await letter.save(stored.version, mail)) return true;
  }
  return false;
}

function isSameClaim(a: Mail, b: Mail): boolean {
  return a.status === b.status && a.at === b.at && a.attempts === b.attempts;
}
