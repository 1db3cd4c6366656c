import { count } from "../words.ts";
import type { TileFacts } from "./tiles.ts";

/** One count on top of a page, with a link to what it counts. */
export function Tile(props: Omit<TileFacts, "filter"> & { href?: string | undefined }) {
  const { label, value, note, tone, href } = props;
  const content = (
    <>
      <span className="value">{count(value)}</span> <span className="label">{label}</span>
      {note && <span className="then">{note}</span>}
    </>
  );
  return (
    <li className={value ? `tile ${tone}` : "tile none"}>
      {href && value ? <a href={href}>{content}</a> : <div>{content}</div>}
    </li>
  );
}
