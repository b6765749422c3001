package blob_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
)

// convoy is nodes that hear a group.
type convoy struct {
	*testing.T
	links   []*link
	sinks   []*sink
	clients []*blob.Client
	chunks  int // that were sent
	// heard reports whether a message reaches a node and its answer returns;
	// nil: as the link decides.
	heard func(i int, a blob.Ask) bool
}

func newConvoy(t *testing.T, nodes int, loss float64, data []byte, limits func(i int) blob.Limits) *convoy {
	v := &convoy{T: t}
	for i := range nodes {
		l := newLink(t, limits(i), loss)
		l.random = rand.New(rand.NewPCG(uint64(i), 9))
		kept := &sink{data: make([]byte, len(data))}
		l.server.Expect(l.Time, id, mesh.DefaultTTL, 30, kept)
		v.links, v.sinks = append(v.links, l), append(v.sinks, kept)
		v.clients = append(v.clients, blob.NewClient(blob.Object{ID: id, Data: bytes.NewReader(data), Size: uint32(len(data))}, blob.ClientOptions{TimeoutBase: 30}))
	}
	return v
}

// run carries out what a convoy wants. Time passes for all at the same rate.
func (v *convoy) run(stop func() bool) {
	v.Helper()
	c := blob.NewMulticastTransfer(v.clients...)
	for rounds := 0; !c.Done() && (stop == nil || !stop()); rounds++ {
		asks := c.Next(v.links[0].Time)
		if rounds > 5000 || len(asks) == 0 {
			v.Fatalf("round %d: nothing to send", rounds)
		}
		for _, a := range asks {
			if a.Respond == 0 {
				v.chunks++
			} else if len(a.To) != 1 {
				v.Errorf("a request for %d nodes at once", len(a.To))
			}
			for i, l := range v.links {
				if len(a.To) > 1 && !slices.Contains(a.To, i) {
					l.Send(a.Message) // it is subscribed to the group as well
				}
			}
			for _, i := range a.To {
				if v.heard != nil && !v.heard(i, a.Ask) {
					err := errSilent
					if a.Respond == 0 {
						err = nil
					}
					c.Answer(v.links[i].Time, i, nil, err)
					continue
				}
				m, err := v.links[i].ask(a.Ask)
				c.Answer(v.links[i].Time, i, m, err)
			}
		}
		var now time.Time
		for _, l := range v.links {
			if l.Time.After(now) {
				now = l.Time
			}
		}
		for _, l := range v.links {
			l.Pass(now.Sub(l.Time))
		}
	}
}

func (v *convoy) complete(data []byte) {
	v.Helper()
	for i, c := range v.clients {
		if c.Err() != nil || !bytes.Equal(v.sinks[i].data, data) {
			v.Errorf("node %d: %v, complete: %v", i, c.Err(), v.sinks[i].complete)
		}
	}
}

func TestMulticastSharesChunks(t *testing.T) {
	data := object(10000)
	v := newConvoy(t, 20, 0, data, func(int) blob.Limits { return blob.DefaultLimits(20000) })
	v.run(nil)
	v.complete(data)
	if v.chunks > 40 { // three blocks of 4096, 4096 and 1808 octets
		t.Errorf("%d chunks for twenty nodes", v.chunks)
	}
}

func TestMulticastOverALossyAir(t *testing.T) {
	data := object(5000)
	v := newConvoy(t, 10, 0.2, data, func(int) blob.Limits { return blob.DefaultLimits(20000) })
	v.run(nil)
	v.complete(data)
	if alone := 10 * 14; v.chunks > alone {
		t.Errorf("%d chunks, %d would be sent alone", v.chunks, alone)
	}
}

