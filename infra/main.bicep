// The reporter and everything it needs, in one resource group. Parameters are the settings that people change;
// main.parameters.json fills them from the azd environment under the names of the app's own settings.
targetScope = 'subscription'

// ---- where and what

@description('Name of this installation, for example "kbs-prod". It becomes the resource group\'s name and a tag.')
@minLength(1)
@maxLength(40)
param environmentName string

@description('Azure region. "az functionapp list-flexconsumption-locations" names those that have Flex Consumption.')
@minLength(1)
@metadata({ azd: { type: 'location' } })
param location string

@description('The resource group; empty: rg- and the environment\'s name.')
param resourceGroupName string = ''

@description('Node.js of the function app.')
@allowed(['22', '24'])
param nodeVersion string = '24'

@description('Memory of one instance in MB; processor time grows with it, and so does the price of a second.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('The most instances at a time. Each paces its calls to Defender for itself, so few is right for one tenant.')
@minValue(1)
@maxValue(1000)
param maximumInstances int = 40

@description('How storage is copied: within one datacenter, over three zones, or to a second region that can be read.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_RAGRS', 'Standard_RAGZRS'])
param storageRedundancy string = 'Standard_LRS'

@description('Further tags for all resources.')
param tags object = {}

// ---- what is watched, and who hears of it

@description('Software ids of the one watchlist, separated by commas, such as microsoft-_-windows_11.')
param softwareIds string = 'microsoft-_-windows_11,microsoft-_-windows_server_2022,microsoft-_-.net_framework'

@description('Who gets the digest: addresses separated by commas, "Name <a@b>" allowed.')
@minLength(3)
param mailTo string

@description('Many watchlists instead of SOFTWARE_IDS and MAIL_TO: the objects that the setting WATCHLISTS takes.')
param watchlists array = loadJsonContent('watchlists.json')

@description('Sender of the digest: a verified sender of the SendGrid account.')
@minLength(3)
param mailFrom string

@description('Who hears when the reporter itself is in trouble: bare addresses separated by commas.')
@minLength(3)
param alertMailTo string

// ---- when and how it reports

@description('When runs begin: NCRONTAB with seconds, in UTC.')
param reportSchedule string = '0 0 5 * * *'

@description('IANA time zone for dates and times in reports.')
param reportTimeZone string = 'UTC'

@description('Minutes a scheduled run waits for software that cannot be read.')
@minValue(0)
@maxValue(1440)
param reportGraceMinutes int = 120

@description('A rise by fewer machines is not told until it adds up.')
@minValue(0)
param worseMinMachines int = 1

@description('A rise by fewer percent is not told until it adds up.')
@minValue(0)
param worseMinPercent int = 0

@description('Which runs mail a digest.')
@allowed(['worse', 'changed', 'always'])
param mailWhen string = 'worse'

@description('On this day a digest comes whatever happened.')
@allowed(['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday', 'none'])
param heartbeatDay string = 'Monday'

@description('Days after which a missing KB counts as overdue.')
@minValue(0)
param dueDays int = 14

@description('Days that runs and their snapshots are kept.')
@minValue(40)
@maxValue(3650)
param retentionDays int = 400

@description('Base of the links in mails; empty: the function app\'s own address.')
param reportUrl string = ''

// ---- Defender

@description('The cloud of the Defender tenant.')
@allowed(['public', 'gcc', 'gcc-high', 'dod'])
param defenderCloud string = 'public'

@description('Another host of Defender, such as https://eu.api.security.microsoft.com; empty: the cloud\'s own.')
param defenderUrl string = ''

@description('Calls to Defender a minute, per tenant and instance.')
@minValue(1)
param defenderCallsPerMinute int = 100

@description('Calls to Defender an hour, per tenant and instance.')
@minValue(1)
param defenderCallsPerHour int = 1500

@description('Client id of the multi-tenant app registration that reads other tenants; empty: none is read.')
param defenderAppId string = ''

// ---- SendGrid

@description('SendGrid API key with the permission Mail Send, for Key Vault. Empty: the key in the vault stays as it is.')
@secure()
param sendGridApiKey string = ''

