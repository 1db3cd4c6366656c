// docs/rules.md §1: what is read.

import { daysBetween } from "./days.ts";
import { replaces, supersededIn } from "./known.ts";
import { byNumber } from "./order.ts";
import type {
  Counts,
  Failure,
  KbName,
  Known,
  Line,
  NotReadOutcome,
  Outcome,
  ProductAnswers,
  Read,
  ReadOutcome,
  Snapshot,
  SnapshotKb,
} from "./types.ts";

type ListedKb = KbName & Counts;

/** One answer: the KBs that it lists on some machine. */
interface Answer {
  kbs: Map<string, ListedKb>;
  /** How many items could not be used. */
  unusable: number;
  /** Whether it lists any KB, were it on 0 machines. */
  listsAny: boolean;
}

interface Reading {
  /** The tenant's newest snapshot of the product. */
  last: Snapshot | null;
  answers: ProductAnswers;
  day: string;
  known: Known | null;
  used: number;
}

const givenUp: Failure = { permanent: false, reason: "given up" };

/** Reads a product as the rules say and explains what came; of several tries the last one counts. */
export function readProduct(
  last: Snapshot | null,
  answers: ProductAnswers | readonly ProductAnswers[] | null,
  { day, known }: Pick<Reading, "day" | "known">,
): Outcome {
  let outcome: Outcome = { ...notRead({ permanent: false, reason: "not attempted" }), notFound: null, readsUsed: 0 };
  for (const tried of triesOf(answers)) {
    const used: number = outcome.readsUsed;
    outcome = readTry({ last, answers: tried, day, known, used: 0 });
    outcome = { ...outcome, readsUsed: used + outcome.readsUsed };
    if (outcome.state !== "not-read") break;
  }
  return outcome;
}

function triesOf(answers: ProductAnswers | readonly ProductAnswers[] | null): readonly ProductAnswers[] {
  if (answers === null) return [];
  const tries = "reads" in answers ? [answers] : answers;
  return tries.filter(({ reads }) => reads.length > 0);
}

function readTry(reading: Reading): Outcome {
  const { answers } = reading;
  let outcome = readOnce(reading);
  // A run may try again later; each try begins anew.
  while (outcome.state === "not-read" && !outcome.forGood && reading.used < answers.reads.length) {
    outcome = readOnce(reading);
  }
  return { ...outcome, readsUsed: reading.used };
}

function readOnce(reading: Reading): ReadOutcome | NotReadOutcome {
  const { last } = reading;
  const first = nextAnswer(reading);
  if (isFailure(first)) return failedRead(first, reading);
  const answers = [first];
  if (last !== null && vanishes(last, answers)) {
    const second = nextAnswer(reading);
    if (isFailure(second)) return notRead(second);
    answers.push(second);
  }
  return conclude(answers, reading);
}

function conclude(answers: Answer[], reading: Reading): ReadOutcome | NotReadOutcome {
  const { last, day, known } = reading;
  const listed = listedByEither(answers, last);
  const unusable = mostUnusable(answers);
  const snapshot = { ...takeSnapshot(listed, last, { day, known }), unusable };
  const differed = listsDiffer(answers);
  if (listed.size > 0) return { state: "read", snapshot, differed };
  // KBs that are listed on 0 machines say themselves that they are not missing.
  if (answers.some((answer) => answer.listsAny)) return { state: "empty", snapshot, differed };
  const weaknesses = openWeaknesses(reading);
  if (isFailure(weaknesses)) return notRead(weaknesses);
  const explained = { ...snapshot, weaknesses };
  if (weaknesses.count === 0) return { state: "empty", snapshot: explained, differed };
  if (last === null && answers.length === 1) {
    const second = nextAnswer(reading);
    if (isFailure(second)) return notRead(second);
    return conclude([...answers, second], reading);
  }
  if (last !== null && last.kbs.size > 0 && daysBetween(last.day, day) <= 7) {
    return notRead({ permanent: false, reason: "empty over open weaknesses" });
  }
  return { state: "not-kb-patched", snapshot: { ...explained, gone: unexplained(snapshot.gone, last) }, differed };
}

/** What left just now left without an explanation. */
function unexplained(gone: ReadonlyMap<string, SnapshotKb>, last: Snapshot | null): Map<string, SnapshotKb> {
  return new Map([...gone].map(([key, kb]) => [key, last?.kbs.has(key) ? { ...kb, isUnexplained: true } : kb]));
}

