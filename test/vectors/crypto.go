package vectors

import (
	_ "embed" // crypto.json
	"testing"
)

//go:embed crypto.json
var cryptoFile []byte

// CryptoEntry is an entry of crypto.json: a function, named by the kind, such
// as "k2" or "aes_ccm", with its inputs and outputs.
type CryptoEntry struct {
	Entry
	Inputs  CryptoInputs  `json:"inputs"`
	Outputs CryptoOutputs `json:"outputs"`
}

// CryptoInputs holds the inputs of an entry; fields that its kind does not use
// are nil or zero.
type CryptoInputs struct {
	M             Hex    `json:"m"`
	MASCII        string `json:"m_ascii"`
	N             Hex    `json:"n"`
	Salt          Hex    `json:"salt"`
	P             Hex    `json:"p"`
	Credentials   string `json:"credentials"`
	LPNAddress    Number `json:"lpn_address"`
	FriendAddress Number `json:"friend_address"`
	LPNCounter    Number `json:"lpn_counter"`
	FriendCounter Number `json:"friend_counter"`
	ID64          Hex    `json:"id64"`
	ID6           Hex    `json:"id6"`
	NetKey        Hex    `json:"net_key"`
	SaltASCIIOfS1 string `json:"salt_ascii_of_s1"`
	LabelUUID     Hex    `json:"label_uuid"`
	Key           Hex    `json:"key"`
	Nonce         Hex    `json:"nonce"`
	Plaintext     Hex    `json:"plaintext"`
	AAD           Hex    `json:"aad"`
	MICOctets     int    `json:"mic_octets"`
	PrivacyKey    Hex    `json:"privacy_key"`
	IVIndex       Number `json:"iv_index"`
	PrivacyRandom Hex    `json:"privacy_random"`
	Header        Hex    `json:"header"`
	PrivateKeyA   Hex    `json:"private_key_a"`
	PublicKeyA    Hex    `json:"public_key_a"`
	PrivateKeyB   Hex    `json:"private_key_b"`
	PublicKeyB    Hex    `json:"public_key_b"`
	Data          Hex    `json:"data"`
}

// CryptoOutputs holds the outputs of an entry; fields that its kind does not
// use are nil.
type CryptoOutputs struct {
	Salt             Hex `json:"salt"`
	URIHash          Hex `json:"uri_hash"`
	K1               Hex `json:"k1"`
	T                Hex `json:"t"`
	T1               Hex `json:"t1"`
	T2               Hex `json:"t2"`
	T3               Hex `json:"t3"`
	NID              Hex `json:"nid"`
	EncryptionKey    Hex `json:"encryption_key"`
	PrivacyKey       Hex `json:"privacy_key"`
	CMACID64         Hex `json:"cmac_id64"`
	NetworkID        Hex `json:"network_id"`
	CMACID6          Hex `json:"cmac_id6"`
	AID              Hex `json:"aid"`
	IdentityKey      Hex `json:"identity_key"`
	BeaconKey        Hex `json:"beacon_key"`
	PrivateBeaconKey Hex `json:"private_beacon_key"`
	K5               Hex `json:"k5"`
	VirtualAddress   Hex `json:"virtual_address"`
	MAC              Hex `json:"mac"`
	C                Hex `json:"c"`
	PECB             Hex `json:"pecb"`
	Ciphertext       Hex `json:"ciphertext"`
	MIC              Hex `json:"mic"`
	Obfuscated       Hex `json:"obfuscated"`
	SharedSecret     Hex `json:"shared_secret"`
	FCS              Hex `json:"fcs"`
}

// Crypto loads crypto.json.
func Crypto(t testing.TB) []CryptoEntry { return load[CryptoEntry](t, "crypto.json", cryptoFile) }
