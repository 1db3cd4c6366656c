import type { Bundled } from "./bundled-packages.ts";

/** The licences of packages. Those with the same text share it. */
export function thirdPartyNotices(packages: readonly Bundled[]): string {
  const byText = Map.groupBy(packages, ({ text }) => text || "The package has no licence text.");
  const parts = [...byText].map(([text, sharing]) => `${titleOf(sharing)}\n\n${text}`).toSorted();
  return `${["This app contains code of these packages.", ...parts].join(`\n\n${"-".repeat(80)}\n\n`)}\n`;
}

function titleOf(packages: readonly Bundled[]): string {
  const titles = packages.map(({ name, version, license }) => `${name} ${version} (${license})`);
  return titles.toSorted().join("\n");
}
