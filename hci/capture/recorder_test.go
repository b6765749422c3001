package capture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
)

// loop is a transport that returns what is written to it.
type loop struct {
	packets chan []byte
	shut    bool
}

func newLoop() *loop { return &loop{packets: make(chan []byte, 16)} }

func (l *loop) Read(p []byte) (int, error) {
	next, ok := <-l.packets
	if !ok {
		return 0, transport.ErrClosed
	}
	return copy(p, next), nil
}

func (l *loop) Write(p []byte) error {
	l.packets <- bytes.Clone(p)
	return nil
}

func (l *loop) Close() error {
	if !l.shut {
		close(l.packets)
	}
	l.shut = true
	return nil
}

func create(t *testing.T, o Options) *Recorder {
	t.Helper()
	r, err := Create(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// load reads a file that ends with a complete record.
func load(t *testing.T, path string) []Record {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	records, err := readAll(data)
	if !errors.Is(err, io.EOF) {
		t.Fatalf("%s: %v", path, err)
	}
	return records
}

func show(records []Record) string {
	var b strings.Builder
	for _, r := range records {
		name := "none"
		if r.Adapter != NoAdapter {
			name = shortName(r.Adapter)
		}
		if r.Kind == Note || r.Kind == NewIndex {
			fmt.Fprintf(&b, "%s %s %q\n", name, r.Kind, r.Data)
			continue
		}
		fmt.Fprintf(&b, "%s %s %x\n", name, r.Kind, r.Data)
	}
	return b.String()
}

func TestRecorderWritesBothDirections(t *testing.T) {
	path := filepath.Join(t.TempDir(), "air.btsnoop")
	r := create(t, Options{Path: path, Note: "a test"})
	inner := newLoop()
	tapped := r.Tap(inner, 3, "tcp:localhost:9000")
	buf := make([]byte, packet.MaxLen)
	for _, p := range [][]byte{
		{2, 0x40, 0, 1, 0, 9},
		{5, 0x40, 0, 1, 0, 8},
	} {
		if err := tapped.Write(p); err != nil {
			t.Fatal(err)
		}
		if n, err := tapped.Read(buf); err != nil || !bytes.Equal(buf[:n], p) {
			t.Fatalf("read %x, %v", buf[:n], err)
		}
	}
	version := packet.ReadLocalVersion()
	if err := tapped.Write(version.AppendTo(nil)); err != nil {
		t.Fatal(err)
	}
	<-inner.packets
	inner.packets <- complete(packet.OpReadLocalVersion, 0, 9, 0, 0, 9, 0xf1, 0x05, 0, 0)
	inner.packets <- complete(packet.OpReadBDAddr, 0, 6, 5, 4, 3, 2, 1)
	for range 2 {
		if _, err := tapped.Read(buf); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(tapped.Close(), tapped.Close(), r.Close(), r.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := tapped.Read(buf); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("read after close: %v", err)
	}
	const want = `none note "a test\x00"
none note "hci3 is tcp:localhost:9000\x00"
hci3 new index "\x00\x00\x00\x00\x00\x00\x00\x00hci3\x00\x00\x00\x00"
hci3 open index 
hci3 ACL data sent 4000010009
hci3 ACL data received 4000010009
hci3 ISO data sent 4000010008
hci3 ISO data received 4000010008
hci3 command 011000
hci3 event 0e0c0101100009000009f1050000
hci3 event 0e0a01091000060504030201
hci3 index information 060504030201f105
hci3 close index 
`
	if got := show(load(t, path)); got != want {
		t.Errorf("got\n%s", got)
	}
	if s := r.Stats(); s != (Stats{Written: 12}) {
		t.Errorf("%+v", s)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %s", info.Mode())
	}
}

// A full file is renamed, and the new one names the adapters itself. There are
// never more than two.
func TestFullFileIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "air.btsnoop")
		r := create(t, Options{Path: path, Limit: 1}) // the smallest limit
		tapped := r.Tap(newLoop(), 0, "hci0")
		p := append([]byte{2, 0x40, 0, 0xe8, 3}, make([]byte, 1000)...)
		buf := make([]byte, packet.MaxLen)
		for range 4000 {
			if err := tapped.Write(p); err != nil {
				t.Fatal(err)
			}
			if _, err := tapped.Read(buf); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if s := r.Stats(); s.Dropped > 0 {
				t.Fatalf("%+v", s)
			}
			time.Sleep(gather / 100)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 2 {
			t.Fatalf("files %v, %v", entries, err)
		}
		for _, e := range entries {
			info, err := e.Info()
			if err != nil || info.Size() > 2*room {
				t.Errorf("%s: %d octets, %v", e.Name(), info.Size(), err)
			}
			records := load(t, filepath.Join(dir, e.Name()))
			if len(records) < 100 || !strings.HasPrefix(show(records[:3]), "none note \"hci0 is hci0\\x00\"\nhci0 new index ") ||
				records[2].Kind != OpenIndex {
				t.Errorf("%s begins with\n%s", e.Name(), show(records[:min(len(records), 4)]))
			}
			for i := 1; i < len(records); i++ {
				if records[i].Time.Before(records[i-1].Time) {
					t.Fatalf("%s: record %d is earlier than its predecessor", e.Name(), i)
				}
			}
		}
		_ = tapped.Close() // a loop never fails
	})
}

