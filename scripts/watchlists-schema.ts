import { type Described, settingsTable } from "../shared/settings/table.ts";
import { watchlistProperties } from "../shared/settings/watchlists.ts";

/**
 * docs/watchlists.schema.json: what the app accepts as a document of watchlists, as far as JSON Schema can say it, for editors.
 * It means the same in draft 7, which editors know, as in 2020-12, which OpenAPI has.
 */
export function watchlistsSchema(): string {
  const properties = Object.entries(watchlistProperties).map(([name, described]) => [name, propertySchema(described)]);
  const required = Object.entries<Described>(watchlistProperties).filter(([, { absent }]) => absent === "required");
  const schema = {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Watchlists",
    description: 'The blob at WATCHLISTS_URL, or the setting WATCHLISTS. Written by "npm run docs".',
    type: "array",
    items: {
      type: "object",
      properties: Object.fromEntries(properties),
      required: required.map(([name]) => name),
      additionalProperties: false,
    },
    ...arrayBounds(),
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

function propertySchema({ kind, meaning, absent, example }: Described) {
  const preset = absent === "required" ? "" : ` Default: ${absent}.`;
  return {
    description: plain(`${meaning}${preset} Allowed: ${kind.allowed}.`),
    ...kind.schema,
    examples: [exampleOf(kind.schema, example)],
  };
}

function exampleOf({ type }: Readonly<Record<string, unknown>>, example: string): string | number {
  return type === "integer" ? Number(example) : example;
}

function arrayBounds() {
  const { minItems, maxItems } = settingsTable.WATCHLISTS.kind.schema;
  return { minItems, maxItems };
}

function plain(markdown: string): string {
  return markdown.replaceAll("`", "");
}
