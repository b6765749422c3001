package foundation_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
)

// sample is a message of which the vectors have none, with the octets that
// follow from its drawing.
type sample struct {
	m        access.Message
	expected string
}

func testSamples(t *testing.T, samples []sample) {
	t.Helper()
	for _, c := range samples {
		got, err := access.Append(nil, c.m)
		if err != nil || !bytes.Equal(got, octets(t, c.expected)) {
			t.Errorf("%T: expected %s, got %x, %v", c.m, c.expected, got, err)
			continue
		}
		_, params, err := access.ParseOpcode(got)
		if err != nil {
			t.Fatal(err)
		}
		again := reflect.New(reflect.TypeOf(c.m).Elem()).Interface().(access.Message)
		if err := access.Decode(params, again); err != nil || !reflect.DeepEqual(c.m, again) {
			t.Errorf("%T: expected %+v, got %+v, %v", c.m, c.m, again, err)
		}
	}
}

// refusal is a message with parameters that the specification prohibits.
type refusal struct {
	m      access.Message
	params string
}

func testRefusals(t *testing.T, refusals []refusal) {
	t.Helper()
	for _, c := range refusals {
		if err := access.Decode(octets(t, c.params), c.m); !errors.Is(err, access.ErrProhibited) {
			t.Errorf("%T %s: expected a prohibited value, got %+v, %v", c.m, c.params, c.m, err)
		}
	}
}

var testUUID = mesh.UUID{0x68, 0x75, 15: 0x67}

const testUUIDText = "68750000000000000000000000000067"

func TestRemoteProvisioningOctets(t *testing.T) {
	testSamples(t, []sample{
		{&foundation.RemoteProvisioningScanCapabilitiesGet{}, "804f"},
		{&foundation.RemoteProvisioningScanCapabilitiesStatus{MaxScannedItems: 5, ActiveScan: true}, "80500501"},
		{&foundation.RemoteProvisioningScanGet{}, "8051"},
		{&foundation.RemoteProvisioningScanStart{Timeout: 9, HasUUID: true, UUID: testUUID}, "80520009" + testUUIDText},
		{&foundation.RemoteProvisioningScanStop{}, "8053"},
		{&foundation.RemoteProvisioningScanStatus{ScanningState: foundation.RemoteScanMultiple, ScannedItemsLimit: 5, Timeout: 10}, "80540001050a"},
		{&foundation.RemoteProvisioningExtendedScanStart{ADTypeFilter: []uint8{9, 0x24}, HasUUID: true, UUID: testUUID, Timeout: 21}, "8056020924" + testUUIDText + "15"},
		{&foundation.RemoteProvisioningLinkGet{}, "8058"},
		{&foundation.RemoteProvisioningLinkOpen{HasUUID: true, UUID: testUUID}, "8059" + testUUIDText},
		{&foundation.RemoteProvisioningLinkOpen{HasUUID: true, UUID: testUUID, HasTimeout: true, Timeout: 60}, "8059" + testUUIDText + "3c"},
		{&foundation.RemoteProvisioningLinkOpen{Procedure: foundation.RefreshComposition}, "805902"},
		{&foundation.RemoteProvisioningLinkClose{Reason: foundation.RemoteReasonFail}, "805a02"},
		{&foundation.RemoteProvisioningLinkStatus{Status: foundation.RemoteLinkCannotOpen, State: foundation.RemoteLinkActive}, "805b0402"},
		{&foundation.RemoteProvisioningLinkReport{State: foundation.RemoteLinkActive}, "805c0002"},
		{&foundation.RemoteProvisioningLinkReport{Status: foundation.RemoteLinkClosedByDevice, HasReason: true, Reason: foundation.RemoteReasonFail}, "805c060002"},
		{&foundation.RemoteProvisioningPDUSend{OutboundPDUNumber: 1, ProvisioningPDU: []byte{0, 5}}, "805d010005"},
		{&foundation.RemoteProvisioningPDUOutboundReport{OutboundPDUNumber: 1}, "805e01"},
		{&foundation.RemoteProvisioningPDUReport{InboundPDUNumber: 2, ProvisioningPDU: []byte{8}}, "805f0208"},
	})
	testRefusals(t, []refusal{
		{new(foundation.RemoteProvisioningScanStart), "0500"},
		{new(foundation.RemoteProvisioningExtendedScanStart), "00"},
		{new(foundation.RemoteProvisioningExtendedScanStart), "0109" + testUUIDText + "16"},
		{new(foundation.RemoteProvisioningLinkOpen), "03"},
		{new(foundation.RemoteProvisioningLinkOpen), testUUIDText + "3d"},
		{new(foundation.RemoteProvisioningLinkClose), "01"},
		{new(foundation.RemoteProvisioningPDUSend), "01"},
	})
}
