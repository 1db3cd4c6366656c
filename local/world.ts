import { quietFacts } from "./advisory-data.ts";
import { type AdvisoryFeeds, type AdvisoryFeedsOptions, startAdvisoryFeeds } from "./advisory-feeds.ts";
import { startAzurite } from "./azurite.ts";
import { restoreClock, skipPauses, turnClock } from "./clock.ts";
import { type IdentityEndpoint, startIdentityEndpoint } from "./identity-endpoint.ts";
import { type Inbox, startInbox } from "./inbox.ts";
import { onPortOrAny } from "./ports.ts";
import { type SimulatedTenant, startTenant, type TenantOptions } from "./simulated-tenant.ts";

/** Everything outside the app, on loopback: storage, a tenant, its identity endpoint, both advisory feeds and an inbox. */
export interface LocalWorld {
  tenant: SimulatedTenant;
  identity: IdentityEndpoint;
  feeds: AdvisoryFeeds;
  inbox: Inbox;
  storageConnectionString: string;
  /** The app's settings in this world, except which products it watches. */
  settings: Readonly<Record<string, string>>;
  /** Sets the world's clock, from which pauses then pass at once; `null`: to the real time. */
  turnTo(instant: Date | null): Promise<void>;
  close(): Promise<void>;
}

const apiKey = "SG.local-inbox-key";
const sender = "kb-reporter@contoso.example";

export interface WorldOptions {
  /** What the tenant's machines are missing. */
  estate: TenantOptions["estate"];
  /** What MSRC and CISA say; absent: nothing that matters. */
  advisories?: Omit<AdvisoryFeedsOptions, "now" | "port">;
  /** If another program uses it, the inbox takes any free one. */
  inboxPort?: number;
}

/** Starts a world around an estate, with empty storage in memory. */
export async function startWorld({
  estate,
  advisories = quietFacts,
  inboxPort = 0,
}: WorldOptions): Promise<LocalWorld> {
  const now = () => new Date();
  const [azurite, tenant, identity, feeds, inbox] = await Promise.all([
    startAzurite(),
    startTenant({ estate, now: () => Date.now() }),
    startIdentityEndpoint({ now }),
    startAdvisoryFeeds({ ...advisories, now }),
    onPortOrAny(inboxPort, (port) => startInbox({ apiKey, verifiedSenders: [sender], now, port })),
  ]);
  return {
    tenant,
    identity,
    feeds,
    inbox,
    storageConnectionString: azurite.connectionString,
    settings: {
      MAIL_FROM: `Missing KBs <${sender}>`,
      MAIL_TO: "Endpoint team <endpoints@contoso.example>",
      REPORTER_STORAGE: azurite.connectionString,
      // The first mail must not wait for hours on a laptop: what cannot be read is reported at once.
      REPORT_GRACE_MINUTES: "0",
      MSRC_URL: feeds.msrcUrl,
      KEV_URL: feeds.kevUrl,
      DEFENDER_URL: tenant.url,
      // A month is played in a minute: a day's calls stay within the tenant's quotas, a minute's would not.
      DEFENDER_CALLS_PER_MINUTE: "1000",
      DEFENDER_CALLS_PER_HOUR: "10000",
      SENDGRID_URL: inbox.url,
      SENDGRID_API_KEY: apiKey,
      IDENTITY_ENDPOINT: identity.url,
      IDENTITY_HEADER: identity.header,
    },
    turnTo: async (instant) => {
      if (instant) {
        turnClock(instant);
        skipPauses();
      } else restoreClock();
      await (instant ? azurite.turnClock(instant) : azurite.restoreClock());
    },
    close: async () => {
      restoreClock();
      await Promise.all([tenant, identity, feeds, inbox, azurite].map((neighbour) => neighbour.close()));
    },
  };
}
