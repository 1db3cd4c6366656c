import { AzureCliCredential, AzureDeveloperCliCredential, ChainedTokenCredential } from "@azure/identity";

/** A token of the person signed in with the Azure CLI or azd, for a service by its address. */
export async function tokenFor(service: string): Promise<string> {
  const person = new ChainedTokenCredential(new AzureCliCredential(), new AzureDeveloperCliCredential());
  try {
    return (await person.getToken(`${service}/.default`)).token;
  } catch (cause) {
    throw new Error("You are not signed in. Run `az login` or `azd auth login` in the app's tenant.", { cause });
  }
}
