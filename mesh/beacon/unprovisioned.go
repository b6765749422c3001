package beacon

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh"

// OOB is the OOB information of an unprovisioned device: where its
// provisioning data may be found (section 3.10.2, table of OOB information
// bits).
type OOB uint16

// Bits of OOB.
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

// Unprovisioned is an unprovisioned device beacon (section 3.10.2).
type Unprovisioned struct {
	UUID    mesh.UUID
	OOB     OOB
	HasURI  bool    // URIHash is there
	URIHash [4]byte // the first octets of s1 of the URI data
}

// Append appends the beacon to dst, 19 or 23 octets.
func (u *Unprovisioned) Append(dst []byte) []byte { panic("TODO") }

// ParseUnprovisioned reads an unprovisioned device beacon of 19 or 23 octets.
// Anything else is ErrFormat. Anyone can send one: it is not authenticated.
func ParseUnprovisioned(pdu []byte) (Unprovisioned, error) { panic("TODO") }
