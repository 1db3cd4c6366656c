/** The two bodies of a mail. */
export interface Bodies {
  html: string;
  text: string;
}

/** Gmail cuts a mail off at about 102,000. */
const maxBytes = 80_000;

/**
 * The bodies with as much as a mail may hold; `compose` takes the share of a good mail's worth, as `linesShown` does. A common
 * mail fits at once. With no room at all, what is left is of bounded size.
 */
export function bounded(compose: (room: number) => Bodies): Bodies {
  for (const room of [1, 0.75, 0.5, 0.2]) {
    const bodies = compose(room);
    if (bytes(bodies.html) <= maxBytes && bytes(bodies.text) <= maxBytes) return bodies;
  }
  return compose(0);
}

function bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}
