package node

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"

// deriveSegmentation lets the transport layer act by the SAR states (sections
// 4.2.48 and 4.2.49).
func (c *Core) deriveSegmentation() {
	c.transport.SetTransmitter(*c.segmentation())
	receiver := transport.DefaultReceiver()
	if c.state.SARReceiver != nil {
		receiver = *c.state.SARReceiver
	}
	c.transport.SetReceiver(receiver)
	c.transport.SetAirtime(c.airtime())
}
