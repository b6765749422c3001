// Package crypto is the security toolbox of Bluetooth Mesh (Mesh Protocol 1.1,
// section 3.9): AES-CMAC and AES-CCM, the derivation functions s1, s2 and k1 to
// k5, the keys derived from a NetKey, the nonces, the hash of a virtual
// address, and P-256 for provisioning.
//
// A NetKey, an AppKey and a label give:
//
//	NetKey ─┬─ k2 (P=00) ─────── NID, EncryptionKey, PrivacyKey
//	        ├─ k3 ────────────── Network ID
//	        ├─ k1 (nkik) ─────── IdentityKey
//	        ├─ k1 (nkbk) ─────── BeaconKey
//	        └─ k1 (nkpk) ─────── PrivateBeaconKey
//	AppKey ─── k4 ────────────── AID
//	label  ─── CMAC under s1 ─── virtual address
//
// A nonce has 13 octets. All numbers in it are big-endian:
//
//	+------+--------------+-----+-----+-------------+----------+
//	| type | CTL+TTL,     | SEQ | SRC | DST, or two | IV index |
//	|      | ASZMIC or 00 |     |     | octets 00   |          |
//	+------+--------------+-----+-----+-------------+----------+
//	   1          1          3     2         2           4
//
// Functions for occasional use take a Key and expand it each time. For every
// PDU there are types that hold the expanded key and their own scratch memory
// (Block, MAC, CCM): their calls allocate nothing, and each value belongs to
// one goroutine. The package has no source of randomness; functions that need
// one take an io.Reader.
package crypto
