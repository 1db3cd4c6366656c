import { describe, expect, test } from "vitest";
import { chooseFormat, preferredFormat } from "../../shared/http/negotiate.ts";
import { ask, request } from "../support/ask.ts";

const offers = {
  json: "application/json; charset=utf-8",
  html: "text/html; charset=utf-8",
  csv: "text/csv; charset=utf-8",
};
const accepting = (accept?: string) => request({}, { headers: { accept } });

describe("the format of a response", () => {
  test.each([
    [undefined, "json"],
    ["", "json"],
    ["*/*", "json"],
    ["application/*", "json"],
    ["text/*", "html"],
    ["TEXT/HTML", "html"],
    ["Text/Csv;Q=0.5", "csv"],
    ["application/json; charset=UTF-8", "json"],
    ["text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", "html"],
    ["application/json, text/plain, */*", "json"],
    ["text/csv;q=0.4, text/html;q=0.6", "html"],
    ["text/html;q=0.4, text/csv;q=0.6", "csv"],
    ["text/html;q=0, */*", "json"],
    ["application/json;q=0, */*;q=0.1", "html"],
    ["text/html;q=0, text/*", "csv"],
    ["*/*;q=0.1, text/csv;q=0.2", "csv"],
    ["text/html;q=0", null],
    ["*/*;q=0", null],
    ["image/png", null],
    ["application/json+ld", null],
    [",;q=", null],
  ])("for Accept: %s is %s", (accept, format) => {
    expect(preferredFormat(accepting(accept), offers)).toBe(format);
  });

  test("is what format= asks for, whatever is accepted", () => {
    expect(chooseFormat("csv", accepting("text/html"), offers)).toBe("csv");
    expect(chooseFormat("csv", accepting("image/png"), offers)).toBe("csv");
  });

  test("that nobody accepts is 406 with the types that there are", async () => {
    const given = await ask(accepting("image/png"), async (asked) => {
      throw new Error(chooseFormat(undefined, asked, offers));
    });
    expect(given.status).toBe(406);
    expect(given.json).toMatchObject({
      title: "Not acceptable",
      allowed: ["application/json", "text/html", "text/csv"],
    });
  });
});
