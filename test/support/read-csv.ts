/** Reads strict RFC 4180: CRLF at the end of every line, doubled quotes, nothing after a closing quote. */
export function readCsv(text: string): string[][] {
  const lines: string[][] = [];
  const cell = /"((?:[^"]|"")*)"|([^",\r\n]*)/uy;
  let line: string[] = [];
  for (let at = 0; at < text.length; ) {
    cell.lastIndex = at;
    const [cellText = "", quoted, plain] = cell.exec(text) ?? [];
    line.push(quoted === undefined ? (plain ?? "") : quoted.replaceAll('""', '"'));
    at += cellText.length;
    if (text.startsWith(",", at)) {
      at += 1;
      continue;
    }
    if (!text.startsWith("\r\n", at)) throw new Error(`Neither a comma nor CRLF at ${at}: ${text.slice(at, at + 20)}`);
    at += 2;
    lines.push(line);
    line = [];
  }
  if (line.length > 0) throw new Error("The last line does not end.");
  return lines;
}
