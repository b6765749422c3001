package foundation_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// TestOctets has messages of which the vectors have none; the octets follow
// from the drawings of section 4.3.2.
func TestOctets(t *testing.T) {
	label, err := mesh.ParseUUID("00112233445566778899aabbccddeeff")
	if err != nil {
		t.Fatal(err)
	}
	onoff, vendor := mesh.SIGModel(0x1000), mesh.VendorModel(0x005D, 0x0102)
	key := crypto.Key{0x11, 15: 0xFF}
	for _, c := range []struct {
		m        access.Message
		expected string
	}{
		{&foundation.ConfigNetKeyUpdate{NetKeyIndex: 0xABC, NetKey: key}, "8045bc0a110000000000000000000000000000ff"},
		{&foundation.ConfigNetKeyDelete{NetKeyIndex: 1}, "80410100"},
		{&foundation.ConfigNetKeyList{NetKeyIndexes: []mesh.KeyIndex{0x123, 0x456, 0x789}}, "80432361458907"},
		{&foundation.ConfigNetKeyList{}, "8043"},
		{&foundation.ConfigAppKeyUpdate{NetKeyIndex: 0x123, AppKeyIndex: 0x456, AppKey: key}, "01236145110000000000000000000000000000ff"},
		{&foundation.ConfigAppKeyDelete{NetKeyIndex: 0x123, AppKeyIndex: 0x456}, "8000236145"},
		{&foundation.ConfigKeyRefreshPhaseSet{NetKeyIndex: 2, Transition: 3}, "8016020003"},
		{&foundation.ConfigKeyRefreshPhaseStatus{NetKeyIndex: 2, Phase: state.FirstPhase}, "801700020001"},
		{&foundation.ConfigNodeReset{}, "8049"},
		{&foundation.ConfigNodeResetStatus{}, "804a"},
		{&foundation.ConfigFriendSet{Friend: state.Enabled}, "801001"},
		{&foundation.ConfigRelayStatus{Relay: state.Enabled, RelayRetransmit: state.Retransmit{Count: 2, Steps: 1}}, "8028010a"},
		{&foundation.ConfigNodeIdentityStatus{NetKeyIndex: 1, Identity: state.Unsupported}, "804800010002"},
		{&foundation.ConfigModelAppUnbind{ElementAddress: 0x0102, AppKeyIndex: 3, ModelIdentifier: vendor}, "803f020103005d000201"},
		{&foundation.ConfigSIGModelAppList{ElementAddress: 1, ModelIdentifier: onoff, AppKeyIndexes: []mesh.KeyIndex{1}}, "804c00010000100100"},
		{&foundation.ConfigVendorModelAppGet{ElementAddress: 1, ModelIdentifier: vendor}, "804d01005d000201"},
		{&foundation.ConfigModelSubscriptionVirtualAddressAdd{ElementAddress: 1, Label: label, ModelIdentifier: onoff}, "8020010000112233445566778899aabbccddeeff0010"},
		{&foundation.ConfigModelSubscriptionDeleteAll{ElementAddress: 1, ModelIdentifier: onoff}, "801d01000010"},
		{&foundation.ConfigSIGModelSubscriptionList{ElementAddress: 1, ModelIdentifier: onoff, Addresses: []mesh.Address{0xC000, 0x8001}}, "802a000100001000c00180"},
		{&foundation.ConfigVendorModelSubscriptionList{ElementAddress: 1, ModelIdentifier: vendor}, "802c0001005d000201"},
		{&foundation.ConfigModelPublicationVirtualAddressSet{
			ElementAddress: 1, PublishAddress: label, ModelIdentifier: onoff,
			PublishParameters: foundation.PublishParameters{AppKeyIndex: 5, PublishTTL: mesh.DefaultTTL, PublishPeriod: 0x41, PublishRetransmit: 0x0D},
		}, "801a010000112233445566778899aabbccddeeff0500ff410d0010"},
		{&foundation.ConfigLowPowerNodePollTimeoutStatus{LPNAddress: 2, PollTimeout: 0x010203}, "802e0200030201"},
		{&foundation.ConfigHeartbeatSubscriptionStatus{Source: 1, Destination: 0xC000, PeriodLog: 2, CountLog: 3, MinHops: 4, MaxHops: 5}, "803c00010000c002030405"},
	} {
		got, err := access.Append(nil, c.m)
		if err != nil || !bytes.Equal(got, octets(t, c.expected)) {
			t.Errorf("%T: expected %s, got %x, %v", c.m, c.expected, got, err)
		}
	}
}

