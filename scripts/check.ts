import { spawnSync } from "node:child_process";

/* Everything to run before a commit, the fastest step first. */
const steps = ["lint", "types", "unused", "test"];

const began = performance.now();
for (const [index, step] of steps.entries()) {
  const title = `[${index + 1}/${steps.length}] npm run ${step}`;
  console.log(title);
  const start = performance.now();
  const { status } = spawnSync(`npm run --silent ${step}`, { shell: true, stdio: "inherit" });
  console.log(`${title}: ${status === 0 ? "passed" : "failed"} in ${secondsSince(start)} s\n`);
  if (status !== 0) process.exit(1);
}
console.log(`All passed in ${secondsSince(began)} s.`);

function secondsSince(start: number): string {
  return ((performance.now() - start) / 1000).toFixed(0);
}
