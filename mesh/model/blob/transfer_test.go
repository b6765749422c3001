package blob_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server/servertest"
)

// sink stores an object.
type sink struct {
	data      []byte
	complete  bool
	cancelled bool
	suspended int
}

func (s *sink) Write(offset uint32, chunk []byte) bool {
	if int(offset)+len(chunk) > len(s.data) {
		return false
	}
	copy(s.data[offset:], chunk)
	return true
}

func (s *sink) Ended(_ access.Context, complete bool) { s.complete, s.cancelled = complete, !complete }
func (s *sink) Suspended(access.Context)              { s.suspended++ }

func object(size int) []byte {
	data := make([]byte, size)
	random := rand.NewChaCha8([32]byte{1})
	for i := range data {
		data[i] = byte(random.Uint64())
	}
	return data
}

// link connects a client and a server over an air that loses messages.
type link struct {
	*servertest.Bench
	server *blob.Server
	random *rand.Rand
	loss   float64
	sent   int
	stop   func() bool // interrupts the client
}

func (l *link) lost() bool { return l.random.Float64() < l.loss }

var errSilent = errors.New("no answer")

// ask sends a message up to twelve times, as a node does, and a chunk once.
func (l *link) ask(a blob.Ask) (access.Message, error) {
	for range 12 {
		l.sent++
		l.Pass(500 * time.Millisecond)
		if l.lost() {
			if a.Respond == 0 {
				return nil, nil
			}
			continue
		}
		answer := l.Send(a.Message)
		if a.Respond == 0 {
			return nil, nil
		}
		if answer != nil && !l.lost() {
			if answer.Opcode() != a.Respond {
				l.Errorf("%T was answered by %T", a.Message, answer)
			}
			return answer, nil
		}
	}
	return nil, errSilent
}

// run carries out a transfer.
func (l *link) run(c *blob.Client) {
	l.Helper()
	for steps := 0; !c.Done(); steps++ {
		if steps > 20000 {
			l.Fatal("the transfer does not end")
		}
		if l.stop != nil && l.stop() {
			return
		}
		for _, s := range l.Sent {
			if report, ok := s.Message.(*blob.PartialBlockReport); ok && !l.lost() {
				c.Report(report)
			}
		}
		l.Sent = nil
		a, ok := c.Next(l.Time)
		if !ok {
			if c.Done() {
				return
			}
			l.Pass(time.Second)
			continue
		}
		m, err := l.ask(a)
		c.Answer(l.Time, m, err)
	}
}

func newLink(t *testing.T, limits blob.Limits, loss float64) *link {
	s := blob.NewServer(limits)
	return &link{Bench: servertest.New(t, s), server: s, random: rand.New(rand.NewPCG(3, 4)), loss: loss}
}

const id blob.ID = 0x0102030405060708

func TestTransfers(t *testing.T) {
	small := blob.Limits{MinBlockSizeLog: 6, MaxBlockSizeLog: 8, MaxTotalChunks: 20, MaxChunkSize: 16, MaxBLOBSize: 100000}
	for name, test := range map[string]struct {
		mode   blob.Mode
		limits blob.Limits
		size   int
		loss   float64
	}{
		"push":                     {blob.Push, blob.DefaultLimits(100000), 10000, 0},
		"push, one octet":          {blob.Push, blob.DefaultLimits(100000), 1, 0},
		"push, one full block":     {blob.Push, blob.DefaultLimits(100000), 4096, 0},
		"push, small chunks, loss": {blob.Push, small, 3000, 0.3},
		"pull":                     {blob.Pull, blob.DefaultLimits(100000), 10000, 0},
		"pull, small chunks, loss": {blob.Pull, small, 3000, 0.3},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLink(t, test.limits, test.loss)
			data := object(test.size)
			kept := &sink{data: make([]byte, test.size)}
			l.server.Expect(l.Time, id, mesh.DefaultTTL, 10, kept)
			c := blob.NewClient(blob.Object{ID: id, Data: bytes.NewReader(data), Size: uint32(test.size)}, blob.ClientOptions{Mode: test.mode, TimeoutBase: 10})
			l.run(c)
			if err := c.Err(); err != nil {
				t.Fatal(err)
			}
			if !kept.complete || !bytes.Equal(kept.data, data) || l.server.Phase() != blob.Complete || c.Progress() != uint32(test.size) {
				t.Errorf("complete: %v, phase %s, progress %d", kept.complete, l.server.Phase(), c.Progress())
			}
		})
	}
}

