import { plainText } from "../core/text.ts";
import { listShown, shown } from "./excerpt.ts";
import { isDomain, readList, textKind } from "./kinds.ts";
import type { Kind } from "./reader.ts";

/** As many as SendGrid takes for one mail. */
const mostAddresses = 1_000;
const limits = { whole: 400, name: 128, address: 254, local: 64 };

const advice = { allowed: "name@domain or Name <name@domain>", example: "Patch Team <patch-team@contoso.com>" };

/** One mail address, `a@b` or `Name <a@b>`; a name in quotation marks comes without them. */
export const addressKind: Kind<string> = textKind(advice, (text, { fault }) => {
  const address = readAddress(text);
  if (!address) fault(`${shown(text)} is not a mail address`);
  return address?.whole ?? null;
});

/** Mail addresses, each once whatever its name or capitals: SendGrid refuses a mail that names one twice. */
export const addressesKind: Kind<readonly string[]> = {
  allowed: `1 to ${mostAddresses} addresses, ${advice.allowed}, between commas or semicolons or on lines of their own; a name that holds a comma in quotation marks`,
  example: `${advice.example}, ciso@contoso.com`,
  read(value, { fault, warning }) {
    const given = readList(value, splitAddresses, { fault, warning });
    const byAddress = new Map<string, string>();
    const twice = new Set<string>();
    for (const text of given) {
      const address = readAddress(text);
      if (!address) fault(`${shown(text)} is not a mail address`);
      else if (byAddress.has(address.key)) twice.add(address.key);
      else byAddress.set(address.key, address.whole);
    }
    if (given.length === 0) fault("holds no address");
    if (byAddress.size > mostAddresses) {
      fault(`holds ${byAddress.size} addresses, where a mail takes ${mostAddresses}; use a distribution list`);
    }
    if (twice.size > 0) warning(`names some addresses more than once; each gets one mail: ${listShown(twice)}`);
    return [...byAddress.values()];
  },
};

function splitAddresses(text: string): string[] {
  return text.match(/(?:"[^"\r\n]*"|[^",;\r\n]+|")+/g) ?? [];
}

const addressShape = /^(?:"([^"]*)"\s*|([^"<>]*))<([^<>]*)>$/;

// SendGrid's library cuts at the first "<" and keeps quotation marks, hence neither may stay in a name.
function readAddress(text: string): { whole: string; key: string } | null {
  if (text.length > limits.whole || plainText(text) !== text) return null;
  const [, quoted, bare = "", inner = text] = addressShape.exec(text) ?? [];
  const name = (quoted ?? bare).trim();
  const address = inner.trim();
  if (name.length > limits.name || /["<>\\]/.test(name) || !isAddress(address)) return null;
  return { whole: name === "" ? address : `${name} <${address}>`, key: address.toLowerCase() };
}

function isAddress(text: string): boolean {
  const at = text.lastIndexOf("@");
  const local = text.slice(0, Math.max(at, 0));
  return (
    text.length <= limits.address &&
    local.length <= limits.local &&
    /^[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*$/.test(local) &&
    isDomain(text.slice(at + 1))
  );
}
