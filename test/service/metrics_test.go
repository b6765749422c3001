package service

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// freeAddr is an address on which nobody listens at the moment.
func freeAddr(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// monitor reads what the program serves at http.listen.
type monitor struct {
	t    *testing.T
	addr string
}

func (m monitor) get(path string) (int, string) {
	m.t.Helper()
	request, err := http.NewRequestWithContext(m.t.Context(), http.MethodGet, "http://"+m.addr+path, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		m.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// value reads a metric by its name and labels.
func (m monitor) value(series string) float64 {
	m.t.Helper()
	code, text := m.get("/metrics")
	if code != http.StatusOK {
		m.t.Fatalf("/metrics: %d %s", code, text)
	}
	for line := range strings.Lines(text) {
		if number, ok := strings.CutPrefix(line, "btmesh2mqtt_"+series+" "); ok {
			value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
			if err != nil {
				m.t.Fatal(err)
			}
			return value
		}
	}
	m.t.Fatalf("no metric %s in\n%s", series, text)
	return 0
}

// awaitHealth returns the text of /healthz when it has the status.
func (m monitor) awaitHealth(code int) (text string) {
	m.t.Helper()
	m.await(fmt.Sprintf("/healthz with %d", code), func() bool {
		var got int
		got, text = m.get("/healthz")
		return got == code
	})
	return text
}

// await polls, because HTTP has nothing to wait for.
func (m monitor) await(what string, condition func() bool) {
	m.t.Helper()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for deadline := time.Now().Add(patience); !condition(); <-poll.C {
		if time.Now().After(deadline) {
			m.t.Fatalf("gave up waiting for %s", what)
		}
	}
}
