package foundation_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
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

func TestFoundationOctets(t *testing.T) {
	bridged := foundation.BridgedSubnets{NetKeyIndex1: 0x123, NetKeyIndex2: 0x456}
	transmitter := transport.Transmitter{
		SegmentIntervalStep: 5, UnicastRetransmissions: 2, UnicastRetransmissionsWithoutProgress: 3,
		UnicastRetransmissionsIntervalStep: 7, UnicastRetransmissionsIntervalIncrease: 1,
		MulticastRetransmissions: 4, MulticastRetransmissionsIntervalStep: 8,
	}
	receiver := transport.Receiver{SegmentsThreshold: 3, AckDelayIncrement: 2, DiscardTimeout: 1, SegmentIntervalStep: 5, AckRetransmissions: 1}
	long := bytes.Repeat([]byte{0xAB}, 0x80)
	testSamples(t, []sample{
		{&foundation.SARTransmitterGet{}, "806c"},
		{&foundation.SARTransmitterSet{Transmitter: transmitter}, "806d25734108"},
		{&foundation.SARTransmitterStatus{Transmitter: transmitter}, "806e25734108"},
		{&foundation.SARReceiverGet{}, "806f"},
		{&foundation.SARReceiverSet{Receiver: receiver}, "8070435101"},
		{&foundation.SARReceiverStatus{Receiver: receiver}, "8071435101"},

		{&foundation.PrivateBeaconGet{}, "8060"},
		{&foundation.PrivateBeaconSet{PrivateBeacon: true}, "806101"},
		{&foundation.PrivateBeaconSet{HasRandomUpdateInterval: true, RandomUpdateIntervalSteps: 60}, "8061003c"},
		{&foundation.PrivateBeaconStatus{PrivateBeacon: true, RandomUpdateIntervalSteps: 60}, "8062013c"},
		{&foundation.PrivateGATTProxyGet{}, "8063"},
		{&foundation.PrivateGATTProxySet{PrivateGATTProxy: state.Enabled}, "806401"},
		{&foundation.PrivateGATTProxyStatus{PrivateGATTProxy: state.Unsupported}, "806502"},
		{&foundation.PrivateNodeIdentityGet{NetKeyIndex: 0x123}, "80662301"},
		{&foundation.PrivateNodeIdentitySet{NetKeyIndex: 0x123, PrivateNodeIdentity: state.Enabled}, "8067230101"},
		{&foundation.PrivateNodeIdentityStatus{Status: foundation.InvalidNetKeyIndex, NetKeyIndex: 0x123, PrivateNodeIdentity: state.Unsupported}, "806804230102"},

		{&foundation.OnDemandPrivateProxyGet{}, "8069"},
		{&foundation.OnDemandPrivateProxySet{Duration: 30}, "806a1e"},
		{&foundation.OnDemandPrivateProxyStatus{Duration: 255}, "806bff"},
		{&foundation.SolicitationPDURPLItemsClear{AddressRange: foundation.AddressRange{RangeStart: 0x1234, RangeLength: 1}}, "80786824"},
		{&foundation.SolicitationPDURPLItemsClearUnacknowledged{SolicitationPDURPLItemsClear: foundation.SolicitationPDURPLItemsClear{
			AddressRange: foundation.AddressRange{RangeStart: 0x1234, RangeLength: 3},
		}}, "8079692403"},
		{&foundation.SolicitationPDURPLItemsStatus{AddressRange: foundation.AddressRange{RangeStart: 0x7FFF, RangeLength: 1}}, "807afeff"},

		{&foundation.OpcodesAggregatorSequence{ElementAddress: 0x0102, Items: [][]byte{{0x80, 0x09}, long}}, "80720201" + "04" + "8009" + "0101" + fmt.Sprintf("%x", long)},
		{&foundation.OpcodesAggregatorStatus{Status: foundation.AggregatorWrongOpcode, ElementAddress: 1, Items: [][]byte{nil, {0x80, 0x0B, 0x01}}}, "8073030100" + "00" + "06" + "800b01"},
		{&foundation.LargeCompositionDataGet{Page: 1, Offset: 0x0203}, "8074010302"},
		{&foundation.LargeCompositionDataStatus{Page: 1, Offset: 2, TotalSize: 0x0104, Data: []byte{9}}, "80750102000401" + "09"},
		{&foundation.ModelsMetadataGet{Page: 128}, "8076800000"},
		{&foundation.ModelsMetadataStatus{Page: 128, TotalSize: 1, Data: []byte{9}}, "80778000000100" + "09"},

		{&foundation.SubnetBridgeSet{SubnetBridge: true}, "80b201"},
		{&foundation.BridgingTableAdd{Directions: foundation.BridgeBothWay, BridgedSubnets: bridged, Address1: 0x0AAA, Address2: 0x0BBB}, "80b402236145aa0abb0b"},
		{&foundation.BridgedSubnetsList{Filter: foundation.BridgeFirst, NetKeyIndex: 0x123, BridgedSubnets: []foundation.BridgedSubnets{bridged}}, "80b8311200236145"},
		{&foundation.BridgingTableList{BridgedSubnets: bridged, BridgedAddresses: []foundation.BridgedAddresses{{Address1: 1, Address2: 2, Directions: foundation.BridgeOneWay}}}, "80ba002361450000" + "0100020001"},
		{&foundation.BridgingTableSizeStatus{BridgingTableSize: 256}, "80bc0001"},

		{&foundation.ForwardingTableAdd{
			NetKeyIndex: 0x123, PathOriginRange: foundation.AddressRange{RangeStart: 0x1234, RangeLength: 3}, BearerTowardPathOrigin: 1, BearerTowardPathTarget: 2,
			PathTarget: foundation.PathTarget{MulticastDestination: 0xC001},
		}, "80842301" + "692403" + "01c0" + "01000200"},
		{&foundation.ForwardingTableDependentsDelete{NetKeyIndex: 1, PathKey: foundation.PathKey{PathOrigin: 2, Destination: 3}, DependentOrigins: []mesh.Address{4}}, "808801000200030001000400"},
		{&foundation.ForwardingTableEntriesCountStatus{Status: foundation.InvalidNetKeyIndex, NetKeyIndex: 1}, "808d040100"},
		{&foundation.ForwardingTableEntriesGet{
			EntriesFilter: foundation.EntriesFilter{NetKeyIndex: 1, FilterMask: foundation.EntriesFixed | foundation.EntriesDestination, StartIndex: 2, Destination: 0xC000},
		}, "808e0190" + "0200" + "00c0"},
	})
	testRefusals(t, []refusal{
		{new(foundation.PrivateBeaconSet), "02"},
		{new(foundation.PrivateGATTProxySet), "02"},
		{new(foundation.PrivateNodeIdentitySet), "010002"},
		{new(foundation.SolicitationPDURPLItemsClear), "0000"},
		{new(foundation.SolicitationPDURPLItemsClear), "692401"},
		{new(foundation.SolicitationPDURPLItemsClear), "fffff0"},
		{new(foundation.OpcodesAggregatorSequence), "00c0"},
		{new(foundation.SubnetBridgeSet), "02"},
		{new(foundation.BridgingTableAdd), "00236145aa0abb0b"},
		{new(foundation.BridgingTableAdd), "02236145aa0abbcb"},
		{new(foundation.BridgingTableAdd), "01236145aa0affff"},
		{new(foundation.BridgingTableAdd), "01011000aa0abb0b"},
		{new(foundation.DirectedControlSet), "23010200ffff01"},
		{new(foundation.DirectedControlSet), "23010100ff0201"},
		{new(foundation.WantedLanesSet), "230100"},
		{new(foundation.PathEchoIntervalSet), "23016414"},
		{new(foundation.RSSIThresholdSet), "33"},
		{new(foundation.DirectedPublishPolicySet), "0207060410"},
		{new(foundation.ForwardingTableAdd), "2301" + "692403" + "0100" + "01000200"},
	})
}

// FuzzPages reads octets as pages of the composition data and of the models
// metadata; what can be read is written and read again without a change.
func FuzzPages(f *testing.F) {
	f.Add(octets(f, "050307011afd0901383001080508480000050a00050ad0"))
	f.Add(octets(f, "02010000010700010000112233445566010001040002000011223336010100010600030000112233445500013601020001050004000011223344"))
	f.Add(octets(f, "0016010203020001"+"0200aabb"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, pages := range [][2]access.Part{
			{new(foundation.Relations), new(foundation.Relations)},
			{new(foundation.Profiles), new(foundation.Profiles)},
			{new(foundation.Metadata), new(foundation.Metadata)},
		} {
			page, again := pages[0], pages[1]
			if access.DecodePart(data, page) != nil {
				continue
			}
			out, err := access.AppendPart(nil, page)
			if err != nil {
				t.Fatalf("%T of %x is read and not written: %v", page, data, err)
			}
			if err := access.DecodePart(out, again); err != nil || !reflect.DeepEqual(page, again) {
				t.Fatalf("%x is %+v, which becomes %+v, %v", data, page, again, err)
			}
		}
	})
}