@description('Where the SendGrid account lives.')
@allowed(['global', 'eu'])
param sendGridRegion string = 'global'

@description('true: SendGrid checks mails and delivers none.')
param sendGridSandbox bool = false

// ---- who may look

@description('key: function keys. entra: people sign in with Microsoft Entra ID, and links need no keys.')
@allowed(['key', 'entra'])
param auth string = 'key'

@description('For AUTH=entra: client id of the app registration that people sign in to.')
param signInClientId string = ''

@description('For AUTH=entra: object ids of the groups let in, separated by commas; empty: whoever may sign in to the registration.')
param signInGroups string = ''

// ---- watching the watcher

@description('Alert when not every watchlist has committed a scheduled run for so many hours; 0: no such alert, for schedules that are not daily.')
@minValue(0)
@maxValue(47)
param alertWithoutRunHours int = 26

@description('The most GB of logs a day; logs beyond it are lost, and the alert on absent runs then fires.')
@allowed(['0.1', '0.5', '1', '5'])
param logCapGbPerDay string = '0.5'

@description('Days that logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

var allTags = union(tags, { 'azd-env-name': environmentName, application: 'missing-kb-reporter' })
var many = !empty(watchlists)

// By the names in shared/settings/names.ts. An empty setting is an absent one.
var settings = {
  SOFTWARE_IDS: many ? '' : softwareIds
  MAIL_TO: many ? '' : mailTo
  WATCHLISTS: many ? string(watchlists) : ''
  MAIL_FROM: mailFrom
  REPORT_SCHEDULE: reportSchedule
  REPORT_TIME_ZONE: reportTimeZone
  REPORT_GRACE_MINUTES: string(reportGraceMinutes)
  WORSE_MIN_MACHINES: string(worseMinMachines)
  WORSE_MIN_PERCENT: string(worseMinPercent)
  MAIL_WHEN: mailWhen
  HEARTBEAT_DAY: heartbeatDay
  DUE_DAYS: string(dueDays)
  RETENTION_DAYS: string(retentionDays)
  AUTH: auth
  DEFENDER_CLOUD: defenderCloud
  DEFENDER_URL: defenderUrl
  DEFENDER_CALLS_PER_MINUTE: string(defenderCallsPerMinute)
  DEFENDER_CALLS_PER_HOUR: string(defenderCallsPerHour)
  DEFENDER_APP_ID: defenderAppId
  SENDGRID_REGION: sendGridRegion
  SENDGRID_SANDBOX: toLower(string(sendGridSandbox))
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
    instanceMemoryMB: instanceMemoryMB
    maximumInstances: maximumInstances
    storageRedundancy: storageRedundancy
    settings: settings
    reportUrl: reportUrl
    sendGridApiKey: sendGridApiKey
    signIn: { required: auth == 'entra', clientId: signInClientId, groups: signInGroups }
    logCapGbPerDay: logCapGbPerDay
    logRetentionDays: logRetentionDays
  }
}

module alerts 'alerts.bicep' = {
  scope: group
  params: {
    location: location
    tags: allTags
    mailTo: alertMailTo
    withoutRunHours: alertWithoutRunHours
    watchlistCount: many ? length(watchlists) : 1
    healthUrl: '${reporter.outputs.url}/api/health'
    workspaceName: reporter.outputs.workspaceName
    insightsName: reporter.outputs.insightsName
  }
}

// What the next steps need; no secrets.
output AZURE_LOCATION string = location
output AZURE_RESOURCE_GROUP string = group.name
output REPORTER_APP_NAME string = reporter.outputs.appName
output REPORTER_URL string = reporter.outputs.url
output REPORTER_IDENTITY_PRINCIPAL_ID string = reporter.outputs.identityPrincipalId
output REPORTER_KEY_VAULT string = reporter.outputs.vaultName
output REPORTER_STORAGE_ACCOUNT string = reporter.outputs.storageName
output REPORTER_WORKSPACE string = reporter.outputs.workspaceName
output DEFENDER_CLOUD string = defenderCloud
