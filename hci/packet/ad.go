package packet

// AD types (Assigned Numbers, section 2.3).
const (
	ADFlags       uint8 = 0x01
	ADServices    uint8 = 0x03 // complete list of 16-bit service UUIDs
	ADServiceData uint8 = 0x16 // service data of a 16-bit UUID
)

// generalLEOnly is the Flags value of the general discoverable mode without
// BR/EDR.
const generalLEOnly = 0x06

// Structure is one AD structure of an advertisement (volume 3 part C, section
// 11).
//
//	+----------+--------+------------------------+
//	| length 1 | type 1 | data, length - 1       |
//	+----------+--------+------------------------+
type Structure struct {
	Type uint8
	Data []byte // slice of the advertisement
}

// Structures iterates over the AD structures of an advertisement.
// Advertisements are untrusted: a structure that is longer than the rest ends
// the iteration, and so does a length of zero, with which padding begins.
type Structures struct{ rest []byte }

// Walk starts before the first AD structure of data.
func Walk(data []byte) Structures { return Structures{rest: data} }

// Next returns the next structure, or false at the end.
func (w *Structures) Next() (Structure, bool) {
	p := w.rest
	if len(p) < 2 || p[0] == 0 || int(p[0]) > len(p)-1 {
		w.rest = nil
		return Structure{}, false
	}
	end := 1 + int(p[0])
	w.rest = p[end:]
	return Structure{Type: p[1], Data: p[2:end]}, true
}

// AppendStructure appends one AD structure. It panics if data has more than 254
// octets; no mesh advertisement is that long.
func AppendStructure(dst []byte, kind uint8, data []byte) []byte {
	if len(data) > 254 {
		panic("packet: AD structure of more than 254 octets")
	}
	dst = append(dst, byte(len(data)+1), kind)
	return append(dst, data...)
}

// AppendService appends the AD structures by which a service is found in the
// general discoverable mode (volume 3 part C, section 9.2.4). It panics if data
// has more than 251 octets.
//
//	+-----------+-----------------+-----------------------------------+
//	| 02 01 06  | 03 03 | UUID 2  | length | 16 | UUID 2 | data 0..20 |
//	+-----------+-----------------+-----------------------------------+
func AppendService(dst []byte, uuid uint16, data []byte) []byte {
	const most = 251
	if len(data) > most {
		panic("packet: service data of more than 251 octets")
	}
	low, high := byte(uuid), byte(uuid>>8)
	dst = AppendStructure(dst, ADFlags, []byte{generalLEOnly})
	dst = AppendStructure(dst, ADServices, []byte{low, high})
	dst = append(dst, byte(len(data)+3), ADServiceData, low, high)
	return append(dst, data...)
}
