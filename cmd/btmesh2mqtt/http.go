package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

// Limits of the HTTP server. A scrape takes milliseconds, and at most a few
// programs ask. So a connection that is slow or idle is closed, and with too many
// connections the one that has been idle longest.
const (
	httpHeaderTime  = 5 * time.Second
	httpReadTime    = 10 * time.Second
	httpWriteTime   = 20 * time.Second
	httpIdleTime    = 60 * time.Second
	httpStopTime    = 10 * time.Second
	httpHeader      = 16 << 10 // octets
	httpConnections = 64
)

// web is the HTTP server at http.listen: /metrics and /healthz. A nil web serves
// nothing.
type web struct {
	server *http.Server
	served sync.WaitGroup
	shown  atomic.Pointer[gateway] // nil until show
}

// serveHTTP serves at http.listen, or nothing if that is empty. Until show is
// called, the service is not healthy: it opens its store, or waits for an adapter.
func serveHTTP(listen string, log zerolog.Logger) (*web, error) {
	if listen == "" {
		return nil, nil //nolint:nilnil // nothing to serve
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("http.listen: cannot listen on %s: %w; choose another address, or leave the key empty", listen, err)
	}
	w := &web{}
	registry := prometheus.NewRegistry()
	registry.MustRegister(w)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", w.health)
	w.server = newServer(mux, log)
	w.served.Go(func() {
		if err := w.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error().Err(err).Msg("the HTTP server has failed; metrics and health are no longer served")
		}
	})
	log.Info().Str("listen", listener.Addr().String()).Msg("serving /metrics and /healthz")
	return w, nil
}

// show sets the service that is shown.
func (w *web) show(g *gateway) {
	if w != nil {
		w.shown.Store(g)
	}
}

// close stops the server and waits for it.
func (w *web) close() {
	if w == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), httpStopTime)
	defer cancel()
	if err := w.server.Shutdown(ctx); err != nil {
		_ = w.server.Close() // nothing more can be done for open requests
	}
	w.served.Wait()
}

// health answers for the service.
func (w *web) health(to http.ResponseWriter, r *http.Request) {
	if g := w.shown.Load(); g != nil {
		g.health(to, r)
		return
	}
	http.Error(to, "the service has not started yet: it opens its store, or waits for an adapter; see the log", http.StatusServiceUnavailable)
}

// Describe sends nothing: the set of metrics may change.
func (w *web) Describe(chan<- *prometheus.Desc) {}

// Collect reads the counters of the service.
func (w *web) Collect(to chan<- prometheus.Metric) {
	if g := w.shown.Load(); g != nil {
		(&metrics{g}).Collect(to)
	}
}

// newServer makes a server with the limits. What it has to say about its
// clients goes to the debug log.
func newServer(handler http.Handler, log zerolog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: httpHeaderTime,
		ReadTimeout:       httpReadTime,
		WriteTimeout:      httpWriteTime,
		IdleTimeout:       httpIdleTime,
		MaxHeaderBytes:    httpHeader,
		ErrorLog:          slog.NewLogLogger(slogger(log).Handler(), slog.LevelDebug),
		ConnState:         newGuests().changed,
	}
}

// guests are the open connections of the HTTP server.
type guests struct {
	mu  sync.Mutex
	all map[net.Conn]guest
}

type guest struct {
	active bool // a request is being read or answered
	since  time.Time
}

func newGuests() *guests { return &guests{all: map[net.Conn]guest{}} }

// changed notes the state of a connection. With a new one too many, it closes
// the one that has been idle longest, or the oldest if none is idle.
func (g *guests) changed(c net.Conn, s http.ConnState) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if s == http.StateClosed || s == http.StateHijacked {
		delete(g.all, c)
		return
	}
	g.all[c] = guest{active: s == http.StateActive, since: time.Now()}
	if len(g.all) <= httpConnections {
		return
	}
	var oldest net.Conn
	for other, has := range g.all {
		first := oldest == nil || !has.active && g.all[oldest].active ||
			has.active == g.all[oldest].active && has.since.Before(g.all[oldest].since)
		if other != c && first {
			oldest = other
		}
	}
	delete(g.all, oldest)
	_ = oldest.Close() // the server notices
}

