package capture

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
)

// ReplayOptions says which part of a capture is replayed, and how.
type ReplayOptions struct {
	Adapter uint16
	// Paced keeps the original time between packets. Without it each packet
	// arrives as soon as the previous one was read.
	Paced bool
}

// Replay is a transport.Transport to a controller that behaves as in a capture.
// Commands from the host get the answers of the captured controller to that
// command, in order. When these are used up, the last successful answer is
// repeated. If there is none, the answer is that of a simple controller. Once
// the host scans, it receives the captured reports and all other unsolicited
// packets in their order.
//
// What the host advertises goes nowhere: each set ends at once. The captured
// ends of sets are left out, because they belong to another host.
type Replay struct {
	paced   bool
	packets []arrival
	answers map[packet.Opcode]*answers

	changed chan struct{}
	closed  chan struct{}
	done    chan struct{}
	closing sync.Once

	mu      sync.Mutex
	queue   [][]byte // answers to the host
	next    int      // index in packets
	began   time.Time
	hears   bool
	isDone  bool
	skipped int
}

var _ transport.Transport = (*Replay)(nil)

// arrival is an unsolicited packet and its time since the first one.
type arrival struct {
	after  time.Duration
	packet []byte
}

// answers are the captured controller's answers to one command.
type answers struct {
	events  [][]byte
	next    int
	success []byte // the last successful one
}

// mostReplayed limits the memory of a Replay, in octets of packets.
const mostReplayed = 512 << 20

// ErrNoPackets says that a capture has no packets of the adapter.
var ErrNoPackets = errors.New("no packets of the adapter")

// NewReplay reads a whole capture. If it ends within a record, the part before
// is replayed. Other read errors are returned. The error wraps ErrNoPackets if
// there is nothing to replay.
func NewReplay(in io.Reader, o ReplayOptions) (*Replay, error) {
	reader, err := NewReader(in)
	if err != nil {
		return nil, err
	}
	r := &Replay{
		paced:   o.Paced,
		answers: map[packet.Opcode]*answers{},
		changed: make(chan struct{}, 1),
		closed:  make(chan struct{}),
		done:    make(chan struct{}),
	}
	adapters, octets := map[uint16]bool{}, 0
	var first time.Time
	for {
		var rec Record
		err := reader.Next(&rec)
		if errors.Is(err, io.EOF) || errors.Is(err, ErrTruncated) {
			break
		}
		if err != nil {
			return nil, err
		}
		if rec.Adapter != NoAdapter {
			adapters[rec.Adapter] = true
		}
		_, sent, isPacket := rec.Kind.packetType()
		if rec.Adapter != o.Adapter || !isPacket || sent {
			continue
		}
		p, whole := rec.AppendPacket(nil)
		if !whole {
			r.skipped++
			continue
		}
		if octets += len(p); octets > mostReplayed {
			return nil, fmt.Errorf("capture: expected at most %d octets of packets to replay, got more; split the file", mostReplayed)
		}
		if first.IsZero() {
			first = rec.Time
		}
		r.take(p, max(rec.Time.Sub(first), 0))
	}
	if len(r.packets)+len(r.answers) == 0 {
		return nil, fmt.Errorf("capture: expected packets from adapter %d, the capture has adapters %v: %w",
			o.Adapter, slices.Sorted(maps.Keys(adapters)), ErrNoPackets)
	}
	return r, nil
}

// take sorts a packet from the controller.
func (r *Replay) take(p []byte, after time.Duration) {
	op, status, answer := answered(p)
	if !answer {
		if !isSetTerminated(p) {
			r.packets = append(r.packets, arrival{after, p})
		}
		return
	}
	if op == packet.OpNone {
		return // only credits
	}
	a := r.answers[op]
	if a == nil {
		a = &answers{}
		r.answers[op] = a
	}
	a.events = append(a.events, p)
	if status == packet.StatusSuccess {
		a.success = p
	}
}

// answered records what an event answers, and returns a command credit to the
// host.
func answered(p []byte) (op packet.Opcode, status packet.Status, ok bool) {
	const completeCredits, statusCredits = 3, 4 // offsets in the packet
	event, err := packet.ParseEvent(p)
	if err != nil {
		return 0, 0, false
	}
	if done, err := event.CommandComplete(); err == nil {
		p[completeCredits] = 1
		if len(done.Return) > 0 {
			status = packet.Status(done.Return[0])
		}
		return done.Opcode, status, true
	}
	if begun, err := event.CommandStatus(); err == nil {
		p[statusCredits] = 1
		return begun.Opcode, begun.Status, true
	}
	return 0, 0, false
}

func isSetTerminated(p []byte) bool {
	event, err := packet.ParseEvent(p)
	if err != nil {
		return false
	}
	_, err = event.AdvertisingSetTerminated()
	return err == nil
}

// Len is the number of unsolicited packets.
func (r *Replay) Len() int { return len(r.packets) }

// Skipped is how many packets were left out because the capture has only a part
// of them.
func (r *Replay) Skipped() int { return r.skipped }

// Done is closed when the host has read all packets and asks for another.
func (r *Replay) Done() <-chan struct{} { return r.done }