function nextAnswer(reading: Reading): Answer | Failure {
  const read: Read = reading.answers.reads[reading.used] ?? givenUp;
  if (isFailure(read)) {
    if (read !== givenUp) reading.used += 1;
    return read;
  }
  reading.used += 1;
  const answer = readAnswer(read);
  if (answer.unusable > 0 && !answer.listsAny) return { permanent: false, reason: "no item can be used" };
  return answer;
}

function mostUnusable(answers: readonly Answer[]): number {
  return Math.max(...answers.map((answer) => answer.unusable));
}

function isFailure(value: object): value is Failure {
  return "permanent" in value;
}

function notRead(failure: Failure): NotReadOutcome {
  return { state: "not-read", reason: failure.reason, forGood: failure.permanent, unknownId: false, notFound: false };
}

function failedRead(failure: Failure, { last, answers }: Reading): NotReadOutcome {
  const notFound = failure.notFound === true && answers.software === "unknown";
  if (!notFound) return notRead(failure);
  const unknownId = last === null;
  return { ...notRead(failure), notFound, unknownId, forGood: unknownId };
}

/** While the list stays empty, the answer is remembered for seven days. */
function openWeaknesses({ last, answers, day }: Reading): { count: number; askedOn: string } | Failure {
  const remembered = last?.weaknesses ?? null;
  if (remembered !== null && daysBetween(remembered.askedOn, day) <= 7) return remembered;
  const { software } = answers;
  if (software === undefined) return givenUp;
  if (software === "unknown") return { permanent: false, reason: "empty, and the product is not found" };
  if (software !== null && typeof software === "object") return software;
  const count = wholeNumber(software);
  if (count === null) return { permanent: false, reason: "empty, and weaknesses are not said" };
  return { count, askedOn: day };
}

function vanishes(last: Snapshot, answers: Answer[]): boolean {
  return [...last.kbs.keys()].some((key) => !answers.some((answer) => answer.kbs.has(key)));
}

function listsDiffer(answers: Answer[]): boolean {
  const [first, second] = answers;
  if (first === undefined || second === undefined) return false;
  return first.kbs.size !== second.kbs.size || [...first.kbs.keys()].some((key) => !second.kbs.has(key));
}

function listedByEither(answers: Answer[], last: Snapshot | null): Map<string, ListedKb> {
  const listed = new Map<string, ListedKb>();
  for (const answer of answers) {
    for (const kb of answer.kbs.values()) listed.set(kb.key, kb);
  }
  const unusable = mostUnusable(answers);
  if (last === null || unusable === 0) return listed;
  for (const kb of last.kbs.values()) {
    const isDoubted = unusable > last.unusable || (kb.machines === null && kb.cves === null);
    if (isDoubted && !listed.has(kb.key)) listed.set(kb.key, { ...kb, machines: null, cves: null });
  }
  return listed;
}

function readAnswer(items: readonly unknown[]): Answer {
  const kbs = new Map<string, ListedKb>();
  let unusable = 0;
  for (const item of items) {
    const kb = readItem(item);
    if (kb === null) {
      unusable += 1;
      continue;
    }
    const twin = kbs.get(kb.key);
    kbs.set(kb.key, twin === undefined ? kb : { ...twin, ...largerCounts(twin, kb) });
  }
  const missing = new Map([...kbs].filter(([, { machines }]) => machines !== 0));
  return { kbs: missing, unusable, listsAny: kbs.size > 0 };
}

function largerCounts(one: Counts, other: Counts): Counts {
  return { machines: larger(one.machines, other.machines), cves: larger(one.cves, other.cves) };
}

/** The larger known count; null where neither is known. */
export function larger(one: number | null, other: number | null): number | null {
  if (one === null) return other;
  if (other === null) return one;
  return Math.max(one, other);
}

/** Null where the item has no id. */
function readItem(item: unknown): ListedKb | null {
  if (typeof item !== "object" || item === null) return null;
  const fields = item as Record<string, unknown>;
  const text = typeof fields.id === "string" || typeof fields.id === "number" ? String(fields.id).trim() : "";
  if (text === "") return null;
  if (text.toUpperCase() === "KB" || text.length > 40) return null;
  const name = typeof fields.name === "string" ? fields.name.trim() : "";
  const number = numberIn(text);
  const productsNames = Array.isArray(fields.productsNames)
    ? fields.productsNames.filter((product) => typeof product === "string")
    : [];
  return {
    key: number ?? `${text}\n${name}`,
    id: number ?? text,
    name,
    productsNames,
    machines: wholeNumber(fields.machineMissedOn),
    cves: wholeNumber(fields.cveAddressed),
  };
}

