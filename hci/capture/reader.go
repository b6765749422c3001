package capture

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// Reader reads the records of a capture one after the other. Its memory use is
// bounded whatever the file contains.
type Reader struct {
	in       *bufio.Reader
	datalink uint32
	buf      []byte
}

// NewReader reads the file header. The error wraps ErrFormat or is a read
// error.
func NewReader(r io.Reader) (*Reader, error) {
	in := bufio.NewReader(r)
	var head [fileHead]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("capture: expected the %d octets of a btsnoop head, got fewer: %w", fileHead, ErrFormat)
		}
		return nil, fmt.Errorf("capture: %w", err)
	}
	if string(head[:len(magic)]) != magic {
		return nil, fmt.Errorf("capture: expected a btsnoop file (btmon -w, Android's btsnoop_hci.log, this program), got one that begins with %q: %w", head[:len(magic)], ErrFormat)
	}
	if v := binary.BigEndian.Uint32(head[8:]); v != version {
		return nil, fmt.Errorf("capture: expected btsnoop version %d, got %d: %w", version, v, ErrFormat)
	}
	datalink := binary.BigEndian.Uint32(head[12:])
	if datalink != monitor && datalink != h4 {
		return nil, fmt.Errorf("capture: expected btsnoop datalink type %d or %d, got %d: %w", monitor, h4, datalink, ErrFormat)
	}
	return &Reader{in: in, datalink: datalink}, nil
}

// Next reads the next record. The error is io.EOF at the end of the file,
// ErrTruncated if the file ends within a record, or wraps ErrMalformed. Reading
// cannot continue after a malformed record.
func (r *Reader) Next(rec *Record) error {
	var head [recordHead]byte
	if _, err := io.ReadFull(r.in, head[:]); err != nil {
		return ended(err, io.EOF)
	}
	original, included := binary.BigEndian.Uint32(head[:]), binary.BigEndian.Uint32(head[4:])
	if included > mostRead || included > original || original > 1<<31-1 {
		return fmt.Errorf("capture: expected a record of at most %d octets, got %d of %d: %w", mostRead, included, original, ErrMalformed)
	}
	if cap(r.buf) < int(included) {
		r.buf = make([]byte, included)
	}
	data := r.buf[:included]
	if _, err := io.ReadFull(r.in, data); err != nil {
		return ended(err, ErrTruncated)
	}
	*rec = Record{
		Time:    fromMicros(head[timeOffset:]),
		Adapter: binary.BigEndian.Uint16(head[8:]),
		Kind:    Kind(binary.BigEndian.Uint16(head[10:])),
		Data:    data,
		Length:  int(original),
		Drops:   binary.BigEndian.Uint32(head[12:]),
	}
	if r.datalink == h4 {
		return rec.takeType(binary.BigEndian.Uint32(head[8:]))
	}
	return nil
}

// ended returns atEnd at the end of a record, and ErrTruncated within one.
func ended(err, atEnd error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return ErrTruncated
	case errors.Is(err, io.EOF):
		return atEnd
	default:
		return fmt.Errorf("capture: %w", err)
	}
}

// takeType converts a record of datalink type 1002 to type 2001. The kind
// follows from the first octet and the flags, whose lowest bit is set for
// received packets.
func (r *Record) takeType(flags uint32) error {
	if len(r.Data) == 0 {
		return fmt.Errorf("capture: expected an H4 packet, got nothing: %w", ErrMalformed)
	}
	kind, ok := packetKind(packet.Type(r.Data[0]), flags&1 == 0)
	if !ok {
		return fmt.Errorf("capture: expected an H4 packet, got %s with the flags 0x%x: %w", packet.Type(r.Data[0]), flags, ErrMalformed)
	}
	r.Adapter, r.Kind = 0, kind
	r.Data = r.Data[1:]
	r.Length--
	return nil
}
