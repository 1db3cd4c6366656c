/**
 * Shows the page of another address in place: every part marked `data-live` is exchanged for that page's own, so that all
 * figures stay of one selection. False where it could not be read, or `signal` ended the wait.
 */
export async function showAddress(address: URL, signal: AbortSignal): Promise<boolean> {
  const page = await fetchPage(address, signal);
  if (!page || signal.aborted) return false;
  for (const part of document.querySelectorAll<HTMLElement>("[data-live]")) {
    const other = page.getElementById(part.id);
    if (!other) continue;
    // Screen readers announce a change of what they know, not of something new.
    if (part.dataset.live === "text") setText(part, other.textContent);
    else part.replaceWith(document.importNode(other, true));
  }
  document.title = page.title;
  history.replaceState(null, "", address);
  return true;
}

/** Sets a text, but not to the same again, which screen readers would announce. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

async function fetchPage(address: URL, signal: AbortSignal): Promise<Document | null> {
  try {
    const response = await fetch(address, { headers: { accept: "text/html" }, cache: "no-store", signal });
    return response.ok ? new DOMParser().parseFromString(withoutStyle(await response.text()), "text/html") : null;
  } catch {
    return null;
  }
}

// Its style has another nonce, which the policy of the page shown refuses with a complaint.
function withoutStyle(html: string): string {
  return html.replace(/<style.*?<\/style>/s, "");
}
