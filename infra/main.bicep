// The reporter and everything it needs, in one resource group. main.parameters.json fills the parameters from azd
// environment variables with the same names as the app's settings. Every parameter is a string: azd drops a malformed number
// or boolean without a word and deploys the default. scripts/deployment-values.ts checks them before a deployment.
targetScope = 'subscription'

// ---- where and what

@description('Name of this installation, such as "kbs-prod". The resource group\'s name and a tag are made from it.')
@minLength(1)
@maxLength(40)
param environmentName string

@description('Azure region. "az functionapp list-flexconsumption-locations" lists the regions with Flex Consumption.')
@minLength(1)
@metadata({ azd: { type: 'location' } })
param location string

@description('Name of the resource group. Empty: "rg-" and the environment\'s name.')
param resourceGroupName string = ''

@description('Node.js version of the function app.')
@allowed(['22', '24'])
param nodeVersion string = '24'

@description('Memory of one instance in MB. CPU share and price per second grow with it.')
@allowed(['512', '2048', '4096'])
param instanceMemoryMB string = '2048'

@description('Maximum number of instances, 1 to 1000. Tenants share them; one tenant has one reader at a time.')
param maximumInstances string = '40'

@description('Storage redundancy: one datacenter, three zones, or a readable second region.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_RAGRS', 'Standard_RAGZRS'])
param storageRedundancy string = 'Standard_LRS'

@description('Who reaches storage and Key Vault. public: every network, with a role. private: the app\'s own network only.')
@allowed(['public', 'private'])
param network string = 'public'

@description('Additional tags for all resources.')
param tags object = {}

// ---- what is watched, and who gets the digest

@description('Software ids of the watchlist, separated by commas or semicolons, such as microsoft-_-windows_11.')
param softwareIds string = 'microsoft-_-windows_11,microsoft-_-windows_server_2022,microsoft-_-.net_framework'

@description('Who gets the digest: addresses separated by commas or semicolons. "Name <a@b>" is allowed.')
@minLength(3)
param mailTo string

@description('Where the watchlists are: settings (one: SOFTWARE_IDS and MAIL_TO), or blob (many: infra/watchlists.json, which azd uploads).')
@allowed(['settings', 'blob'])
param watchlistsIn string = 'settings'

@description('Object id of the person or identity that uploads the watchlists, which gets the right to. Empty: nobody.')
param uploaderId string = ''

@description('Sender of the digest, verified at SendGrid. Empty, for acs only: the sender of the Azure-managed domain.')
param mailFrom string = ''

@description('Who gets the alerts about the reporter itself: plain addresses separated by commas or semicolons.')
@minLength(3)
param alertMailTo string

// ---- when and how it reports

@description('When runs start: NCRONTAB with seconds, in UTC.')
param reportSchedule string = '0 0 5 * * *'

@description('IANA time zone of dates and times in reports.')
param reportTimeZone string = 'UTC'

@description('Minutes that a scheduled run waits for products that cannot be read.')
param reportGraceMinutes string = '120'

@description('Rises by fewer machines are held back until they add up to this.')
param worseMinMachines string = '1'

@description('Rises by fewer percent are held back until they add up to this.')
param worseMinPercent string = '0'

@description('A KB is also worse when its CVEs rise by this many; 0: never for that.')
param worseMinCves string = '1'

@description('Which runs send a digest.')
@allowed(['worse', 'changed', 'always'])
param mailWhen string = 'worse'

@description('On this day a digest is sent even if nothing changed.')
@allowed(['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday', 'none'])
param heartbeatDay string = 'Monday'

@description('Days after which a missing KB counts as overdue.')
param dueDays string = '14'

@description('The same for a KB that closes a CVE known to be exploited, if that is sooner.')
param dueDaysExploited string = '3'

@description('What the age of a KB counts from.')
@allowed(['released', 'first-seen'])
param dueFrom string = 'released'

@description('true: a mail comes at once when a CVE becomes known to be exploited and a KB that closes it is missing.')
@allowed(['true', 'false'])
param alertExploited string = 'true'

@description('How many days runs and their snapshots are kept.')
param retentionDays string = '400'

@description('Base URL of the links in mails. Empty: the function app\'s own address.')
param reportUrl string = ''

// ---- Defender

@description('The cloud of the Defender tenant.')
@allowed(['public', 'gcc', 'gcc-high', 'dod'])
param defenderCloud string = 'public'

@description('Another Defender host, such as https://eu.api.security.microsoft.com. Empty: the default host of the cloud.')
param defenderUrl string = ''

@description('Maximum calls to Defender per minute, for each tenant and instance.')
param defenderCallsPerMinute string = '100'

@description('Maximum calls to Defender per hour, for each tenant and instance.')
param defenderCallsPerHour string = '1500'

@description('Client id of the multi-tenant app registration that reads other tenants. Empty: only this tenant is read.')
param defenderAppId string = ''

// ---- MSRC and CISA

@description('on: once an hour the app asks MSRC and CISA, without credentials, what is known of KBs. none: it never calls them.')
@allowed(['on', 'none'])
param advisories string = 'on'

@description('A mirror of MSRC\'s API. Empty: api.msrc.microsoft.com.')
param msrcUrl string = ''

@description('A mirror of CISA\'s catalogue of known exploited vulnerabilities. Empty: www.cisa.gov.')
param kevUrl string = ''

// ---- how mail is sent

@description('sendgrid: with an API key. acs: with Azure Communication Services, which is created, and no key at all.')
@allowed(['sendgrid', 'acs'])
param mailTransport string = 'sendgrid'

