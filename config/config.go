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

// MQTT is how the broker is reached. After Load, URL holds no user name and no
// password, and Password holds what the password file held.
type MQTT struct {
	URL          string
	Username     string
	Password     Secret
	PasswordFile string
	ClientID     string
	BaseTopic    string
	TLS          TLS
}

// TLS belongs to the broker's URL schemes mqtts, ssl, tls and wss.
type TLS struct {
	CA                 string // path of a PEM file
	Cert               string // path of a PEM file
	Key                string // path of a PEM file
	InsecureSkipVerify bool
	ServerName         string
}

// HomeAssistant is how Home Assistant finds the devices.
type HomeAssistant struct {
	Enabled         bool
	DiscoveryPrefix string
	StatusTopic     string
}

// HCI names the Bluetooth controllers.
type HCI struct {
	Adapters    []string
	Capture     string // path of a file, or empty for none
	CaptureSize int    // MiB
}

// Mesh is the bridge's own node.
type Mesh struct {
	Name            string
	Address         uint16 // unicast, of the primary element
	DefaultTTL      uint8  // 0 or 2 to 127
	Relay           bool
	Friend          bool
	NetworkTransmit Transmit
	RelayRetransmit Transmit
	Provision       Provision
	Proxy           MeshProxy
	// RefreshPatience is how long a key refresh waits for devices that do not
	// answer; 0 until it is told to do without them.
	RefreshPatience time.Duration
}

// MeshProxy is the bridge's part in the proxy protocol, over GATT connections.
type MeshProxy struct {
	Client      string // auto, on or off
	Connections int    // to proxies at once, 1 to 4
	Server      bool
}

// Transmit is how often and at which distance a PDU is sent.
type Transmit struct {
	Count    int           // 1 to 8, all transmissions together
	Interval time.Duration // 10 ms to 320 ms in steps of 10 ms
}

// Provision is how new devices are authenticated.
type Provision struct {
	StaticOOB    Secret // 32 hexadecimal digits, or empty for no OOB
	AllowNoOOB   bool
	TrustAnchors string // path of a PEM file, or empty for none
}

// Store is where the network is kept.
type Store struct {
	Dir string
}

// Firmware is where the firmware for devices is found.
type Firmware struct {
	Dir string // empty for none
}

// Log is what is logged, and how.
type Log struct {
	Level  string // trace, debug, info, warn or error
	Format string // auto, console or json
}

// HTTP is the listener for metrics and health.
type HTTP struct {
	Listen string // host:port, or empty for none
}

// Secret is text that does not print: fmt, JSON, YAML and loggers show that it
// is there, not what it is.
type Secret struct{ text string }

// NewSecret hides text.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal returns the text; the one way out.
func (s Secret) Reveal() string { return s.text }

// IsSet reports whether there is any text.
func (s Secret) IsSet() bool { return s.text != "" }

// String returns "(hidden)", or nothing when the secret is empty.
func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return "(hidden)"
}

// Format prints String for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText prints String, for JSON, YAML and loggers.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
