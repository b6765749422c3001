package remoteprovisioning_test

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/internal/messagetest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/remoteprovisioning"
)

var testUUID = mesh.UUID{0x68, 0x75, 15: 0x67}

const testUUIDText = "68750000000000000000000000000067"

func TestOctets(t *testing.T) {
	messagetest.Samples(t, []messagetest.Sample{
		{&remoteprovisioning.ScanCapabilitiesGet{}, "804f"},
		{&remoteprovisioning.ScanCapabilitiesStatus{MaxScannedItems: 5, ActiveScan: true}, "80500501"},
		{&remoteprovisioning.ScanGet{}, "8051"},
		{&remoteprovisioning.ScanStart{Timeout: 9, HasUUID: true, UUID: testUUID}, "80520009" + testUUIDText},
		{&remoteprovisioning.ScanStop{}, "8053"},
		{&remoteprovisioning.ScanStatus{ScanningState: remoteprovisioning.ScanMultiple, ScannedItemsLimit: 5, Timeout: 10}, "80540001050a"},
		{&remoteprovisioning.ExtendedScanStart{ADTypeFilter: []uint8{9, 0x24}, HasUUID: true, UUID: testUUID, Timeout: 21}, "8056020924" + testUUIDText + "15"},
		{&remoteprovisioning.LinkGet{}, "8058"},
		{&remoteprovisioning.LinkOpen{HasUUID: true, UUID: testUUID}, "8059" + testUUIDText},
		{&remoteprovisioning.LinkOpen{HasUUID: true, UUID: testUUID, HasTimeout: true, Timeout: 60}, "8059" + testUUIDText + "3c"},
		{&remoteprovisioning.LinkOpen{Procedure: remoteprovisioning.RefreshComposition}, "805902"},
		{&remoteprovisioning.LinkClose{Reason: remoteprovisioning.ReasonFail}, "805a02"},
		{&remoteprovisioning.LinkStatus{Status: remoteprovisioning.LinkCannotOpen, State: remoteprovisioning.LinkActive}, "805b0402"},
		{&remoteprovisioning.LinkReport{State: remoteprovisioning.LinkActive}, "805c0002"},
		{&remoteprovisioning.LinkReport{Status: remoteprovisioning.LinkClosedByDevice, HasReason: true, Reason: remoteprovisioning.ReasonFail}, "805c060002"},
		{&remoteprovisioning.PDUSend{OutboundPDUNumber: 1, ProvisioningPDU: []byte{0, 5}}, "805d010005"},
		{&remoteprovisioning.PDUOutboundReport{OutboundPDUNumber: 1}, "805e01"},
		{&remoteprovisioning.PDUReport{InboundPDUNumber: 2, ProvisioningPDU: []byte{8}}, "805f0208"},
	})
	messagetest.Refusals(t, []messagetest.Refusal{
		{new(remoteprovisioning.ScanStart), "0500"},
		{new(remoteprovisioning.ExtendedScanStart), "00"},
		{new(remoteprovisioning.ExtendedScanStart), "0109" + testUUIDText + "16"},
		{new(remoteprovisioning.LinkOpen), "03"},
		{new(remoteprovisioning.LinkOpen), testUUIDText + "3d"},
		{new(remoteprovisioning.LinkClose), "01"},
		{new(remoteprovisioning.PDUSend), "01"},
	})
}
