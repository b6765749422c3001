package vectors

import (
	_ "embed" // messages.json
	"testing"
)

//go:embed messages.json
var messagesFile []byte

// MessageEntry is an entry of messages.json: a message on all layers. Fields
// that its kind does not use are nil or zero. "decode_case" has only
// NetworkPDU, NetKey, CurrentIVIndex, IVUpdateInProgress and Accepted.
type MessageEntry struct {
	Entry
	Credentials MessageCredentials `json:"credentials"`
	// Details has one item for each network PDU.
	Details []MessageDetail `json:"details"`
	Fields  []Field         `json:"fields"`

	IVIndex            Number `json:"iv_index"`
	CTL                int    `json:"ctl"`
	TTL                uint8  `json:"ttl"`
	Seq                Number `json:"seq"`
	Src                Number `json:"src"`
	Dst                Number `json:"dst"`
	TransportOpcode    Number `json:"transport_opcode"`
	UpperTransportPDU  Hex    `json:"upper_transport_pdu"`
	LowerTransportPDUs []Hex  `json:"lower_transport_pdus"`
	NetworkPDUs        []Hex  `json:"network_pdus"`
	KeyType            string `json:"key_type"`
	Key                Hex    `json:"key"`
	AKF                int    `json:"akf"`
	AID                Number `json:"aid"`
	SZMIC              int    `json:"szmic"`
	AccessPayload      Hex    `json:"access_payload"`
	TransportNonce     Hex    `json:"transport_nonce"`
	TransMIC           Hex    `json:"trans_mic"`
	Segmented          bool   `json:"segmented"`
	Message            string `json:"message"`
	LabelUUID          Hex    `json:"label_uuid"`
	ForcedSegmentation bool   `json:"forced_segmentation"`
	Nonce              Hex    `json:"nonce"`
	PrivacyPlaintext   Hex    `json:"privacy_plaintext"`
	PECB               Hex    `json:"pecb"`
	ProxyPDU           Hex    `json:"proxy_pdu"`
	ProxyOpcode        Hex    `json:"proxy_opcode"`
	ProxyParameters    Hex    `json:"proxy_parameters"`
	IdentificationType Hex    `json:"identification_type"`
	ServiceData        Hex    `json:"service_data"`
	NetworkPDU         Hex    `json:"network_pdu"`
	NetKey             Hex    `json:"net_key"`
	CurrentIVIndex     Number `json:"current_iv_index"`
	IVUpdateInProgress bool   `json:"iv_update_in_progress"`
	Accepted           bool   `json:"accepted"`
}

// MessageCredentials holds the keys that encrypt the network PDUs. One entry
// has no NetKey, only the derived keys.
type MessageCredentials struct {
	Type          string `json:"type"`
	NetKey        Hex    `json:"net_key"`
	K2P           Hex    `json:"k2_p"`
	NID           Number `json:"nid"`
	EncryptionKey Hex    `json:"encryption_key"`
	PrivacyKey    Hex    `json:"privacy_key"`
	LPNAddress    Number `json:"lpn_address"`
	FriendAddress Number `json:"friend_address"`
	LPNCounter    Number `json:"lpn_counter"`
	FriendCounter Number `json:"friend_counter"`
}

// MessageDetail holds the intermediate results of one network PDU. The entry
// without a NetKey has the sequence number and the PDUs in the entry itself.
type MessageDetail struct {
	Seq               Number `json:"seq"`
	LowerTransportPDU Hex    `json:"lower_transport_pdu"`
	NetworkNonce      Hex    `json:"network_nonce"`
	PrivacyPlaintext  Hex    `json:"privacy_plaintext"`
	PECB              Hex    `json:"pecb"`
	NetworkPDU        Hex    `json:"network_pdu"`
	SegO              int    `json:"seg_o"`
	SegN              int    `json:"seg_n"`
	SeqZero           Number `json:"seq_zero"`
}

// Messages loads messages.json.
func Messages(t testing.TB) []MessageEntry {
	return load[MessageEntry](t, "messages.json", messagesFile)
}
