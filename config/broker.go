package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// brokerURL is the kind of mqtt.url. Its errors never repeat a URL with an @,
// because the part before it may contain a password.
func brokerURL() kind[string] {
	return text().with("url", "mqtt://host:1883, or tcp, mqtts, ssl, tls, ws, wss instead of mqtt", func(s string) error {
		_, err := parseBroker(s)
		return err
	})
}

func parseBroker(s string) (*url.URL, error) {
	if s == "" {
		return nil, errors.New("nothing")
	}
	u, err := url.Parse(s)
	if err != nil || plain(s) != nil {
		return nil, urlError(s)
	}
	switch u.Scheme {
	case "mqtt", "tcp", "mqtts", "ssl", "tls":
		if u.Path != "" && u.Path != "/" {
			return nil, fmt.Errorf("%w with a path; put a base topic into mqtt.base_topic", urlError(s))
		}
	case "ws", "wss":
	default:
		return nil, urlError(s)
	}
	if u.Hostname() == "" || u.Fragment != "" || u.RawQuery != "" && u.Scheme[0] != 'w' || strings.HasSuffix(u.Host, ":") {
		return nil, urlError(s)
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, urlError(s)
		}
	}
	return u, nil
}

func urlError(s string) error {
	if strings.Contains(s, "@") {
		return errors.New("a URL that cannot be parsed (not shown, because it may contain a password; write / ? # @ % in a password as %2F %3F %23 %40 %25)")
	}
	return quoted(s)
}

// encrypted reports whether the scheme of a checked broker URL uses TLS.
func encrypted(broker string) bool {
	scheme, _, _ := strings.Cut(broker, ":")
	return slices.Contains([]string{"mqtts", "ssl", "tls", "wss"}, strings.ToLower(scheme))
}
