import { isSet, type Kind, textKind } from "./kinds.ts";
import { urlFault } from "./service-url.ts";

/** The storage emulator on this machine. */
export const developmentStorage = "UseDevelopmentStorage=true";

/** A storage account, or the emulator. */
export const connectionKind: Kind<string> = textKind(
  `a storage account's connection string, or on your own machine ${developmentStorage}`,
  (text, { fault }) => {
    if (/^UseDevelopmentStorage=true;?$/i.test(text)) return developmentStorage;
    const wrong = connectionFault(text);
    if (wrong) fault(`${wrong}; the value is not shown here`);
    return wrong ? null : text;
  },
);

/** What to set where no emulator runs. */
export const connectionInAzure = {
  allowed:
    "a storage account's connection string, or instead REPORTER_STORAGE__tableServiceUri and REPORTER_STORAGE__queueServiceUri for the app's identity",
  example: "DefaultEndpointsProtocol=https;AccountName=…;AccountKey=…;EndpointSuffix=core.windows.net",
};

function connectionFault(text: string): string | null {
  const parts = new Map<string, string>();
  for (const part of text.split(";").filter(isSet)) {
    const at = part.indexOf("=");
    if (at < 1) return "is not a connection string: a part has no =";
    parts.set(part.slice(0, at).trim(), part.slice(at + 1).trim());
  }
  for (const name of ["TableEndpoint", "QueueEndpoint"]) {
    const endpoint = parts.get(name);
    const wrong = endpoint === undefined ? null : urlFault(endpoint);
    if (wrong) return `has a ${name} that ${wrong}`;
  }
  if (parts.has("SharedAccessSignature")) return missingPart(parts, ["TableEndpoint", "QueueEndpoint"]);
  return accountFault(parts);
}

function accountFault(parts: ReadonlyMap<string, string>): string | null {
  const named = parts.has("TableEndpoint") && parts.has("QueueEndpoint");
  const always = ["DefaultEndpointsProtocol", "AccountName", "AccountKey"];
  const missing = missingPart(parts, named ? always : [...always, "EndpointSuffix"]);
  if (missing) return missing;
  const protocol = parts.get("DefaultEndpointsProtocol");
  if (protocol !== "https" && !(protocol === "http" && named)) {
    return "must have DefaultEndpointsProtocol=https, unless it names its endpoints";
  }
  return /^[A-Za-z0-9+/]+={0,2}$/.test(parts.get("AccountKey") ?? "") ? null : "has an AccountKey that is not base64";
}

function missingPart(parts: ReadonlyMap<string, string>, names: readonly string[]): string | null {
  const missing = names.filter((name) => !isSet(parts.get(name)));
  return missing.length === 0 ? null : `is missing ${missing.join(", ")}`;
}
