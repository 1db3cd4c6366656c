import type { ShownProgress } from "../view.ts";
import { droppedWords, readSoFar } from "../words.ts";
import { setText } from "./live.ts";

const wait = 2_000;
const maxFailures = 5;

/** Shows how far a run is until it is committed, then opens its report, or until it is dropped. Waits twice as long after each failure. */
export async function followProgress(section: HTMLElement): Promise<void> {
  const { status, done } = section.dataset;
  const [words, bar] = [section.querySelector("p"), section.querySelector("progress")];
  if (!status || !done || !words || !bar) return;
  let failures = 0;
  while (failures < maxFailures) {
    const progress = await fetchProgress(status);
    failures = progress ? 0 : failures + 1;
    if (progress?.state === "committed") return location.replace(done);
    if (progress?.state === "dropped") return showDropped(section, progress, words);
    if (progress?.state === "running") show(progress, words, bar);
    if (failures < maxFailures) await sleep(wait * 2 ** failures);
  }
  words.textContent = "Could not read the progress. Reload the page to try again.";
}

function show({ read, total }: ShownProgress, words: HTMLElement, bar: HTMLProgressElement): void {
  bar.max = Math.max(1, total);
  bar.value = read;
  setText(words, `${readSoFar(read, total)}.`);
}

function showDropped(section: HTMLElement, { reason }: ShownProgress, words: HTMLElement): void {
  setText(words, droppedWords("The run", reason));
  for (const rest of section.querySelectorAll("progress, a")) rest.remove();
}

async function fetchProgress(address: string): Promise<ShownProgress | null> {
  try {
    const response = await fetch(address, { headers: { accept: "application/json" }, cache: "no-store" });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