// Nodes with different limits agree on those of the weakest.
func TestConvoyOfUnequalNodes(t *testing.T) {
	data := object(3000)
	v := newConvoy(t, 3, 0, data, func(i int) blob.Limits {
		l := blob.DefaultLimits(20000)
		if i == 1 {
			l.MaxBlockSizeLog, l.MaxChunkSize, l.MaxTotalChunks = 8, 40, 10
		}
		return l
	})
	v.run(nil)
	v.complete(data)

	v = newConvoy(t, 2, 0, data, func(i int) blob.Limits {
		l := blob.DefaultLimits(20000)
		if i == 1 {
			l.MaxBlockSizeLog = 7
		} else {
			l.MinBlockSizeLog = 9
		}
		return l
	})
	v.run(nil)
	if !errors.Is(v.clients[0].Err(), blob.ErrNoMatch) || v.clients[1].Err() != nil {
		t.Errorf("%v, %v", v.clients[0].Err(), v.clients[1].Err())
	}
}

// A node that stops answering, one that is removed, and one that has a part
// already do not stop the others.
func TestConvoyLosesNodes(t *testing.T) {
	data := object(20000)
	v := newConvoy(t, 4, 0, data, func(int) blob.Limits { return blob.DefaultLimits(20000) })
	ahead := blob.NewClient(blob.Object{ID: id, Data: bytes.NewReader(data), Size: uint32(len(data))}, blob.ClientOptions{TimeoutBase: 30})
	v.links[3].stop = func() bool { return ahead.Progress() > 9000 }
	v.links[3].run(ahead)
	for _, l := range v.links[:3] {
		l.Pass(v.links[3].Time.Sub(l.Time))
	}
	v.run(func() bool {
		if v.clients[0].Progress() > 5000 {
			v.links[1].loss = 1
			v.clients[2].Abort()
		}
		return false
	})
	if !errors.Is(v.clients[1].Err(), blob.ErrSilent) || !errors.Is(v.clients[2].Err(), blob.ErrAborted) {
		t.Errorf("%v, %v", v.clients[1].Err(), v.clients[2].Err())
	}
	for _, i := range []int{0, 3} {
		if v.clients[i].Err() != nil || !bytes.Equal(v.sinks[i].data, data) {
			t.Errorf("node %d: %v", i, v.clients[i].Err())
		}
	}
}

// A node that receives chunks but whose answers are lost is given up in the
// middle of a block. It must not store chunks of later blocks in its own.
func TestConvoyLeavesNoWrongChunksBehind(t *testing.T) {
	data := object(20000)
	v := newConvoy(t, 3, 0, data, func(int) blob.Limits { return blob.DefaultLimits(20000) })
	lost := v.links[1]
	missed := 0
	v.heard = func(i int, a blob.Ask) (answered bool) {
		switch {
		case i != 1 || v.clients[0].Progress() < 5000:
			return true
		case a.Respond == 0 && missed == 0:
			missed++ // the chunk that keeps it in its block
			return false
		case a.Respond == 0:
			return true // but its answer is lost
		}
		return false
	}
	v.run(nil)
	if !errors.Is(v.clients[1].Err(), blob.ErrSilent) || missed != 1 {
		t.Fatalf("%v: the node was not given up", v.clients[1].Err())
	}
	for _, i := range []int{0, 2} {
		if v.clients[i].Err() != nil || !bytes.Equal(v.sinks[i].data, data) {
			t.Errorf("node %d: %v", i, v.clients[i].Err())
		}
	}
	if lost.server.Phase() != blob.WaitingForChunk {
		t.Errorf("the node is %s", lost.server.Phase())
	}
	for i, b := range v.sinks[1].data {
		if b != 0 && b != data[i] {
			t.Fatalf("octet %d belongs to another block", i)
		}
	}
	// Another convoy sends it the rest, including its own chunks of the block.
	v.heard = nil
	for i := range v.clients {
		v.clients[i] = blob.NewClient(blob.Object{ID: id, Data: bytes.NewReader(data), Size: uint32(len(data))}, blob.ClientOptions{TimeoutBase: 30, MaxChunkSize: 200})
	}
	v.run(nil)
	v.complete(data)
}
