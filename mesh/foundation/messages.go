package foundation

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Messages is the table of the messages of the foundation models, with the
// names that section 4.3 gives them.
func Messages() []access.Kind {
	return slices.Concat(
		configMessages(),
		remoteMessages(),
		privateMessages(),
		sarMessages(),
		largeMessages(),
		directedMessages(),
		bridgeMessages(),
	)
}

func configMessages() []access.Kind {
	return []access.Kind{
		access.Describe[ConfigCompositionDataGet]("Config Composition Data Get"),
		access.Describe[ConfigCompositionDataStatus]("Config Composition Data Status"),

		access.Describe[ConfigNetKeyAdd]("Config NetKey Add"),
		access.Describe[ConfigNetKeyUpdate]("Config NetKey Update"),
		access.Describe[ConfigNetKeyDelete]("Config NetKey Delete"),
		access.Describe[ConfigNetKeyStatus]("Config NetKey Status"),
		access.Describe[ConfigNetKeyGet]("Config NetKey Get"),
		access.Describe[ConfigNetKeyList]("Config NetKey List"),
		access.Describe[ConfigAppKeyAdd]("Config AppKey Add"),
		access.Describe[ConfigAppKeyUpdate]("Config AppKey Update"),
		access.Describe[ConfigAppKeyDelete]("Config AppKey Delete"),
		access.Describe[ConfigAppKeyStatus]("Config AppKey Status"),
		access.Describe[ConfigAppKeyGet]("Config AppKey Get"),
		access.Describe[ConfigAppKeyList]("Config AppKey List"),
		access.Describe[ConfigKeyRefreshPhaseGet]("Config Key Refresh Phase Get"),
		access.Describe[ConfigKeyRefreshPhaseSet]("Config Key Refresh Phase Set"),
		access.Describe[ConfigKeyRefreshPhaseStatus]("Config Key Refresh Phase Status"),

		access.Describe[ConfigModelPublicationGet]("Config Model Publication Get"),
		access.Describe[ConfigModelPublicationSet]("Config Model Publication Set"),
		access.Describe[ConfigModelPublicationVirtualAddressSet]("Config Model Publication Virtual Address Set"),
		access.Describe[ConfigModelPublicationStatus]("Config Model Publication Status"),

		access.Describe[ConfigModelSubscriptionAdd]("Config Model Subscription Add"),
		access.Describe[ConfigModelSubscriptionDelete]("Config Model Subscription Delete"),
		access.Describe[ConfigModelSubscriptionOverwrite]("Config Model Subscription Overwrite"),
		access.Describe[ConfigModelSubscriptionDeleteAll]("Config Model Subscription Delete All"),
		access.Describe[ConfigModelSubscriptionVirtualAddressAdd]("Config Model Subscription Virtual Address Add"),
		access.Describe[ConfigModelSubscriptionVirtualAddressDelete]("Config Model Subscription Virtual Address Delete"),
		access.Describe[ConfigModelSubscriptionVirtualAddressOverwrite]("Config Model Subscription Virtual Address Overwrite"),
		access.Describe[ConfigModelSubscriptionStatus]("Config Model Subscription Status"),
		access.Describe[ConfigSIGModelSubscriptionGet]("Config SIG Model Subscription Get"),
		access.Describe[ConfigSIGModelSubscriptionList]("Config SIG Model Subscription List"),
		access.Describe[ConfigVendorModelSubscriptionGet]("Config Vendor Model Subscription Get"),
		access.Describe[ConfigVendorModelSubscriptionList]("Config Vendor Model Subscription List"),

		access.Describe[ConfigModelAppBind]("Config Model App Bind"),
		access.Describe[ConfigModelAppUnbind]("Config Model App Unbind"),
		access.Describe[ConfigModelAppStatus]("Config Model App Status"),
		access.Describe[ConfigSIGModelAppGet]("Config SIG Model App Get"),
		access.Describe[ConfigSIGModelAppList]("Config SIG Model App List"),
		access.Describe[ConfigVendorModelAppGet]("Config Vendor Model App Get"),
		access.Describe[ConfigVendorModelAppList]("Config Vendor Model App List"),

		access.Describe[ConfigBeaconGet]("Config Beacon Get"),
		access.Describe[ConfigBeaconSet]("Config Beacon Set"),
		access.Describe[ConfigBeaconStatus]("Config Beacon Status"),
		access.Describe[ConfigDefaultTTLGet]("Config Default TTL Get"),
		access.Describe[ConfigDefaultTTLSet]("Config Default TTL Set"),
		access.Describe[ConfigDefaultTTLStatus]("Config Default TTL Status"),
		access.Describe[ConfigFriendGet]("Config Friend Get"),
		access.Describe[ConfigFriendSet]("Config Friend Set"),
		access.Describe[ConfigFriendStatus]("Config Friend Status"),
		access.Describe[ConfigGATTProxyGet]("Config GATT Proxy Get"),
		access.Describe[ConfigGATTProxySet]("Config GATT Proxy Set"),
		access.Describe[ConfigGATTProxyStatus]("Config GATT Proxy Status"),
		access.Describe[ConfigRelayGet]("Config Relay Get"),
		access.Describe[ConfigRelaySet]("Config Relay Set"),
		access.Describe[ConfigRelayStatus]("Config Relay Status"),
		access.Describe[ConfigNetworkTransmitGet]("Config Network Transmit Get"),
		access.Describe[ConfigNetworkTransmitSet]("Config Network Transmit Set"),
		access.Describe[ConfigNetworkTransmitStatus]("Config Network Transmit Status"),
		access.Describe[ConfigNodeIdentityGet]("Config Node Identity Get"),
		access.Describe[ConfigNodeIdentitySet]("Config Node Identity Set"),
		access.Describe[ConfigNodeIdentityStatus]("Config Node Identity Status"),
		access.Describe[ConfigNodeReset]("Config Node Reset"),
		access.Describe[ConfigNodeResetStatus]("Config Node Reset Status"),
		access.Describe[ConfigLowPowerNodePollTimeoutGet]("Config Low Power Node PollTimeout Get"),
		access.Describe[ConfigLowPowerNodePollTimeoutStatus]("Config Low Power Node PollTimeout Status"),

		access.Describe[ConfigHeartbeatPublicationGet]("Config Heartbeat Publication Get"),
		access.Describe[ConfigHeartbeatPublicationSet]("Config Heartbeat Publication Set"),
		access.Describe[ConfigHeartbeatPublicationStatus]("Config Heartbeat Publication Status"),
		access.Describe[ConfigHeartbeatSubscriptionGet]("Config Heartbeat Subscription Get"),
		access.Describe[ConfigHeartbeatSubscriptionSet]("Config Heartbeat Subscription Set"),
		access.Describe[ConfigHeartbeatSubscriptionStatus]("Config Heartbeat Subscription Status"),

		access.Describe[HealthCurrentStatus]("Health Current Status"),
		access.Describe[HealthFaultStatus]("Health Fault Status"),
		access.Describe[HealthFaultGet]("Health Fault Get"),
		access.Describe[HealthFaultClear]("Health Fault Clear"),
		access.Describe[HealthFaultClearUnacknowledged]("Health Fault Clear Unacknowledged"),
		access.Describe[HealthFaultTest]("Health Fault Test"),
		access.Describe[HealthFaultTestUnacknowledged]("Health Fault Test Unacknowledged"),
		access.Describe[HealthPeriodGet]("Health Period Get"),
		access.Describe[HealthPeriodSet]("Health Period Set"),
		access.Describe[HealthPeriodSetUnacknowledged]("Health Period Set Unacknowledged"),
		access.Describe[HealthPeriodStatus]("Health Period Status"),
		access.Describe[HealthAttentionGet]("Health Attention Get"),
		access.Describe[HealthAttentionSet]("Health Attention Set"),
		access.Describe[HealthAttentionSetUnacknowledged]("Health Attention Set Unacknowledged"),
		access.Describe[HealthAttentionStatus]("Health Attention Status"),
	}
}
