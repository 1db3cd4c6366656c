import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { needsEmulator, readSettingsFile, settingsFile } from "../../local/settings-file.ts";

const before = process.cwd();
const folder = mkdtempSync(join(tmpdir(), "settings-"));
beforeAll(() => process.chdir(folder));
afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
});

function readingOf(content: string | Uint8Array) {
  writeFileSync(settingsFile, content);
  return readSettingsFile();
}

test("without the file there are no settings of your own", () => {
  rmSync(settingsFile, { force: true });
  expect(readSettingsFile()).toBeNull();
});

test("values are texts, as the Functions tools make them; null is none", () => {
  const Values = { MAIL_TO: "a@contoso.com", DUE_DAYS: 7, SENDGRID_SANDBOX: true, MAIL_WHEN: null };
  const read = readingOf(JSON.stringify({ IsEncrypted: false, Values }));
  expect(read?.values).toEqual({ MAIL_TO: "a@contoso.com", DUE_DAYS: "7", SENDGRID_SANDBOX: "true" });
});

test("a byte order mark is skipped", () => {
  expect(readingOf('\ufeff{"Values": {"DUE_DAYS": "7"}}')?.values).toEqual({ DUE_DAYS: "7" });
});

describe("a faulty file is refused with where and why", () => {
  const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('{"Values": {}}', "utf16le")]);
  test.each([
    [
      "a trailing comma",
      '{\n  "Values": {\n    "DUE_DAYS": "7",\n  }\n}',
      "is not valid JSON at line 4, column 3: remove the comma before }.",
    ],
    [
      "smart quotes",
      '{"Values": {\n  "DUE_DAYS": “7”}}',
      'is not valid JSON at line 2, column 15: use straight quotation marks (") instead of “.',
    ],
    ["UTF-16", utf16, "is in UTF-16. Save it in UTF-8."],
    [
      "encrypted values",
      '{"IsEncrypted": true, "Values": {"DUE_DAYS": "c2VjcmV0"}}',
      'is encrypted. Decrypt it with "func settings decrypt".',
    ],
    [
      "settings outside Values",
      '{"DUE_DAYS": "7"}',
      'needs an object "Values" with the settings, as in local.settings.sample.json.',
    ],
  ])("%s", (_, content, fault) => {
    expect(() => readingOf(content)).toThrow(new Error(`${settingsFile} ${fault}`));
  });

  test("an object where a text belongs", () => {
    const content = '{"Values": {\n  "DUE_DAYS": "7",\n  "WATCHLISTS": [{"name": "a"}]\n}}';
    const fault =
      'WATCHLISTS must be a text: put the value into quotation marks, with \\" for each inside (local.settings.json, line 3, column 17)';
    expect(() => readingOf(content)).toThrow(new Error(fault));
  });
});

test("a problem of a setting gets the place of its value, the last one of a name that is there twice", () => {
  const read = readingOf('{"Values": {\n  "DUE_DAYS": "7",\n  "MAIL_TO" :  "nobody",\n  "DUE_DAYS": "x"\n}}');
  expect(read?.withPlace("MAIL_TO: is faulty.")).toBe("MAIL_TO: is faulty. (local.settings.json, line 3, column 16)");
  expect(read?.withPlace("DUE_DAYS: x")).toBe("DUE_DAYS: x (local.settings.json, line 4, column 15)");
  expect(read?.withPlace("MAIL_FROM: is missing.")).toBe("MAIL_FROM: is missing.");
});

test.each([
  [{}, true],
  [{ REPORTER_STORAGE: "UseDevelopmentStorage=true" }, true],
  [{ REPORTER_STORAGE: "AccountName=x;AccountKey=eA==" }, false],
  [{ REPORTER_STORAGE__accountName: "streporter" }, false],
  [{ REPORTER_STORAGE__tableServiceUri: "https://x.table.core.windows.net" }, false],
])("settings %o need the emulator: %s", (values, needed) => {
  expect(needsEmulator(values)).toBe(needed);
});
