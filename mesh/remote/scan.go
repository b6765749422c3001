package remote

import (
	"encoding/binary"
	"io"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/remoteprovisioning"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
)

// A report is delayed by a random time, because all servers around a device
// receive it at the same time.
const (
	leastReportDelay = 20 * time.Millisecond
	mostReportDelay  = 500 * time.Millisecond
)

// scan is the state of a scan.
type scan struct {
	state  remoteprovisioning.ScanState
	client Client
	limit  int
	uuid   mesh.UUID // of the only device
	until  time.Time
	found  []found

	extended    bool // an extended scan is running
	extendedFor Client
	extendedID  mesh.UUID
	extendedEnd time.Time
}

// found is a device that was heard during the scan.
type found struct {
	beacon.Unprovisioned
	rssi int8
	at   time.Time // when it is reported; zero after that
}

func (c *scan) deadline() time.Time {
	next := deadline.Earliest(c.until, c.extendedEnd)
	for i := range c.found {
		next = deadline.Earliest(next, c.found[i].at)
	}
	return next
}

func (s *Server) scanStatus(status remoteprovisioning.Status) *remoteprovisioning.ScanStatus {
	m := &remoteprovisioning.ScanStatus{
		Status: status, ScanningState: s.scan.state, ScannedItemsLimit: maxScanned,
	}
	if s.scan.state != remoteprovisioning.ScanIdle {
		m.ScannedItemsLimit = uint8(s.scan.limit)
		m.Timeout = uint8((s.scan.until.Sub(s.now) + time.Second - 1) / time.Second)
	}
	return m
}

func (s *Server) startScan(from Client, m *remoteprovisioning.ScanStart) remoteprovisioning.Status {
	switch {
	case m.ScannedItemsLimit > maxScanned:
		return remoteprovisioning.ScanningCannotStart
	case s.scan.state != remoteprovisioning.ScanIdle && s.scan.client != from:
		return remoteprovisioning.InvalidState
	}
	c := &s.scan
	c.state, c.client, c.found = remoteprovisioning.ScanMultiple, from, nil
	if m.HasUUID {
		c.state, c.uuid = remoteprovisioning.ScanSingle, m.UUID
	}
	c.limit = int(m.ScannedItemsLimit)
	if c.limit == 0 {
		c.limit = maxScanned
	}
	c.until = s.now.Add(time.Duration(m.Timeout) * time.Second)
	return remoteprovisioning.Success
}

// stopScan ends the scan; found devices are reported at once.
func (s *Server) stopScan() {
	for i := range s.scan.found {
		s.reportFound(&s.scan.found[i])
	}
	s.scan.state, s.scan.until, s.scan.found = remoteprovisioning.ScanIdle, time.Time{}, nil
}

// hear records a device that is scanned for.
func (s *Server) hear(b *beacon.Unprovisioned, rssi int8) {
	c := &s.scan
	if c.extended && b.UUID == c.extendedID {
		s.endExtended(b)
	}
	if c.state == remoteprovisioning.ScanIdle || c.state == remoteprovisioning.ScanSingle && b.UUID != c.uuid {
		return
	}
	for i := range c.found {
		if c.found[i].UUID == b.UUID {
			return
		}
	}
	if len(c.found) >= c.limit {
		return
	}
	c.found = append(c.found, found{Unprovisioned: *b, rssi: rssi, at: s.now.Add(s.jitter())})
}

func (s *Server) reportFound(f *found) {
	if f.at.IsZero() {
		return
	}
	f.at = time.Time{}
	s.host.SendTo(s.scan.client, &remoteprovisioning.ScanReport{
		RSSI: f.rssi, UUID: f.UUID, OOBInformation: f.OOB, HasURIHash: f.HasURI, URIHash: f.URIHash,
	}, nil)
}

func (s *Server) wakeScan() {
	for i := range s.scan.found {
		if f := &s.scan.found[i]; deadline.Due(f.at, s.now) {
			s.reportFound(f)
		}
	}
	if deadline.Due(s.scan.until, s.now) {
		s.stopScan()
	}
	if deadline.Due(s.scan.extendedEnd, s.now) {
		s.endExtended(nil)
	}
}

// startExtended looks for one device to report more about it. The radio only
// receives mesh advertisements, so the report contains the OOB information, and
// for this node itself only its UUID.
func (s *Server) startExtended(from Client, m *remoteprovisioning.ExtendedScanStart) {
	c := &s.scan
	report := &remoteprovisioning.ExtendedScanReport{UUID: m.UUID}
	switch {
	case !m.HasUUID:
		report.UUID, report.HasOOBInformation = s.host.UUID(), true
	case s.link.state != remoteprovisioning.LinkIdle, c.extended && (c.extendedFor != from || c.extendedID != m.UUID):
		report.Status = remoteprovisioning.LimitedResources
	default:
		c.extended, c.extendedFor, c.extendedID = true, from, m.UUID
		c.extendedEnd = s.now.Add(time.Duration(m.Timeout) * time.Second)
		return
	}
	s.host.SendTo(from, report, nil)
}

// endExtended reports the result; nil if the device was not heard.
func (s *Server) endExtended(b *beacon.Unprovisioned) {
	c := &s.scan
	report := &remoteprovisioning.ExtendedScanReport{UUID: c.extendedID}
	if b != nil {
		report.HasOOBInformation, report.OOBInformation = true, b.OOB
	}
	c.extended, c.extendedEnd = false, time.Time{}
	s.host.SendTo(c.extendedFor, report, nil)
}

// jitter is the delay of a report.
func (s *Server) jitter() time.Duration {
	var b [4]byte
	if _, err := io.ReadFull(s.host.Random(), b[:]); err != nil {
		return mostReportDelay
	}
	return leastReportDelay + time.Duration(binary.BigEndian.Uint32(b[:]))%(mostReportDelay-leastReportDelay)
}
