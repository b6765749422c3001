package provision

import "testing"

// BenchmarkSession runs both sides of a session on a perfect channel: four
// P-256 operations and the rest.
func BenchmarkSession(b *testing.B) {
	s := plainSetup()
	for b.Loop() {
		newLockstep(b, s).run()
	}
}

// BenchmarkForeignPDU is the cost of another link's PDU for each session.
func BenchmarkForeignPDU(b *testing.B) {
	p, d := plainSetup().provisioner(b), openDevice(b)
	pdu := segmented(testLink+1, 0, Append(nil, Invite{}))[0]
	var out Output
	b.ReportAllocs()
	for b.Loop() {
		p.Receive(testStart, pdu, &out)
		d.Receive(testStart, pdu, &out)
	}
}

// BenchmarkDuplicateSegment is the cost of a copy of a finished transaction.
func BenchmarkDuplicateSegment(b *testing.B) {
	d := openDevice(b)
	invite := segmented(testLink, 0, Append(nil, Invite{}))[0]
	var out Output
	d.Receive(testStart, invite, &out)
	out.Reset()
	b.ReportAllocs()
	for b.Loop() {
		d.Receive(testStart, invite, &out)
	}
	if len(out.Send) != 0 {
		b.Fatal("copies are answered")
	}
}
