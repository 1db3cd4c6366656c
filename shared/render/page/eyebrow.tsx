import { callHref } from "./link.ts";

/** What a page is about, with the way to all watchlists where there are several. */
export function Eyebrow({ isOneOfMany, code }: { isOneOfMany: boolean; code: string | undefined }) {
  return (
    <p className="eyebrow">
      Missing KBs
      {isOneOfMany && (
        <a className="to-all" href={callHref("overview", code)}>
          All watchlists
        </a>
      )}
    </p>
  );
}
