package virtual

import "time"

const (
	packetCommand      = 1
	packetACL          = 2
	packetSCO          = 3
	packetEvent        = 4
	packetISO          = 5
	eventHardwareError = 0x10
	maskHardwareError  = 1 << 15
	defaultMask        = 0x00001FFFFFFFFFFF
	defaultMaskLE      = 0x1F
)

type family uint8

const neutral family = 0

type command struct{ opcode uint16 }

func commands() []command { return nil }

type radio struct{}
type pending struct{}
type set struct{ enabled bool }
type scanner struct{}

func (*pending) init(*Controller)    {}
func (*pending) clear()              {}
func (*set) init(*Controller, uint8) {}
func (*set) stop()                   {}
func (*set) setDefaults()            {}
func (*scanner) init(*Controller)    {}
func (*scanner) reset()              {}
func (*Controller) event([]byte)     {}
func (*Controller) packet([]byte)    {}

var _ time.Duration
