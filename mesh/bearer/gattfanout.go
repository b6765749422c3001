package bearer

// GATTFanout is several radios that make connections as one, in the order of
// their adapters; nil for one that makes none. LinkIDs of connections that
// others make must differ among them.
type GATTFanout []GATT

// Connect implements GATT, with the radio that sighted the peer. Without it
// another one tries.
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

// Write implements GATT. Radios swallow what is for connections that are not
// theirs.
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

// Beckon implements GATT: the node can be reached through every radio.
func (f GATTFanout) Beckon(all []Beckon) {
	for _, g := range f {
		if g != nil {
			g.Beckon(all)
		}
	}
}

// Any reports whether there is a radio that makes connections.
func (f GATTFanout) Any() bool {
	for _, g := range f {
		if g != nil {
			return true
		}
	}
	return false
}
