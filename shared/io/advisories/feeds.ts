import { isMonthId } from "../../core/msrc-month.ts";
import { FeedError, type Feeds } from "../../ports.ts";
import { createGetDocument, defaultPatience, type FeedPatience } from "./get-document.ts";
import { readCatalogue } from "./kev.ts";
import { readList, readMonth } from "./msrc.ts";

export interface FeedsOptions {
  /** The base of MSRC's API, without a trailing slash. */
  msrcUrl: string;
  /** CISA's catalogue. */
  kevUrl: string;
  patience?: FeedPatience;
}

/** MSRC and CISA, or their mirrors. Addresses in the documents are never followed. */
export function createFeeds({ msrcUrl, kevUrl, patience = defaultPatience }: FeedsOptions): Feeds {
  const msrc = createGetDocument(new URL(msrcUrl), patience);
  const cisa = createGetDocument(new URL(kevUrl), patience);
  const ofMsrc = { setting: "MSRC_URL" };
  return {
    async readMonths(validators) {
      const asked = { ...ofMsrc, url: `${msrcUrl}/updates`, name: "MSRC's list of months", maxMiB: 1, validators };
      const document = await msrc(asked);
      return document && { ...readList(document.json), validators: document.validators };
    },
    async readMonth(id) {
      if (!isMonthId(id)) throw new TypeError(`"${id}" is not a month such as 2026-Nov.`);
      const name = `MSRC's document of ${id}`;
      const document = await msrc({ ...ofMsrc, url: `${msrcUrl}/cvrf/${id}`, name, maxMiB: 20 });
      if (!document) throw new FeedError(`${name} is empty.`);
      return readMonth(id, document.json);
    },
    async readKev(validators) {
      const asked = { url: kevUrl, name: "CISA's catalogue", setting: "KEV_URL", maxMiB: 10, validators };
      const document = await cisa(asked);
      return document && { ...readCatalogue(document.json), validators: document.validators };
    },
  };
}
