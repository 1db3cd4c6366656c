import { describe, expect, it } from "vitest";
import { catalogLink, healthLink, productLink, reportLink, safeLink } from "../../shared/render/link.ts";

describe("safeLink", () => {
  it("lets https pass on the hosts where Microsoft describes KBs", () => {
    for (const url of [
      "https://support.microsoft.com/kb/5041585",
      "https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB4540673",
      "https://www.catalog.update.microsoft.com/Search.aspx?q=KB5041585",
    ]) {
      expect(safeLink(url)).toBe(url);
    }
    expect(safeLink("HTTPS://SUPPORT.MICROSOFT.COM/kb/1")).toBe("https://support.microsoft.com/kb/1");
  });

  it("lets nothing else pass", () => {
    for (const url of [
      null,
      "",
      "KB5041585",
      "javascript:alert(1)//https://support.microsoft.com/",
      "data:text/html,https://support.microsoft.com/",
      "http://support.microsoft.com/kb/1",
      "//support.microsoft.com/kb/1",
      "https://support.microsoft.com.evil.example/kb/1",
      "https://evil.example/https://support.microsoft.com/kb/1",
      "https://support.microsoft.com@evil.example/kb/1",
      "https://user:secret@support.microsoft.com/kb/1",
      "https://support.microsoft.com:8443/kb/1",
      "https://support.microsoft.com./kb/1",
      "https://support.micr\u043esoft.com/kb/1",
      "https://evilsupport.microsoft.com/kb/1",
      `https://support.microsoft.com/${"a".repeat(300)}`,
    ]) {
      expect(safeLink(url), String(url)).toBeNull();
    }
  });

  it("leaves no character that ends an attribute or a line", () => {
    expect(safeLink(`https://support.microsoft.com/kb/1"><script>`)).toBe(
      "https://support.microsoft.com/kb/1%22%3E%3Cscript%3E",
    );
    expect(safeLink("https://support.microsoft.com/kb/\r\n1\u202E")).toBe(
      "https://support.microsoft.com/kb/1%E2%80%AE",
    );
  });
});

describe("links to Microsoft", () => {
  it("search the Update Catalog for a KB by its number, and for nothing else", () => {
    expect(catalogLink("5070884")).toBe("https://www.catalog.update.microsoft.com/Search.aspx?q=KB5070884");
    for (const id of ["", "abc", "1&x=2", "5070884 ", "12345678901"]) expect(catalogLink(id)).toBeNull();
  });

  it("lead to a product's machines in Defender, of another tenant by its id", () => {
    const portal = "https://security.microsoft.com";
    const path = "/vulnerability-management-inventories/applications/microsoft-_-windows_11";
    expect(productLink(portal, "microsoft-_-windows_11", "home")).toBe(portal + path);
    expect(productLink(portal, "microsoft-_-windows_11", "8f2a")).toBe(`${portal}${path}?tid=8f2a`);
    expect(productLink(portal, '"><b>/?#\ud800', "home")).toBe(
      `${portal}/vulnerability-management-inventories/applications/%22%3E%3Cb%3E%2F%3F%23%EF%BF%BD`,
    );
  });
});

describe("links to the reporter", () => {
  it("name the watchlist, the run and what is wanted of it", () => {
    expect(reportLink("https://r.example", "a & b/ü", "2026-11-23T10:17Z")).toBe(
      "https://r.example/api/report?watchlist=a+%26+b%2F%C3%BC&run=2026-11-23T10%3A17Z&format=html",
    );
    const narrowed = new URL(
      reportLink("https://r.example", "a", "2026-11-23", { format: "csv", change: "new" }) ?? "",
    );
    expect(Object.fromEntries(narrowed.searchParams)).toEqual({
      watchlist: "a",
      run: "2026-11-23",
      format: "csv",
      change: "new",
    });
    expect(healthLink("https://r.example")).toBe("https://r.example/api/health");
  });

  it("are absent where no address is configured", () => {
    expect(reportLink(null, "a", "2026-11-23")).toBeNull();
    expect(healthLink(null)).toBeNull();
  });
});