// health answers 200 while the broker, a radio and the store work, and otherwise 503
// with what does not work.
func (g *gateway) health(w http.ResponseWriter, _ *http.Request) {
	var broken []string
	if !g.session.Connected() {
		broken = append(broken, "the broker is not connected")
	}
	stored := g.store.Trouble()
	if stored != nil {
		broken = append(broken, stored.Error())
	}
	working := false
	for _, a := range g.adapters() {
		working = working || a.State == "running"
		if a.Error != "" {
			broken = append(broken, fmt.Sprintf("adapter %s is %s: %s", a.ID, a.State, a.Error))
		}
	}
	if len(broken) > 0 && (!working || stored != nil || !g.session.Connected()) {
		http.Error(w, strings.Join(broken, "\n"), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// metrics converts the counters of the parts to Prometheus metrics on request.
type metrics struct{ *gateway }

// Collect reads the counters.
func (m *metrics) Collect(to chan<- prometheus.Metric) {
	count := func(name, help string, value uint64, labels ...string) {
		m.send(to, prometheus.CounterValue, name, help, float64(value), labels...)
	}
	gauge := func(name, help string, value float64, labels ...string) {
		m.send(to, prometheus.GaugeValue, name, help, value, labels...)
	}
	for _, a := range m.adapters() {
		up := 0.0
		if a.State == "running" {
			up = 1
		}
		gauge("adapter_up", "1 while the Bluetooth controller works.", up, "adapter", a.ID)
		count("adapter_sent_total", "PDUs sent.", a.Sent, "adapter", a.ID)
		count("adapter_received_total", "Mesh PDUs heard.", a.Received, "adapter", a.ID)
		count("adapter_dropped_total", "PDUs that were not sent because a queue was full.", a.Dropped, "adapter", a.ID)
		count("adapter_malformed_total", "Packets from the controller that were malformed, and losses of the framing.", a.Malformed, "adapter", a.ID)
		count("adapter_resets_total", "Resets of a controller that did not answer.", a.Resets, "adapter", a.ID)
	}
	m.connections(count)
	stored := 1.0
	if m.store.Trouble() != nil {
		stored = 0
	}
	gauge("store_up", "1 while the store takes what has to be stored, in time.", stored)
	session := m.session.Stats()
	connected := 0.0
	if session.Connected {
		connected = 1
	}
	gauge("mqtt_connected", "1 while the broker is connected.", connected)
	gauge("mqtt_queued", "Messages that wait to be published.", float64(session.Queued))
	count("mqtt_published_total", "Messages published.", session.Published)
	count("mqtt_received_total", "Messages received.", session.Received)
	count("mqtt_dropped_total", "Messages dropped because a queue was full.", session.DroppedOut+session.DroppedIn)

	const patience = time.Second
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	summary, err := m.node.Summary(ctx)
	if err != nil {
		return // the node is not running
	}
	gauge("iv_index", "IV index of the network.", float64(summary.IVIndex))
	gauge("sequence_left", "Sequence numbers left with this IV index.", float64(summary.SequenceLeft))
	for class, waiting := range summary.Requests.Waiting {
		gauge("requests_waiting", "Requests that wait to be sent, by class.", float64(waiting), "class", node.Class(class).String())
	}
	gauge("requests_in_flight", "Requests that wait for an answer.", float64(summary.Requests.InFlight))
	gauge("requests_busiest_device", "Requests that wait for the device for which most wait.", float64(summary.Requests.BusiestWaiting))
	gauge("silent_devices", "Devices that did not answer the last attempts.", float64(summary.Requests.Silent))
	count("requests_refused_total", "Requests refused because too many waited.", summary.Requests.Refused)
	network, transport := summary.Counters.Network, summary.Counters.Transport
	for _, verdict := range []struct {
		name  string
		value uint64
	}{
		{"fresh", network.Fresh},
		{"duplicate", network.Duplicate},
		{"not_ours", network.NotOurs},
		{"bad_mic", network.BadMIC},
		{"malformed", network.Malformed},
	} {
		count("network_pdus_total", "Network PDUs received, by verdict.", verdict.value, "verdict", verdict.name)
	}
	count("relayed_total", "PDUs relayed.", summary.Counters.Relayed)
	count("bridged_total", "PDUs bridged to another subnet.", summary.Counters.Bridged)
	count("access_messages_total", "Access messages received.", transport.Access)
	count("replayed_total", "Messages dropped as replays.", transport.Replayed)
	gauge("friendships", "Low Power nodes that have the bridge as their friend.", float64(len(summary.Friendships)))
	count("friend_polls_total", "Friend Polls received from Low Power nodes.", summary.Counters.Friend.Polls)
	count("friend_discarded_total", "Messages for Low Power nodes that were dropped because a queue was full.", summary.Counters.Friend.Discarded)
	gatt := summary.Counters.GATT
	count("gatt_received_total", "Messages received over connections.", gatt.Received)
	count("gatt_sent_total", "Messages sent over connections.", gatt.Sent)
	count("proxy_connects_total", "Attempts to connect to proxies.", gatt.Client.Connects)
	count("solicitations_total", "Solicitations sent, because no proxy was in range.", gatt.Solicited)
	count("proxy_lost_total", "Connections to proxies that were lost.", gatt.Client.Lost)
	count("proxy_failed_total", "Attempts to connect to proxies that failed.", gatt.Client.Failures)
	count("proxy_no_filter_status_total", "Proxies that did not show that they have the key of the network.", gatt.Client.NoStatus)
	count("proxy_silent_total", "Proxies that were left because devices fell silent behind them.", gatt.Client.Mute)
	count("proxy_clients_refused_total", "Clients that there was no room for.", gatt.ClientRefused)
	count("proxy_clients_evicted_total", "Clients that did not show in time that they have the key of the network.", gatt.ClientEvicted)
	count("proxy_pdus_refused_total", "Proxy PDUs and messages that were dropped in reassembly.", gatt.Reassembly.Total()+gatt.Incomplete)
	count("proxy_filter_mismatches_total", "Proxy filters that differed from the expected state.", gatt.Client.Mismatches)
	count("missed_total", "PDUs dropped because the node was too slow.", summary.Missed)
}

// send exports one value; labels alternate between names and values.
func (m *metrics) send(to chan<- prometheus.Metric, kind prometheus.ValueType, name, help string, value float64, labels ...string) {
	var names, values []string
	for i := 0; i+1 < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, labels[i+1])
	}
	desc := prometheus.NewDesc("btmesh2mqtt_"+name, help, names, nil)
	to <- prometheus.MustNewConstMetric(desc, kind, value, values...)
}