/** What is left of an id without `KB`, a separator and zeros in front, if that is a number. */
function numberIn(text: string): string | undefined {
  const rest = text.replace(/^kb/i, "").replace(/^[\s#:_-]+/, "");
  if (!/^\d+$/.test(rest)) return undefined;
  return rest.replace(/^0+/, "") || "0";
}

function wholeNumber(value: unknown): number | null {
  if (typeof value === "string") return /^\s*\d+\s*$/.test(value) ? wholeNumber(Number(value)) : null;
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

function takeSnapshot(
  listed: Map<string, ListedKb>,
  last: Snapshot | null,
  { day, known: facts }: Pick<Reading, "day" | "known">,
): Snapshot {
  const kbs = new Map<string, SnapshotKb>();
  for (const kb of listed.values()) {
    const known = last?.kbs.get(kb.key) ?? recentlyGone(last?.gone.get(kb.key), day);
    kbs.set(kb.key, {
      ...kb,
      firstSeen: known?.firstSeen ?? day,
      peak: larger(known?.peak ?? null, kb.machines),
      goneOn: known?.goneOn ?? null,
      isUnexplained: false,
      line: known?.line ?? null,
      replacedBy: null,
    });
  }
  const left = [...(last?.kbs.values() ?? [])].filter(({ key }) => !kbs.has(key));
  const replacedBy = handOnLines(kbs, left, facts);
  const gone = new Map<string, SnapshotKb>();
  for (const kb of last?.gone.values() ?? []) {
    if (!kbs.has(kb.key) && recentlyGone(kb, day) !== undefined) gone.set(kb.key, kb);
  }
  for (const kb of left) {
    gone.set(kb.key, { ...kb, goneOn: day, isUnexplained: false, replacedBy: replacedBy.get(kb.key) ?? null });
  }
  return { day, kbs, gone: lastToLeave(gone), unusable: 0, weaknesses: null };
}

/** Gives the KBs listed the lines of those that left and that they replace; says which of them replaced each. */
function handOnLines(
  kbs: Map<string, SnapshotKb>,
  left: readonly SnapshotKb[],
  facts: Known | null,
): Map<string, string> {
  const isReplacing = (newer: string, older: string) => replaces(newer, older, supersededIn(facts));
  const heirs = new Map<string, string[]>();
  for (const kb of kbs.values()) {
    const old = left.filter(({ key }) => isReplacing(kb.key, key));
    if (old.length === 0) continue;
    for (const { key } of old) heirs.set(key, [...(heirs.get(key) ?? []), kb.key]);
    kbs.set(kb.key, goOnWith(kb, old, facts));
  }
  return new Map(
    [...heirs].map(([key, ids]) => {
      const nearest = ids.filter((id) => !ids.some((other) => isReplacing(id, other)));
      return [key, nearest.sort(byNumber)[0] ?? ""];
    }),
  );
}

function goOnWith(kb: SnapshotKb, old: readonly SnapshotKb[], facts: Known | null): SnapshotKb {
  const keys = new Set([...(kb.line?.keys ?? []), ...old.flatMap(({ key, line }) => [...(line?.keys ?? []), key])]);
  const since = [...old.map((one) => countsFrom(one, facts?.kbs[one.key]?.released)), kb.line?.since ?? "~"].sort();
  const firstSeen = [kb.firstSeen, ...old.map((one) => one.firstSeen)].sort();
  const ownFirstSeen = kb.line?.ownFirstSeen ?? kb.firstSeen;
  return { ...kb, firstSeen: firstSeen[0] ?? "", line: { keys: [...keys], since: since[0] ?? "", ownFirstSeen } };
}

/** The day that the age of a KB counts from with `DUE_FROM=released`. */
export function countsFrom(
  { firstSeen, line }: { firstSeen: string; line: Line | null },
  released: string | undefined,
): string {
  const days = [line?.ownFirstSeen ?? firstSeen, released ?? "~", line?.since ?? "~"];
  return days.sort()[0] ?? "";
}

const mostRemembered = 500;

function lastToLeave(gone: Map<string, SnapshotKb>): Map<string, SnapshotKb> {
  if (gone.size <= mostRemembered) return gone;
  const latestFirst = [...gone.values()].sort((one, other) => {
    const [left, otherLeft] = [one.goneOn ?? "", other.goneOn ?? ""];
    if (left !== otherLeft) return left > otherLeft ? -1 : 1;
    return one.key < other.key ? -1 : 1;
  });
  return new Map(latestFirst.slice(0, mostRemembered).map((kb) => [kb.key, kb]));
}

/** The KB if it left the list within the last 90 days. */
export function recentlyGone(kb: SnapshotKb | undefined, day: string): SnapshotKb | undefined {
  return kb?.goneOn != null && daysBetween(kb.goneOn, day) <= 90 ? kb : undefined;
}
