import { textKind } from "./kinds.ts";
import { isSet, type Kind } from "./reader.ts";
import { urlFault } from "./service-url.ts";

/** The storage emulator on this machine. */
export const developmentStorage = "UseDevelopmentStorage=true";

/** A storage account for an app on a laptop, the emulator among them. */
export const localConnectionKind: Kind<string> = textKind(
  { allowed: `a storage account's connection string, or ${developmentStorage}`, example: developmentStorage },
  (text, { fault }) => {
    if (isEmulator(text)) return developmentStorage;
    return usable(text, fault);
  },
);

/** A storage account for an app in Azure. */
export const azureConnectionKind: Kind<string> = textKind(
  {
    allowed:
      "a storage account's connection string; or, without this one, REPORTER_STORAGE__tableServiceUri and REPORTER_STORAGE__queueServiceUri for the app's identity",
    example: "DefaultEndpointsProtocol=https;AccountName=…;AccountKey=…;EndpointSuffix=core.windows.net",
  },
  (text, { fault }) => {
    if (!isEmulator(text)) return usable(text, fault);
    fault("names the storage emulator, which is not there in Azure");
    return null;
  },
);

function isEmulator(text: string): boolean {
  return /^UseDevelopmentStorage=true;?$/i.test(text);
}

function usable(text: string, fault: (text: string) => void): string | null {
  const wrong = connectionFault(text);
  if (wrong) fault(`${wrong}; the value is not shown here`);
  return wrong ? null : text;
}

function connectionFault(text: string): string | null {
  const parts = new Map<string, string>();
  for (const part of text.split(";").filter(isSet)) {
    const at = part.indexOf("=");
    if (at < 1) return "is no connection string: a part lacks its =";
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
    return "has a DefaultEndpointsProtocol that is not https, as it must be to another machine";
  }
  return /^[A-Za-z0-9+/]+={0,2}$/.test(parts.get("AccountKey") ?? "") ? null : "has an AccountKey that is not base64";
}

function missingPart(parts: ReadonlyMap<string, string>, names: readonly string[]): string | null {
  const missing = names.filter((name) => !isSet(parts.get(name)));
  return missing.length === 0 ? null : `is no whole connection string: ${missing.join(", ")} missing`;
}