// After an interruption of the client, or a timeout of the server, the transfer
// continues where it was.
func TestTransferGoesOn(t *testing.T) {
	for _, mode := range []blob.Mode{blob.Push, blob.Pull} {
		l := newLink(t, blob.DefaultLimits(100000), 0)
		data := object(20000)
		kept := &sink{data: make([]byte, len(data))}
		l.server.Expect(l.Time, id, mesh.DefaultTTL, 0, kept)
		o := blob.Object{ID: id, Data: bytes.NewReader(data), Size: uint32(len(data))}
		interrupted := blob.NewClient(o, blob.ClientOptions{Mode: mode})
		l.stop = func() bool { return interrupted.Progress() > 9000 }
		l.run(interrupted)
		before := l.sent
		l.Pass(time.Hour)
		if l.server.Phase() != blob.Suspended || kept.suspended != 1 {
			t.Fatalf("%s: phase %s", mode, l.server.Phase())
		}
		l.stop, l.sent, l.Sent = nil, 0, nil
		c := blob.NewClient(o, blob.ClientOptions{Mode: mode})
		l.run(c)
		if err := c.Err(); err != nil || !bytes.Equal(kept.data, data) {
			t.Errorf("%s: %v, complete: %v", mode, err, kept.complete)
		}
		if l.sent > 2*before {
			t.Errorf("%s: %d messages, %d before the interruption: it started again", mode, l.sent, before)
		}
	}
}

func TestTransferThatCannotBe(t *testing.T) {
	data := object(5000)
	o := blob.Object{ID: id, Data: bytes.NewReader(data), Size: uint32(len(data))}
	kept := func() *sink { return &sink{data: make([]byte, len(data))} }

	l := newLink(t, blob.DefaultLimits(4000), 0)
	l.server.Expect(l.Time, id, mesh.DefaultTTL, 0, kept())
	c := blob.NewClient(o, blob.ClientOptions{})
	if l.run(c); !errors.Is(c.Err(), blob.ErrNoMatch) {
		t.Errorf("too large: %v", c.Err())
	}
	l = newLink(t, blob.DefaultLimits(5000), 0)
	c = blob.NewClient(o, blob.ClientOptions{})
	if l.run(c); !errors.Is(c.Err(), blob.ErrRefused) {
		t.Errorf("not expected: %v", c.Err())
	}
	l.server.Expect(l.Time, id+1, mesh.DefaultTTL, 0, kept())
	c = blob.NewClient(o, blob.ClientOptions{})
	if l.run(c); !errors.Is(c.Err(), blob.ErrRefused) {
		t.Errorf("another object: %v", c.Err())
	}
	l = newLink(t, blob.DefaultLimits(5000), 1)
	c = blob.NewClient(o, blob.ClientOptions{})
	if l.run(c); !errors.Is(c.Err(), blob.ErrSilent) {
		t.Errorf("silent: %v", c.Err())
	}
	l = newLink(t, blob.DefaultLimits(5000), 0)
	l.server.Expect(l.Time, id, mesh.DefaultTTL, 0, &sink{}) // without room
	c = blob.NewClient(o, blob.ClientOptions{})
	if l.run(c); !errors.Is(c.Err(), blob.ErrSilent) {
		t.Errorf("a sink that rejects everything: %v", c.Err())
	}
	l = newLink(t, blob.DefaultLimits(5000), 0)
	l.server.Expect(l.Time, id, mesh.DefaultTTL, 0, kept())
	short := blob.Object{ID: id, Data: io.NewSectionReader(bytes.NewReader(data), 0, 100), Size: uint32(len(data))}
	c = blob.NewClient(short, blob.ClientOptions{})
	if l.run(c); !errors.Is(c.Err(), blob.ErrObject) {
		t.Errorf("a file that has become shorter: %v", c.Err())
	}
}

