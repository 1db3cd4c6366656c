import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { expect, test } from "vitest";
import { openInBrowser } from "../../local/browser.ts";

test.each(["no opener", "an opener that finds no browser"])("without a browser nothing breaks: %s", async (what) => {
  const bin = mkdtempSync(join(tmpdir(), "bin-"));
  for (const name of what === "no opener" ? [] : ["xdg-open", "open"]) {
    writeFileSync(join(bin, name), "#!/bin/sh\nexit 3\n", { mode: 0o755 });
  }
  const env = { PATH: `${bin}${delimiter}/no-such-folder` };
  const failed = new Promise<void>((failed) => openInBrowser("http://127.0.0.1:1/", env, failed));
  await expect(failed).resolves.toBeUndefined();
});
