// The function app with its identity, storage, secret and logs. Storage and logs have no keys: the app reaches them with
// its identity (grants.bicep).

param location string
param tags object
param nodeVersion string
param instanceMemoryMB int
param maximumInstances int
param storageRedundancy string

@description('The app\'s settings, except those that follow from the resources below.')
param settings object

@description('The watchlists in a blob: { inBlob, uploaderId }.')
param watchlists object
param reportUrl string

@description('How mail is sent: { transport, from, dataLocation }.')
param mail object

@secure()
param sendGridApiKey string

@description('Sign-in by the platform: { required, clientId, groups, applications }.')
param signIn object

@description('Storage and vault are reached from the app\'s own network only: network.bicep.')
param privateNetwork bool
param logCapGbPerDay string
param logRetentionDays int

var token = uniqueString(subscription().id, resourceGroup().id)
var appName = 'func-kbs-${token}'
var packageContainer = 'app-package'
var watchlistsContainer = 'configuration'
var watchlistsBlob = 'watchlists.json'
var secretName = 'sendgrid-api-key'
// Azure Communication Services takes the app's identity instead, and nothing is left to keep in a vault.
var usesKey = mail.transport == 'sendgrid'
var publicNetworkAccess = privateNetwork ? 'Disabled' : 'Enabled'

// ---- identity

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-kbs-${token}'
  location: location
  tags: tags
}

// ---- storage: the app's tables and queues, the host's own state, the deployed package

resource storage 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: 'stkbs${token}'
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: storageRedundancy }
  properties: {
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    allowCrossTenantReplication: false
    publicNetworkAccess: publicNetworkAccess
    networkAcls: { defaultAction: privateNetwork ? 'Deny' : 'Allow', bypass: 'None' }
  }

  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
      // A package or a list of watchlists that was deleted or replaced can be restored. Tables have nothing like it.
      deleteRetentionPolicy: { enabled: true, days: 14 }
      containerDeleteRetentionPolicy: { enabled: true, days: 14 }
    }

    resource container 'containers' = {
      name: packageContainer
      properties: { publicAccess: 'None' }
    }

    resource configuration 'containers' = {
      name: watchlistsContainer
      properties: { publicAccess: 'None' }
    }
  }

  resource tables 'tableServices' = {
    name: 'default'

    resource table 'tables' = [
      for name in ['Snapshots', 'Runs', 'Watchlists', 'Walks', 'Advisories']: {
        name: name
      }
    ]
  }

  resource queues 'queueServices' = {
    name: 'default'

    resource queue 'queues' = [
      for name in ['runs', 'runs-poison']: {
        name: name
      }
    ]
  }
}

// ---- the one secret, if any

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = if (usesKey) {
  name: 'kv-kbs-${token}'
  location: location
  tags: tags
  properties: {
    tenantId: subscription().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 30
    enablePurgeProtection: true
    publicNetworkAccess: publicNetworkAccess
    // Resource Manager counts as one of Azure's services. It writes the secret.
    networkAcls: { defaultAction: privateNetwork ? 'Deny' : 'Allow', bypass: 'AzureServices' }
  }

  // Without a key the one in the vault is kept, so that later deployments do not need it.
  resource secret 'secrets' = if (usesKey && !empty(sendGridApiKey)) {
    name: secretName
    properties: { value: sendGridApiKey, contentType: 'SendGrid API key' }
  }
}

// ---- logs

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: 'log-kbs-${token}'
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: logRetentionDays
    // A string, because Bicep has no decimals.
    workspaceCapping: { dailyQuotaGb: json(logCapGbPerDay) }
    features: { disableLocalAuth: true }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: 'appi-kbs-${token}'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
  }
}

// Who read or changed what. Reads of queues are left out: the host asks for messages all day.
var changes = [for category in ['StorageWrite', 'StorageDelete']: { category: category, enabled: true }]
var readsAndChanges = concat([{ category: 'StorageRead', enabled: true }], changes)

resource vaultLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (usesKey) {
  name: 'audit'
  scope: vault
  properties: { workspaceId: workspace.id, logs: [{ category: 'AuditEvent', enabled: true }] }
}

resource blobsLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'audit'
  scope: storage::blobs
  properties: { workspaceId: workspace.id, logs: readsAndChanges }
}

resource tablesLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'audit'
  scope: storage::tables
  properties: { workspaceId: workspace.id, logs: readsAndChanges }
}

resource queuesLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'audit'
  scope: storage::queues
  properties: { workspaceId: workspace.id, logs: changes }
}

// ---- who may do what, and from where

module grants 'grants.bicep' = {
  params: {
    principalId: identity.properties.principalId
    storageName: storage.name
    vaultName: usesKey ? vault.name : ''
    insightsName: insights.name
    uploader: watchlists.inBlob && !empty(watchlists.uploaderId)
      ? { principalId: watchlists.uploaderId, container: storage::blobs::configuration.name }
      : null
  }
}

