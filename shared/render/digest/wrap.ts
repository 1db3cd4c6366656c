/** Text in lines of at most `width` characters, the later ones indented; a word that is longer stands on a line of its own. */
export function wrap(text: string, width: number, indent = ""): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line === "") line = lines.length > 0 ? indent + word : word;
    else if (line.length + 1 + word.length <= width) line += ` ${word}`;
    else {
      lines.push(line);
      line = indent + word;
    }
  }
  return line === "" ? lines : [...lines, line];
}