// Read reads the next packet.
func (r *Replay) Read(p []byte) (int, error) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		next, wait := r.give()
		if next != nil {
			if len(p) < len(next) {
				return 0, fmt.Errorf("capture: expected a buffer of at least %d octets, got %d: %w", len(next), len(p), io.ErrShortBuffer)
			}
			return copy(p, next), nil
		}
		timer.Reset(wait)
		select {
		case <-r.closed:
			return 0, fmt.Errorf("capture: %w", transport.ErrClosed)
		case <-r.changed:
		case <-timer.C:
		}
	}
}

// give returns the next packet for the host, or nil and how long to wait.
func (r *Replay) give() (next []byte, wait time.Duration) {
	const forLong = time.Hour // until something changes
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.closed:
		return nil, forLong
	default:
	}
	if len(r.queue) > 0 {
		next, r.queue = r.queue[0], r.queue[1:]
		return next, 0
	}
	if !r.hears {
		return nil, forLong
	}
	if r.next == len(r.packets) {
		if !r.isDone {
			r.isDone = true
			close(r.done)
		}
		return nil, forLong
	}
	a := r.packets[r.next]
	if r.paced {
		if left := a.after - r.packets[0].after - time.Since(r.began); left > 0 {
			return nil, left
		}
	}
	r.next++
	return a.packet, 0
}

// Write takes a packet from the host and answers it if it is a command.
func (r *Replay) Write(p []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.closed:
		return fmt.Errorf("capture: %w", transport.ErrClosed)
	default:
	}
	// Data goes nowhere.
	if op, params, err := packet.ParseCommand(p); err == nil {
		r.queue = append(r.queue, r.answer(op))
		r.act(op, params)
		signal(r.changed)
	}
	return nil
}

// Close ends the replay.
func (r *Replay) Close() error {
	r.closing.Do(func() { close(r.closed) })
	return nil
}

// answer is the answer to a command.
func (r *Replay) answer(op packet.Opcode) []byte {
	a := r.answers[op]
	switch {
	case a == nil:
		return complete(op, invented(op)...)
	case a.next < len(a.events):
		a.next++
		return a.events[a.next-1]
	case a.success != nil:
		return a.success
	default:
		return complete(op, invented(op)...)
	}
}

// act applies the few commands that have an effect here.
func (r *Replay) act(op packet.Opcode, params []byte) {
	switch op {
	case packet.OpReset:
		r.hears = false
	case packet.OpLESetScanEnable, packet.OpLESetExtendedScanEnable:
		// A captured pause of the scan is not repeated: it was another host's.
		if len(params) > 0 && params[0] == 1 && !r.hears {
			r.hears = true
			if r.began.IsZero() {
				r.began = time.Now()
			}
		}
	case packet.OpLESetExtendedAdvertisingEnable:
		r.endSets(params)
	}
}

// endSets ends the sets that an LE Set Extended Advertising Enable starts with
// a limit (section 7.8.56): | enable | number | handle, duration 2, events |
// ...
func (r *Replay) endSets(params []byte) {
	const head, each = 2, 4
	if len(params) < head || params[0] != 1 {
		return
	}
	for sets := params[head:]; len(sets) >= each; sets = sets[each:] {
		handle, events := sets[0], sets[3]
		if events > 0 {
			r.queue = append(r.queue, []byte{
				byte(packet.TypeEvent), byte(packet.EventLEMeta), 6, byte(packet.SubeventAdvertisingSetTerminated),
				byte(packet.StatusLimitReached), handle, 0, 0, events,
			})
		}
	}
}

// complete is a Command Complete event.
func complete(op packet.Opcode, ret ...byte) []byte {
	p := []byte{byte(packet.TypeEvent), byte(packet.EventCommandComplete), byte(3 + len(ret)), 1, byte(op), byte(op >> 8)}
	return append(p, ret...)
}

// invented is the answer to a command without a captured answer, because the
// capture begins too late: success, from a controller with only the commands of
// Core 4.2.
func invented(op packet.Opcode) []byte {
	ret := []byte{byte(packet.StatusSuccess)}
	switch op {
	case packet.OpReadLocalVersion:
		return append(ret, packet.Core42, 0, 0, packet.Core42, 0xff, 0xff, 0, 0)
	case packet.OpReadLocalSupportedCommands:
		return append(ret, make([]byte, len(packet.SupportedCommands{}))...)
	case packet.OpReadLocalSupportedFeatures:
		const octets = 8
		for i := range octets {
			ret = append(ret, byte(packet.LMPFeatureLE>>(8*i)))
		}
		return ret
	case packet.OpLEReadLocalSupportedFeatures, packet.OpLERand:
		return append(ret, 0, 0, 0, 0, 0, 0, 0, 0)
	case packet.OpReadBDAddr:
		return append(ret, 0, 0, 0, 0, 0, 0)
	case packet.OpLEReadBufferSize:
		return append(ret, 27, 0, 1) // octets, 2; packets
	case packet.OpLEReadNumberOfSupportedAdvertisingSets:
		return append(ret, 1)
	case packet.OpLESetExtendedAdvertisingParameters:
		return append(ret, 0) // dBm
	default:
		return ret
	}
}
