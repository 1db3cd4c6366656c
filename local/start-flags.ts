import { readFlags, UsageError } from "./flags.ts";

/** The port of the report page where none is given, as of `func start`, and that of the inbox. */
export const usualPorts = { page: 7071, inbox: 7072 };

export const startHelp = `npm start [-- flags]

Plays a month in a simulated tenant and shows today's digest, then keeps a
report page and an inbox open. With a local.settings.json it reads your own
tenant instead.

  --open         opens the report page in your browser
  --port NUMBER  the port of the report page (${usualPorts.page}); if in use, another
  --once         prints today's digest in full and ends
  --help         shows this`;

export interface StartFlags {
  /** Ends after today's digest. */
  once: boolean;
  open: boolean;
  port: number;
}

/** The flags of `npm start`; `null`: only its help is wanted. Throws a `UsageError`. */
export function readStartFlags(args: readonly string[]): StartFlags | null {
  const given = readFlags(args, "npm start", {
    open: { type: "boolean" },
    port: { type: "string" },
    once: { type: "boolean" },
    help: { type: "boolean" },
  });
  if (given.help) return null;
  const { once = false, open = false, port = String(usualPorts.page) } = given;
  if (once && open) throw new UsageError("--once ends before a page could be opened. Leave out --once or --open.");
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) {
    throw new UsageError(`--port must be a whole number from 1 to 65535, such as --port 8080.`);
  }
  return { once, open, port: Number(port) };
}
