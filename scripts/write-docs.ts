import { writeFileSync } from "node:fs";
import { settingsDocument } from "./settings-document.ts";
import { watchlistsSchema } from "./watchlists-schema.ts";

writeFileSync("docs/settings.md", settingsDocument());
writeFileSync("docs/watchlists.schema.json", watchlistsSchema());