func TestProhibitedValues(t *testing.T) {
	for _, c := range []struct {
		m      access.Message
		params string
	}{
		{new(foundation.ConfigBeaconSet), "02"},
		{new(foundation.ConfigDefaultTTLSet), "01"},
		{new(foundation.ConfigDefaultTTLSet), "80"},
		{new(foundation.ConfigFriendSet), "02"},
		{new(foundation.ConfigGATTProxySet), "02"},
		{new(foundation.ConfigGATTProxyStatus), "03"},
		{new(foundation.ConfigRelaySet), "0200"},
		{new(foundation.ConfigNodeIdentitySet), "000002"},
		{new(foundation.ConfigKeyRefreshPhaseSet), "000001"},
		{new(foundation.ConfigKeyRefreshPhaseSet), "000000"},
		{new(foundation.ConfigModelAppBind), "000000000010"},
		{new(foundation.ConfigModelAppBind), "00c000000010"},
		{new(foundation.ConfigModelPublicationSet), "010000c00000800000" + "0010"},
		{new(foundation.ConfigHeartbeatPublicationSet), "010012010500000000"},
		{new(foundation.ConfigHeartbeatPublicationSet), "0100ff120500000000"},
		{new(foundation.ConfigHeartbeatPublicationSet), "0100ff018000000000"},
		{new(foundation.HealthPeriodSet), "10"},
	} {
		if err := access.Decode(octets(t, c.params), c.m); !errors.Is(err, access.ErrProhibited) {
			t.Errorf("%T %s: %+v, %v", c.m, c.params, c.m, err)
		}
	}
}

func TestModelIdentifierHasTwoOrFourOctets(t *testing.T) {
	for _, params := range []string{"0100c000000010", "010000c0", "010000c010", "010000c0001001", "010000c00010010203"} {
		err := access.Decode(octets(t, params), new(foundation.ConfigModelSubscriptionAdd))
		if !errors.Is(err, access.ErrTruncated) && !errors.Is(err, access.ErrTrailing) {
			t.Errorf("%s: %v", params, err)
		}
	}
}

func TestStatus(t *testing.T) {
	if err := foundation.Success.Err(); err != nil {
		t.Errorf("success is the error %v", err)
	}
	err := foundation.InvalidAppKeyIndex.Err()
	var status foundation.StatusError
	if !errors.As(err, &status) || status.Status != foundation.InvalidAppKeyIndex || !strings.Contains(err.Error(), "invalid AppKey index") {
		t.Errorf("%v", err)
	}
	for s := range foundation.InvalidBearer + 1 {
		if s.String() == "" {
			t.Errorf("no words for 0x%02x", uint8(s))
		}
	}
	if got := (foundation.InvalidBearer + 1).String(); got != "reserved status 0x16" {
		t.Error(got)
	}
}

func TestModelName(t *testing.T) {
	for id, expected := range map[mesh.ModelID]string{
		foundation.ConfigurationServerID: "Configuration Server",
		mesh.SIGModel(0x130D):            "Light xyL Setup Server",
		mesh.SIGModel(0x7777):            "",
		mesh.VendorModel(0x005D, 0):      "",
	} {
		if got := foundation.ModelName(id); got != expected {
			t.Errorf("%s: %q", id, got)
		}
	}
}
