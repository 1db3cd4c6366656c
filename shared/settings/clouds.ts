/** The hosts and names of one of Microsoft's clouds. */
export interface Cloud {
  baseUrl: string;
  scope: string;
  authorityHost: string;
  portalUrl: string;
  /** The end of Defender's host names. */
  hostSuffix: string;
  storageSuffix: string;
}

const governmentHigh = {
  baseUrl: "https://api-gov.securitycenter.microsoft.us",
  scope: "https://api-gov.securitycenter.microsoft.us/.default",
  authorityHost: "https://login.microsoftonline.us",
  hostSuffix: ".microsoft.us",
  storageSuffix: "core.usgovcloudapi.net",
};

/** By the values of `DEFENDER_CLOUD`. The token's scope is the same whichever host is called. */
export const clouds = {
  public: {
    baseUrl: "https://api.securitycenter.microsoft.com",
    scope: "https://api.securitycenter.microsoft.com/.default",
    authorityHost: "https://login.microsoftonline.com",
    portalUrl: "https://security.microsoft.com",
    hostSuffix: ".microsoft.com",
    storageSuffix: "core.windows.net",
  },
  // GCC uses public Azure for sign-in and storage; only its Defender has its own host.
  gcc: {
    baseUrl: "https://api-gcc.securitycenter.microsoft.us",
    scope: "https://api-gcc.securitycenter.microsoft.us/.default",
    authorityHost: "https://login.microsoftonline.com",
    portalUrl: "https://security.microsoft.com",
    hostSuffix: ".microsoft.us",
    storageSuffix: "core.windows.net",
  },
  "gcc-high": { ...governmentHigh, portalUrl: "https://security.microsoft.us" },
  dod: { ...governmentHigh, portalUrl: "https://security.apps.mil" },
} satisfies Record<string, Cloud>;
