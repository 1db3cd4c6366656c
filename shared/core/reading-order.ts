/**
 * The products of several lists, each once, in the order to read them: what many short lists wait for comes first, so that
 * no short list waits for a long one.
 */
export function readingOrder(lists: readonly (readonly string[])[]): string[] {
  const weights = new Map<string, number>();
  for (const list of lists) {
    for (const softwareId of list) weights.set(softwareId, (weights.get(softwareId) ?? 0) + 1 / list.length);
  }
  return [...weights].sort(([, a], [, b]) => b - a).map(([softwareId]) => softwareId);
}
