package packet

import "fmt"

// Opcode identifies a command: six bits of group (OGF) and ten bits of command
// (OCF).
type Opcode uint16

// The commands that this project sends (section 7; the LE commands are in 7.8).
const (
	OpNone Opcode = 0x0000 // in a completion that only returns credits

	OpDisconnect                 Opcode = 0x0406
	OpSetEventMask               Opcode = 0x0c01
	OpReset                      Opcode = 0x0c03
	OpReadLocalVersion           Opcode = 0x1001
	OpReadLocalSupportedCommands Opcode = 0x1002
	OpReadLocalSupportedFeatures Opcode = 0x1003
	OpReadBufferSize             Opcode = 0x1005
	OpReadBDAddr                 Opcode = 0x1009

	OpLESetEventMask               Opcode = 0x2001
	OpLEReadBufferSize             Opcode = 0x2002
	OpLEReadLocalSupportedFeatures Opcode = 0x2003
	OpLESetRandomAddress           Opcode = 0x2005
	OpLESetAdvertisingParameters   Opcode = 0x2006
	OpLESetAdvertisingData         Opcode = 0x2008
	OpLESetAdvertisingEnable       Opcode = 0x200a
	OpLESetScanParameters          Opcode = 0x200b
	OpLESetScanEnable              Opcode = 0x200c
	OpLECreateConnection           Opcode = 0x200d
	OpLECreateConnectionCancel     Opcode = 0x200e
	OpLEConnectionUpdate           Opcode = 0x2013
	OpLERand                       Opcode = 0x2018
	OpLESetDataLength              Opcode = 0x2022

	OpLESetAdvertisingSetRandomAddress       Opcode = 0x2035
	OpLESetExtendedAdvertisingParameters     Opcode = 0x2036
	OpLESetExtendedAdvertisingData           Opcode = 0x2037
	OpLESetExtendedAdvertisingEnable         Opcode = 0x2039
	OpLEReadMaximumAdvertisingDataLength     Opcode = 0x203a
	OpLEReadNumberOfSupportedAdvertisingSets Opcode = 0x203b
	OpLERemoveAdvertisingSet                 Opcode = 0x203c
	OpLEClearAdvertisingSets                 Opcode = 0x203d
	OpLESetExtendedScanParameters            Opcode = 0x2041
	OpLESetExtendedScanEnable                Opcode = 0x2042
	OpLEExtendedCreateConnection             Opcode = 0x2043
)

// Group is the opcode group field.
func (o Opcode) Group() uint8 { return uint8(o >> 10) }

// String returns the name from the specification.
func (o Opcode) String() string {
	switch o {
	case OpNone:
		return "no command"
	case OpDisconnect:
		return "Disconnect"
	case OpSetEventMask:
		return "Set Event Mask"
	case OpReset:
		return "Reset"
	case OpReadLocalVersion:
		return "Read Local Version Information"
	case OpReadLocalSupportedCommands:
		return "Read Local Supported Commands"
	case OpReadLocalSupportedFeatures:
		return "Read Local Supported Features"
	case OpReadBufferSize:
		return "Read Buffer Size"
	case OpReadBDAddr:
		return "Read BD_ADDR"
	case OpLESetEventMask:
		return "LE Set Event Mask"
	case OpLEReadBufferSize:
		return "LE Read Buffer Size"
	case OpLEReadLocalSupportedFeatures:
		return "LE Read Local Supported Features"
	case OpLESetRandomAddress:
		return "LE Set Random Address"
	case OpLESetAdvertisingParameters:
		return "LE Set Advertising Parameters"
	case OpLESetAdvertisingData:
		return "LE Set Advertising Data"
	case OpLESetAdvertisingEnable:
		return "LE Set Advertising Enable"
	case OpLESetScanParameters:
		return "LE Set Scan Parameters"
	case OpLESetScanEnable:
		return "LE Set Scan Enable"
	case OpLECreateConnection:
		return "LE Create Connection"
	case OpLECreateConnectionCancel:
		return "LE Create Connection Cancel"
	case OpLEConnectionUpdate:
		return "LE Connection Update"
	case OpLERand:
		return "LE Rand"
	case OpLESetDataLength:
		return "LE Set Data Length"
	case OpLESetAdvertisingSetRandomAddress:
		return "LE Set Advertising Set Random Address"
	case OpLESetExtendedAdvertisingParameters:
		return "LE Set Extended Advertising Parameters"
	case OpLESetExtendedAdvertisingData:
		return "LE Set Extended Advertising Data"
	case OpLESetExtendedAdvertisingEnable:
		return "LE Set Extended Advertising Enable"
	case OpLEReadMaximumAdvertisingDataLength:
		return "LE Read Maximum Advertising Data Length"
	case OpLEReadNumberOfSupportedAdvertisingSets:
		return "LE Read Number of Supported Advertising Sets"
	case OpLERemoveAdvertisingSet:
		return "LE Remove Advertising Set"
	case OpLEClearAdvertisingSets:
		return "LE Clear Advertising Sets"
	case OpLESetExtendedScanParameters:
		return "LE Set Extended Scan Parameters"
	case OpLESetExtendedScanEnable:
		return "LE Set Extended Scan Enable"
	case OpLEExtendedCreateConnection:
		return "LE Extended Create Connection"
	default:
		return fmt.Sprintf("opcode 0x%04x", uint16(o))
	}
}
