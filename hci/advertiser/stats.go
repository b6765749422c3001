package advertiser

import "sync/atomic"

// Stats counts since New.
type Stats struct {
	Sent      uint64 // PDUs with all transmissions done
	Cancelled uint64 // PDUs that Cancel dropped or stopped
	Full      uint64 // PDUs that Send refused
	Repeated  uint64 // PDUs that were on the air when the controller failed, and are sent again
	Dropped   uint64 // PDUs given up after several such failures
	Stale     uint64 // PDUs that waited too long for a controller
	Unended   uint64 // advertising sets whose end was not reported
	Pauses    uint64 // pauses of the scan to send

	Reports   uint64 // advertisements received
	Received  uint64 // mesh PDUs received
	Invalid   uint64 // mesh PDUs that were empty, too long or in a connectable advertisement
	Malformed uint64 // events that did not decode
}

type counters struct {
	sent, cancelled, full, repeated, dropped, stale, unended, pauses,
	reports, received, unfit, malformed atomic.Uint64
}

// Stats returns the current counters.
func (b *Bearer) Stats() Stats {
	n := &b.counters
	return Stats{
		Sent:      n.sent.Load(),
		Cancelled: n.cancelled.Load(),
		Full:      n.full.Load(),
		Repeated:  n.repeated.Load(),
		Dropped:   n.dropped.Load(),
		Stale:     n.stale.Load(),
		Unended:   n.unended.Load(),
		Pauses:    n.pauses.Load(),
		Reports:   n.reports.Load(),
		Received:  n.received.Load(),
		Invalid:   n.unfit.Load(),
		Malformed: n.malformed.Load(),
	}
}
