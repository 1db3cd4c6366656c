import { execFile } from "node:child_process";
import { expect, test } from "vitest";

/** What the command prints, and its exit code. */
function products(...words: string[]): Promise<{ code: number; text: string }> {
  return new Promise((done) => {
    execFile(process.execPath, ["local/products.ts", ...words], (error, stdout, stderr) => {
      done({ code: Number(error?.code ?? 0), text: stdout + stderr });
    });
  });
}

test("npm run products finds ids in the simulated world, with who watches them", { timeout: 60_000 }, async () => {
  const [found, none, wrong, help] = await Promise.all([
    products("edge", "chromium"),
    products("edge", "windows"),
    products("--hlep"),
    products("--help"),
  ]);
  expect(found.text).toMatch(
    /^id +weaknesses +exposed\/machines +watched by\nmicrosoft-_-edge_chromium-based +\d+ +\d+\/\d+ +default$/m,
  );
  expect(found.code).toBe(0);
  expect(none).toMatchObject({ code: 1, text: expect.stringContaining('no product with "edge windows"') });
  expect(wrong).toMatchObject({ code: 2, text: expect.stringContaining("--help") });
  expect(help).toMatchObject({ code: 0, text: expect.stringContaining("npm run products -- edge") });
});
