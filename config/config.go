package config

import (
	"fmt"
	"io"
	"time"
)

// Config is the whole configuration. Keys documents every field.
type Config struct {
	MQTT          MQTT
	HomeAssistant HomeAssistant
	HCI           HCI
	Mesh          Mesh
	Store         Store
	Firmware      Firmware
	Log           Log
	HTTP          HTTP
}

// MQTT configures the connection to the broker. After Load, URL contains no
// user name and no password, and Password contains the content of the password
// file.
type MQTT struct {
	URL          string
	Username     string
	Password     Secret
	PasswordFile string
	ClientID     string
	BaseTopic    string
	// ConnectTimeout bounds one attempt to connect.
	ConnectTimeout time.Duration
	// EventExpiry is the age from which events are not published any more.
	EventExpiry time.Duration
	KeyExport   string // off, encrypted or plain
	TLS         TLS
}

// TLS applies to the URL schemes mqtts, ssl, tls and wss.
type TLS struct {
	CA                 string // path of a PEM file
	Cert               string // path of a PEM file
	Key                string // path of a PEM file
	InsecureSkipVerify bool
	ServerName         string
}

// HomeAssistant configures discovery by Home Assistant.
type HomeAssistant struct {
	Enabled         bool
	DiscoveryPrefix string
	StatusTopic     string
}

// HCI configures the Bluetooth controllers.
type HCI struct {
	Adapters    []string
	Wait        bool   // at start for adapters that are not there
	Capture     string // path of a file, empty for none
	CaptureSize int    // MiB
}

// Mesh configures the bridge's own node and the network.
type Mesh struct {
	Name            string
	Address         uint16 // unicast address of the primary element
	DefaultTTL      uint8  // 0 or 2 to 127
	Relay           bool
	Friend          bool
	NetworkTransmit Transmit
	RelayRetransmit Transmit
	Provision       Provision
	Proxy           MeshProxy
	// RefreshPatience is how long a key refresh waits for devices that do not
	// answer; with 0 it waits until a request excludes them.
	RefreshPatience time.Duration
}

// MeshProxy is the bridge's role in the proxy protocol, over GATT connections.
type MeshProxy struct {
	Client      string // auto, on or off
	Connections int    // concurrent connections to proxies, 1 to 4
	Server      bool
}

// Transmit is how often and at which interval a PDU is transmitted.
type Transmit struct {
	Count    int           // 1 to 8, including the first transmission
	Interval time.Duration // 10 ms to 320 ms in steps of 10 ms
}

// Provision configures the authentication of new devices.
type Provision struct {
	StaticOOB    Secret // 32 hexadecimal digits, empty for no OOB
	AllowNoOOB   bool
	TrustAnchors string // path of a PEM file, empty for none
}

// Store is where the network is stored.
type Store struct {
	Dir string
}

// Firmware is where firmware images for devices are stored.
type Firmware struct {
	Dir string // empty for none
}

// Log configures logging.
type Log struct {
	Level  string // trace, debug, info, warn or error
	Format string // auto, console or json
}

// HTTP configures the server for metrics and health.
type HTTP struct {
	Listen string // host:port, empty for none
}

// Secret is text that is never printed: fmt, JSON, YAML and loggers show that
// it is set, but not its value.
type Secret struct{ text string }

// NewSecret makes a Secret of text.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal returns the text. It is the only way to get it.
func (s Secret) Reveal() string { return s.text }

// IsSet reports whether the text is not empty.
func (s Secret) IsSet() bool { return s.text != "" }

// String returns "(hidden)", or "" if the secret is empty.
func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return "(hidden)"
}

// Format prints String for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText returns String, for JSON, YAML and loggers.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
