import { readProducts } from "../shared/core/product-list.ts";
import { type FoundListed, searchProducts } from "../shared/core/product-search.ts";
import { homeTenant } from "../shared/core/watchlist.ts";
import type { Ports } from "../shared/ports.ts";
import { outsidePermit } from "../shared/run/reserve.ts";
import { startAzurite } from "./azurite.ts";
import { startDemoWorld } from "./demo-world.ts";
import { forgetEnvironment } from "./environment.ts";
import { readFlags } from "./flags.ts";
import { needsEmulator, readSettingsFile, settingsFile } from "./settings-file.ts";

const help = `npm run products -- words

Finds the ids of products by words of their id, name or vendor, such as
npm run products -- edge

It asks Defender with your local.settings.json, or the simulated world of
npm start, and says which watchlists watch each product.

  --help  shows this`;

const mostShown = 40;

process.stdout.on("error", () => process.exit(0));
process.exit(await run(process.argv.slice(2)));

/** The exit code: 1 if nothing was found, 2 if Defender could not be asked. */
async function run(given: readonly string[]): Promise<number> {
  try {
    const isFlag = (text: string) => text.startsWith("-");
    const flags = readFlags(given.filter(isFlag), "npm run products", { help: { type: "boolean" } });
    if (flags.help) {
      console.log(help);
      return 0;
    }
    const search = given.filter((text) => !isFlag(text)).join(" ");
    Object.assign(process.env, await settings());
    // The app reads the settings while it loads.
    const { connect } = await import("../shared/app.ts");
    const { ports } = await connect();
    const found = await find(search, { ...ports, log: () => {}, catalogue: async () => null });
    for (const line of linesOf(found, search)) console.log(line);
    return found.length > 0 ? 0 : 1;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 2;
  }
}

/** The settings to ask Defender with; of your own, those that say what to watch may still be missing. */
async function settings(): Promise<Readonly<Record<string, string>>> {
  const own = readSettingsFile();
  if (own) {
    const { values } = own;
    console.log(`With ${settingsFile}, as the person who is signed in with the Azure CLI or azd:`);
    const emulator = needsEmulator(values) ? await startAzurite() : null;
    const isWatching = values.SOFTWARE_IDS || values.WATCHLISTS || values.WATCHLISTS_URL;
    return {
      ...values,
      ...(!isWatching && { SOFTWARE_IDS: "vendor:microsoft" }),
      ...(emulator && { REPORTER_STORAGE: emulator.connectionString }),
    };
  }
  console.log("In the simulated world of npm start:");
  forgetEnvironment();
  const demo = await startDemoWorld();
  return demo.settings(demo.softwareIds);
}

async function find(search: string, ports: Ports): Promise<FoundListed[]> {
  const { list: watchlists } = await ports.watchlists();
  const tenants = new Set([
    ...watchlists.map(({ tenant }) => tenant),
    ...(watchlists.length === 0 ? [homeTenant] : []),
  ]);
  const lists = [];
  for (const tenant of tenants) {
    const items = await ports.defender.listSoftware(tenant, { permit: outsidePermit(tenant, ports) });
    const list = { readAt: ports.now().toISOString(), products: readProducts(items) };
    lists.push({ tenant, listing: null, list, watchlists: watchlists.filter((one) => one.tenant === tenant) });
  }
  return searchProducts(lists, search);
}

function linesOf(found: readonly FoundListed[], search: string): string[] {
  if (found.length === 0) return [`Defender lists no product with "${search}".`];
  const shown = found.slice(0, mostShown);
  const isOfMany = new Set(found.map(({ tenant }) => tenant)).size > 1;
  const rows = shown.map(({ softwareId, weaknesses, exposedMachines, installedMachines, watchlists, tenant }) => [
    ...(isOfMany ? [tenant] : []),
    softwareId,
    String(weaknesses ?? "?"),
    `${exposedMachines ?? "?"}/${installedMachines ?? "?"}`,
    watchlists.join(", ") || "-",
  ]);
  const head = [...(isOfMany ? ["tenant"] : []), "id", "weaknesses", "exposed/machines", "watched by"];
  const more = found.length - shown.length;
  return [...aligned([head, ...rows]), ...(more > 0 ? [`${more} more: add a word.`] : [])];
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
