package capture

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/internal/logging"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// Options says where and how a Recorder writes.
type Options struct {
	// Path is the file. When it is full, or exists already, it is renamed to
	// Path.1, which replaces an earlier one.
	Path string
	// Limit is the size in octets at which a file is full; 0 is DefaultLimit.
	// Values smaller than one buffer are raised to it. The two files together
	// use twice as much.
	Limit int64
	// Note is the first record of each file.
	Note string
	Log  *slog.Logger // nil logs nothing
}

// DefaultLimit is enough for some hours in a busy neighbourhood.
const DefaultLimit = 64 << 20

const (
	// room is how many octets may wait to be written. Beyond it records are
	// dropped and counted: a slow disk must not stop the radio.
	room = 1 << 20
	// gather is how long records wait for more, so that one write covers them
	// all. It is also the most that is lost when the process is killed.
	gather = 200 * time.Millisecond
	// again is the pause after a write that failed.
	again = time.Second
	// ending is how long Close waits for the disk.
	ending = 2 * time.Second
	// quiet is how long the same failure is not logged again.
	quiet = 10 * time.Minute
)

// Stats counts the records of a Recorder.
type Stats struct {
	Written uint64
	Dropped uint64 // the disk was full or too slow
}

// Recorder writes a capture of any number of adapters. Recording never waits
// for the disk: records go to memory, and the recorder's goroutine writes them.
// If the disk accepts nothing, this is logged once, further records are
// dropped, and the recorder continues when the disk works again. Each record
// says how many were dropped before it.
type Recorder struct {
	log      *slog.Logger
	note     string
	wake     chan struct{} // something waits
	halfFull chan struct{} // half of the room is used
	closing  chan struct{}
	done     chan struct{}
	end      sync.Once

	mu       sync.Mutex
	buf      []byte // records that wait
	spare    []byte // buffer for the next records
	waiting  int    // records in buf
	adapters map[uint16]*attached
	stats    Stats
	closed   bool

	// Used by the goroutine only.
	file    file
	failed  bool
	failing bool      // this failure was logged
	logged  time.Time // time of the last log message
}

// Create begins a capture. If the file exists and is not a capture, it returns
// an error and leaves the file unchanged.
func Create(o Options) (*Recorder, error) {
	if o.Limit <= 0 {
		o.Limit = DefaultLimit
	}
	r := &Recorder{
		log:      logging.With(o.Log, "capture", o.Path),
		note:     o.Note,
		wake:     make(chan struct{}, 1),
		halfFull: make(chan struct{}, 1),
		closing:  make(chan struct{}),
		done:     make(chan struct{}),
		adapters: map[uint16]*attached{},
		file:     file{path: o.Path, limit: max(o.Limit, 2*room)},
	}
	if err := r.file.begin(r.head(time.Now())); err != nil {
		return nil, fmt.Errorf("capture: %w", err)
	}
	go r.run()
	return r, nil
}

// Stats returns the current counters.
func (r *Recorder) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats
}

// Close writes what waits and ends the capture. Transports that are still
// tapped continue without being recorded. It returns the error of the last
// write; closing again does nothing. It does not wait for a disk that hangs.
func (r *Recorder) Close() error {
	var err error
	r.end.Do(func() {
		close(r.closing)
		closed := make(chan error, 1)
		go func() { <-r.done; closed <- r.file.close() }()
		late := time.NewTimer(ending)
		defer late.Stop()
		select {
		case err = <-closed:
		case <-late.C:
			err = fmt.Errorf("capture: the disk did not take the last records within %s", ending)
			r.log.Error("the capture is not complete", "error", err)
		}
		s := r.Stats()
		r.log.Info("the capture has ended", "records", s.Written, "dropped", s.Dropped)
	})
	return err
}

// opened records that an adapter is opened.
func (r *Recorder) opened(adapter uint16, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.adapters[adapter]
	if a == nil {
		a = &attached{name: name}
		r.adapters[adapter] = a
		r.add(Note, NoAdapter, text(a.note(adapter)))
		r.add(NewIndex, adapter, a.newIndex(adapter))
	}
	a.open = true
	r.add(OpenIndex, adapter, nil)
}

