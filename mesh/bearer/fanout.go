package bearer

// Fanout combines several radios: what is sent is sent by all of them, so that
// it reaches everyone in range of any. Receivers recognise the copies as one
// PDU.
type Fanout []Bearer

// Send implements Bearer. It fails if no radio accepted the PDU, with the error
// of the last one.
func (f Fanout) Send(o Outgoing) error {
	var failed error
	taken := false
	for _, b := range f {
		if err := b.Send(o); err != nil {
			failed = err
			continue
		}
		taken = true
	}
	if taken {
		return nil
	}
	return failed
}

// Cancel implements Bearer.
func (f Fanout) Cancel(lane Lane) {
	for _, b := range f {
		b.Cancel(lane)
	}
}
