package service

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The HTTP server shows metrics and health and nothing else: no path leads to a file, no
// method changes anything, a body is not read, and endless headers end the connection.
func TestHTTPShowsMetricsAndHealthOnly(t *testing.T) {
	t.Parallel()
	url, dir := localBroker(t), filepath.Join(t.TempDir(), "store")
	m := monitor{t, freeAddr(t)}
	demo := start(t, "demo", "--mqtt.url", url, "--store.dir", dir, "--http.listen", m.addr)
	demo.ready()
	raw := func(request string) (int, string) {
		t.Helper()
		c, err := net.Dial("tcp", m.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil { // it stops a test that makes no progress
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, request); err != nil {
			return 0, "" // the server has ended the connection
		}
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%.80q: no answer", request)
			}
			return 0, ""
		}
		defer func() { _ = response.Body.Close() }()
		body, _ := io.ReadAll(io.LimitReader(response.Body, 1<<20)) // what there is of it
		return response.StatusCode, string(body)
	}
	const end = " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
	for request, want := range map[string][]int{
		"GET /healthz" + end + "\r\n":                                          {200},
		"GET /" + end + "\r\n":                                                 {404},
		"GET /../../../../etc/passwd" + end + "\r\n":                           {301, 307, 404},
		"GET /metrics/../../store/mesh.db" + end + "\r\n":                      {301, 307, 404},
		"GET /%2e%2e/%2e%2e/etc/passwd" + end + "\r\n":                         {301, 307, 404},
		"GET /debug/pprof/" + end + "\r\n":                                     {404},
		"GET /mesh.db" + end + "\r\n":                                          {404},
		"GET /api" + end + "\r\n":                                              {404},
		"POST /metrics" + end + "Content-Length: 1099511627776\r\n\r\nx":       {405},
		"PUT /healthz" + end + "Transfer-Encoding: chunked\r\n\r\n":            {405},
		"DELETE /metrics" + end + "\r\n":                                       {405},
		"TRACE /metrics" + end + "\r\n":                                        {405},
		"GET /metrics" + end + "X: " + strings.Repeat("x", 2<<20) + "\r\n\r\n": {431, 0},
		"nonsense\r\n\r\n":                                                     {400},
	} {
		code, body := raw(request)
		found := false
		for _, w := range want {
			found = found || code == w
		}
		if !found {
			t.Errorf("%.80q: %d, expected one of %v", request, code, want)
		}
		for _, secret := range []string{"root:", "Key", dir, "demo_plug"} {
			if strings.Contains(body, secret) {
				t.Errorf("%.80q: the answer has %q: %.200s", request, secret, body)
			}
		}
	}
	if code, _ := m.get("/metrics"); code != http.StatusOK {
		t.Errorf("afterwards: %d", code)
	}
	demo.Stop()
}
