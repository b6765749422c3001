package virtual

// Connections go here: LE Create Connection and its kin in the table of
// commands, a connection between two controllers beside the transmissions of
// the air, and ACL packets in [Controller.data] with Number Of Completed
// Packets for their credits. Until then a connectable advertisement can be
// heard but not be connected to.

// What LE Read Buffer Size says of the controller's ACL buffers.
const (
	aclLength  = 27
	aclPackets = 4
)

// data takes a whole ACL, SCO or ISO packet from the host. No connection has
// its handle, and a controller ignores such packets (Core volume 4 part E,
// 5.4.2).
func (c *Controller) data([]byte) { c.stats.Data++ }
