import { plainText } from "../core/text.ts";
import { listShown, shown } from "./excerpt.ts";
import { isDomain, type Kind, listSchema, readList, textKind } from "./kinds.ts";

/** As many as SendGrid takes for one mail. */
const mostAddresses = 1_000;
const limits = { entry: 400, name: 128, address: 254, local: 64 };

const oneAddress = "name@domain or Name <name@domain>";

/** One mail address, `a@b` or `Name <a@b>`; a name in quotation marks comes without them. */
export const addressKind: Kind<string> = textKind(oneAddress, (text, { fault }) => {
  const address = readAddress(text);
  if (!address) fault(`${shown(text)} is not a mail address`);
  return address?.entry ?? null;
});

/** Who gets a digest. */
export interface Readers {
  /** Each once whatever its name or case: SendGrid refuses a mail that lists one twice. */
  addresses: readonly string[];
  /** Whether they see each other's addresses. */
  together: boolean;
}

const togetherMark = /^\s*together\s*:/i;

/** The readers in a list, or in one text, which may begin with `together:`. */
export const readersKind: Kind<Readers> = {
  allowed: `1 to ${mostAddresses} addresses, ${oneAddress}, separated by commas, semicolons or line breaks; a name that contains a comma needs quotation marks; one string may start with "together:"`,
  schema: listSchema({ pattern: "@", maxLength: limits.entry }, mostAddresses),
  read(value, notes) {
    const { fault, warning } = notes;
    const together = typeof value === "string" && togetherMark.test(value);
    const given = readList(together ? value.replace(togetherMark, "") : value, splitAddresses, notes);
    const byAddress = new Map<string, string>();
    const twice = new Set<string>();
    for (const text of given) {
      const address = readAddress(text);
      if (togetherMark.test(text)) fault('"together:" is allowed only at the start of one string with all addresses');
      else if (!address) fault(`${shown(text)} is not a mail address`);
      else if (byAddress.has(address.key)) twice.add(address.key);
      else byAddress.set(address.key, address.entry);
    }
    if (given.length === 0) fault("contains no address");
    if (byAddress.size > mostAddresses) {
      fault(`has ${byAddress.size} addresses, but a mail takes at most ${mostAddresses}; use a distribution list`);
    }
    if (twice.size > 0) warning(`lists some addresses more than once; each gets one mail: ${listShown(twice)}`);
    return { addresses: [...byAddress.values()], together };
  },
};

function splitAddresses(text: string): string[] {
  return text.match(/(?:"[^"\r\n]*"|[^",;\r\n]+|")+/g) ?? [];
}

const addressShape = /^(?:"([^"]*)"\s*|([^"<>]*))<([^<>]*)>$/;

// SendGrid's library cuts at the first "<" and keeps quotation marks, so a name may contain neither.
function readAddress(text: string): { entry: string; key: string } | null {
  if (text.length > limits.entry || plainText(text) !== text) return null;
  const [, quoted, bare = "", inner = text] = addressShape.exec(text) ?? [];
  const name = (quoted ?? bare).trim();
  const address = inner.trim();
  if (name.length > limits.name || /["<>\\]/.test(name) || !isAddress(address)) return null;
  return { entry: name === "" ? address : `${name} <${address}>`, key: address.toLowerCase() };
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