// leave records that an adapter is closed.
func (r *Recorder) leave(adapter uint16) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if a := r.adapters[adapter]; a != nil {
		a.open = false
	}
	r.add(CloseIndex, adapter, nil)
}

// note says which adapter a number means; its name can be longer than the
// format allows.
func (a *attached) note(adapter uint16) string {
	return fmt.Sprintf("%s is %s", shortName(adapter), a.name)
}

func shortName(adapter uint16) string { return fmt.Sprintf("hci%d", adapter) }

// add appends a record to the buffer. The caller holds the lock.
func (r *Recorder) add(kind Kind, adapter uint16, data []byte) {
	if r.closed {
		return
	}
	rec := Record{
		Time:    time.Now(),
		Adapter: adapter,
		Kind:    kind,
		Data:    data[:min(len(data), mostWritten)],
		Length:  len(data),
		Drops:   uint32(r.stats.Dropped),
	}
	before := len(r.buf)
	if before+recordHead+len(rec.Data) > room {
		r.stats.Dropped++
		return
	}
	r.buf = rec.Append(r.buf)
	r.waiting++
	if before == 0 {
		signal(r.wake)
	}
	if before < room/2 && len(r.buf) >= room/2 {
		signal(r.halfFull)
	}
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run writes the buffered records until the end.
func (r *Recorder) run() {
	defer close(r.done)
	pause := time.NewTimer(gather)
	defer pause.Stop()
	for open := true; open; {
		select {
		case <-r.wake:
			pause.Reset(gather)
			if r.failed {
				pause.Reset(again)
			}
			select {
			case <-pause.C:
			case <-r.halfFull:
			case <-r.closing:
				open = false
			}
		case <-r.closing:
			open = false
		}
		if !open {
			r.mu.Lock()
			r.closed = true
			r.mu.Unlock()
		}
		r.flush()
	}
}

// flush writes the buffered records.
func (r *Recorder) flush() {
	r.mu.Lock()
	batch, records := r.buf, r.waiting
	if records == 0 {
		r.mu.Unlock()
		return
	}
	r.buf, r.spare, r.waiting = r.spare[:0], nil, 0
	r.mu.Unlock()
	err := r.write(batch)
	r.mu.Lock()
	r.spare = batch
	if err == nil {
		r.stats.Written += uint64(records)
	} else {
		r.stats.Dropped += uint64(records)
	}
	r.mu.Unlock()
	r.logFailure(err)
	r.failed = err != nil
}

// logFailure logs that writing fails, and that it works again. A nearly full disk
// accepts small writes and refuses large ones; this is not logged each time.
func (r *Recorder) logFailure(err error) {
	switch {
	case err != nil && !r.failed && (r.logged.IsZero() || time.Since(r.logged) >= quiet):
		r.logged, r.failing = time.Now(), true
		r.log.Error("the capture cannot be written; the radio continues without it", "error", err)
	case err == nil && r.failing:
		r.failing = false
		r.log.Info("the capture can be written again", "dropped", r.Stats().Dropped)
	}
}

// write writes complete records, to a new file if the current one is full.
func (r *Recorder) write(batch []byte) error {
	if !r.file.hasRoom(len(batch)) {
		if err := r.file.begin(r.head(fromMicros(batch[timeOffset:]))); err != nil {
			return err
		}
	}
	return r.file.append(batch)
}

// head is the start of each file: which adapters there are. It makes the file
// readable without its predecessor.
func (r *Recorder) head(now time.Time) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	buf := fileHeader()
	put := func(kind Kind, adapter uint16, data []byte) {
		rec := Record{Time: now, Adapter: adapter, Kind: kind, Data: data, Length: len(data), Drops: uint32(r.stats.Dropped)}
		buf = rec.Append(buf)
	}
	if r.note != "" {
		put(Note, NoAdapter, text(r.note))
	}
	for _, adapter := range slices.Sorted(maps.Keys(r.adapters)) {
		a := r.adapters[adapter]
		put(Note, NoAdapter, text(a.note(adapter)))
		put(NewIndex, adapter, a.newIndex(adapter))
		if a.open {
			put(OpenIndex, adapter, nil)
		}
		if a.address != (packet.Address{}) {
			put(IndexInfo, adapter, a.info())
		}
	}
	return buf
}
