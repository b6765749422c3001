package mqtt

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

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
		got, err := io.ReadAll(newGuard(stream{r: r}, 20_000, nil))
		if err != nil || !bytes.Equal(got, sent.Bytes()) {
			t.Errorf("%s: %d of %d octets, %v", name, len(got), sent.Len(), err)
		}
	}
}

func TestGuardStopsWhatIsNot(t *testing.T) {
	for name, tt := range map[string]struct{ sent, says string }{
		"too large":         {"\x40\xff\xff\x7f", "octets"},
		"length of five":    {"\x30\xff\xff\xff\xff\x01", "length"},
		"suback too long":   {"\x90\x04\x00\x01\x00\x00", "SUBACK"},
		"suback too short":  {"\x90\x02\x00\x01", "SUBACK"},
		"after a good one":  {"\xd0\x00\x30\x02\x00\x00\x40\xff\xff\x7f", "octets"},
		"empty suback body": {"\x90\x00", "SUBACK"},
	} {
		g := newGuard(stream{r: strings.NewReader(tt.sent)}, 10, nil)
		_, err := io.ReadAll(g)
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
		if _, again := g.Read(make([]byte, 1)); again == nil {
			t.Errorf("%s: it goes on reading", name)
		}
	}
}

// A PUBLISH that is too large is replaced by a small one, however it is cut, and
// what comes behind it arrives.
func TestGuardSkipsPublish(t *testing.T) {
	var sent bytes.Buffer
	add := func(p packets.ControlPacket) {
		if err := p.Write(&sent); err != nil {
			t.Fatal(err)
		}
	}
	for qos := range byte(3) {
		large := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		large.TopicName, large.Qos, large.MessageID, large.Retain = "b/lamp/set", qos, 7, true
		large.Payload = make([]byte, 200_000)
		add(large)
		small := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		small.TopicName, small.Payload = "after", []byte("it")
		add(small)
	}
	for name, r := range map[string]io.Reader{
		"whole":     bytes.NewReader(sent.Bytes()),
		"by octets": iotest.OneByteReader(bytes.NewReader(sent.Bytes())),
		"by halves": iotest.HalfReader(bytes.NewReader(sent.Bytes())),
	} {
		var skipped []string
		g := newGuard(stream{r: r}, 1000, func(topic string, octets int) { skipped = append(skipped, fmt.Sprint(topic, " ", octets)) })
		for qos := range byte(3) {
			p, err := packets.ReadPacket(g)
			m, ok := p.(*packets.PublishPacket)
			if err != nil || !ok || m.TopicName != "b/lamp/set" || m.Qos != qos || qos > 0 && m.MessageID != 7 || !g.marked(m.Payload) {
				t.Fatalf("%s: %v, %v", name, p, err)
			}
			p, err = packets.ReadPacket(g)
			if m, ok := p.(*packets.PublishPacket); err != nil || !ok || m.TopicName != "after" || g.marked(m.Payload) {
				t.Fatalf("%s: %v, %v", name, p, err)
			}
		}
		equal(t, name, skipped, "b/lamp/set 200000", "b/lamp/set 200000", "b/lamp/set 200000")
		if _, err := packets.ReadPacket(g); !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v at the end", name, err)
		}
	}
}

// A payload that takes minutes to arrive does not look like a broker that is gone.
func TestGuardTellsThatTheBrokerIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent bytes.Buffer
		large := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		large.TopicName, large.Payload = "set", make([]byte, 200_000)
		if err := large.Write(&sent); err != nil {
			t.Fatal(err)
		}
		g := newGuard(stream{r: slow{&sent}}, 1000, func(string, int) {})
		began, pings := time.Now(), 0
		for {
			p, err := packets.ReadPacket(g)
			if err != nil {
				break
			}
			if _, ok := p.(*packets.PingrespPacket); ok {
				pings++
			}
			if since := time.Since(g.discarding()); pings > 0 && since > time.Second {
				t.Errorf("%v since the last octets", since)
			}
		}
		if took := time.Since(began); took < 3*time.Minute || pings < 60 {
			t.Errorf("%d pings in %v", pings, took)
		}
	})
}

// slow reads a thousand octets a second.
type slow struct{ r io.Reader }

func (s slow) Read(p []byte) (int, error) {
	time.Sleep(time.Second)
	return s.r.Read(p[:min(len(p), 1000)])
}

// Whatever a broker sends, the library behind the guard does not panic and never
// reads a packet that is larger than allowed.
func FuzzGuard(f *testing.F) {
	for _, seed := range []string{
		"\x20\x02\x00\x00", "\x90\x03\x00\x01\x80", "\x90\x04\x00\x01\x00\x00", "\x30\x07\x00\x01aXXXX",
		"\x32\x05\x00\x01a\x00\x01", "\xff\xff\xff\xff\x7f", "\x40\x02\x00\x01\xd0\x00", "\x32\xff\xff\x7f\x00\x01a\x00\x01XXXX",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		const limit = 100
		whole, err := readAll(bytes.NewReader(sent), limit)
		cut, cutErr := readAll(iotest.OneByteReader(bytes.NewReader(sent)), limit)
		// However the octets are cut, the verdict is the same.
		if !slices.Equal(whole, cut) || (err == nil) != (cutErr == nil) {
			t.Fatalf("whole: %q, %v; cut: %q, %v", whole, err, cut, cutErr)
		}
		g := newGuard(stream{r: iotest.HalfReader(bytes.NewReader(sent))}, limit, func(string, int) {})
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
	})
}

// readAll is what the guard makes of a stream, its mark as text, and the topics
// that were skipped.
func readAll(r io.Reader, limit int) ([]string, error) {
	var skipped []string
	g := newGuard(stream{r: r}, limit, func(topic string, octets int) { skipped = append(skipped, fmt.Sprint(topic, octets)) })
	got, err := io.ReadAll(g)
	return append(skipped, strings.ReplaceAll(string(got), string(g.mark), "mark")), err
}
