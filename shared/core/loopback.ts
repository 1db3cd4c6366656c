/** Whether a URL's hostname is this very machine: the one place to which plain http may carry keys and tokens. */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}
