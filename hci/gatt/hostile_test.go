package gatt

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/internal/connection"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// peerOf is a peer without a radio. It receives our PDUs of the Attribute
// Protocol and sends any answer.
type peerOf struct {
	l2cap  *connection.Connection
	answer func(p *peerOf, pdu []byte) // called in order by the peer's goroutine
	inbox  chan []byte
	end    chan struct{}
	once   sync.Once

	mu  sync.Mutex
	got []string
}

func newPeer(mtu int, answer func(p *peerOf, pdu []byte)) *peerOf {
	p := &peerOf{answer: answer, inbox: make(chan []byte, 1000), end: make(chan struct{})}
	p.l2cap = connection.New(connection.Config{Sender: p, MTU: mtu})
	go func() {
		defer close(p.end)
		for pdu := range p.inbox {
			p.mu.Lock()
			p.got = append(p.got, hex.EncodeToString(pdu))
			p.mu.Unlock()
			if answer != nil {
				answer(p, pdu)
			}
		}
	}()
	return p
}

func (p *peerOf) Send(_ context.Context, pdu []byte) error {
	p.TrySend(pdu)
	return nil
}

func (p *peerOf) TrySend(pdu []byte) bool {
	p.inbox <- bytes.Clone(pdu[4:])
	return true
}

// say sends PDUs to our side.
func (p *peerOf) say(pdus ...[]byte) {
	for _, pdu := range pdus {
		frame := binary.LittleEndian.AppendUint16(nil, uint16(len(pdu)))
		frame = append(append(frame, 4, 0), pdu...)
		p.l2cap.Receive(packet.ACL{Boundary: packet.BoundaryFirst, Data: frame})
	}
}

// close ends the peer after all writers have ended.
func (p *peerOf) close() {
	p.once.Do(func() { close(p.inbox) })
	<-p.end
}

