package config

import (
	"strings"
	"time"
)

// EnvPrefix begins the name of every environment variable that is read.
const EnvPrefix = "BTMESH2MQTT_"

// Key describes one key of the configuration.
type Key struct {
	Name   string // dotted, as in the flag: mqtt.url
	Usage  string // what it is for, one line
	Type   string // one word for the help of the flag: text, number, ...
	Expect string // what a value must be, to follow "expected"
	Secret bool   // the value is never printed

	fromText func(string) (any, error)  // a flag or an environment variable
	fromYAML func(any) (any, error)     // what the YAML parser made of it
	get      func(*Config) any          // the value in the form fromYAML returns
	set      func(c *Config, value any) // the reverse of get
	check    func(*Config) error        // what is wrong with the value that c has
	yaml     func(value any) string     // as a YAML scalar or flow sequence
}

// Env is the name of the environment variable of the key.
func (k Key) Env() string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(k.Name, ".", "__"))
}

// Default is the default value as the YAML file has it: "" is empty text, [] an
// empty list.
func (k Key) Default() string {
	defaults := Default()
	return k.yaml(k.get(&defaults))
}

// Default returns the configuration without file, environment and flags.
func Default() Config {
	return Config{
		MQTT:          MQTT{URL: "mqtt://localhost:1883", ClientID: "btmesh2mqtt", BaseTopic: "btmesh2mqtt"},
		HomeAssistant: HomeAssistant{Enabled: true, DiscoveryPrefix: "homeassistant", StatusTopic: "homeassistant/status"},
		HCI:           HCI{Adapters: []string{"hci0"}, CaptureSize: 64},
		Mesh: Mesh{
			Name: "btmesh2mqtt", Address: 0x0001, DefaultTTL: 10, Relay: true, Friend: true,
			NetworkTransmit: Transmit{Count: 3, Interval: 20 * time.Millisecond},
			RelayRetransmit: Transmit{Count: 2, Interval: 20 * time.Millisecond},
			Provision:       Provision{AllowNoOOB: true},
			Proxy:           MeshProxy{Client: "auto", Connections: 1},
		},
		Store: Store{Dir: "store"},
		Log:   Log{Level: "info", Format: "auto"},
	}
}

