import { withoutKbs } from "../../core/coverage.ts";
import { coverageWords } from "../coverage-words.ts";
import { listFailureWords, notInRunWords } from "../list-words.ts";
import { count } from "../words.ts";
import { Cell, ColumnHead, Row, RowHead, Table } from "./cells.tsx";
import { Fold } from "./fold.tsx";
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
    <Fold id="coverage" title="Coverage" note="Products that are not covered, and why" isLive>
      {notes.map((note) => (
        <p key={note} className="note">
          {note}
        </p>
      ))}
      {words.length > 0 && (
        <Table
          className="list"
          caption="What the watchlist does not cover"
          head={
            <>
              <ColumnHead>Not covered</ColumnHead>
              <ColumnHead>Products</ColumnHead>
            </>
          }
        >
          {words.map(({ text, lines, more }) => (
            <Row key={text}>
              <RowHead>{text}</RowHead>
              <Cell label="Products" className="full">
                <ul>
                  {lines.slice(0, mostLines).map((line) => (
                    <li key={line}>{line}</li>
                  ))}
                  {rest(lines, more) > 0 && <li className="id">{count(rest(lines, more))} more</li>}
                </ul>
              </Cell>
            </Row>
          ))}
        </Table>
      )}
      <p className="links">
        <a href={callHref("products", code)}>Find products by name or id</a>
      </p>
    </Fold>
  );
}

const mostLines = 20;

function rest(lines: readonly string[], more: number): number {
  return more + Math.max(0, lines.length - mostLines);
}
