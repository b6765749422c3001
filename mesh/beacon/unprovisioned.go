package beacon

import (
	"encoding/binary"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// OOB is the OOB Information of an unprovisioned device: where to find the data
// needed to provision it (section 3.10.2).
type OOB uint16

// Bits of OOB; 9 and 10 are reserved.
const (
	OOBOther        OOB = 1 << 0
	OOBURI          OOB = 1 << 1
	OOB2DCode       OOB = 1 << 2
	OOBBarCode      OOB = 1 << 3
	OOBNFC          OOB = 1 << 4
	OOBNumber       OOB = 1 << 5
	OOBString       OOB = 1 << 6
	OOBCertificates OOB = 1 << 7 // certificate-based provisioning
	OOBRecords      OOB = 1 << 8 // provisioning records
	OOBOnBox        OOB = 1 << 11
	OOBInsideBox    OOB = 1 << 12
	OOBOnPaper      OOB = 1 << 13
	OOBInManual     OOB = 1 << 14
	OOBOnDevice     OOB = 1 << 15
)

const (
	plainSize = 19
	uriSize   = 23
	uuidPlace = 1
	oobPlace  = 17
	uriPlace  = 19
)

// Unprovisioned is an unprovisioned device beacon (section 3.10.2).
type Unprovisioned struct {
	UUID    mesh.UUID
	OOB     OOB
	HasURI  bool    // URIHash is present
	URIHash [4]byte // as URIHash returns it
}

// URIHash returns the hash of URI data (scheme code and rest, as in the URI AD
// type), which links a device's URI advertisement to its beacon.
func URIHash(data []byte) [4]byte {
	salt := crypto.S1(data)
	return [4]byte(salt[:4])
}

// Append appends the beacon to dst, 19 or 23 octets.
func (u *Unprovisioned) Append(dst []byte) []byte {
	dst = append(dst, byte(TypeUnprovisioned))
	dst = append(dst, u.UUID[:]...)
	dst = binary.BigEndian.AppendUint16(dst, uint16(u.OOB))
	if u.HasURI {
		dst = append(dst, u.URIHash[:]...)
	}
	return dst
}

// ParseUnprovisioned decodes an unprovisioned device beacon of 19 or 23 octets.
// Other lengths return ErrFormat. The beacon is not authenticated: anyone can
// send one, with any UUID.
func ParseUnprovisioned(pdu []byte) (Unprovisioned, error) {
	if (len(pdu) != plainSize && len(pdu) != uriSize) || Type(pdu[0]) != TypeUnprovisioned {
		return Unprovisioned{}, ErrFormat
	}
	u := Unprovisioned{
		UUID: mesh.UUID(pdu[uuidPlace:oobPlace]),
		OOB:  OOB(binary.BigEndian.Uint16(pdu[oobPlace:])),
	}
	if len(pdu) == uriSize {
		u.HasURI, u.URIHash = true, [4]byte(pdu[uriPlace:])
	}
	return u, nil
}
