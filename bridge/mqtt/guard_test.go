package mqtt

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// stream is a connection that reads from r.
type stream struct {
	net.Conn
	r io.Reader
}

func (s stream) Read(p []byte) (int, error) { return s.r.Read(p) }
func (s stream) Close() error               { return nil }

func TestGuardPassesWhatIsInOrder(t *testing.T) {
	var sent bytes.Buffer
	publish := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	for _, size := range []int{0, 1, 100, 200, 20_000} {
		publish.TopicName, publish.Payload = "topic", make([]byte, size)
		for _, p := range []packets.ControlPacket{publish, packets.NewControlPacket(packets.Pingresp)} {
			if err := p.Write(&sent); err != nil {
				t.Fatal(err)
			}
		}
	}
	sent.WriteString("\x90\x03\x00\x01\x00")
	for name, r := range map[string]io.Reader{
		"whole":     bytes.NewReader(sent.Bytes()),
		"by octets": iotest.OneByteReader(bytes.NewReader(sent.Bytes())),
		"by halves": iotest.HalfReader(bytes.NewReader(sent.Bytes())),
	} {
		got, err := io.ReadAll(newGuard(stream{r: r}, 20_000))
		if err != nil || !bytes.Equal(got, sent.Bytes()) {
			t.Errorf("%s: %d of %d octets, %v", name, len(got), sent.Len(), err)
		}
	}
}

func TestGuardStopsWhatIsNot(t *testing.T) {
	for name, tt := range map[string]struct{ sent, says string }{
		"too large":         {"\x30\xff\xff\x7f", "octets"},
		"length of five":    {"\x30\xff\xff\xff\xff\x01", "length"},
		"suback too long":   {"\x90\x04\x00\x01\x00\x00", "SUBACK"},
		"suback too short":  {"\x90\x02\x00\x01", "SUBACK"},
		"after a good one":  {"\xd0\x00\x30\x02\x00\x00\x30\xff\xff\x7f", "octets"},
		"empty suback body": {"\x90\x00", "SUBACK"},
	} {
		g := newGuard(stream{r: strings.NewReader(tt.sent)}, 10)
		_, err := io.ReadAll(g)
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
		if _, again := g.Read(make([]byte, 1)); again == nil {
			t.Errorf("%s: it goes on reading", name)
		}
	}
}

// Whatever a broker sends, the library behind the guard does not panic and never
// reads a packet that is larger than allowed.
func FuzzGuard(f *testing.F) {
	for _, seed := range []string{
		"\x20\x02\x00\x00", "\x90\x03\x00\x01\x80", "\x90\x04\x00\x01\x00\x00", "\x30\x07\x00\x01aXXXX",
		"\x32\x05\x00\x01a\x00\x01", "\xff\xff\xff\xff\x7f", "\x40\x02\x00\x01\xd0\x00",
	} {
		f.Add([]byte(seed), 7)
	}
	f.Fuzz(func(t *testing.T, sent []byte, step int) {
		const limit = 100
		g := newGuard(stream{r: iotest.HalfReader(bytes.NewReader(sent))}, limit)
		for {
			p, err := packets.ReadPacket(g)
			if err != nil {
				break
			}
			if m, ok := p.(*packets.PublishPacket); ok && len(m.Payload) > limit+overhead {
				t.Fatalf("payload of %d octets", len(m.Payload))
			}
			if m, ok := p.(*packets.SubackPacket); ok && len(m.ReturnCodes) != 1 {
				t.Fatalf("%d return codes", len(m.ReturnCodes))
			}
		}
		// However the octets are cut, the verdict is the same.
		whole, cut := newGuard(nil, limit), newGuard(nil, limit)
		n, wholeErr := whole.follow(sent)
		m, cutErr := 0, error(nil)
		step = max(1, min(step, 64))
		for m < len(sent) && cutErr == nil {
			end := min(m+step, len(sent))
			var ok int
			ok, cutErr = cut.follow(sent[m:end])
			m += ok
		}
		if n != m || (wholeErr == nil) != (cutErr == nil) {
			t.Fatalf("whole: %d, %v; cut: %d, %v", n, wholeErr, m, cutErr)
		}
	})
}