// Keys lists every key, in the order of the example.
func Keys() []Key {
	transmissions := number(1, 8)
	gap := duration(10*time.Millisecond, 320*time.Millisecond, 10*time.Millisecond)
	return []Key{
		key("mqtt.url", brokerURL(), func(c *Config) *string { return &c.MQTT.URL },
			"Broker. mqtt and tcp are plain, mqtts, ssl and tls are encrypted, ws and wss are WebSockets."),
		key("mqtt.username", text(), func(c *Config) *string { return &c.MQTT.Username },
			"User name at the broker; empty for none."),
		key("mqtt.password", secret(), func(c *Config) *Secret { return &c.MQTT.Password },
			"Password at the broker. mqtt.password_file keeps it out of this file and of the process list."),
		key("mqtt.password_file", text(), func(c *Config) *string { return &c.MQTT.PasswordFile },
			"File that holds the password, one line."),
		key("mqtt.client_id", nonEmpty(), func(c *Config) *string { return &c.MQTT.ClientID },
			"MQTT client identifier; two bridges on one broker need two."),
		key("mqtt.base_topic", topic(), func(c *Config) *string { return &c.MQTT.BaseTopic },
			"Topic below which everything is published and commands are taken."),
		key("mqtt.tls.ca", text(), func(c *Config) *string { return &c.MQTT.TLS.CA },
			"PEM file with the certificates to trust; empty for those of the system."),
		key("mqtt.tls.cert", text(), func(c *Config) *string { return &c.MQTT.TLS.Cert },
			"PEM file with the certificate to show to the broker."),
		key("mqtt.tls.key", text(), func(c *Config) *string { return &c.MQTT.TLS.Key },
			"PEM file with the private key of mqtt.tls.cert."),
		key("mqtt.tls.insecure_skip_verify", boolean(), func(c *Config) *bool { return &c.MQTT.TLS.InsecureSkipVerify },
			"Accept any certificate of the broker. For trying things out only."),
		key("mqtt.tls.server_name", text(), func(c *Config) *string { return &c.MQTT.TLS.ServerName },
			"Name that the broker's certificate must hold; empty for the host of mqtt.url."),

		key("homeassistant.enabled", boolean(), func(c *Config) *bool { return &c.HomeAssistant.Enabled },
			"Announce the devices to Home Assistant."),
		key("homeassistant.discovery_prefix", topic(), func(c *Config) *string { return &c.HomeAssistant.DiscoveryPrefix },
			"Topic that Home Assistant looks for devices below."),
		key("homeassistant.status_topic", topic(), func(c *Config) *string { return &c.HomeAssistant.StatusTopic },
			"Topic on which Home Assistant says that it has started."),

		key("hci.adapters", adapters(), func(c *Config) *[]string { return &c.HCI.Adapters },
			"Bluetooth controllers, best one first."),
		key("hci.capture", text(), func(c *Config) *string { return &c.HCI.Capture },
			"File for all HCI traffic, in btsnoop format for btmon and Wireshark; empty for none."),
		key("hci.capture_size", number(1, 1<<16), func(c *Config) *int { return &c.HCI.CaptureSize },
			"MiB at which that file becomes FILE.1 and a new one begins."),

		key("mesh.name", nonEmpty(), func(c *Config) *string { return &c.Mesh.Name },
			"Name of the network."),
		key("mesh.address", unicast(), func(c *Config) *uint16 { return &c.Mesh.Address },
			"Unicast address of the bridge. Used when the network is made; it stays as it is then."),
		key("mesh.default_ttl", ttl(), func(c *Config) *uint8 { return &c.Mesh.DefaultTTL },
			"How far messages of the bridge go: at most one relay less."),
		key("mesh.relay", boolean(), func(c *Config) *bool { return &c.Mesh.Relay },
			"Pass on messages between nodes that do not hear each other."),
		key("mesh.friend", boolean(), func(c *Config) *bool { return &c.Mesh.Friend },
			"Keep messages for battery devices that sleep (Low Power nodes), up to 16 of them."),
		key("mesh.network_transmit.count", transmissions, func(c *Config) *int { return &c.Mesh.NetworkTransmit.Count },
			"How often each PDU of the bridge is sent, all transmissions together."),
		key("mesh.network_transmit.interval", gap, func(c *Config) *time.Duration { return &c.Mesh.NetworkTransmit.Interval },
			"Time between two of these transmissions; the controller adds up to 10ms at random."),
		key("mesh.relay_retransmit.count", transmissions, func(c *Config) *int { return &c.Mesh.RelayRetransmit.Count },
			"How often each relayed PDU is sent, all transmissions together."),
		key("mesh.relay_retransmit.interval", gap, func(c *Config) *time.Duration { return &c.Mesh.RelayRetransmit.Interval },
			"Time between two of these transmissions."),
		key("mesh.provision.static_oob", staticOOB(), func(c *Config) *Secret { return &c.Mesh.Provision.StaticOOB },
			"Static OOB value for new devices that ask for one and come without their own."),
		key("mesh.provision.allow_no_oob", boolean(), func(c *Config) *bool { return &c.Mesh.Provision.AllowNoOOB },
			"Take in devices without authentication, if they agree. Who listens then can read the keys."),
		key("mesh.provision.trust_anchors", text(), func(c *Config) *string { return &c.Mesh.Provision.TrustAnchors },
			"PEM file with the certificates that vouch for the certificates of devices; empty for none."),
		key("mesh.proxy.client", choice("auto", "on", "off"), func(c *Config) *string { return &c.Mesh.Proxy.Client },
			"Reach the network through a proxy: auto when nothing else of it is heard, on whenever one is in sight."),
		key("mesh.proxy.connections", number(1, 4), func(c *Config) *int { return &c.Mesh.Proxy.Connections },
			"How many proxies are used at once; more reach farther, and take the radio's time."),
		key("mesh.proxy.server", boolean(), func(c *Config) *bool { return &c.Mesh.Proxy.Server },
			"Let phones that have the network's keys use the bridge as their proxy."),

		key("mesh.key_refresh_patience", duration(0, 365*24*time.Hour, time.Second), func(c *Config) *time.Duration { return &c.Mesh.RefreshPatience },
			"How long a key refresh waits for devices that do not answer before it goes on without them; 0s until it is told to."),

		key("store.dir", nonEmpty(), func(c *Config) *string { return &c.Store.Dir },
			"Directory for the keys, the nodes and their last states. Keep it: without it the network is lost."),

		key("firmware.dir", text(), func(c *Config) *string { return &c.Firmware.Dir },
			"Directory with firmware for devices, which requests name by file; empty for none."),

		key("log.level", choice("trace", "debug", "info", "warn", "error"), func(c *Config) *string { return &c.Log.Level },
			"What is logged: this level and everything more serious."),
		key("log.format", choice("auto", "console", "json"), func(c *Config) *string { return &c.Log.Format },
			"How it is logged; auto is console on a terminal and json elsewhere."),

		key("http.listen", listener(), func(c *Config) *string { return &c.HTTP.Listen },
			"Address for metrics and health; empty for none."),
	}
}

// key makes a Key for one field of Config.
func key[T any](name string, k kind[T], field func(*Config) *T, usage string) Key {
	_, isSecret := any(*field(new(Config))).(Secret)
	return Key{
		Name: name, Usage: usage, Type: k.word, Expect: k.expect, Secret: isSecret,
		fromText: func(s string) (any, error) { return k.checked(k.fromText(s)) },
		fromYAML: func(raw any) (any, error) { return k.checked(k.fromYAML(raw)) },
		get:      func(c *Config) any { return *field(c) },
		set:      func(c *Config, value any) { *field(c) = value.(T) },
		check:    func(c *Config) error { _, err := k.checked(*field(c), nil); return err },
		yaml:     func(value any) string { return k.yaml(value.(T)) },
	}
}
