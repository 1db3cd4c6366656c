// Mail without a key, for MAIL_TRANSPORT=acs: an Azure-managed domain, whose sender needs no DNS records, and the right to
// send for the app's identity. The resource has keys, but does not accept them.

param tags object

@description('Object id of the app\'s identity.')
param principalId string

@description('Where Azure keeps the mails until they are delivered.')
param dataLocation string

var token = uniqueString(subscription().id, resourceGroup().id)

resource emails 'Microsoft.Communication/emailServices@2025-05-01' = {
  name: 'mail-kbs-${token}'
  location: 'global'
  tags: tags
  properties: { dataLocation: dataLocation }

  resource domain 'domains' = {
    name: 'AzureManagedDomain'
    location: 'global'
    tags: tags
    // Tracking would rewrite the links and show the readers to a third party.
    properties: { domainManagement: 'AzureManaged', userEngagementTracking: 'Disabled' }
  }
}

resource communication 'Microsoft.Communication/communicationServices@2025-05-01' = {
  name: 'acs-kbs-${token}'
  location: 'global'
  tags: tags
  properties: { dataLocation: dataLocation, linkedDomains: [emails::domain.id], disableLocalAuth: true }
}

// The built-in role for senders, Communication and Email Service Owner, may also list keys and delete the resource. These are
// the actions that Azure asks for when a mail is sent: it has none for sending alone.
resource senderRole 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(resourceGroup().id, 'sender of digests')
  properties: {
    roleName: 'Missing-KB reporter: sender of digests (${token})'
    description: 'Sends mail through Azure Communication Services and asks what became of it.'
    type: 'CustomRole'
    assignableScopes: [resourceGroup().id]
    permissions: [
      {
        actions: [
          'Microsoft.Communication/CommunicationServices/Read'
          'Microsoft.Communication/CommunicationServices/Write'
          'Microsoft.Communication/EmailServices/Write'
        ]
      }
    ]
  }
}

resource senderGrant 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(communication.id, principalId, senderRole.id)
  scope: communication
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: senderRole.id
  }
}

output endpoint string = 'https://${communication.properties.hostName}'
output sender string = 'DoNotReply@${emails::domain.properties.mailFromSenderDomain}'
