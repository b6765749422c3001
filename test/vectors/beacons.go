package vectors

import (
	_ "embed" // beacons.json
	"testing"
)

//go:embed beacons.json
var beaconsFile []byte

// BeaconEntry is an entry of beacons.json: a beacon, service data or Proxy
// PDUs, depending on its kind.
type BeaconEntry struct {
	Entry
	Inputs  BeaconInputs  `json:"inputs"`
	Outputs BeaconOutputs `json:"outputs"`
}

// BeaconInputs holds the inputs of an entry; fields that its kind does not use
// are nil or zero.
type BeaconInputs struct {
	DeviceUUID                Hex      `json:"device_uuid"`
	OOBInformation            Hex      `json:"oob_information"`
	URIData                   Hex      `json:"uri_data"`
	NetKey                    Hex      `json:"net_key"`
	Flags                     Hex      `json:"flags"`
	KeyRefresh                int      `json:"key_refresh"`
	IVUpdate                  int      `json:"iv_update"`
	IVIndex                   Hex      `json:"iv_index"`
	Random                    Hex      `json:"random"`
	Beacon                    Hex      `json:"beacon"`
	ServiceUUID16             Hex      `json:"service_uuid16"`
	IdentificationType        Hex      `json:"identification_type"`
	IdentityKey               Hex      `json:"identity_key"`
	Address                   Hex      `json:"address"`
	NetworkID                 Hex      `json:"network_id"`
	MessageType               Hex      `json:"message_type"`
	Message                   Hex      `json:"message"`
	MaxProxyPDUOctets         int      `json:"max_proxy_pdu_octets"`
	ProxyPDUs                 []Hex    `json:"proxy_pdus"`
	CurrentIVUpdateInProgress bool     `json:"current_iv_update_in_progress"`
	IVRecoveryActive          bool     `json:"iv_recovery_active"`
	IVTestMode                bool     `json:"iv_test_mode"`
	RecoveryOver42Allowed     bool     `json:"recovery_over_42_allowed"`
	URISchemeCode             Hex      `json:"uri_scheme_code"`
	OOBBits                   []string `json:"oob_bits"`
	CurrentIVIndex            uint32   `json:"current_iv_index"`
	// HoursSinceLastTransition is 96, "96 h" or "96 h minus 10 s".
	HoursSinceLastTransition any `json:"hours_since_last_transition"`
}

// BeaconOutputs holds the outputs of an entry; fields that its kind does not
// use are nil.
type BeaconOutputs struct {
	Beacon                                 Hex   `json:"beacon"`
	AdvertisingData                        Hex   `json:"advertising_data"`
	URIHashFull                            Hex   `json:"uri_hash_full"`
	URIHash                                Hex   `json:"uri_hash"`
	BeaconKey                              Hex   `json:"beacon_key"`
	NetworkID                              Hex   `json:"network_id"`
	CMACInput                              Hex   `json:"cmac_input"`
	CMAC                                   Hex   `json:"cmac"`
	AuthenticationValue                    Hex   `json:"authentication_value"`
	PrivateBeaconKey                       Hex   `json:"private_beacon_key"`
	PrivateBeaconData                      Hex   `json:"private_beacon_data"`
	ObfuscatedPrivateBeaconData            Hex   `json:"obfuscated_private_beacon_data"`
	AuthenticationTag                      Hex   `json:"authentication_tag"`
	Accepted                               *bool `json:"accepted"`
	ServiceDataADStructureAsPrinted        Hex   `json:"service_data_ad_structure_as_printed"`
	ServiceDataADStructureWithOOBBigEndian Hex   `json:"service_data_ad_structure_with_oob_big_endian"`
	ServiceData                            Hex   `json:"service_data"`
	ServiceDataADStructure                 Hex   `json:"service_data_ad_structure"`
	HashInput                              Hex   `json:"hash_input"`
	EOutput                                Hex   `json:"e_output"`
	Hash                                   Hex   `json:"hash"`
	ProxyPDUs                              []Hex `json:"proxy_pdus"`
	MessageType                            Hex   `json:"message_type"`
	Message                                Hex   `json:"message"`
}

// Beacons loads beacons.json.
func Beacons(t testing.TB) []BeaconEntry { return load[BeaconEntry](t, "beacons.json", beaconsFile) }
