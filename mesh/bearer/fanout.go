package bearer

// Fanout is several radios as one: what is sent goes out on all of them, so
// that it reaches whoever hears any of them. The copies count once: receivers
// know a PDU that they have seen.
type Fanout []Bearer

// Send implements Bearer. It fails when no radio took the PDU, with the error
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