func octets(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// honest answers a client like a proxy with three services.
func honest(p *peerOf, pdu []byte) {
	at := func() uint16 { return binary.LittleEndian.Uint16(pdu[1:]) }
	none := func() { p.say(refusal(pdu[0], at(), 0x0a)) }
	switch pdu[0] {
	case opMTURequest:
		p.say(octets("03 4500"))
	case opReadByGroup:
		switch {
		case at() <= 1:
			p.say(octets("11 06 0100 0500 0018 0600 0900 0118"))
		case at() <= 0x0a:
			p.say(octets("11 06 0a00 0f00 2818"))
		default:
			none()
		}
	case opReadByType:
		switch {
		case at() <= 0x0b:
			p.say(octets("09 07 0b00 04 0c00 dd2a 0d00 10 0e00 de2a"))
		default:
			none()
		}
	case opFindInformation:
		if at() <= 0x0f {
			p.say(octets("05 01 0f00 0229"))
		} else {
			none()
		}
	case opWrite:
		p.say([]byte{opWrite + 1})
	}
}

// instead answers honestly except for one kind of request.
func instead(op byte, pdus ...string) func(*peerOf, []byte) {
	return func(p *peerOf, pdu []byte) {
		if pdu[0] != op {
			honest(p, pdu)
			return
		}
		for _, s := range pdus {
			p.say(octets(s))
		}
	}
}

// visit prepares the proxy service of a peer and returns what is delivered.
func visit(t *testing.T, answer func(*peerOf, []byte)) (c *client, p *peerOf, delivered func() []string, err error) {
	t.Helper()
	silence()
	var mu sync.Mutex
	var values []string
	p = newPeer(247, answer)
	var dropped atomic.Uint64
	conn := newConn(p.l2cap, guard{mtu: 247}, "peer", func(v []byte) {
		mu.Lock()
		defer mu.Unlock()
		values = append(values, string(v))
	}, &dropped)
	t.Cleanup(func() {
		p.l2cap.Close(errWanted)
		<-conn.ended
		p.close()
	})
	stop := time.AfterFunc(DefaultDeadline, func() { p.l2cap.Close(ErrTimeout) })
	t.Cleanup(func() { stop.Stop() })
	c, err = ready(conn, bearer.ProxyService)
	return c, p, func() []string {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		return values
	}, err
}

// TestHostileServer covers every known way to break go-ble's client, and a few
// more.
func TestHostileServer(t *testing.T) {
	for name, test := range map[string]struct {
		answer func(*peerOf, []byte)
		want   error // nil: the visit succeeds
	}{
		"honest":                         {honest, nil},
		"no MTU exchange":                {instead(opMTURequest, "01 02 0000 06"), nil},
		"MTU too short":                  {instead(opMTURequest, "03 1600"), ErrRules},
		"MTU of 0":                       {instead(opMTURequest, "03 0000"), ErrRules},
		"MTU of 65535":                   {instead(opMTURequest, "03 ffff"), nil},
		"truncated MTU":                  {instead(opMTURequest, "03 45"), ErrRules},
		"MTU twice":                      {instead(opMTURequest, "03 4500", "03 ffff"), nil},
		"empty PDUs":                     {instead(opMTURequest, "", "", "03 4500"), nil},
		"notification of 1 octet":        {instead(opMTURequest, "1b", "1b 01", "1b 0100", "03 4500"), nil},
		"indication of 1 octet":          {instead(opMTURequest, "1d", "1d 01", "03 4500"), nil},
		"indication":                     {instead(opMTURequest, "1d 0800 0100 ffff", "03 4500"), nil},
		"requests from the server":       {instead(opMTURequest, "02 f700", "10 0100 ffff 0028", "0a 0100", "03 4500"), nil},
		"commands and invalid PDUs":      {instead(opMTURequest, "52 0100 00", "d2 00", "ff", "00", "1e", "23 00", "20 00", "03 4500"), nil},
		"another response":               {instead(opReadByGroup, "13"), ErrRules},
		"response of 1 octet":            {instead(opReadByGroup, "11"), ErrRules},
		"services of length 0":           {instead(opReadByGroup, "11 00 0100 0500 0018"), ErrRules},
		"services of length 2":           {instead(opReadByGroup, "11 02 0100 0500 0018"), ErrRules},
		"services of length 7":           {instead(opReadByGroup, "11 07 0100 0500 001800"), ErrRules},
		"services that do not divide":    {instead(opReadByGroup, "11 06 0100 0500 0018 0600"), ErrRules},
		"no services in a response":      {instead(opReadByGroup, "11 06"), ErrRules},
		"services without end":           {instead(opReadByGroup, "11 06 0100 0100 0018"), ErrRules}, // the second group is before the requested range
		"services in descending order":   {instead(opReadByGroup, "11 06 0600 0900 0118 0100 0500 0018"), ErrRules},
		"service that ends before it":    {instead(opReadByGroup, "11 06 0500 0100 0018"), ErrRules},
		"characteristics of length 0":    {instead(opReadByType, "09 00 0b00 04 0c00 dd2a"), ErrRules},
		"characteristics of length 2":    {instead(opReadByType, "09 02 0b00 04 0c00 dd2a"), ErrRules},
		"characteristics without end":    {instead(opReadByType, "09 07 0b00 04 0c00 dd2a"), ErrRules},
		"characteristic without value":   {instead(opReadByType, "09 07 0b00 04 0b00 dd2a"), ErrRules},
		"value outside of the service":   {instead(opReadByType, "09 07 0b00 04 1000 dd2a"), ErrRules},
		"value at the last handle":       {instead(opReadByType, "09 07 0b00 04 ffff dd2a"), ErrRules},
		"descriptors of no format":       {instead(opFindInformation, "05 00 0f00 0229"), ErrRules},
		"descriptors of format 3":        {instead(opFindInformation, "05 03 0f00 0229"), ErrRules},
		"descriptors that do not divide": {instead(opFindInformation, "05 01 0f00 0229 00"), ErrRules},
		"descriptors of nothing":         {instead(opFindInformation, "05 01"), ErrRules},
		"descriptors without end":        {instead(opFindInformation, "05 01 0e00 0229"), ErrRules},
		"error of another request":       {instead(opReadByGroup, "01 08 0100 0a"), ErrRules},
		"truncated error":                {instead(opReadByGroup, "01 10"), ErrRules},
		"error without a code":           {instead(opReadByGroup, "01 10 0100 00"), ErrRules},
		"long write response":            {instead(opWrite, "13 00"), ErrRules},
		"not a proxy":                    {instead(opReadByGroup, "01 10 0100 0a"), ErrService},
		"no characteristics":             {instead(opReadByType, "01 08 0a00 0a"), ErrService},
		"no configuration":               {instead(opFindInformation, "01 04 0f00 0a"), ErrService},
		"no answer":                      {func(*peerOf, []byte) {}, ErrTimeout},
		"no answer after the MTU":        {instead(opReadByGroup), ErrTimeout},
		"longer than the MTU":            {instead(opMTURequest, "1b 0e00"+strings.Repeat("00", 300)), connection.ErrRules},
		"unsolicited responses":          {instead(opMTURequest, append(strings.Split(strings.Repeat("13,", 20), ",")[:20:20], "03 4500")...), ErrRules},
		"claims 65535 of one":            {endless, ErrRules},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				c, _, _, err := visit(t, test.answer)
				if !errors.Is(err, test.want) || test.want == nil && (err != nil || c == nil) {
					t.Errorf("got %v, want %v", err, test.want)
				}
				if d := time.Since(began); d > DefaultDeadline {
					t.Errorf("it took %s", d)
				}
			})
		})
	}
}

