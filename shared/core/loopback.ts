/** Whether a URL's hostname is this machine, the only place to which keys and tokens may go over plain http. */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}
