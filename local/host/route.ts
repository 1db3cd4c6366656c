/** A function's route as the host matches it, `{watchlist}/{runId?}` or `files/{*path}`. */
export interface RouteTemplate {
  segments: readonly Segment[];
}

interface Segment {
  /** Matches one path segment as a whole, without the slashes. */
  pattern: RegExp;
  names: readonly string[];
  optional: boolean;
  catchAll: boolean;
  /** The more exact a segment is, the smaller; routes are tried in this order. */
  rank: number;
}

// The constraints of ASP.NET Core's routes that need no argument; values are text in any case.
const constraints: Readonly<Record<string, string>> = {
  int: "[+-]?\\d+",
  long: "[+-]?\\d+",
  bool: "(?:[Tt]rue|[Ff]alse)",
  alpha: "[A-Za-z]+",
  guid: "[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}",
};

/** Reads a route template; one that the host cannot play is an error that names it. */
export function parseRoute(route: string): RouteTemplate {
  const parts = route.split("/").filter((part) => part !== "");
  return { segments: parts.map((part) => parseSegment(part, route)) };
}

function parseSegment(part: string, route: string): Segment {
  const names: string[] = [];
  let optional = false;
  let catchAll = false;
  let constrained = false;
  const pattern = part
    .split(/(\{[^{}]*\})/)
    .map((piece) => {
      const parameter = piece.match(/^\{(\*{0,2})(\w+)(?::(\w+))?(\?)?\}$/);
      if (!parameter) {
        if (/[{}]/.test(piece)) throw new Error(`The development host does not understand the route '${route}'.`);
        return piece.replace(/[.*+?^$()|[\]\\]/g, "\\$&");
      }
      const [, star, name = "", constraint, question] = parameter;
      names.push(name);
      optional ||= Boolean(question) || Boolean(star);
      catchAll ||= Boolean(star);
      constrained ||= Boolean(constraint);
      return `(${patternOf(constraint, route, Boolean(star))})`;
    })
    .join("");
  const rank = names.length === 0 ? 0 : catchAll ? 3 : constrained ? 1 : 2;
  return { pattern: new RegExp(`^${pattern}$`, "is"), names, optional, catchAll, rank };
}

function patternOf(constraint: string | undefined, route: string, catchAll: boolean): string {
  if (constraint === undefined) return catchAll ? ".*" : ".+";
  const pattern = constraints[constraint];
  if (!pattern) throw new Error(`The development host does not know '${constraint}' in the route '${route}'.`);
  return pattern;
}

/** Orders routes so that the more exact one is tried first. */
export function compareRoutes(a: RouteTemplate, b: RouteTemplate): number {
  const length = Math.max(a.segments.length, b.segments.length);
  for (let index = 0; index < length; index += 1) {
    const difference = (a.segments[index]?.rank ?? 2.5) - (b.segments[index]?.rank ?? 2.5);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The route's parameters where the path fits, else `null`. The path is encoded, as it came. */
export function matchRoute(route: RouteTemplate, path: string): Record<string, string> | null {
  const parts = path.replace(/\/$/, "").split("/").slice(1).map(decodeSegment);
  if (parts.includes("")) return null;
  const open = route.segments.at(-1)?.catchAll ?? false;
  if (!open && parts.length > route.segments.length) return null;
  const params: Record<string, string> = {};
  for (const [index, segment] of route.segments.entries()) {
    const own = segment.catchAll ? parts.slice(index) : parts.slice(index, index + 1);
    const found = matchSegment(segment, own);
    if (!found) return null;
    Object.assign(params, found);
  }
  return params;
}

function matchSegment(segment: Segment, parts: readonly string[]): Record<string, string> | null {
  if (parts.length === 0) return segment.optional ? {} : null;
  const match = parts.join("/").match(segment.pattern);
  return match && Object.fromEntries(segment.names.map((name, index) => [name, match[index + 1] ?? ""]));
}

/**
 * What the host's web server makes of a path segment: percent-encoding undone, but for `%2F`, so that a parameter
 * never holds a slash that was not one, and for what is not UTF-8.
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
