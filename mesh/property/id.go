package property

import (
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// ID names a device property. It prints as four hexadecimal digits.
type ID uint16

// String prints four hexadecimal digits.
func (id ID) String() string { return fmt.Sprintf("%04x", uint16(id)) }

// Visit visits the identifier in two octets, a number in JSON.
func (id *ID) Visit(c *access.Codec, name string) { c.Uint16(name, (*uint16)(id)) }

// VisitNonZero is Visit with 0 prohibited.
func (id *ID) VisitNonZero(c *access.Codec, name string) {
	id.Visit(c, name)
	c.Require(*id != 0, name, "another value than 0")
}
