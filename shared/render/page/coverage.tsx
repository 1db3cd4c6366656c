import { withoutKbs } from "../../core/coverage.ts";
import { coverageWords } from "../coverage-words.ts";
import { listFailureWords, notInRunWords } from "../list-words.ts";
import { count } from "../words.ts";
import { callHref } from "./link.ts";
import type { PageView } from "./view.ts";

/** What the watchlist covers and what it does not; nothing where there is nothing to say. */
export function CoverageSection({ view: { full, code } }: { view: PageView }) {
  const { productList, timeZone } = full;
  const words = coverageWords(full, withoutKbs(full));
  const notes = [
    productList && listFailureWords(productList, timeZone),
    productList && notInRunWords(productList),
  ].filter((note) => note !== null);
  if (words.length + notes.length === 0) return null;
  return (
    <section id="coverage" aria-labelledby="coverage-title" data-live>
      <h2 id="coverage-title">Coverage</h2>
      {notes.map((note) => (
        <p key={note} className="note">
          {note}
        </p>
      ))}
      {words.map(({ text, lines, more }) => (
        <div key={text}>
          <p>{text}</p>
          <ul>
            {lines.slice(0, mostLines).map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
          {rest(lines, more) > 0 && <p className="note">{count(rest(lines, more))} more.</p>}
        </div>
      ))}
      <p className="links">
        <a href={callHref("products", code)}>Find products by name or id</a>
      </p>
    </section>
  );
}

const mostLines = 20;

function rest(lines: readonly string[], more: number): number {
  return more + Math.max(0, lines.length - mostLines);
}
