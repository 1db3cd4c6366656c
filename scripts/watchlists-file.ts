import { settingsTable } from "../shared/settings/table.ts";
import type { WatchlistDefaults } from "../shared/settings/watchlists.ts";
import { parseWatchlists } from "../shared/settings/watchlists.ts";

/** How many watchlists a file has, and everything that is wrong with them. */
export interface CheckedFile {
  watchlists: number;
  faults: readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Checks the text of infra/watchlists.json as the app will that is deployed from this environment. */
export function checkFile(text: string, env: Environment): CheckedFile {
  if (/^\s*\[\s*\]\s*$/.test(text)) return { watchlists: 0, faults: [] };
  const entries = parseWatchlists(text, defaultsOf(env));
  if (typeof entries === "string") return { watchlists: 0, faults: [entries] };
  return { watchlists: entries.length, faults: entries.map(({ fault }) => fault).filter((fault) => fault !== null) };
}

function defaultsOf({ AUTH, DEFENDER_APP_ID }: Environment): WatchlistDefaults {
  const table = settingsTable;
  return {
    thresholds: {
      minMachines: table.WORSE_MIN_MACHINES.default,
      minPercent: table.WORSE_MIN_PERCENT.default,
      minCves: table.WORSE_MIN_CVES.default,
    },
    ...{
      mailWhen: table.MAIL_WHEN.default,
      heartbeatDay: table.HEARTBEAT_DAY.default,
      dueDays: table.DUE_DAYS.default,
      dueDaysExploited: table.DUE_DAYS_EXPLOITED.default,
      dueFrom: table.DUE_FROM.default,
      alertExploited: table.ALERT_EXPLOITED.default,
    },
    otherTenants: !!DEFENDER_APP_ID?.trim(),
    readerRoles: AUTH?.trim().toLowerCase() === "entra",
  };
}

export interface Upload {
  file: string;
  account: string;
  container: string;
  /** Runs the Azure CLI; fails with what it said. */
  az: (args: readonly string[]) => Promise<unknown>;
  pause: (ms: number) => Promise<unknown>;
  log: (line: string) => void;
}

const pauseMs = 15_000;
const maxTries = 20;

/** Uploads a file as the person signed in. A right that was just given takes minutes to take effect. */
export async function upload({ file, account, container, az, pause, log }: Upload): Promise<void> {
  const place = ["--account-name", account, "--container-name", container, "--name", "watchlists.json"];
  const how = ["--content-type", "application/json", "--auth-mode", "login", "--overwrite", "--only-show-errors"];
  for (let tries = 1; ; tries += 1) {
    try {
      await az(["storage", "blob", "upload", "--file", file, ...place, ...how]);
      return;
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      if (!/AuthorizationPermissionMismatch|required permissions/.test(said) || tries === maxTries) throw error;
      if (tries === 1) log("Waiting for the right to upload the watchlists to take effect; this can take minutes.");
      await pause(pauseMs);
    }
  }
}
