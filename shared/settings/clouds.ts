/** What goes together in one of Microsoft's clouds. */
export interface Cloud {
  baseUrl: string;
  scope: string;
  authorityHost: string;
  portalUrl: string;
  /** How the names of Defender's hosts end. */
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

/** By the names of `DEFENDER_CLOUD`. A token is asked for by the host's first name, whichever host is called. */
export const clouds = {
  public: {
    baseUrl: "https://api.securitycenter.microsoft.com",
    scope: "https://api.securitycenter.microsoft.com/.default",
    authorityHost: "https://login.microsoftonline.com",
    portalUrl: "https://security.microsoft.com",
    hostSuffix: ".microsoft.com",
    storageSuffix: "core.windows.net",
  },
  // GCC signs in and stores in the public Azure; its Defender alone has a host of its own.
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
