package bearer

// GATTFanout combines several radios with connections, in the order of their
// adapters; an entry is nil if the radio makes none. LinkIDs of connections
// from peers must differ among them.
type GATTFanout []GATT

// Connect implements GATT, with the radio that sighted the peer, or another one
// if that has no connections.
func (f GATTFanout) Connect(id LinkID, adapter uint8, to Peer, service Service) {
	if int(adapter) < len(f) && f[adapter] != nil {
		f[adapter].Connect(id, adapter, to, service)
		return
	}
	for number, g := range f {
		if g != nil {
			g.Connect(id, uint8(number), to, service)
			return
		}
	}
}

// Disconnect implements GATT. Radios ignore connections that are not theirs.
func (f GATTFanout) Disconnect(id LinkID) {
	for _, g := range f {
		if g != nil {
			g.Disconnect(id)
		}
	}
}

// Write implements GATT. Radios drop PDUs for connections that are not theirs.
func (f GATTFanout) Write(id LinkID, pdu []byte) error {
	for _, g := range f {
		if g == nil {
			continue
		}
		if err := g.Write(id, pdu); err != nil {
			return err
		}
	}
	return nil
}

// Advertise implements GATT: the node can be reached through every radio.
func (f GATTFanout) Advertise(all []ConnectableAdvertisement) {
	for _, g := range f {
		if g != nil {
			g.Advertise(all)
		}
	}
}

// Any reports whether any radio makes connections.
func (f GATTFanout) Any() bool {
	for _, g := range f {
		if g != nil {
			return true
		}
	}
	return false
}
