package capture

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/advertiser"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// station is a controller with an advertising bearer that records what it
// receives.
type station struct {
	bearer     *advertiser.Bearer
	controller *controller.Controller

	mu    sync.Mutex
	heard []bearer.Incoming
}

func newStation(open controller.Opener) *station {
	s := &station{}
	s.bearer = advertiser.New(advertiser.Config{Receive: s.hear})
	s.controller = controller.New(controller.Config{
		Name: "test", Open: open, Hosts: []controller.Host{s.bearer},
	})
	return s
}

func (s *station) hear(in *bearer.Incoming) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = append(s.heard, *in)
}

func (s *station) all() []bearer.Incoming {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.heard)
}

// session runs two stations for ten seconds and records the first. It returns
// the file and what that station heard.
func session(t *testing.T, path string, options virtual.Options) []bearer.Incoming {
	t.Helper()
	air := virtual.NewAir(virtual.AirOptions{})
	defer func() { _ = air.Close() }()
	recorder := create(t, Options{Path: path})
	ctx, cancel := context.WithCancel(t.Context())
	var parts sync.WaitGroup
	stations := make([]*station, 2)
	for i := range stations {
		o := options
		o.Address = virtual.MakeAddress(0xC0FFEE000000 + uint64(i))
		chip, err := air.Attach(o)
		if err != nil {
			t.Fatal(err)
		}
		stations[i] = newStation(func(context.Context) (transport.Transport, error) {
			if i > 0 {
				return chip.Transport(), nil
			}
			return recorder.Tap(chip.Transport(), 0, "virtual"), nil
		})
		parts.Go(func() { _ = stations[i].controller.Run(ctx) }) // returns the context's error
	}
	for n := range 100 {
		for _, s := range stations {
			pdu := bytes.Repeat([]byte{byte(n)}, 1+n%bearer.MaxPDU)
			kind := bearer.Kind(int(bearer.Provisioning) + n%3)
			transmit := bearer.Transmit{Count: 2, Interval: 20 * time.Millisecond}
			if err := s.bearer.Send(bearer.NewOutgoing(kind, bearer.OwnLane(5), transmit, pdu)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	cancel()
	parts.Wait()
	if err := recorder.Close(); err != nil {
		t.Fatal(err)
	}
	return stations[0].all()
}

// play runs a station on a replay until it has heard everything.
func play(t *testing.T, data []byte, o ReplayOptions) []bearer.Incoming {
	t.Helper()
	r, err := NewReplay(bytes.NewReader(data), o)
	if err != nil {
		t.Fatal(err)
	}
	s := newStation(func(context.Context) (transport.Transport, error) { return r, nil })
	ctx, cancel := context.WithCancel(t.Context())
	var parts sync.WaitGroup
	parts.Go(func() { _ = s.controller.Run(ctx) })
	// What it sends goes nowhere and does not stop it.
	for n := range 20 {
		transmit := bearer.Transmit{Count: 3, Interval: 20 * time.Millisecond}
		if err := s.bearer.Send(bearer.NewOutgoing(bearer.Message, bearer.OwnLane(5), transmit, []byte{byte(n)})); err != nil {
			t.Fatal(err)
		}
	}
	<-r.Done()
	time.Sleep(time.Minute)
	synctest.Wait()
	if stats := s.bearer.Stats(); stats.Sent != 20 || stats.Full+stats.Dropped != 0 {
		t.Errorf("of 20 PDUs: %+v", stats)
	}
	if stats := s.controller.Stats(); stats.Resets != 0 || stats.Malformed != 0 {
		t.Errorf("controller: %+v", stats)
	}
	cancel()
	parts.Wait()
	return s.all()
}

// A captured session yields the same PDUs when replayed, with both families of
// commands, at full speed and at its own pace.
func TestReplayGivesTheSamePDUs(t *testing.T) {
	for name, options := range map[string]virtual.Options{
		"extended": {},
		"legacy":   {Legacy: true},
	} {
		for _, paced := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					path := filepath.Join(t.TempDir(), "air.btsnoop")
					want := session(t, path, options)
					if len(want) < 100 {
						t.Fatalf("only %d PDUs were heard", len(want))
					}
					data, err := os.ReadFile(path)
					if err != nil {
						t.Fatal(err)
					}
					began := time.Now()
					got := play(t, data, ReplayOptions{Paced: paced})
					if !slices.Equal(got, want) {
						t.Errorf("%d PDUs were heard, and %d in the replay", len(want), len(got))
					}
					if took := time.Since(began) - time.Minute; paced != (took > 9*time.Second) || took > 11*time.Second {
						t.Errorf("it took %s", took)
					}
				})
			})
		}
	}
}

// A capture that begins in the middle of a session, as a full file leaves it,
// still has the reports; the answers are invented.
func TestReplayWithoutTheBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "air.btsnoop")
		want := session(t, path, virtual.Options{})
		data := fileHeader()
		for _, rec := range load(t, path) {
			if _, _, answer := answered(append([]byte{byte(packet.TypeEvent)}, rec.Data...)); rec.Kind == Event && !answer {
				data = rec.Append(data)
			}
		}
		if got := play(t, data, ReplayOptions{}); !slices.Equal(got, want) {
			t.Errorf("%d PDUs were heard, and %d in the replay", len(want), len(got))
		}
	})
}

func TestReplayOfAnotherAdapter(t *testing.T) {
	data := (&Record{Adapter: 4, Kind: Event, Data: []byte{0x10, 1, 7}, Length: 3}).Append(fileHeader())
	_, err := NewReplay(bytes.NewReader(data), ReplayOptions{Adapter: 2})
	if !errors.Is(err, ErrNoPackets) || !strings.Contains(err.Error(), "adapters [4]") {
		t.Errorf("got %v", err)
	}
	if _, err := NewReplay(bytes.NewReader([]byte("text")), ReplayOptions{}); !errors.Is(err, ErrFormat) {
		t.Errorf("got %v", err)
	}
}

// A command that the captured controller refused once and then accepted is
// refused once, and then accepted.
func TestReplayAnswersInOrder(t *testing.T) {
	refused := complete(packet.OpLESetScanEnable, byte(packet.StatusCommandDisallowed))
	taken := complete(packet.OpLESetScanEnable, 0)
	refused[3], taken[3] = 0, 0 // no credits left
	data := fileHeader()
	for _, p := range [][]byte{refused, taken} {
		data = (&Record{Kind: Event, Data: p[1:], Length: len(p) - 1}).Append(data)
	}
	r, err := NewReplay(bytes.NewReader(data), ReplayOptions{})
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, packet.MaxLen)
	for i, want := range []packet.Status{packet.StatusCommandDisallowed, 0, 0, 0} {
		cmd := packet.LESetScanEnable(false, false)
		if err := r.Write(cmd.AppendTo(nil)); err != nil {
			t.Fatal(err)
		}
		n, err := r.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		op, status, ok := answered(buf[:n])
		if !ok || op != packet.OpLESetScanEnable || status != want || buf[3] != 1 {
			t.Errorf("answer %d is %x", i, buf[:n])
		}
	}
	if err := errors.Join(r.Close(), r.Close()); err != nil {
		t.Error(err)
	}
	if _, err := r.Read(buf); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("read after close: %v", err)
	}
	if err := r.Write([]byte{1, 3, 0x0c, 0}); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("write after close: %v", err)
	}
}