@description('For acs: where Azure keeps the mails until they are delivered.')
@allowed([
  'Australia'
  'Brazil'
  'Canada'
  'Europe'
  'France'
  'Germany'
  'India'
  'Japan'
  'Switzerland'
  'UK'
  'United States'
])
param mailDataLocation string = 'Europe'

@description('SendGrid API key with the permission Mail Send; stored in Key Vault. Empty: the key in the vault is kept.')
@secure()
param sendGridApiKey string = ''

@description('Region of the SendGrid account.')
@allowed(['global', 'eu'])
param sendGridRegion string = 'global'

@description('true: SendGrid checks mails but does not deliver them.')
@allowed(['true', 'false'])
param sendGridSandbox string = 'false'

// ---- who may read reports

@description('key: function keys. entra: people sign in with Microsoft Entra ID, and links need no keys.')
@allowed(['key', 'entra'])
param auth string = 'key'

@description('For AUTH=entra: client id of the app registration that people sign in to.')
param signInClientId string = ''

@description('For AUTH=entra: object ids of the groups that may sign in, separated by commas or semicolons. Empty: everyone assigned to the registration.')
param signInGroups string = ''

@description('For AUTH=entra: client ids of the programs that may call with a token, separated by commas or semicolons.')
param signInApplications string = ''

// ---- alerts and logs

@description('Alert when a watchlist has not committed a scheduled run for this many hours, at most 47. 0: no such alert, for schedules that are not daily.')
param alertWithoutRunHours string = '26'

@description('Maximum GB of logs per day. Logs beyond it are lost, and the alert on absent runs then fires.')
@allowed(['0.1', '0.5', '1', '5'])
param logCapGbPerDay string = '0.5'

@description('How many days logs are kept, 30 to 730.')
param logRetentionDays string = '30'

var allTags = union(tags, { 'azd-env-name': environmentName, application: 'missing-kb-reporter' })
var inBlob = watchlistsIn == 'blob'

// Named as in docs/settings.md. An empty setting counts as absent.
var settings = {
  SOFTWARE_IDS: inBlob ? '' : softwareIds
  MAIL_TO: inBlob ? '' : mailTo
  MAIL_TRANSPORT: mailTransport
  REPORT_SCHEDULE: reportSchedule
  REPORT_TIME_ZONE: reportTimeZone
  REPORT_GRACE_MINUTES: reportGraceMinutes
  WORSE_MIN_MACHINES: worseMinMachines
  WORSE_MIN_PERCENT: worseMinPercent
  WORSE_MIN_CVES: worseMinCves
  MAIL_WHEN: mailWhen
  HEARTBEAT_DAY: heartbeatDay
  DUE_DAYS: dueDays
  DUE_DAYS_EXPLOITED: dueDaysExploited
  DUE_FROM: dueFrom
  ALERT_EXPLOITED: alertExploited
  RETENTION_DAYS: retentionDays
  AUTH: auth
  DEFENDER_CLOUD: defenderCloud
  DEFENDER_URL: defenderUrl
  DEFENDER_CALLS_PER_MINUTE: defenderCallsPerMinute
  DEFENDER_CALLS_PER_HOUR: defenderCallsPerHour
  DEFENDER_APP_ID: defenderAppId
  ADVISORIES: advisories
  MSRC_URL: msrcUrl
  KEV_URL: kevUrl
  SENDGRID_REGION: sendGridRegion
  SENDGRID_SANDBOX: sendGridSandbox
}

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: empty(resourceGroupName) ? 'rg-${environmentName}' : resourceGroupName
  location: location
  tags: allTags
}

module reporter 'reporter.bicep' = {
  scope: group
  params: {
    location: location
    tags: allTags
    nodeVersion: nodeVersion
    instanceMemoryMB: int(instanceMemoryMB)
    maximumInstances: int(maximumInstances)
    storageRedundancy: storageRedundancy
    settings: settings
    watchlists: { inBlob: inBlob, uploaderId: uploaderId }
    reportUrl: reportUrl
    mail: { transport: mailTransport, from: mailFrom, dataLocation: mailDataLocation }
    sendGridApiKey: sendGridApiKey
    signIn: {
      required: auth == 'entra'
      clientId: signInClientId
      groups: signInGroups
      applications: signInApplications
    }
    privateNetwork: network == 'private'
    logCapGbPerDay: logCapGbPerDay
    logRetentionDays: int(logRetentionDays)
  }
}

module alerts 'alerts.bicep' = {
  scope: group
  params: {
    location: location
    tags: allTags
    mailTo: alertMailTo
    withoutRunHours: int(alertWithoutRunHours)
    healthUrl: '${reporter.outputs.url}/api/health'
    workspaceName: reporter.outputs.workspaceName
    insightsName: reporter.outputs.insightsName
  }
}

// For the next steps. No secrets.
output AZURE_LOCATION string = location
output AZURE_RESOURCE_GROUP string = group.name
output REPORTER_APP_NAME string = reporter.outputs.appName
output REPORTER_URL string = reporter.outputs.url
output REPORTER_IDENTITY_PRINCIPAL_ID string = reporter.outputs.identityPrincipalId
output REPORTER_KEY_VAULT string = reporter.outputs.vaultName
output REPORTER_STORAGE_ACCOUNT string = reporter.outputs.storageName
output REPORTER_WATCHLISTS_CONTAINER string = reporter.outputs.watchlistsContainer
output REPORTER_WORKSPACE string = reporter.outputs.workspaceName
output DEFENDER_CLOUD string = defenderCloud
