package configuration_test

import (
	"errors"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/internal/messagetest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// TestOctets covers messages without sample data. The octets follow from the
// field tables of section 4.3.2.
func TestOctets(t *testing.T) {
	label, err := mesh.ParseUUID("00112233445566778899aabbccddeeff")
	if err != nil {
		t.Fatal(err)
	}
	onoff, vendor := mesh.SIGModel(0x1000), mesh.VendorModel(0x005D, 0x0102)
	key := crypto.Key{0x11, 15: 0xFF}
	messagetest.Samples(t, []messagetest.Sample{
		{&configuration.NetKeyUpdate{NetKeyIndex: 0xABC, NetKey: key}, "8045bc0a110000000000000000000000000000ff"},
		{&configuration.NetKeyDelete{NetKeyIndex: 1}, "80410100"},
		{&configuration.NetKeyList{NetKeyIndexes: []mesh.KeyIndex{0x123, 0x456, 0x789}}, "80432361458907"},
		{&configuration.NetKeyList{}, "8043"},
		{&configuration.AppKeyUpdate{NetKeyIndex: 0x123, AppKeyIndex: 0x456, AppKey: key}, "01236145110000000000000000000000000000ff"},
		{&configuration.AppKeyDelete{NetKeyIndex: 0x123, AppKeyIndex: 0x456}, "8000236145"},
		{&configuration.KeyRefreshPhaseSet{NetKeyIndex: 2, Transition: 3}, "8016020003"},
		{&configuration.KeyRefreshPhaseStatus{NetKeyIndex: 2, Phase: state.FirstPhase}, "801700020001"},
		{&configuration.NodeReset{}, "8049"},
		{&configuration.NodeResetStatus{}, "804a"},
		{&configuration.FriendSet{Friend: state.Enabled}, "801001"},
		{&configuration.RelayStatus{Relay: state.Enabled, RelayRetransmit: state.Retransmit{Count: 2, Steps: 1}}, "8028010a"},
		{&configuration.NodeIdentityStatus{NetKeyIndex: 1, Identity: state.Unsupported}, "804800010002"},
		{&configuration.ModelAppUnbind{ElementAddress: 0x0102, AppKeyIndex: 3, ModelIdentifier: vendor}, "803f020103005d000201"},
		{&configuration.SIGModelAppList{ElementAddress: 1, ModelIdentifier: onoff, AppKeyIndexes: []mesh.KeyIndex{1}}, "804c00010000100100"},
		{&configuration.VendorModelAppGet{ElementAddress: 1, ModelIdentifier: vendor}, "804d01005d000201"},
		{&configuration.ModelSubscriptionVirtualAddressAdd{ElementAddress: 1, Label: label, ModelIdentifier: onoff}, "8020010000112233445566778899aabbccddeeff0010"},
		{&configuration.ModelSubscriptionDeleteAll{ElementAddress: 1, ModelIdentifier: onoff}, "801d01000010"},
		{&configuration.SIGModelSubscriptionList{ElementAddress: 1, ModelIdentifier: onoff, Addresses: []mesh.Address{0xC000, 0x8001}}, "802a000100001000c00180"},
		{&configuration.VendorModelSubscriptionList{ElementAddress: 1, ModelIdentifier: vendor}, "802c0001005d000201"},
		{&configuration.ModelPublicationVirtualAddressSet{
			ElementAddress: 1, PublishAddress: label, ModelIdentifier: onoff,
			PublishParameters: configuration.PublishParameters{AppKeyIndex: 5, PublishTTL: mesh.DefaultTTL, PublishPeriod: 0x41, PublishRetransmit: 0x0D},
		}, "801a010000112233445566778899aabbccddeeff0500ff410d0010"},
		{&configuration.LowPowerNodePollTimeoutStatus{LPNAddress: 2, PollTimeout: 0x010203}, "802e0200030201"},
		{&configuration.HeartbeatSubscriptionStatus{Source: 1, Destination: 0xC000, PeriodLog: 2, CountLog: 3, MinHops: 4, MaxHops: 5}, "803c00010000c002030405"},
	})
}

func TestProhibitedValues(t *testing.T) {
	messagetest.Refusals(t, []messagetest.Refusal{
		{new(configuration.BeaconSet), "02"},
		{new(configuration.DefaultTTLSet), "01"},
		{new(configuration.DefaultTTLSet), "80"},
		{new(configuration.FriendSet), "02"},
		{new(configuration.GATTProxySet), "02"},
		{new(configuration.GATTProxyStatus), "03"},
		{new(configuration.RelaySet), "0200"},
		{new(configuration.NodeIdentitySet), "000002"},
		{new(configuration.KeyRefreshPhaseSet), "000001"},
		{new(configuration.KeyRefreshPhaseSet), "000000"},
		{new(configuration.ModelAppBind), "000000000010"},
		{new(configuration.ModelAppBind), "00c000000010"},
		{new(configuration.ModelPublicationSet), "010000c00000800000" + "0010"},
		{new(configuration.HeartbeatPublicationSet), "010012010500000000"},
		{new(configuration.HeartbeatPublicationSet), "0100ff120500000000"},
		{new(configuration.HeartbeatPublicationSet), "0100ff018000000000"},
	})
}

func TestModelIdentifierHasTwoOrFourOctets(t *testing.T) {
	for _, params := range []string{"0100c000000010", "010000c0", "010000c010", "010000c0001001", "010000c00010010203"} {
		err := access.Decode(messagetest.Octets(t, params), new(configuration.ModelSubscriptionAdd))
		if !errors.Is(err, access.ErrTruncated) && !errors.Is(err, access.ErrTrailing) {
			t.Errorf("%s: got %v, expected a refusal", params, err)
		}
	}
}