// If the disk accepts nothing, records are lost, it is logged once, and the
// radio keeps working.
func TestDiskThatTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "air.btsnoop")
		var log bytes.Buffer
		r := create(t, Options{Path: path, Log: slog.New(slog.NewTextHandler(&log, nil))})
		tapped := r.Tap(newLoop(), 0, "hci0")
		time.Sleep(time.Minute)
		synctest.Wait()
		written := r.Stats().Written
		if written != 3 {
			t.Fatalf("%+v", r.Stats())
		}
		good := r.file.f
		refuses, err := os.Open(path) // read-only
		if err != nil {
			t.Fatal(err)
		}
		r.file.f = refuses
		pass := func(packets int) {
			buf := make([]byte, packet.MaxLen)
			for range packets {
				if err := tapped.Write([]byte{4, 0x10, 1, 7}); err != nil {
					t.Fatal(err)
				}
				if _, err := tapped.Read(buf); err != nil {
					t.Fatal(err)
				}
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		pass(1000)
		if s := r.Stats(); s.Dropped != 1000 || s.Written != written {
			t.Errorf("%+v", s)
		}
		r.file.f = good
		_ = refuses.Close() // nothing was written to it
		pass(10)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if s := r.Stats(); s.Dropped != 1000 || s.Written != written+10 {
			t.Errorf("%+v", s)
		}
		records := load(t, path)
		if last := records[len(records)-1]; last.Drops != 1000 || last.Kind != Event {
			t.Errorf("the last record is %+v", last)
		}
		if text := log.String(); strings.Count(text, "cannot be written") != 1 || strings.Count(text, "written again") != 1 {
			t.Errorf("log:\n%s", text)
		}
		_ = tapped.Close() // a loop never fails
	})
}

// A slow disk costs records as well: memory is bounded.
func TestDiskThatIsSlow(t *testing.T) {
	r := &Recorder{adapters: map[uint16]*attached{}, wake: make(chan struct{}, 1), halfFull: make(chan struct{}, 1)}
	p := append([]byte{2, 0x40, 0, 0xe8, 3}, make([]byte, 1000)...)
	for range 3000 {
		r.packet(0, p, true)
	}
	if len(r.buf) > room || r.stats.Dropped == 0 || r.waiting+int(r.stats.Dropped) != 3000 || len(r.halfFull) != 1 {
		t.Errorf("%d octets of %d records wait, %+v", len(r.buf), r.waiting, r.stats)
	}
}

