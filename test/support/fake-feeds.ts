import type { KevEntry, MsrcKb } from "../../shared/core/advisory.ts";
import { type FeedAnswer, FeedError, type Feeds, type Validators } from "../../shared/ports.ts";

/** Feeds in memory, which answer "not modified" until something of them is set. */
export interface FakeFeeds extends Feeds {
  /** In order: `list`, `list?` where it is asked with validators, a month's id, `kev`, `kev?`. */
  calls: string[];
  /** From now on MSRC has this month, and lists it as changed. */
  setMonth(id: string, kbs: readonly MsrcKb[] | FeedError): void;
  setKev(entries: readonly KevEntry[] | FeedError): void;
  setListFault(fault: FeedError | null): void;
}

/** Feeds that have nothing yet. */
export function fakeFeeds(): FakeFeeds {
  const months = new Map<string, { changedAt: string; kbs: readonly MsrcKb[] | FeedError }>();
  const calls: string[] = [];
  let [listVersion, kevVersion] = [0, 0];
  let kev: readonly KevEntry[] | FeedError = [];
  let listFault: FeedError | null = null;

  function answer<T>(content: T, version: number, asked: Validators): FeedAnswer<T> | null {
    const etag = `"${version}"`;
    return asked.etag === etag ? null : { content, skipped: 0, validators: { etag } };
  }
  function orThrow<T>(said: T | FeedError): T {
    if (said instanceof FeedError) throw said;
    return said;
  }
  const nameOf = (document: string, { etag }: Validators) => (etag === undefined ? document : `${document}?`);

  return {
    calls,
    setMonth(id, kbs) {
      listVersion += 1;
      months.set(id, { changedAt: `version ${listVersion}`, kbs });
    },
    setKev(entries) {
      kevVersion += 1;
      kev = entries;
    },
    setListFault(fault) {
      listFault = fault;
    },
    async readMonths(asked) {
      calls.push(nameOf("list", asked));
      if (listFault) throw listFault;
      return answer(
        [...months].map(([id, { changedAt }]) => ({ id, changedAt })),
        listVersion,
        asked,
      );
    },
    async readMonth(id) {
      calls.push(id);
      return { content: orThrow(months.get(id)?.kbs ?? new FeedError(`There is no ${id}.`)), skipped: 0 };
    },
    async readKev(asked) {
      calls.push(nameOf("kev", asked));
      return answer(orThrow(kev), kevVersion, asked);
    },
  };
}
