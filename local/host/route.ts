/** A function's route as its segments: words, matched in any case, and parameters such as `{watchlist}`. */
export type Route = readonly Segment[];

type Segment = { word: string } | { parameter: string };

/** Reads a route; one that this host cannot match is an error that names it. */
export function parseRoute(route: string): Route {
  return segmentsOf(route).map((segment) => {
    const parameter = segment.match(/^\{(\w+)\}$/)?.[1];
    if (parameter !== undefined) return { parameter };
    if (/[{}]/.test(segment)) throw new Error(`The development host cannot match the route '${route}'.`);
    return { word: segment.toLowerCase() };
  });
}

/** The route's parameters if the path matches, else `null`. The path is encoded, as it came. */
export function matchRoute(route: Route, path: string): Record<string, string> | null {
  const parts = path.replace(/\/$/, "").split("/").slice(1).map(decodeSegment);
  if (parts.length !== route.length || parts.includes("")) return null;
  const params: Record<string, string> = {};
  for (const [index, segment] of route.entries()) {
    const part = parts[index] ?? "";
    if ("parameter" in segment) params[segment.parameter] = part;
    else if (part.toLowerCase() !== segment.word) return null;
  }
  return params;
}

function segmentsOf(route: string): string[] {
  return route.split("/").filter((segment) => segment !== "");
}

/**
 * Undoes percent-encoding as the host's web server does: not for `%2F`, so that a parameter never gains a slash, nor for
 * bytes that are not UTF-8.
 */
function decodeSegment(segment: string): string {
  return segment.replace(/(?:%(?!2f)[0-9a-f]{2})+/gi, (encoded) => {
    try {
      return decodeURIComponent(encoded);
    } catch {
      return encoded;
    }
  });
}
