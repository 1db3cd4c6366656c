import type { AccessToken, GetTokenOptions, TokenCredential } from "@azure/core-auth";
import type { PipelinePolicy } from "@azure/core-rest-pipeline";
import { withoutTokens } from "../core/text.ts";
import { homeTenant } from "../core/watchlist.ts";
import { createSignIns } from "./sign-ins.ts";

export interface CredentialOptions {
  /** `developer`: the person signed in with the Azure CLI or azd on this machine. */
  kind: "managed" | "developer";
  /** The user-assigned identity; `null`: the system-assigned one. */
  clientId: string | null;
  /** The multi-tenant app registration that trusts the identity, for tenants other than the app's own. */
  appId: string | null;
  /** The cloud's sign-in address, https only. */
  authorityHost: string;
  /** How long to wait for a token, in milliseconds. */
  timeout?: number;
}

/**
 * The credential of a tenant, `home` or a tenant id: one object per tenant, which keeps its tokens. The identity library
 * loads with the first token, because many invocations need none. Errors say what to do, and are the same for the same
 * fault; those of a throttled sign-in have `retryAfterSeconds`.
 */
export function createCredential(options: CredentialOptions): (tenant: string) => TokenCredential {
  const known = new Map<string, TokenCredential>();
  const signIns = createSignIns();
  const timeout = options.timeout ?? 30_000;
  const own = explained(
    once(() => createManagedIdentity(options.clientId)),
    timeout,
    explainManaged,
  );

  function create(tenant: string): TokenCredential {
    if (options.kind === "developer") {
      const make = once(() => createDeveloper(tenant));
      return explained(make, timeout, () => explainDeveloper(tenant));
    }
    if (tenant === homeTenant) return own;
    const { appId } = options;
    if (appId === null) return missingApp(tenant);
    const app = { tenant, appId, authorityHost: options.authorityHost };
    const make = once(() => createForeign(app, own, (seconds) => signIns.throttled(tenant, seconds)));
    const foreign = explained(make, timeout, (cause) => explainForeign(tenant, appId, cause));
    return { getToken: (...asked) => signIns.run(tenant, () => foreign.getToken(...asked)) };
  }

  return (tenant) => {
    const credential = known.get(tenant) ?? create(tenant);
    known.set(tenant, credential);
    return credential;
  };
}

type Make = () => Promise<TokenCredential>;

function once(make: Make): Make {
  let made: Promise<TokenCredential> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

async function createManagedIdentity(clientId: string | null): Promise<TokenCredential> {
  const { ManagedIdentityCredential } = await import("@azure/identity");
  // The library would wait half a minute and more, for a machine that is still starting.
  const retryOptions = { maxRetries: 2, retryDelayInMs: 500, maxRetryDelayInMs: 2_000 };
  return new ManagedIdentityCredential({ retryOptions, ...(clientId !== null && { clientId }) });
}

/** The app registration signs in to another tenant with a token of the managed identity instead of a secret. */
async function createForeign(
  { tenant, appId, authorityHost }: { tenant: string; appId: string; authorityHost: string },
  own: TokenCredential,
  onThrottled: (retryAfterSeconds: number) => void,
): Promise<TokenCredential> {
  const { ClientAssertionCredential } = await import("@azure/identity");
  const audience = exchangeAudience(authorityHost);
  const assertion = async () => {
    const token = await own.getToken(`${audience}/.default`);
    return token?.token ?? "";
  };
  // The library would wait by itself, however long, and would not hold back other tenants.
  const policy: PipelinePolicy = {
    name: "throttledSignIn",
    async sendRequest(request, next) {
      const response = await next(request);
      if (response.status !== 429) return response;
      onThrottled(Number(response.headers.get("retry-after")));
      throw new Error("The sign-in service returned 429.");
    },
  };
  return new ClientAssertionCredential(tenant, appId, assertion, {
    authorityHost,
    // The host comes from our settings. Asking the public cloud whether to trust it would fail in a closed network.
    disableInstanceDiscovery: true,
    additionalPolicies: [{ policy, position: "perRetry" }],
  });
}

// Microsoft's name for tokens to be exchanged, by cloud. The federated credential must have the same one.
function exchangeAudience(authorityHost: string): string {
  const government = new URL(authorityHost).hostname.endsWith(".us");
  return government ? "api://AzureADTokenExchangeUSGov" : "api://AzureADTokenExchange";
}

async function createDeveloper(tenant: string): Promise<TokenCredential> {
  const { AzureCliCredential, AzureDeveloperCliCredential, ChainedTokenCredential } = await import("@azure/identity");
  const options = tenant === homeTenant ? {} : { tenantId: tenant };
  return new ChainedTokenCredential(new AzureCliCredential(options), new AzureDeveloperCliCredential(options));
}

/** A credential with error messages of our own: the library's contain the ids of single requests. */
function explained(make: Make, timeout: number, explain: (cause: unknown) => string): TokenCredential {
  async function getToken(scopes: string | string[], options?: GetTokenOptions): Promise<AccessToken | null> {
    try {
      return await inTime(
        make().then((credential) => credential.getToken(scopes, options)),
        timeout,
      );
    } catch (cause) {
      throw new Error(explain(cause), { cause: safeCause(cause) });
    }
  }
  return { getToken };
}

function missingApp(tenant: string): TokenCredential {
  const message = `The tenant ${tenant} is not the app's own. Set DEFENDER_APP_ID to the multi-tenant app registration that this tenant has consented to and that trusts the app's managed identity.`;
  return {
    async getToken() {
      throw new Error(message);
    },
  };
}

async function inTime<T>(promise: Promise<T>, timeout: number): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`There was no answer within ${timeout / 1_000} seconds.`)), timeout);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

const ownIdentity = {
  refused:
    "The app's managed identity was refused a token. Check that an identity is assigned to the app and that AZURE_CLIENT_ID is one of those assigned, or is not set for the system-assigned one.",
  noAnswer:
    "The app's managed identity did not return a token. This usually clears up on its own. If it lasts, check that an identity is assigned to the app and restart the app.",
};

function explainManaged(cause: unknown): string {
  return isRefusal(cause) ? ownIdentity.refused : ownIdentity.noAnswer;
}

function explainForeign(tenant: string, appId: string, cause: unknown): string {
  const said = messagesOf(cause);
  // Of an error in the assertion, the library keeps only the message.
  const own = Object.values(ownIdentity).find((sentence) => said.includes(sentence));
  if (own) return own;
  const code = /AADSTS\d+/.exec(said)?.[0];
  const refused = code ? ` (${code})` : "";
  return `The tenant ${tenant} gave the app registration ${appId} no token${refused}. Check that an administrator of that tenant has consented to it and that its federated credential trusts the app's managed identity.`;
}

function explainDeveloper(tenant: string): string {
  const where = tenant === homeTenant ? "" : ` --tenant ${tenant}`;
  return `You are not signed in. Run \`az login${where}\` or \`azd auth login\`.`;
}

/** What the library said, without the assertion that proves who is asking, which it may quote. */
function safeCause(cause: unknown): Error {
  return new Error(withoutTokens(messagesOf(cause)).trim());
}

/** Whether the identity endpoint said no, rather than being unreachable or in trouble itself. */
function isRefusal(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : null;
  if (!(cause instanceof Error && cause.name === "ServerError" && "status" in cause)) return false;
  const status = Number(cause.status);
  return status < 500 && status !== 429;
}

function messagesOf(error: unknown): string {
  return error instanceof Error ? `${error.message} ${messagesOf(error.cause)}` : "";
}