func TestServerCancelAndSilence(t *testing.T) {
	l := newLink(t, blob.DefaultLimits(1000), 0)
	kept := &sink{data: make([]byte, 1000)}
	l.server.Expect(l.Time, id, mesh.DefaultTTL, 1, kept)
	l.Pass(21 * time.Second)
	if l.server.Phase() != blob.Inactive || !kept.cancelled {
		t.Errorf("after silence: %s", l.server.Phase())
	}
	l.server.Expect(l.Time, id, mesh.DefaultTTL, 1, kept)
	start := &blob.TransferStart{Mode: blob.Push, BLOBID: id, BLOBSize: 1000, BlockSizeLog: 10, ClientMTUSize: 380}
	for _, c := range []struct {
		send   access.Message
		status blob.Status
	}{
		{&blob.BlockStart{ChunkSize: 100}, blob.WrongPhase},
		{&blob.TransferStart{Mode: blob.Push, BLOBID: id, BLOBSize: 1001, BlockSizeLog: 10, ClientMTUSize: 380}, blob.TooLarge},
		{&blob.TransferStart{Mode: blob.Push, BLOBID: id, BLOBSize: 1000, BlockSizeLog: 20, ClientMTUSize: 380}, blob.InvalidBlockSize},
		{&blob.TransferStart{Mode: blob.Push, BLOBID: id, BLOBSize: 0, BlockSizeLog: 10, ClientMTUSize: 380}, blob.InvalidParameter},
		{start, blob.Success},
		{start, blob.Success},
		{&blob.TransferStart{Mode: blob.Pull, BLOBID: id, BLOBSize: 1000, BlockSizeLog: 10, ClientMTUSize: 380}, blob.WrongPhase},
		{&blob.BlockStart{BlockNumber: 1, ChunkSize: 100}, blob.InvalidBlockNumber},
		{&blob.BlockStart{ChunkSize: 5}, blob.InvalidChunkSize},
		{&blob.BlockStart{ChunkSize: 378}, blob.InvalidChunkSize},
		{&blob.BlockStart{ChunkSize: 100}, blob.Success},
		{&blob.BlockStart{ChunkSize: 101}, blob.WrongPhase},
		{&blob.TransferCancel{BLOBID: id + 1}, blob.WrongBLOBID},
		{&blob.TransferCancel{BLOBID: id}, blob.Success},
	} {
		var got blob.Status
		switch m := l.Send(c.send).(type) {
		case *blob.TransferStatus:
			got = m.Status
		case *blob.BlockStatus:
			got = m.Status
		}
		if got != c.status {
			t.Errorf("%+v: %s, want %s", c.send, got, c.status)
		}
	}
	if l.server.Phase() != blob.Inactive {
		t.Errorf("after a cancel: %s", l.server.Phase())
	}
	// Chunks that do not fit are ignored in every phase.
	for _, chunk := range []*blob.ChunkTransfer{{}, {ChunkNumber: 0xFFFF, ChunkData: []byte{1}}} {
		l.Send(chunk)
	}
}

// Octets of messages that the vectors do not contain.
func TestOctets(t *testing.T) {
	for _, c := range []struct {
		m    access.Message
		want []byte
	}{
		{&blob.TransferStart{Mode: blob.Pull, BLOBID: id, BLOBSize: 0x010203, BlockSizeLog: 12, ClientMTUSize: 380}, []byte{0x83, 0x01, 0x80, 8, 7, 6, 5, 4, 3, 2, 1, 3, 2, 1, 0, 12, 0x7C, 1}},
		{&blob.TransferStatus{Status: blob.WrongPhase}, []byte{0x83, 0x03, 0x04, 0}},
		{&blob.TransferStatus{Mode: blob.Push, Phase: blob.WaitingForStart, HasBLOBID: true, BLOBID: 1}, []byte{0x83, 0x03, 0x40, 1, 1, 0, 0, 0, 0, 0, 0, 0}},
		{&blob.BlockStatus{Format: blob.SomeMissing, BlockNumber: 1, ChunkSize: 0x0100, MissingChunks: []byte{5}}, []byte{0x67, 0x80, 1, 0, 0, 1, 5}},
		{&blob.BlockStatus{Format: blob.EncodedMissing, EncodedMissingChunks: []uint16{0x7F, 0x80, 0x7FF, 0x800, 0xFFFF}}, []byte{
			0x67, 0xC0, 0, 0, 0, 0, 0x7F, 0xC2, 0x80, 0xDF, 0xBF, 0xE0, 0xA0, 0x80, 0xEF, 0xBF, 0xBF,
		}},
		{&blob.PartialBlockReport{}, []byte{0x68}},
		{&blob.ChunkTransfer{ChunkNumber: 0x0102, ChunkData: []byte{9}}, []byte{0x66, 2, 1, 9}},
		{&blob.InformationStatus{MinBlockSizeLog: 6, MaxBlockSizeLog: 12, MaxTotalChunks: 64, MaxChunkSize: 377, MaxBLOBSize: 5, ServerMTUSize: 380, PushMode: true, PullMode: true}, []byte{
			0x83, 0x07, 6, 12, 64, 0, 0x79, 1, 5, 0, 0, 0, 0x7C, 1, 3,
		}},
	} {
		if got, err := access.Append(nil, c.m); err != nil || !bytes.Equal(got, c.want) {
			t.Errorf("%T: %x, %v, want %x", c.m, got, err, c.want)
		}
	}
}
