// Alerts for when the reporter stops. They run outside the app, because a dead timer cannot report itself.

param location string
param tags object
param mailTo string
param withoutRunHours int
param healthUrl string
param workspaceName string
param insightsName string

var token = uniqueString(subscription().id, resourceGroup().id)
var isGovernment = environment().name == 'AzureUSGovernment'
var testLocations = isGovernment ? ['usgov-va-azr', 'usgov-phx-azr'] : ['emea-nl-ams-azr', 'us-va-ash-azr']

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' existing = {
  name: workspaceName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-kbs-${token}'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'kbreporter'
    emailReceivers: [
      for (address, index) in split(mailTo, [',', ';']): {
        name: 'mail-${index}'
        emailAddress: trim(address)
        useCommonAlertSchema: true
      }
    ]
  }
}

resource noRun 'Microsoft.Insights/scheduledQueryRules@2023-03-15-preview' = if (withoutRunHours > 0) {
  name: 'no-run-${token}'
  location: location
  tags: tags
  properties: {
    displayName: 'Missing KBs: a watchlist has had no run for ${withoutRunHours} hours'
    description: 'Not every watchlist has committed a scheduled run. See docs/operate.md, "No run".'
    enabled: true
    severity: 1
    scopes: [workspace.id]
    evaluationFrequency: 'PT1H'
    windowSize: 'P1D'
    // The query has its own time range, longer than the one-day window.
    overrideQueryTimeRange: 'P2D'
    // A new workspace has no table yet to validate the query against.
    skipQueryValidation: true
    autoMitigate: true
    criteria: {
      allOf: [
        {
          query: replace(loadTextContent('queries/no-run.kql'), '{hours}', string(withoutRunHours))
          metricMeasureColumn: 'Missing'
          timeAggregation: 'Maximum'
          operator: 'GreaterThan'
          threshold: 0
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    actions: { actionGroups: [people.id] }
  }
}

resource refused 'Microsoft.Insights/scheduledQueryRules@2023-03-15-preview' = {
  name: 'refused-${token}'
  location: location
  tags: tags
  properties: {
    displayName: 'Missing KBs: a mail was refused, or a message failed for good'
    description: 'A person must act. See docs/operate.md, "Mail refused" and "Poison messages".'
    enabled: true
    severity: 2
    scopes: [workspace.id]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT1H'
    skipQueryValidation: true
    autoMitigate: true
    criteria: {
      allOf: [
        {
          query: loadTextContent('queries/refused.kql')
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    actions: { actionGroups: [people.id] }
  }
}

resource healthTest 'Microsoft.Insights/webtests@2022-06-15' = {
  name: 'health-${token}'
  location: location
  tags: union(tags, { 'hidden-link:${insights.id}': 'Resource' })
  kind: 'standard'
  properties: {
    Kind: 'standard'
    Name: 'Missing KBs: health'
    SyntheticMonitorId: 'health-${token}'
    Enabled: true
    Frequency: 900
    // The call may have to wait for an instance to start.
    Timeout: 120
    RetryEnabled: true
    Locations: [for id in testLocations: { Id: id }]
    Request: { RequestUrl: healthUrl, HttpVerb: 'GET', FollowRedirects: false, ParseDependentRequests: false }
    ValidationRules: { ExpectedHttpStatusCode: 200, SSLCheck: true, SSLCertRemainingLifetimeCheck: 14 }
  }
}

resource unhealthy 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'unhealthy-${token}'
  location: 'global'
  tags: tags
  properties: {
    description: '/api/health does not answer 200. See docs/operate.md, "Health reasons".'
    severity: 1
    enabled: true
    autoMitigate: true
    scopes: [healthTest.id, insights.id]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT30M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.WebtestLocationAvailabilityCriteria'
      componentId: insights.id
      webTestId: healthTest.id
      failedLocationCount: length(testLocations)
    }
    actions: [{ actionGroupId: people.id }]
  }
}

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'missing-kb-reporter')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Missing KBs: runs, coverage, throttling, mails'
    category: 'workbook'
    sourceId: workspace.id
    serializedData: replace(loadTextContent('workbook.json'), '{workspaceId}', workspace.id)
  }
}
