package capture

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// readAll reads records until the error that ends them.
func readAll(data []byte) ([]Record, error) {
	r, err := NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	var all []Record
	for {
		var rec Record
		if err := r.Next(&rec); err != nil {
			return all, err
		}
		rec.Data = slices.Clone(rec.Data)
		all = append(all, rec)
	}
}

func same(a, b Record) bool {
	return a.Time.Equal(b.Time) && a.Adapter == b.Adapter && a.Kind == b.Kind && bytes.Equal(a.Data, b.Data) &&
		a.Length == b.Length && a.Drops == b.Drops
}

func drawRecord(t *rapid.T) Record {
	data := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "data")
	return Record{
		Time:    time.UnixMicro(rapid.Int64Range(-62167219200_000000, 253402300799_000000).Draw(t, "time")),
		Adapter: rapid.Uint16().Draw(t, "adapter"),
		Kind:    Kind(rapid.Uint16().Draw(t, "kind")),
		Data:    data,
		Length:  len(data) + rapid.IntRange(0, 70000).Draw(t, "cut off"),
		Drops:   rapid.Uint32().Draw(t, "drops"),
	}
}

// Written records can be read, and a file that is cut anywhere yields all
// complete records.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := rapid.SliceOfN(rapid.Custom(drawRecord), 0, 8).Draw(t, "records")
		data := fileHeader()
		ends := []int{len(data)}
		for i := range records {
			data = records[i].Append(data)
			ends = append(ends, len(data))
		}
		got, err := readAll(data)
		if !errors.Is(err, io.EOF) || !slices.EqualFunc(got, records, same) {
			t.Fatalf("got %v and %v, expected %v", got, err, records)
		}
		cut := rapid.IntRange(fileHead, len(data)).Draw(t, "cut")
		whole, atEnd := slices.BinarySearch(ends, cut)
		if !atEnd {
			whole--
		}
		want := ErrTruncated
		if atEnd {
			want = io.EOF
		}
		if got, err := readAll(data[:cut]); !errors.Is(err, want) || !slices.EqualFunc(got, records[:whole], same) {
			t.Fatalf("cut at %d: got %v and %v, expected %d records and %v", cut, got, err, whole, want)
		}
	})
}

