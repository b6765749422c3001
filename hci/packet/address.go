package packet

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// Address is a Bluetooth device address in wire order: least significant octet
// first.
type Address [6]byte

// AddressType is the type of an advertiser's address (section 7.7.65.2).
type AddressType uint8

// The address types.
const (
	AddressPublic         AddressType = 0x00
	AddressRandom         AddressType = 0x01
	AddressPublicIdentity AddressType = 0x02
	AddressRandomIdentity AddressType = 0x03
	AddressAnonymous      AddressType = 0xff // extended reports only
)

// ParseAddress reads the usual notation, most significant octet first:
// "00:1A:7D:DA:71:13".
func ParseAddress(s string) (Address, error) {
	var a Address
	if len(s) != 17 || strings.Count(s, ":") != 5 {
		return a, fmt.Errorf("packet: expected an address like 00:1A:7D:DA:71:13, got %q", s)
	}
	for i := range 6 {
		if _, err := hex.Decode(a[5-i:6-i], []byte(s[3*i:3*i+2])); err != nil {
			return Address{}, fmt.Errorf("packet: expected an address like 00:1A:7D:DA:71:13, got %q", s)
		}
	}
	return a, nil
}

// String is the usual notation, most significant octet first.
func (a Address) String() string {
	return fmt.Sprintf("%02X:%02X:%02X:%02X:%02X:%02X", a[5], a[4], a[3], a[2], a[1], a[0])
}

// NonResolvable turns random octets into a non-resolvable private address,
// whose two most significant bits are 0 (volume 6 part B, section 1.3.2.2).
func NonResolvable(random [6]byte) Address {
	random[5] &= 0x3f
	return Address(random)
}

// StaticRandom turns random octets into a static random address, whose two most
// significant bits are 1 (volume 6 part B, section 1.3.2.1).
func StaticRandom(random [6]byte) Address {
	random[5] |= 0xc0
	return Address(random)
}
