package property

import (
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// ID identifies a device property. Its text is four hexadecimal digits.
type ID uint16

// String returns four hexadecimal digits.
func (id ID) String() string { return fmt.Sprintf("%04x", uint16(id)) }

// Visit visits the identifier in two octets, a number in JSON.
func (id *ID) Visit(c *access.Codec, name string) { c.Uint16(name, (*uint16)(id)) }

// VisitNonZero is Visit with 0 prohibited.
func (id *ID) VisitNonZero(c *access.Codec, name string) {
	id.Visit(c, name)
	c.Require(*id != 0, name, "a value other than 0")
}
