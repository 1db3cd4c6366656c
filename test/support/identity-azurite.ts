import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { type Azurite, startAzurite } from "../../local/azurite.ts";
import { createCertificate } from "./certificate.ts";

/** A storage emulator that takes tokens, over https with a certificate that this process trusts until it is closed. */
export async function startIdentityAzurite(): Promise<Azurite> {
  const trusted = getCACertificates("default");
  const dir = await mkdtemp(join(tmpdir(), "azurite-"));
  const { cert, key } = createCertificate();
  const files = { cert: join(dir, "cert.pem"), key: join(dir, "key.pem") };
  await writeFile(files.cert, cert);
  await writeFile(files.key, key);
  setDefaultCACertificates([...trusted, cert]);
  const azurite = await startAzurite({ oauth: files });
  return {
    ...azurite,
    close: async () => {
      setDefaultCACertificates(trusted);
      await azurite.close();
      await rm(dir, { recursive: true });
    },
  };
}