// The octets of a record as BlueZ's monitor writes them: a Reset on hci1 at
// 2000-01-01 00:00:01 UTC.
func TestLayout(t *testing.T) {
	const want = "6274736e6f6f7000" + "00000001" + "000007d1" +
		"00000003" + "00000003" + "00010002" + "00000005" + "00e03ab44a76a240" + "030c00"
	rec := Record{
		Time: time.Date(2000, 1, 1, 0, 0, 1, 0, time.UTC), Adapter: 1, Kind: Command,
		Data: []byte{0x03, 0x0c, 0x00}, Length: 3, Drops: 5,
	}
	if got := hex.EncodeToString(rec.Append(fileHeader())); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// h4File is a capture of datalink type 1002.
func h4File(flags uint32, data ...byte) []byte {
	file := fileHeader()
	binary.BigEndian.PutUint32(file[12:], h4)
	file = binary.BigEndian.AppendUint32(file, uint32(len(data)))
	file = binary.BigEndian.AppendUint32(file, uint32(len(data)))
	file = binary.BigEndian.AppendUint32(file, flags)
	file = binary.BigEndian.AppendUint32(file, 0)
	file = binary.BigEndian.AppendUint64(file, 0x00E03AB44A676000)
	return append(file, data...)
}

func TestOtherDatalink(t *testing.T) {
	for _, test := range []struct {
		flags uint32
		data  []byte
		kind  Kind
	}{
		{2, []byte{1, 3, 0x0c, 0}, Command},
		{3, []byte{4, 0x10, 1, 7}, Event},
		{0, []byte{2, 0x40, 0, 1, 0, 9}, ACLSent},
		{1, []byte{2, 0x40, 0, 1, 0, 9}, ACLReceived},
	} {
		got, err := readAll(h4File(test.flags, test.data...))
		if !errors.Is(err, io.EOF) || len(got) != 1 || got[0].Kind != test.kind || got[0].Adapter != 0 {
			t.Errorf("%x: got %+v and %v", test.data, got, err)
			continue
		}
		if p, ok := got[0].AppendPacket(nil); !ok || !bytes.Equal(p, test.data) {
			t.Errorf("%x: packet %x %t", test.data, p, ok)
		}
	}
	for _, file := range [][]byte{h4File(0), h4File(0, 9), h4File(1, 1, 3, 0x0c, 0), h4File(0, 4, 0x10, 1, 7)} {
		if got, err := readAll(file); !errors.Is(err, ErrMalformed) || len(got) != 0 {
			t.Errorf("%x: got %v and %v", file[fileHead+recordHead:], got, err)
		}
	}
}

func TestNotACapture(t *testing.T) {
	head := fileHeader()
	changed := func(at int, to byte) []byte {
		other := slices.Clone(head)
		other[at] = to
		return other
	}
	for name, data := range map[string][]byte{
		"nothing":       nil,
		"a short head":  head[:15],
		"another file":  []byte("#!/bin/sh\necho no capture\n"),
		"pcap":          {0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"version 2":     changed(11, 2),
		"datalink 2002": changed(15, 0xd2),
	} {
		if _, err := NewReader(bytes.NewReader(data)); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := NewReader(broken{}); !errors.Is(err, io.ErrClosedPipe) || errors.Is(err, ErrFormat) {
		t.Errorf("a disk that fails: got %v", err)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestMalformedRecords(t *testing.T) {
	for name, lengths := range map[string][2]uint32{
		"more than the original length": {3, 4},
		"longer than any packet":        {mostRead + 1, mostRead + 1},
		"negative":                      {1 << 31, 0},
	} {
		data := binary.BigEndian.AppendUint32(fileHeader(), lengths[0])
		data = binary.BigEndian.AppendUint32(data, lengths[1])
		data = append(data, make([]byte, recordHead-8)...)
		if got, err := readAll(data); !errors.Is(err, ErrMalformed) || len(got) != 0 {
			t.Errorf("%s: got %v and %v", name, got, err)
		}
	}
}

func TestKinds(t *testing.T) {
	seen := map[Kind]bool{}
	for _, typ := range []packet.Type{packet.TypeCommand, packet.TypeACL, packet.TypeSCO, packet.TypeEvent, packet.TypeISO} {
		for _, sent := range []bool{true, false} {
			k, ok := packetKind(typ, sent)
			if !ok {
				if typ != packet.TypeCommand && typ != packet.TypeEvent {
					t.Errorf("%s, sent %t: no kind", typ, sent)
				}
				continue
			}
			back, way, ok := k.packetType()
			if seen[k] || !ok || back != typ || way != sent {
				t.Errorf("%s, sent %t: %s, and back %s, %t, %t", typ, sent, k, back, way, ok)
			}
			seen[k] = true
		}
	}
	if len(seen) != 8 {
		t.Errorf("%d kinds", len(seen))
	}
}

// FuzzReader reads arbitrary files and replays them.
func FuzzReader(f *testing.F) {
	reset := Record{Kind: Command, Data: []byte{0x03, 0x0c, 0x00}, Length: 3}
	done := Record{Kind: Event, Data: []byte{0x0e, 4, 1, 0x03, 0x0c, 0x00}, Length: 6}
	report := Record{Kind: Event, Data: []byte{0x3e, 15, 2, 1, 3, 1, 1, 2, 3, 4, 5, 6, 3, 2, 0x2a, 7, 0xc0}, Length: 17}
	data := fileHeader()
	for _, rec := range []Record{reset, done, report, {Kind: Note, Adapter: NoAdapter, Data: text("x"), Length: 2}} {
		data = rec.Append(data)
	}
	f.Add(data)
	f.Add(data[:len(data)-1])
	f.Add(h4File(3, 4, 0x10, 1, 7))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		records, err := readAll(data)
		if err == nil {
			t.Fatal("reading never ends")
		}
		r, err := NewReplay(bytes.NewReader(data), ReplayOptions{})
		if err != nil {
			return
		}
		if r.Len()+r.Skipped() > len(records) {
			t.Fatalf("%d packets, %d skipped of %d records", r.Len(), r.Skipped(), len(records))
		}
		answered := 0
		buf := make([]byte, mostRead+1)
		for i := range records {
			if p, ok := records[i].AppendPacket(nil); ok {
				if err := r.Write(p); err != nil {
					t.Fatal(err)
				}
			}
		}
		scan := packet.LESetScanEnable(true, false)
		if err := r.Write(scan.AppendTo(nil)); err != nil {
			t.Fatal(err)
		}
		for range len(r.queue) + r.Len() {
			if _, err := r.Read(buf); err != nil {
				t.Fatal(err)
			}
			answered++
		}
		if next, _ := r.give(); next != nil {
			t.Fatalf("more data after %d packets", answered)
		}
		_ = r.Close() // never returns an error
	})
}
