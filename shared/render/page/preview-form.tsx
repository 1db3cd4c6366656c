import { Carried } from "./filter.tsx";
import { callHref } from "./link.ts";
import type { PageFrame } from "./view.ts";

/** The way from a report to the preview, for those who may use it. */
export function PreviewForm({ frame, watchlist }: { frame: PageFrame; watchlist: string }) {
  const { code, mayStart = true } = frame;
  if (!mayStart) return null;
  return (
    <form method="post" action={callHref("preview", code)} className="try">
      <Carried fields={{ watchlist }} code={code} />
      <button type="submit">Try other settings</button>
    </form>
  );
}
