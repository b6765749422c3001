package transport

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]string{
		"hci0":                            "hci0",
		"hci12":                           "hci12",
		"00:1a:7d:DA:71:13":               "00:1A:7D:DA:71:13",
		"serial:/dev/ttyACM0":             "serial:/dev/ttyACM0?baud=1000000",
		"serial:/dev/ttyACM0?baud=115200": "serial:/dev/ttyACM0?baud=115200",
		"serial:/dev/ttyS1?flow=hardware": "serial:/dev/ttyS1?baud=1000000&flow=hardware",
		"serial:COM3?flow=none":           "serial:COM3?baud=1000000",
		"tcp:localhost:9000":              "tcp:localhost:9000",
		"tcp:[::1]:9000":                  "tcp:[::1]:9000",
		"unix:/run/bt-server-le":          "unix:/run/bt-server-le",
		"unix:a:b":                        "unix:a:b",
	} {
		s, err := Parse(in)
		if err != nil {
			t.Errorf("%q: %v", in, err)
			continue
		}
		if s.String() != want {
			t.Errorf("%q is %q, want %q", in, s, want)
		}
		if again, err := Parse(s.String()); err != nil || again != s {
			t.Errorf("%q does not parse again: %+v, %v", in, again, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for in, hint := range map[string]string{
		"":                            "hci0",
		"hci":                         "as in hci0",
		"hci-1":                       "as in hci0",
		"hci00":                       "as in hci0",
		"hci65535":                    "as in hci0",
		"hci99999":                    "as in hci0",
		"eth0":                        "tcp:host:port",
		"00:00:00:00:00:00":           "not zeros",
		"00:1A:7D:DA:71":              "unix:path",
		"serial:":                     "/dev/ttyACM0",
		"serial:?baud=1":              "/dev/ttyACM0",
		"serial:/dev/x?baud=fast":     "baud of 1",
		"serial:/dev/x?baud=0":        "baud of 1",
		"serial:/dev/x?baud=99999999": "baud of 1",
		"serial:/dev/x?flow=soft":     "flow=hardware",
		"serial:/dev/x?parity=odd":    `"parity"`,
		"serial:/dev/x?%zz":           "options like",
		"tcp:localhost":               "tcp:host:port",
		"tcp::9000":                   "tcp:host:port",
		"tcp:localhost:0":             "1 to 65535",
		"tcp:localhost:http":          "1 to 65535",
		"unix:":                       "a path",
		"usb:0":                       "serial:",
	} {
		_, err := Parse(in)
		if !errors.Is(err, ErrSpec) || !strings.Contains(err.Error(), hint) {
			t.Errorf("%q: %v, want a hint at %q", in, err, hint)
		}
		if _, err := Open(context.Background(), in); !errors.Is(err, ErrSpec) {
			t.Errorf("Open %q: %v", in, err)
		}
	}
	if _, err := (Spec{}).Open(context.Background()); !errors.Is(err, ErrSpec) {
		t.Errorf("no specification: %v", err)
	}
}

// TestOpenSockets opens TCP and Unix sockets with an H4 peer behind them.
func TestOpenSockets(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skipf("no loopback here: %v", err)
	}
	path := filepath.Join(t.TempDir(), "h4")
	unix, err := net.Listen("unix", path)
	if err != nil {
		t.Skipf("no Unix sockets here: %v", err)
	}
	for spec, listener := range map[string]net.Listener{"tcp:" + tcp.Addr().String(): tcp, "unix:" + path: unix} {
		served := make(chan error, 1)
		go func() {
			conn, err := listener.Accept()
			if err != nil {
				served <- err
				return
			}
			_, err = conn.Write([]byte{4, 0x10, 1, 7})
			served <- errors.Join(err, conn.Close())
		}()
		tr, err := Open(context.Background(), spec)
		if err != nil {
			t.Fatalf("%s: %v", spec, err)
		}
		p := make([]byte, 300)
		if n, err := tr.Read(p); err != nil || n != 4 || p[3] != 7 {
			t.Errorf("%s: %x, %v", spec, p[:n], err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := errors.Join(tr.Close(), tr.Close(), listener.Close()); err != nil {
			t.Error(err)
		}
		if _, err := tr.Read(p); !errors.Is(err, ErrClosed) {
			t.Errorf("%s: read after close: %v", spec, err)
		}
		if _, err := Open(context.Background(), spec); err == nil || !strings.Contains(err.Error(), spec) {
			t.Errorf("%s: without a listener the error is %v", spec, err)
		}
	}
}

func TestOpenMissingSerialPort(t *testing.T) {
	_, err := Open(context.Background(), "serial:"+filepath.Join(t.TempDir(), "tty?baud=9600"))
	if err == nil {
		t.Fatal("opened")
	}
	if runtime.GOOS == "linux" && !errors.Is(err, ErrNoAdapter) {
		t.Errorf("got %v", err)
	}
}
