package firmware

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"

// Messages is the table of the messages of the firmware models, with their
// names in the specification.
func Messages() []access.Kind {
	return []access.Kind{
		access.Describe[UpdateInformationGet]("Firmware Update Information Get"),
		access.Describe[UpdateInformationStatus]("Firmware Update Information Status"),
		access.Describe[UpdateFirmwareMetadataCheck]("Firmware Update Firmware Metadata Check"),
		access.Describe[UpdateFirmwareMetadataStatus]("Firmware Update Firmware Metadata Status"),
		access.Describe[UpdateGet]("Firmware Update Get"),
		access.Describe[UpdateStart]("Firmware Update Start"),
		access.Describe[UpdateCancel]("Firmware Update Cancel"),
		access.Describe[UpdateApply]("Firmware Update Apply"),
		access.Describe[UpdateStatus]("Firmware Update Status"),

		access.Describe[DistributionReceiversAdd]("Firmware Distribution Receivers Add"),
		access.Describe[DistributionReceiversDeleteAll]("Firmware Distribution Receivers Delete All"),
		access.Describe[DistributionReceiversStatus]("Firmware Distribution Receivers Status"),
		access.Describe[DistributionReceiversGet]("Firmware Distribution Receivers Get"),
		access.Describe[DistributionReceiversList]("Firmware Distribution Receivers List"),
		access.Describe[DistributionCapabilitiesGet]("Firmware Distribution Capabilities Get"),
		access.Describe[DistributionCapabilitiesStatus]("Firmware Distribution Capabilities Status"),
		access.Describe[DistributionGet]("Firmware Distribution Get"),
		access.Describe[DistributionStart]("Firmware Distribution Start"),
		access.Describe[DistributionSuspend]("Firmware Distribution Suspend"),
		access.Describe[DistributionCancel]("Firmware Distribution Cancel"),
		access.Describe[DistributionApply]("Firmware Distribution Apply"),
		access.Describe[DistributionStatus]("Firmware Distribution Status"),
		access.Describe[DistributionUploadGet]("Firmware Distribution Upload Get"),
		access.Describe[DistributionUploadStart]("Firmware Distribution Upload Start"),
		access.Describe[DistributionUploadOOBStart]("Firmware Distribution Upload OOB Start"),
		access.Describe[DistributionUploadCancel]("Firmware Distribution Upload Cancel"),
		access.Describe[DistributionUploadStatus]("Firmware Distribution Upload Status"),
		access.Describe[DistributionFirmwareGet]("Firmware Distribution Firmware Get"),
		access.Describe[DistributionFirmwareGetByIndex]("Firmware Distribution Firmware Get By Index"),
		access.Describe[DistributionFirmwareDelete]("Firmware Distribution Firmware Delete"),
		access.Describe[DistributionFirmwareDeleteAll]("Firmware Distribution Firmware Delete All"),
		access.Describe[DistributionFirmwareStatus]("Firmware Distribution Firmware Status"),
	}
}
