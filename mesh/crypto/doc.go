// Package crypto is the security toolbox of Bluetooth Mesh (Mesh Protocol 1.1,
// section 3.9): AES-CMAC and AES-CCM, the derivation functions s1, s2 and k1
// to k5, what is derived from a NetKey, the nonces, the hash of a virtual
// address, and P-256 for provisioning.
//
// From a NetKey, an AppKey and a label come:
//
//	NetKey ─┬─ k2 (P=00) ─────── NID, EncryptionKey, PrivacyKey
//	        ├─ k3 ────────────── Network ID
//	        ├─ k1 (nkik) ─────── IdentityKey
//	        ├─ k1 (nkbk) ─────── BeaconKey
//	        └─ k1 (nkpk) ─────── PrivateBeaconKey
//	AppKey ─── k4 ────────────── AID
//	label  ─── CMAC under s1 ─── virtual address
//
// A nonce has 13 octets; all numbers in it are big endian:
//
//	+------+--------------+-----+-----+-------------+----------+
//	| type | CTL+TTL,     | SEQ | SRC | DST, or two | IV index |
//	|      | ASZMIC or 00 |     |     | octets 00   |          |
//	+------+--------------+-----+-----+-------------+----------+
//	   1          1          3     2         2           4
//
// Functions that are used now and then take a Key and expand it each time.
// What runs for every PDU is a type that keeps the expanded key and its own
// scratch memory (Block, MAC, CCM): its calls allocate nothing, and each value
// belongs to one goroutine. There is no randomness in here; who needs some
// passes an io.Reader.
package crypto
