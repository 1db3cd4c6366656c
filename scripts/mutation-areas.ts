interface Area {
  /** Globs of what is mutated. */
  mutate: string[];
  /** The tests that stand next to it: each mutant costs a run of those that reach it. */
  tests: string[];
  /** The least score in percent. */
  least: number;
}

const areas: Readonly<Record<string, Area>> = {
  core: { mutate: ["shared/core/**/*.ts"], tests: ["test/core/**/*.test.ts"], least: 90 },
  settings: {
    mutate: ["shared/settings.ts", "shared/settings/**/*.ts"],
    tests: ["test/settings.test.ts"],
    least: 80,
  },
  defender: {
    mutate: ["shared/io/defender/defender.ts", "shared/io/defender/**/*.ts"],
    tests: ["test/io/defender/defender.test.ts", "test/io/defender/**/*.test.ts"],
    least: 80,
  },
  tables: {
    mutate: ["shared/io/storage/tables.ts", "shared/io/storage/**/*.ts"],
    tests: ["test/io/storage/tables.test.ts", "test/io/storage/**/*.test.ts"],
    least: 80,
  },
};

export const areaNames = Object.keys(areas);

/** The area that the environment names; scripts/mutate.ts sets it. */
export const areaName = process.env.MUTATE ?? "core";

/** What is mutated, and by which tests that is to be noticed. */
export function readArea(): Area {
  const area = areas[areaName];
  if (!area) throw new Error(`MUTATE names no area: ${areaName}; there are: ${areaNames.join(", ")}.`);
  return area;
}