// endless returns one more service for each request.
func endless(p *peerOf, pdu []byte) {
	if pdu[0] != opReadByGroup {
		honest(p, pdu)
		return
	}
	b := append([]byte{0x11, 6, pdu[1], pdu[2], pdu[1], pdu[2]}, 0x00, 0x18)
	p.say(b)
}

// TestStaleResponse sends a response in advance. It must not answer the request
// that follows.
func TestStaleResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, delivered, err := visit(t, honest)
		if err != nil {
			t.Fatal(err)
		}
		p.say(octets("13"), octets("11 06 0100 0100 2818"), octets("01 12 0000 0e"))
		for i := range 3 {
			if err := c.send(fmt.Append(nil, "write ", i)); err != nil {
				t.Error(err)
			}
		}
		p.say(octets("1b 0e00 6869"), octets("1b 0d00 6869"), octets("1b 0e00"))
		if got := delivered(); len(got) != 1 || got[0] != "hi" {
			t.Errorf("delivered %q", got)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if got := p.got[len(p.got)-3:]; got[0] != "520c00"+hex.EncodeToString([]byte("write 0")) || p.got[len(p.got)-4] != "120f000100" {
			t.Errorf("written %v", p.got)
		}
		if c.conn.TxMTU() != 69 {
			t.Errorf("MTU %d", c.conn.TxMTU())
		}
	})
}

// TestNotificationBurst loses no notification of a burst, even before the
// service is ready.
func TestNotificationBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 60 // the capacity of the connection's queue
		burst := func(p *peerOf) {
			for i := range n {
				p.say(fmt.Append(octets("1b 0e00"), i))
			}
		}
		c, p, delivered, err := visit(t, func(p *peerOf, pdu []byte) {
			if pdu[0] == opWrite {
				burst(p)
			}
			honest(p, pdu)
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			burst(p)
			synctest.Wait()
		}
		got := delivered()
		if len(got) != 21*n {
			t.Fatalf("%d of %d", len(got), 21*n)
		}
		for i, v := range got {
			if v != fmt.Sprint(i%n) {
				t.Fatalf("%q at %d", v, i)
			}
		}
		_ = c
	})
}

