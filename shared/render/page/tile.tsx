import { count } from "../words.ts";

/** One count on top of the overview. */
export interface TileFacts {
  label: string;
  /** `null`: nobody knows. */
  value: number | null;
  tone: "bad" | "warn" | "good" | "plain";
}

/** One count with a link to what it counts. */
export function Tile(props: TileFacts & { href?: string | undefined }) {
  const { label, value, tone, href } = props;
  const content = (
    <>
      <span className="value">{count(value)}</span> <span className="label">{label}</span>
    </>
  );
  return (
    <li className={value ? `tile ${tone}` : "tile none"}>
      {href && value ? <a href={href}>{content}</a> : <div>{content}</div>}
    </li>
  );
}
