package generic

import (
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// RangeStatus is the result of setting a range (section 7.2).
type RangeStatus uint8

// The status codes.
const (
	RangeSuccess      RangeStatus = 0
	CannotSetRangeMin RangeStatus = 1
	CannotSetRangeMax RangeStatus = 2
)

var rangeWords = []string{"success", "cannot set range min", "cannot set range max"}

// String returns the name of the status.
func (s RangeStatus) String() string {
	if int(s) < len(rangeWords) {
		return rangeWords[s]
	}
	return fmt.Sprintf("reserved status 0x%02x", uint8(s))
}

// Visit visits the field status.
func (s *RangeStatus) Visit(c *access.Codec) { c.Enum("status", (*uint8)(s), rangeWords) }
