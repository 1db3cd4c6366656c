import Negotiator from "negotiator";
import { Problem } from "./problem.ts";
import { type HttpRequest, mediaTypes } from "./response.ts";

/** The formats that a call offers, with the media type of each; the first is the one for callers who accept anything. */
export type Offers<Format extends string> = Readonly<Record<Format, string>>;

/** An offer of these formats, the one for callers who accept anything first. */
export function offer<Format extends keyof typeof mediaTypes>(...formats: readonly Format[]): Offers<Format> {
  return Object.fromEntries(formats.map((format) => [format, mediaTypes[format]])) as Record<Format, string>;
}

/** The format that a request prefers by its `Accept` header; `null` if it accepts none of them. */
export function preferredFormat<Format extends string>(
  { headers }: HttpRequest,
  offers: Offers<Format>,
): Format | null {
  const formats = Object.keys(offers) as Format[];
  // An empty header is treated like none: everything is acceptable.
  const accept = headers.get("accept") || "*/*";
  const type = new Negotiator({ headers: { accept } }).mediaType(Object.values(offers));
  return formats.find((format) => offers[format] === type) ?? null;
}

/** The format of a response: what `format=` asks for, else what `Accept` prefers. */
export function chooseFormat<Format extends string>(
  asked: Format | undefined,
  request: HttpRequest,
  offers: Offers<Format>,
): Format {
  const format = asked ?? preferredFormat(request, offers);
  if (format) return format;
  const allowed = Object.values<string>(offers).map((type) => type.replace(/;.*/, ""));
  const detail = `The Accept header allows none of the formats. Accept ${allowed.join(", ")}, or set "format".`;
  throw new Problem(406, "Not acceptable", detail, { allowed });
}
