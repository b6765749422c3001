package broker_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/broker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPortTaken(t *testing.T) {
	first, err := broker.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer closeBroker(t, first)
	second, err := broker.Start(first.Addr())
	if second != nil || !errors.Is(err, broker.ErrPortTaken) {
		t.Fatalf("second broker on one port: %v", err)
	}
	for _, part := range []string{first.Addr(), "--mqtt.url"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not mention %s", err, part)
		}
	}
}

func TestBadAddress(t *testing.T) {
	for _, addr := range []string{"nonsense", "127.0.0.1:99999", "192.0.2.1:1883"} {
		if _, err := broker.Start(addr); err == nil || errors.Is(err, broker.ErrPortTaken) || !strings.Contains(err.Error(), addr) {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

// connect sends a CONNECT with user and password and returns the return code of
// the CONNACK.
func connect(t *testing.T, b *broker.Broker, user, password string) byte {
	t.Helper()
	conn, err := b.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	field := func(s string) string { return "\x00" + string(rune(len(s))) + s }
	body := field("MQTT") + "\x04\xc2\x00\x0a" + field("id") + field(user) + field(password)
	if _, err := io.WriteString(conn, "\x10"+string(rune(len(body)))+body); err != nil {
		t.Fatal(err)
	}
	var ack [4]byte
	if _, err := io.ReadFull(conn, ack[:]); err != nil {
		t.Fatal(err)
	}
	return ack[3]
}

func TestTCP(t *testing.T) {
	b, err := broker.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer closeBroker(t, b)
	if code := connect(t, b, "anybody", "anything"); code != 0 {
		t.Errorf("return code %d", code)
	}
}

func TestUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := broker.StartMemory(map[string]string{"bridge": "secret"})
		if err != nil {
			t.Fatal(err)
		}
		defer closeBroker(t, b)
		for _, tt := range []struct {
			user, password string
			let            bool
		}{{"bridge", "secret", true}, {"bridge", "*", false}, {"bridge", "", false}, {"other", "secret", false}} {
			if code := connect(t, b, tt.user, tt.password); (code == 0) != tt.let {
				t.Errorf("%s/%s: return code %d", tt.user, tt.password, code)
			}
		}
	})
}

func TestCloseEndsConnectionsAndRefusesNewOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := broker.StartMemory(nil)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := b.Dial()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "\x10\x0e\x00\x04MQTT\x04\x02\x00\x00\x00\x02id"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, make([]byte, 4)); err != nil {
			t.Fatal(err)
		}
		closeBroker(t, b)
		closeBroker(t, b)
		if _, err := io.Copy(io.Discard, conn); err != nil { // blocks for ever if it stays open
			t.Error(err)
		}
		var refused *net.OpError
		if _, err := b.Dial(); !errors.As(err, &refused) {
			t.Errorf("dial after close: %v", err)
		}
	})
}

func closeBroker(t *testing.T, b *broker.Broker) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}