// TestHostileClient sends PDUs that break go-ble's server, and checks that our
// server survives.
func TestHostileClient(t *testing.T) {
	// Handles: 1 to 5 GAP, 6 the service, 8 Data In, 10 Data Out.
	const configuration = "0b00"
	for name, test := range map[string]struct{ say, want string }{
		"empty PDU":                         {"", ""},
		"MTU request":                       {"02 f700", "031700"},
		"truncated MTU request":             {"02 f7", "0102000004"},
		"MTU below 23":                      {"02 1600", "0102000004"},
		"MTU of 65535":                      {"02 ffff", "031700"},
		"find information of 0":             {"04 0000 0000", "0104000001"},
		"truncated find information":        {"04 0100", "0104000004"},
		"find by type and value":            {"06 0100 ffff 0028 2818", "070600ffff"},
		"truncated find by type":            {"06 0100 ffff", "0106000004"},
		"read by type, descending range":    {"08 0500 0100 0328", "0108050001"},
		"read by group":                     {"10 0100 ffff 0028", "1106010005000018"},
		"read by group of another type":     {"10 0100 ffff 0328", "0110010010"},
		"read by group of a long type":      {"10 0100 ffff " + strings.Repeat("00", 16), "0110010010"},
		"read":                              {"0a 0300", "0b" + hex.EncodeToString([]byte(deviceName))},
		"read handle 0":                     {"0a 5000", "010a500001"},
		"read Data In":                      {"0a 0800", "010a080002"},
		"read blob":                         {"0c 0300 ffff", "010c03000b"},
		"truncated read blob":               {"0c 0300", "010c000004"},
		"read multiple":                     {"0e 0300 0500", "010e000006"},
		"read multiple variable":            {"20 0300 0500", "0120000006"},
		"configuration of 1 octet":          {"12 " + configuration + " 01", "01120b000d"},
		"configuration of 0 octets":         {"12 " + configuration, "01120b000d"},
		"configuration of 3 octets":         {"12 " + configuration + " 010000", "01120b000d"},
		"configuration, indications":        {"12 " + configuration + " 0200", "01120b000e"},
		"configuration of 1, by command":    {"52 " + configuration + " 01", ""},
		"empty write":                       {"12 0800", "011208000d"},
		"truncated write":                   {"12 08", "0112000004"},
		"write to the name":                 {"12 0300 00", "0112030003"},
		"write to an unknown handle":        {"12 5000 00", "0112500001"},
		"truncated command":                 {"52 08", ""},
		"prepare write":                     {"16 0800 0000 00", "0116000006"},
		"truncated prepare write":           {"16 08", "0116000006"},
		"execute write without preparation": {"18 01", "0118000006"},
		"signed write":                      {"d2 0800 00", ""},
		"confirmation":                      {"1e", ""},
		"responses":                         {"13", ""},
		"unknown command":                   {"7f", ""},
		"unknown request":                   {"00", "0100000006"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, p, _ := host(t)
				if s.conn.guard.configuration != 0x0b {
					t.Fatalf("handles have moved: configuration at 0x%04x", s.conn.guard.configuration)
				}
				p.say(octets(test.say))
				if got := p.answers(); got != test.want {
					t.Errorf("answered %s, want %s", got, test.want)
				}
				p.say(octets("0a 0500")) // it still works
				if got := p.answers(); got != "0b0000" {
					t.Errorf("then answered %s", got)
				}
			})
		})
	}
}

// answers returns what has arrived since the last call.
func (p *peerOf) answers() string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	got := strings.Join(p.got, " ")
	p.got = nil
	return got
}

// host offers the proxy service to a peer and returns what it receives.
func host(t testing.TB) (*server, *peerOf, func() []string) {
	t.Helper()
	silence()
	var mu sync.Mutex
	var values []string
	p := newPeer(23, nil)
	s, err := newServer(p.l2cap, 23, bearer.Peer{}, bearer.ProxyService, func(v []byte) {
		mu.Lock()
		defer mu.Unlock()
		values = append(values, string(v))
	}, &counters{})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.run()
	}()
	t.Cleanup(func() {
		p.l2cap.Close(errWanted)
		<-ended
		p.close()
	})
	return s, p, func() []string {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		return values
	}
}

// TestSubscription checks that nothing is received from a client that has not
// subscribed, and that a client can set the MTU only once.
func TestSubscription(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p, received := host(t)
		p.say(octets("52 0800 aa"), octets("12 0800 aa"), octets("02 1700"))
		if got := p.answers(); got != "13 031700" || len(received()) != 0 {
			t.Errorf("answered %s, received %q", got, received())
		}
		p.say(octets("02 4000"))
		if got := p.answers(); got != "0102000006" {
			t.Errorf("answered %s", got)
		}
		configuration := binary.LittleEndian.AppendUint16(nil, s.conn.guard.configuration)
		p.say(append(append([]byte{opWrite}, configuration...), 1, 0), octets("52 0800 6869"), octets("52 0800 686f"))
		if got := received(); fmt.Sprint(got) != "[hi ho]" {
			t.Errorf("received %q", got)
		}
		p.answers()
		n := <-s.notifier
		if _, err := n.Write([]byte("news")); err != nil {
			t.Error(err)
		}
		if got := p.answers(); !strings.HasSuffix(got, hex.EncodeToString([]byte("news"))) || !strings.HasPrefix(got, "1b0a00") {
			t.Errorf("notified %s", got)
		}
		p.say(append(append([]byte{opWrite}, configuration...), 0, 0))
		synctest.Wait()
		if n.Context().Err() == nil {
			t.Error("it is still subscribed")
		}
	})
}

// TestSilence runs go-ble's logger at its most verbose level, in a separate
// process.
func TestSilence(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run", "^(TestHostileClient|TestNotificationBurst|TestSubscription)$")
	cmd.Env = append(os.Environ(), "LOGXI=*=DBG")
	out, err := cmd.CombinedOutput()
	if got := strings.TrimSpace(string(out)); err != nil || got != "PASS" {
		t.Errorf("%v, wrote %d octets, beginning with %.300s", err, len(out), got)
	}
}
