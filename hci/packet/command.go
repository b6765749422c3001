package packet

import (
	"encoding/binary"
	"fmt"
)

// Command is one HCI command. It is a value that contains its parameters, so
// that queueing it allocates nothing.
type Command struct {
	opcode Opcode
	n      uint8
	params [MaxParams]byte
}

// NewCommand builds any command, including those without a function in this
// package. It panics if params has more than MaxParams octets, which no input
// can cause.
func NewCommand(op Opcode, params ...byte) Command {
	c := Command{opcode: op}
	c.append(params...)
	return c
}

// Opcode is the command's opcode.
func (c *Command) Opcode() Opcode { return c.opcode }

// Params is the command's parameters. They belong to the command.
func (c *Command) Params() []byte { return c.params[:c.n] }

// AppendTo appends the command as one H4 packet.
func (c *Command) AppendTo(dst []byte) []byte {
	dst = append(dst, byte(TypeCommand), byte(c.opcode), byte(c.opcode>>8), c.n)
	return append(dst, c.params[:c.n]...)
}

// ParseCommand decodes one H4 command packet, as a controller does. params is a
// slice of p.
func ParseCommand(p []byte) (op Opcode, params []byte, err error) {
	params, err = body(p, TypeCommand)
	if err != nil {
		return 0, nil, err
	}
	return Opcode(binary.LittleEndian.Uint16(p[1:])), params, nil
}

func (c *Command) append(octets ...byte) {
	if len(octets) > MaxParams-int(c.n) {
		panic(fmt.Sprintf("packet: %s with more than %d octets of parameters", c.opcode, MaxParams))
	}
	c.n += uint8(copy(c.params[c.n:], octets))
}

func (c *Command) append16(v uint16) { c.append(byte(v), byte(v>>8)) }

func (c *Command) append24(v uint32) { c.append(byte(v), byte(v>>8), byte(v>>16)) }

func (c *Command) append64(v uint64) {
	c.append(byte(v), byte(v>>8), byte(v>>16), byte(v>>24), byte(v>>32), byte(v>>40), byte(v>>48), byte(v>>56))
}

// Reset returns the controller to its initial state (section 7.3.2).
func Reset() Command { return NewCommand(OpReset) }

// ReadLocalVersion requests [Version] (section 7.4.1).
func ReadLocalVersion() Command { return NewCommand(OpReadLocalVersion) }

// ReadLocalSupportedCommands requests [SupportedCommands] (section 7.4.2).
func ReadLocalSupportedCommands() Command { return NewCommand(OpReadLocalSupportedCommands) }

// ReadLocalSupportedFeatures requests the LMP features (section 7.4.3).
func ReadLocalSupportedFeatures() Command { return NewCommand(OpReadLocalSupportedFeatures) }

// ReadBDAddr requests the public address (section 7.4.6).
func ReadBDAddr() Command { return NewCommand(OpReadBDAddr) }

// LEReadLocalSupportedFeatures requests [LEFeatures] (section 7.8.3).
func LEReadLocalSupportedFeatures() Command { return NewCommand(OpLEReadLocalSupportedFeatures) }

// LEReadNumberOfSupportedAdvertisingSets requests the number of sets that the
// controller has at the moment, one octet (section 7.8.58).
func LEReadNumberOfSupportedAdvertisingSets() Command {
	return NewCommand(OpLEReadNumberOfSupportedAdvertisingSets)
}

// Bits of the event mask (section 7.3.1).
const (
	EventMaskDisconnectionComplete uint64 = 1 << 4
	EventMaskHardwareError         uint64 = 1 << 15
	EventMaskDataBufferOverflow    uint64 = 1 << 25
	EventMaskLEMeta                uint64 = 1 << 61
)

// SetEventMask selects the events that the controller sends (section 7.3.1).
func SetEventMask(mask uint64) Command {
	c := Command{opcode: OpSetEventMask}
	c.append64(mask)
	return c
}

// Bits of the LE event mask (section 7.8.1).
const (
	LEEventMaskConnectionComplete        uint64 = 1 << 0
	LEEventMaskAdvertisingReport         uint64 = 1 << 1
	LEEventMaskConnectionUpdateComplete  uint64 = 1 << 2
	LEEventMaskDataLengthChange          uint64 = 1 << 6
	LEEventMaskEnhancedConnection        uint64 = 1 << 9
	LEEventMaskExtendedAdvertisingReport uint64 = 1 << 12
	LEEventMaskAdvertisingSetTerminated  uint64 = 1 << 17
)

// LESetEventMask selects the LE Meta subevents (section 7.8.1).
func LESetEventMask(mask uint64) Command {
	c := Command{opcode: OpLESetEventMask}
	c.append64(mask)
	return c
}

// LESetRandomAddress sets the random address for legacy advertising and for
// scanning (section 7.8.4). Controllers disallow it while either runs.
func LESetRandomAddress(a Address) Command {
	return NewCommand(OpLESetRandomAddress, a[:]...)
}