// Recording allocates nothing per packet.
func TestRecordingAllocatesNothing(t *testing.T) {
	r := &Recorder{adapters: map[uint16]*attached{0: {}}, wake: make(chan struct{}, 1), halfFull: make(chan struct{}, 1)}
	r.buf = make([]byte, 0, room)
	report := []byte{4, 0x3e, 15, 2, 1, 3, 1, 1, 2, 3, 4, 5, 6, 3, 2, 0x2a, 7, 0xc0}
	done := complete(packet.OpLESetAdvertisingEnable, 0)
	if n := testing.AllocsPerRun(1000, func() {
		r.buf = r.buf[:0]
		r.packet(0, report, false)
		r.packet(0, done, false)
	}); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

func TestLongPacketIsCutShort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "air.btsnoop")
	r := create(t, Options{Path: path})
	r.packet(0, append([]byte{2, 0x40, 0, 0xd0, 0x07}, make([]byte, 2000)...), true)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	got := load(t, path)
	if len(got) != 1 || got[0].IsWhole() || got[0].Length != 2004 || len(got[0].Data) != mostWritten {
		t.Fatalf("got %d records, %+v", len(got), got)
	}
	if _, ok := got[0].AppendPacket(nil); ok {
		t.Error("it counts as a whole packet")
	}
}

// Files that are not captures are left alone; captures are renamed.
func TestExistingFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "air.btsnoop")
	put := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(path, hint string) {
		t.Helper()
		if r, err := Create(Options{Path: path}); err == nil {
			_ = r.Close()
			t.Errorf("%s was accepted", path)
		} else if !strings.Contains(err.Error(), hint) {
			t.Errorf("error %q, expected %q", err, hint)
		}
	}
	put("air.btsnoop", "precious, and longer than a head")
	refused(path, "which is left unchanged")
	refused(dir, "expected a regular file")
	refused(filepath.Join(dir, "none", "air.btsnoop"), "none")

	put("air.btsnoop", string(fileHeader()))
	put("air.btsnoop.1", "precious as well")
	refused(path, "air.btsnoop.1, got another file")
	put("air.btsnoop.1", "")
	r := create(t, Options{Path: path, Note: "second"})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if got := load(t, path+".1"); len(got) != 0 {
		t.Errorf("the old file has %d records", len(got))
	}
	if got := load(t, path); len(got) != 1 || string(got[0].Data) != "second\x00" {
		t.Errorf("the new file has\n%s", show(got))
	}
	// An empty file must not replace the predecessor.
	put("air.btsnoop", "")
	r = create(t, Options{Path: path})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if got := load(t, path+".1"); len(got) != 0 {
		t.Errorf("the old file has %d records", len(got))
	}
}

// recordForever records until it is killed, and prints a line once something is
// written.
func recordForever(path string) error {
	r, err := Create(Options{Path: path})
	if err != nil {
		return err
	}
	fmt.Println("recording")
	for {
		r.packet(0, []byte{4, 0x10, 1, 7}, false)
		if r.Stats().Written > 1000 {
			fmt.Println("written")
		}
	}
}

// Written records survive when the recorder is killed at any moment.
func TestKilled(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("processes are killed differently on this system")
	}
	path := filepath.Join(t.TempDir(), "air.btsnoop")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), recordVariable+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, len("recording\nwritten\n"))
	_, err = io.ReadFull(out, said)
	if killed := cmd.Process.Kill(); err != nil || killed != nil {
		t.Fatalf("%q, %v, %v", said, err, killed)
	}
	_, _ = io.Copy(io.Discard, out) // what it printed before it was killed
	if err := cmd.Wait(); err == nil {
		t.Fatal("it ended before it was killed")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	records, err := readAll(data)
	if len(records) < 1000 || !errors.Is(err, io.EOF) && !errors.Is(err, ErrTruncated) {
		t.Errorf("%d records, %v", len(records), err)
	}
}

// A disk that hangs does not hold up the end.
func TestCloseWithADiskThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &Recorder{closing: make(chan struct{}), done: make(chan struct{}), log: slog.New(slog.DiscardHandler)}
		began := time.Now()
		if err := r.Close(); err == nil {
			t.Error("no error")
		}
		if d := time.Since(began); d != ending {
			t.Errorf("it took %s", d)
		}
		close(r.done) // the disk is back
	})
}
