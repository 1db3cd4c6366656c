import { type Described, settingsTable } from "../shared/settings/table.ts";
import { watchlistProperties } from "../shared/settings/watchlists.ts";

const opening = `# Settings

<!-- Written by "npm run docs" from shared/settings/table.ts: change it there. -->

In Azure, settings are the function app's environment variables. On your own machine they are the \`Values\` of
\`local.settings.json\`; start with a copy of \`local.settings.sample.json\`.

A setting that is absent or empty takes its default. If a setting is wrong, the app does not start, and one message lists
every wrong setting with what is allowed and an example. It never shows a secret.`;

/** docs/settings.md: every setting by section, then the properties of a watchlist. */
export function settingsDocument(): string {
  const bySection = Map.groupBy(Object.entries(settingsTable), ([, { section }]) => section);
  const sections = [...bySection].map(([section, settings]) => `## ${section}\n\n${tableOf("setting", settings)}`);
  const properties = tableOf("property", Object.entries(watchlistProperties));
  const watchlist = `## Properties of a watchlist\n\nEach object of \`WATCHLISTS\`, or of the blob at \`WATCHLISTS_URL\`, has these properties and no others.
Editors check and complete them with [watchlists.schema.json](watchlists.schema.json).\n\n${properties}`;
  return `${[opening, ...sections, watchlist].join("\n\n")}\n`;
}

type Row = readonly [name: string, described: Described & { default?: unknown }];

function tableOf(title: string, rows: readonly Row[]): string {
  const lines = rows.map(([name, { kind, default: value, absent, meaning, example }]) => {
    const cells = [
      code(name),
      absent ?? code(String(value)),
      `${meaning} Allowed: ${escaped(kind.allowed)}.`,
      code(example),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  return [`| ${title} | default | meaning | example |`, "| --- | --- | --- | --- |", ...lines].join("\n");
}

function code(text: string): string {
  return `\`${text}\``;
}

// What is allowed is plain text, and Markdown would take "_" for emphasis and "<" for markup.
function escaped(text: string): string {
  return text.replaceAll(/[\\_*<|[\]]/g, "\\$&");
}
