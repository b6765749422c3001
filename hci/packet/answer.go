package packet

import (
	"encoding/binary"
	"fmt"
)

// ReturnStatus returns the status at the start of the return parameters of
// every command in this package.
func ReturnStatus(ret []byte) (Status, error) {
	if len(ret) < 1 {
		return 0, fmt.Errorf("packet: expected return parameters with a status, got none: %w", ErrMalformed)
	}
	return Status(ret[0]), nil
}

// returned checks the minimum length of a command's return parameters without
// the status. The Parse functions take them without the status, too.
func returned(ret []byte, op Opcode, n int) ([]byte, error) {
	if len(ret) < n {
		return nil, fmt.Errorf("packet: expected %s to return at least %d octets after its status, got %d: %w", op, n, len(ret), ErrMalformed)
	}
	return ret, nil
}

// Version is what Read Local Version Information returns.
type Version struct {
	HCI          uint8  // see Version.Core
	HCIRevision  uint16 // defined by the manufacturer
	LMP          uint8
	Manufacturer uint16 // company identifier
	LMPRevision  uint16
}

// Numbers of HCI versions (Assigned Numbers).
const (
	Core42 = 0x08
	Core50 = 0x09
	Core54 = 0x0d
)

// Core returns the version of the Core specification in words.
func (v Version) Core() string {
	names := [...]string{"1.0b", "1.1", "1.2", "2.0", "2.1", "3.0", "4.0", "4.1", "4.2", "5.0", "5.1", "5.2", "5.3", "5.4", "6.0", "6.1"}
	if int(v.HCI) < len(names) {
		return names[v.HCI]
	}
	return fmt.Sprintf("HCI version %d", v.HCI)
}

// ParseVersion decodes the return parameters of Read Local Version
// Information after the status (section 7.4.1).
func ParseVersion(ret []byte) (Version, error) {
	p, err := returned(ret, OpReadLocalVersion, 8)
	if err != nil {
		return Version{}, err
	}
	return Version{
		HCI:          p[0],
		HCIRevision:  binary.LittleEndian.Uint16(p[1:]),
		LMP:          p[3],
		Manufacturer: binary.LittleEndian.Uint16(p[4:]),
		LMPRevision:  binary.LittleEndian.Uint16(p[6:]),
	}, nil
}

// SupportedCommands is a bit field with one bit per command (section 6.27).
type SupportedCommands [64]byte

// Bits of SupportedCommands, as octet*8 + bit.
const (
	CommandLESetAdvertisingParameters     = 25*8 + 5
	CommandLESetExtendedAdvertisingEnable = 36*8 + 5
	CommandLEReadNumberOfAdvertisingSets  = 36*8 + 7
	CommandLESetExtendedScanEnable        = 37*8 + 6
)

// Has reports whether a bit is set.
func (s *SupportedCommands) Has(bit int) bool { return s[bit/8]>>(bit%8)&1 == 1 }

// Set sets a bit.
func (s *SupportedCommands) Set(bit int) { s[bit/8] |= 1 << (bit % 8) }

// ParseSupportedCommands decodes the return parameters of Read Local Supported
// Commands (section 7.4.2).
func ParseSupportedCommands(ret []byte) (SupportedCommands, error) {
	p, err := returned(ret, OpReadLocalSupportedCommands, 64)
	if err != nil {
		return SupportedCommands{}, err
	}
	return SupportedCommands(p[:64]), nil
}

// LMPFeatures is the first page of the LMP feature mask (volume 2 part C,
// section 3.3).
type LMPFeatures uint64

// LMPFeatureLE says that the controller supports Low Energy.
const LMPFeatureLE LMPFeatures = 1 << 38

// ParseLMPFeatures decodes the return parameters of Read Local Supported
// Features (section 7.4.3).
func ParseLMPFeatures(ret []byte) (LMPFeatures, error) {
	p, err := returned(ret, OpReadLocalSupportedFeatures, 8)
	if err != nil {
		return 0, err
	}
	return LMPFeatures(binary.LittleEndian.Uint64(p)), nil
}

// LEFeatures is the LE feature mask (volume 6 part B, section 4.6).
type LEFeatures uint64

// The LE features that are used here.
const (
	LEFeatureDataLength          LEFeatures = 1 << 5  // longer link layer packets
	LEFeatureExtendedAdvertising LEFeatures = 1 << 12 // the extended advertising commands and events
)

// ParseLEFeatures decodes the return parameters of LE Read Local Supported
// Features (section 7.8.3).
func ParseLEFeatures(ret []byte) (LEFeatures, error) {
	p, err := returned(ret, OpLEReadLocalSupportedFeatures, 8)
	if err != nil {
		return 0, err
	}
	return LEFeatures(binary.LittleEndian.Uint64(p)), nil
}

// ParseBDAddr decodes the return parameters of Read BD_ADDR (section 7.4.6).
func ParseBDAddr(ret []byte) (Address, error) {
	p, err := returned(ret, OpReadBDAddr, 6)
	if err != nil {
		return Address{}, err
	}
	return Address(p[:6]), nil
}

// ParseAdvertisingSets decodes the return parameters of LE Read Number of
// Supported Advertising Sets (section 7.8.58).
func ParseAdvertisingSets(ret []byte) (int, error) {
	p, err := returned(ret, OpLEReadNumberOfSupportedAdvertisingSets, 1)
	if err != nil {
		return 0, err
	}
	return int(p[0]), nil
}
