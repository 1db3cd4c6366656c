// For network=private: a network of the app's own, in which storage and vault have private addresses. What the app calls on
// the Internet (Defender, the mail service, Azure Monitor) and who calls the app stay as they are.

param location string
param tags object
param storageName string

@description('Empty: there is none.')
param vaultName string

var token = uniqueString(subscription().id, resourceGroup().id)

// Each with the zone in which its private address replaces the public one.
var storageServices = [
  { name: 'blob', zone: 'privatelink.blob.${environment().suffixes.storage}', owner: storage.id }
  { name: 'queue', zone: 'privatelink.queue.${environment().suffixes.storage}', owner: storage.id }
  { name: 'table', zone: 'privatelink.table.${environment().suffixes.storage}', owner: storage.id }
]

var vaultService = {
  name: 'vault'
  zone: replace(environment().suffixes.keyvaultDns, '.vault.', 'privatelink.vaultcore.')
  owner: vault.id
}
var services = concat(storageServices, empty(vaultName) ? [] : [vaultService])

resource storage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: storageName
}

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' existing = {
  name: empty(vaultName) ? 'none' : vaultName
}

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: 'vnet-kbs-${token}'
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: ['10.0.0.0/24'] }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: '10.0.0.0/25'
          // What Flex Consumption requires.
          delegations: [{ name: 'app', properties: { serviceName: 'Microsoft.App/environments' } }]
        }
      }
      { name: 'endpoints', properties: { addressPrefix: '10.0.0.128/27' } }
    ]
  }
}

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for service in services: {
    name: service.zone
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (service, index) in services: {
    parent: zones[index]
    name: network.name
    location: 'global'
    tags: tags
    properties: { registrationEnabled: false, virtualNetwork: { id: network.id } }
  }
]

// One after another, because they change the same subnet.
@batchSize(1)
resource endpoints 'Microsoft.Network/privateEndpoints@2024-05-01' = [
  for service in services: {
    name: 'pe-kbs-${service.name}-${token}'
    location: location
    tags: tags
    properties: {
      subnet: { id: '${network.id}/subnets/endpoints' }
      privateLinkServiceConnections: [
        { name: service.name, properties: { privateLinkServiceId: service.owner, groupIds: [service.name] } }
      ]
    }
  }
]

resource addresses 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = [
  for (service, index) in services: {
    parent: endpoints[index]
    name: 'default'
    properties: { privateDnsZoneConfigs: [{ name: service.name, properties: { privateDnsZoneId: zones[index].id } }] }
    dependsOn: [links]
  }
]

output appSubnetId string = '${network.id}/subnets/app'
