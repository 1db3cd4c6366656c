/** Where a command writes: a terminal or anything else that takes text. */
export interface Screen {
  isTTY?: boolean;
  columns?: number;
  rows?: number;
  write(text: string): unknown;
}

export interface Terminal {
  /** How many lines of the screen are left beside these, the long ones of which take several. */
  linesBeside(texts: readonly string[]): number;
  /** Writes lines that stay. */
  say(text: string): void;
  /**
   * Shows what is under way: in a terminal on one line, which the next text replaces; elsewhere only what is marked as a
   * milestone, as a line that stays.
   */
  progress(text: string, mark?: "milestone"): void;
  /** Removes the line of what was under way, so that something else may write. */
  endProgress(): void;
}

/** Writes to a screen; one that does not say how large it is has 24 lines of 80 columns. */
export function openTerminal(screen: Screen, isDumb = process.env.TERM === "dumb"): Terminal {
  const replaces = screen.isTTY === true && !isDumb;
  const columns = screen.columns || 80;
  let isLineOpen = false;
  const clear = () => {
    if (isLineOpen) screen.write("\r\u001b[K");
    isLineOpen = false;
  };
  return {
    linesBeside(texts) {
      const taken = texts.map((text) => Math.max(1, Math.ceil(text.length / columns)));
      return (screen.rows || 24) - taken.reduce((sum, lines) => sum + lines, 0);
    },
    say(text) {
      clear();
      screen.write(`${text}\n`);
    },
    progress(text, mark) {
      if (!replaces) {
        if (mark) screen.write(`${text}\n`);
        return;
      }
      clear();
      // A text that filled the last column would begin a new line.
      screen.write(shorten(text, columns - 1));
      isLineOpen = true;
    },
    endProgress: clear,
  };
}

function shorten(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

/** The first lines of a text up to a paragraph's end, or in the middle of one that is too long; `more` names the others. */
export function topOf(text: string, mostLines: number, more: (lines: number) => string): string {
  const lines = text.trim().split("\n");
  if (lines.length <= mostLines) return lines.join("\n");
  // One for the line that says how many follow, one above it.
  const most = Math.max(1, mostLines - 2);
  const gap = lines.lastIndexOf("", most);
  const top = lines.slice(0, gap >= most / 2 ? gap : most);
  return [...top, "", more(lines.length - top.length)].join("\n");
}
