package mqtt

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// check validates the options, takes user and password out of the URL, and
// completes the URL with the port that its scheme stands for.
func (o *Options) check() (*url.URL, error) {
	broker, err := url.Parse(o.URL)
	if err != nil {
		// The error of net/url quotes the whole URL, password and all.
		return nil, errors.New("mqtt: the broker's URL cannot be understood: " +
			"expected something like tcp://host:1883 or mqtts://host:8883")
	}
	port, known := defaultPort(broker.Scheme)
	switch {
	case !known:
		return nil, fmt.Errorf("mqtt: scheme %q in the broker's URL: expected tcp, mqtt, ssl, tls, mqtts, ws, wss or unix",
			broker.Scheme)
	case broker.Scheme == "unix" && broker.Path == "":
		return nil, fmt.Errorf("mqtt: broker %s has no path: expected unix:///path/to/socket", broker.Redacted())
	case broker.Scheme != "unix" && broker.Hostname() == "":
		return nil, fmt.Errorf("mqtt: broker %s has no host: expected something like tcp://host:1883", broker.Redacted())
	case o.ClientID == "":
		return nil, errors.New("mqtt: no client id: it names this bridge at the broker and must differ from every other client's")
	}
	if broker.User != nil {
		o.Username = cmp.Or(o.Username, broker.User.Username())
		if password, ok := broker.User.Password(); ok {
			o.Password = cmp.Or(o.Password, password)
		}
		broker.User = nil
	}
	if port != "" && broker.Port() == "" {
		broker.Host = net.JoinHostPort(broker.Hostname(), port)
	}
	for _, m := range []Message{o.Will, o.Birth} {
		if m.Topic != "" && !publishable(m.Topic) {
			return nil, fmt.Errorf("mqtt: topic %q cannot be published to", m.Topic)
		}
	}
	for _, sub := range o.Subscriptions {
		if !subscribable(sub.Filter) || sub.QoS > 1 {
			return nil, fmt.Errorf("mqtt: cannot subscribe to %q with QoS %d", sub.Filter, sub.QoS)
		}
	}
	return broker, nil
}

func defaultPort(scheme string) (port string, known bool) {
	switch scheme {
	case "tcp", "mqtt":
		return "1883", true
	case "ssl", "tls", "mqtts":
		return "8883", true
	case "ws":
		return "80", true
	case "wss":
		return "443", true
	case "unix":
		return "", true
	}
	return "", false
}

// encrypted reports the schemes that use TLS.
func encrypted(scheme string) bool {
	port, _ := defaultPort(scheme)
	return port == "8883" || port == "443"
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Values:     cmp.Or(l.Values, 200_000),
		Events:     cmp.Or(l.Events, 1000),
		Inbox:      cmp.Or(l.Inbox, 4096),
		Payload:    cmp.Or(l.Payload, 1<<20),
		Window:     cmp.Or(l.Window, 32),
		MinBackoff: cmp.Or(l.MinBackoff, time.Second),
		MaxBackoff: cmp.Or(l.MaxBackoff, 4*time.Second),
		Connect:    cmp.Or(l.Connect, 5*time.Second),
		Timeout:    cmp.Or(l.Timeout, 10*time.Second),
		KeepAlive:  cmp.Or(l.KeepAlive, 10*time.Second),
		Expiry:     cmp.Or(l.Expiry, 5*time.Second),
	}
}

// maxTopic is what the length field of MQTT 3.1.1 section 1.5.3 can say.
const maxTopic = 65535

// publishable holds the rules of MQTT 3.1.1 section 4.7 for topic names.
func publishable(topic string) bool {
	return subscribable(topic) && !strings.ContainsAny(topic, "+#")
}

// subscribable holds the rules for filters that can be checked without knowing
// the levels; a broker refuses the rest.
func subscribable(filter string) bool {
	return filter != "" && len(filter) <= maxTopic && utf8.ValidString(filter) && !strings.ContainsRune(filter, 0)
}