module network 'network.bicep' = if (privateNetwork) {
  params: { location: location, tags: tags, storageName: storage.name, vaultName: usesKey ? vault.name : '' }
}

module acs 'mail.bicep' = if (!usesKey) {
  params: { tags: tags, principalId: identity.properties.principalId, dataLocation: mail.dataLocation }
}

// ---- sign-in, for AUTH=entra

var signInOn = {
  platform: { enabled: true }
  globalValidation: {
    requireAuthentication: true
    unauthenticatedClientAction: 'RedirectToLoginPage'
    redirectToProvider: 'azureactivedirectory'
    // The availability test cannot sign in. This path only answers healthy or unhealthy.
    excludedPaths: ['/api/health']
  }
  httpSettings: { requireHttps: true }
  identityProviders: {
    azureActiveDirectory: {
      enabled: true
      registration: {
        clientId: signIn.clientId
        openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
      }
      validation: {
        allowedAudiences: [signIn.clientId, 'api://${signIn.clientId}']
        defaultAuthorizationPolicy: {
          // Never empty: the platform may take an empty list to mean that no program is allowed, browsers included.
          allowedApplications: union(
            [signIn.clientId],
            map(filter(split(signIn.applications, [',', ';']), id => !empty(trim(id))), id => trim(id))
          )
          allowedPrincipals: empty(signIn.groups)
            ? {}
            : { groups: map(split(signIn.groups, [',', ';']), group => trim(group)) }
        }
      }
    }
  }
  login: { tokenStore: { enabled: false } }
}

// ---- the app

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: 'plan-kbs-${token}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: appName
  location: location
  tags: union(tags, { 'azd-service-name': 'reporter', 'hidden-link: /app-insights-resource-id': insights.id })
  kind: 'functionapp,linux'
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identity.id}': {} } }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    virtualNetworkSubnetId: network.?outputs.appSubnetId
    // Key Vault references are resolved with this identity. The default is the system-assigned one, which this app has not.
    keyVaultReferenceIdentity: identity.id
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
      remoteDebuggingEnabled: false
    }
    functionAppConfig: {
      runtime: { name: 'node', version: nodeVersion }
      scaleAndConcurrency: { instanceMemoryMB: instanceMemoryMB, maximumInstanceCount: maximumInstances }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storage.properties.primaryEndpoints.blob}${packageContainer}'
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identity.id }
        }
      }
    }
  }

  resource appSettings 'config' = {
    name: 'appsettings'
    properties: union(settings, {
      REPORT_URL: empty(reportUrl) ? 'https://${app.properties.defaultHostName}' : reportUrl
      AZURE_CLIENT_ID: identity.properties.clientId
      WATCHLISTS_URL: watchlists.inBlob
        ? '${storage.properties.primaryEndpoints.blob}${watchlistsContainer}/${watchlistsBlob}'
        : ''
      REPORTER_STORAGE__tableServiceUri: storage.properties.primaryEndpoints.table
      REPORTER_STORAGE__queueServiceUri: storage.properties.primaryEndpoints.queue
      REPORTER_STORAGE__credential: 'managedidentity'
      REPORTER_STORAGE__clientId: identity.properties.clientId
      MAIL_FROM: empty(mail.from) ? acs.?outputs.sender ?? '' : mail.from
      ACS_ENDPOINT: acs.?outputs.endpoint ?? ''
      SENDGRID_API_KEY: usesKey
        ? '@Microsoft.KeyVault(SecretUri=${vault!.properties.vaultUri}secrets/${secretName})'
        : ''
      AzureWebJobsStorage__blobServiceUri: storage.properties.primaryEndpoints.blob
      AzureWebJobsStorage__queueServiceUri: storage.properties.primaryEndpoints.queue
      AzureWebJobsStorage__tableServiceUri: storage.properties.primaryEndpoints.table
      AzureWebJobsStorage__credential: 'managedidentity'
      AzureWebJobsStorage__clientId: identity.properties.clientId
      // Otherwise the host answers the root itself, where the overview is.
      AzureWebJobsDisableHomepage: 'true'
      APPLICATIONINSIGHTS_CONNECTION_STRING: insights.properties.ConnectionString
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.properties.clientId};Authorization=AAD'
    })
    // A reference that could not be resolved is not tried again for a day.
    dependsOn: [grants, vault::secret]
  }

  resource authSettings 'config' = {
    name: 'authsettingsV2'
    properties: signIn.required ? signInOn : { platform: { enabled: false } }
    // Azure allows only one change to the site's configuration at a time.
    dependsOn: [appSettings]
  }

  // Deployments sign in with Entra ID, too.
  resource ftp 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }

  resource scm 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
  }
}

output appName string = app.name
output url string = 'https://${app.properties.defaultHostName}'
output identityPrincipalId string = identity.properties.principalId
output vaultName string = usesKey ? vault.name : ''
output storageName string = storage.name
output watchlistsContainer string = watchlists.inBlob ? watchlistsContainer : ''
output workspaceName string = workspace.name
output insightsName string = insights.name
