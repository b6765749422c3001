package vectors

import (
	_ "embed" // provisioning.json
	"testing"
)

//go:embed provisioning.json
var provisioningFile []byte

// ProvisioningEntry is an entry of provisioning.json: a session with its keys,
// an exchange of PDUs, one decoded PDU, or a certificate, depending on its
// kind.
type ProvisioningEntry struct {
	Entry
	Inputs  ProvisioningInputs  `json:"inputs"`
	Outputs ProvisioningOutputs `json:"outputs"`
	// PDU and Fields belong to the kind "pdu_fields".
	PDU    Hex     `json:"pdu"`
	Fields []Field `json:"fields"`
	// Steps holds an exchange.
	Steps []ProvisioningStep `json:"steps"`
}

// ProvisioningInputs holds the inputs of an entry; fields that its kind does
// not use are nil or zero.
type ProvisioningInputs struct {
	Algorithm              string `json:"algorithm"`
	InviteParameters       Hex    `json:"invite_parameters"`
	CapabilitiesParameters Hex    `json:"capabilities_parameters"`
	StartParameters        Hex    `json:"start_parameters"`
	AuthValue              Hex    `json:"auth_value"`
	RandomProvisioner      Hex    `json:"random_provisioner"`
	RandomDevice           Hex    `json:"random_device"`
	ProvisionerPrivateKey  Hex    `json:"provisioner_private_key"`
	ProvisionerPublicKeyX  Hex    `json:"provisioner_public_key_x"`
	ProvisionerPublicKeyY  Hex    `json:"provisioner_public_key_y"`
	DevicePrivateKey       Hex    `json:"device_private_key"`
	DevicePublicKeyX       Hex    `json:"device_public_key_x"`
	DevicePublicKeyY       Hex    `json:"device_public_key_y"`
	ECDHSecret             Hex    `json:"ecdh_secret"`
	NetKey                 Hex    `json:"net_key"`
	NetKeyIndex            Number `json:"net_key_index"`
	Flags                  Hex    `json:"flags"`
	IVIndex                Number `json:"iv_index"`
	UnicastAddress         Number `json:"unicast_address"`
	ProvisioningData       Hex    `json:"provisioning_data"`
	LinkID                 Hex    `json:"link_id"`
	DeviceUUID             Hex    `json:"device_uuid"`
	Crypto                 string `json:"crypto"`
	ATTMTU                 int    `json:"att_mtu"`
	ProvisioningPDU        Hex    `json:"provisioning_pdu"`
	DeviceUUIDText         string `json:"device_uuid_text"`
	CertificateDER         Hex    `json:"certificate_der"`
	NDEF                   Hex    `json:"ndef"`
}

// ProvisioningOutputs holds the outputs of an entry; fields that its kind does
// not use are nil or zero.
type ProvisioningOutputs struct {
	ConfirmationInputs        Hex    `json:"confirmation_inputs"`
	ConfirmationSalt          Hex    `json:"confirmation_salt"`
	ConfirmationKey           Hex    `json:"confirmation_key"`
	ConfirmationProvisioner   Hex    `json:"confirmation_provisioner"`
	ConfirmationDevice        Hex    `json:"confirmation_device"`
	ProvisioningSalt          Hex    `json:"provisioning_salt"`
	SessionKey                Hex    `json:"session_key"`
	SessionNonceFull          Hex    `json:"session_nonce_full"`
	SessionNonce              Hex    `json:"session_nonce"`
	DeviceKey                 Hex    `json:"device_key"`
	EncryptedProvisioningData Hex    `json:"encrypted_provisioning_data"`
	ProvisioningDataMIC       Hex    `json:"provisioning_data_mic"`
	ProxyPDUs                 []Hex  `json:"proxy_pdus"`
	CommonName                string `json:"common_name"`
	SerialNumber              int    `json:"serial_number"`
	PublicKey                 Hex    `json:"public_key"`
	CompanyID                 Hex    `json:"company_id"`
	ProductID                 Hex    `json:"product_id"`
	DEROctets                 int    `json:"der_octets"`
	PrefixCode                Hex    `json:"prefix_code"`
	PayloadURIOctets          Hex    `json:"payload_uri_octets"`
	PayloadOctets             int    `json:"payload_octets"`
}

// ProvisioningStep is one PDU of an exchange, as sent over PB-ADV or PB-GATT.
type ProvisioningStep struct {
	Sender          string `json:"sender"`
	Name            string `json:"name"`
	Kind            string `json:"kind"`
	Transaction     Hex    `json:"transaction"`
	PBADVPDUs       []Hex  `json:"pb_adv_pdus"`
	ProvisioningPDU Hex    `json:"provisioning_pdu"`
	FCS             Hex    `json:"fcs"`
	ProxyPDUs       []Hex  `json:"proxy_pdus"`
	SegN            uint8  `json:"seg_n"`
}

// Provisioning loads provisioning.json.
func Provisioning(t testing.TB) []ProvisioningEntry {
	return load[ProvisioningEntry](t, "provisioning.json", provisioningFile)
}
