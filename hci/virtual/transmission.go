package virtual

import "time"

// Advertisement is one advertising event as a sniffer sees it.
type Advertisement struct {
	Time        time.Time     // of the transmission
	Elapsed     time.Duration // the same since NewAir
	From        Address       // public address of the controller, whatever it advertises with
	AddressType uint8         // of AdvA: 0 public, 1 random, 0xFF none (anonymous)
	AdvA        Address       // what the advertisement says
	Legacy      bool          // legacy PDU, heard by all; otherwise extended, heard by extended scanners
	Properties  uint8         // Advertising_Event_Properties bits 0 to 4: connectable, scannable, directed, high duty, legacy
	Handle      uint8         // advertising set; 0 with the legacy commands
	SID         uint8
	Data        []byte // AD structures
}
