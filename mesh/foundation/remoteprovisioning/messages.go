package remoteprovisioning

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"

// Messages is the table of the messages of the Remote Provisioning models, with
// their names in section 4.3.
func Messages() []access.Kind {
	return []access.Kind{
		access.Describe[ScanCapabilitiesGet]("Remote Provisioning Scan Capabilities Get"),
		access.Describe[ScanCapabilitiesStatus]("Remote Provisioning Scan Capabilities Status"),
		access.Describe[ScanGet]("Remote Provisioning Scan Get"),
		access.Describe[ScanStart]("Remote Provisioning Scan Start"),
		access.Describe[ScanStop]("Remote Provisioning Scan Stop"),
		access.Describe[ScanStatus]("Remote Provisioning Scan Status"),
		access.Describe[ScanReport]("Remote Provisioning Scan Report"),
		access.Describe[ExtendedScanStart]("Remote Provisioning Extended Scan Start"),
		access.Describe[ExtendedScanReport]("Remote Provisioning Extended Scan Report"),
		access.Describe[LinkGet]("Remote Provisioning Link Get"),
		access.Describe[LinkOpen]("Remote Provisioning Link Open"),
		access.Describe[LinkClose]("Remote Provisioning Link Close"),
		access.Describe[LinkStatus]("Remote Provisioning Link Status"),
		access.Describe[LinkReport]("Remote Provisioning Link Report"),
		access.Describe[PDUSend]("Remote Provisioning PDU Send"),
		access.Describe[PDUOutboundReport]("Remote Provisioning PDU Outbound Report"),
		access.Describe[PDUReport]("Remote Provisioning PDU Report"),
	}
}
