package config

import (
	"strings"
	"time"
)

// EnvPrefix is the prefix of every environment variable that is read.
const EnvPrefix = "BTMESH2MQTT_"

// Key describes one key of the configuration.
type Key struct {
	Name   string // dotted, as in the flag: mqtt.url
	Usage  string // its purpose, in one line
	Type   string // one word for the help of the flag: text, number, ...
	Expect string // what a value must be; follows "expected"
	Secret bool   // the value is never printed

	fromText func(string) (any, error)  // parses a flag or an environment variable
	fromYAML func(any) (any, error)     // converts the value from the YAML parser
	get      func(*Config) any          // returns the value in the form that fromYAML returns
	set      func(c *Config, value any) // the reverse of get
	check    func(*Config) error        // what is wrong with the value in c
	yaml     func(value any) string     // formats a value as a YAML scalar or flow sequence
}

// Env returns the name of the key's environment variable.
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
		MQTT: MQTT{
			URL: "mqtt://localhost:1883", ClientID: "btmesh2mqtt", BaseTopic: "btmesh2mqtt", KeyExport: "off",
			ConnectTimeout: 5 * time.Second, EventExpiry: 5 * time.Second,
		},
		HomeAssistant: HomeAssistant{Enabled: true, DiscoveryPrefix: "homeassistant", StatusTopic: "homeassistant/status"},
		HCI:           HCI{Adapters: []string{"hci0"}, Wait: true, CaptureSize: 64},
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

// Keys lists all keys, in the order of the example.
func Keys() []Key {
	transmissions := number(1, 8)
	gap := duration(10*time.Millisecond, 320*time.Millisecond, 10*time.Millisecond)
	return []Key{
		key("mqtt.url", brokerURL(), func(c *Config) *string { return &c.MQTT.URL },
			"Broker. mqtt and tcp are unencrypted, mqtts, ssl and tls use TLS, ws and wss use WebSockets."),
		key("mqtt.username", text(), func(c *Config) *string { return &c.MQTT.Username },
			"User name for the broker; empty for none."),
		key("mqtt.password", secret(), func(c *Config) *Secret { return &c.MQTT.Password },
			"Password for the broker. With mqtt.password_file it appears neither here nor in the process list."),
		key("mqtt.password_file", text(), func(c *Config) *string { return &c.MQTT.PasswordFile },
			"File that contains the password on one line."),
		key("mqtt.client_id", nonEmpty(), func(c *Config) *string { return &c.MQTT.ClientID },
			"MQTT client identifier. Two bridges on one broker need different ones."),
		key("mqtt.base_topic", topic(), func(c *Config) *string { return &c.MQTT.BaseTopic },
			"Topic prefix of everything that is published, and of commands."),
		key("mqtt.key_export", choice("off", "encrypted", "plain"), func(c *Config) *string { return &c.MQTT.KeyExport },
			"Whether the request network/export may ask for keys: encrypted for a passphrase or a public key only, plain also without."),
		key("mqtt.connect_timeout", duration(time.Second, 2*time.Minute, time.Second), func(c *Config) *time.Duration { return &c.MQTT.ConnectTimeout },
			"How long one attempt to connect to the broker may take."),
		key("mqtt.event_expiry", duration(time.Second, time.Hour, time.Second), func(c *Config) *time.Duration { return &c.MQTT.EventExpiry },
			"Age from which events, responses and log messages are dropped instead of published, for example after the broker was away."),
		key("mqtt.tls.ca", text(), func(c *Config) *string { return &c.MQTT.TLS.CA },
			"PEM file with the certificates to trust; empty for those of the system."),
		key("mqtt.tls.cert", text(), func(c *Config) *string { return &c.MQTT.TLS.Cert },
			"PEM file with the certificate to present to the broker."),
		key("mqtt.tls.key", text(), func(c *Config) *string { return &c.MQTT.TLS.Key },
			"PEM file with the private key of mqtt.tls.cert."),
		key("mqtt.tls.insecure_skip_verify", boolean(), func(c *Config) *bool { return &c.MQTT.TLS.InsecureSkipVerify },
			"Accept any certificate of the broker. For experiments only."),
		key("mqtt.tls.server_name", text(), func(c *Config) *string { return &c.MQTT.TLS.ServerName },
			"Name that the broker's certificate must contain; empty for the host of mqtt.url."),

		key("homeassistant.enabled", boolean(), func(c *Config) *bool { return &c.HomeAssistant.Enabled },
			"Announce the devices to Home Assistant."),
		key("homeassistant.discovery_prefix", topic(), func(c *Config) *string { return &c.HomeAssistant.DiscoveryPrefix },
			"Topic prefix where Home Assistant looks for devices."),
		key("homeassistant.status_topic", topic(), func(c *Config) *string { return &c.HomeAssistant.StatusTopic },
			"Topic on which Home Assistant announces that it has started."),

		key("hci.adapters", adapters(), func(c *Config) *[]string { return &c.HCI.Adapters },
			"Bluetooth controllers, in order of preference."),
		key("hci.wait", boolean(), func(c *Config) *bool { return &c.HCI.Wait },
			"Wait at start until an adapter is there. If false, the program ends with an error when none of the adapters works."),
		key("hci.capture", text(), func(c *Config) *string { return &c.HCI.Capture },
			"File for all HCI traffic, in btsnoop format for btmon and Wireshark; empty for none."),
		key("hci.capture_size", number(1, 1<<16), func(c *Config) *int { return &c.HCI.CaptureSize },
			"Size in MiB at which that file is renamed to FILE.1 and a new one begins."),

		key("mesh.name", nonEmpty(), func(c *Config) *string { return &c.Mesh.Name },
			"Name of the network."),
		key("mesh.address", unicast(), func(c *Config) *uint16 { return &c.Mesh.Address },
			"Unicast address of the bridge. Only used when a new network is created."),
		key("mesh.default_ttl", ttl(), func(c *Config) *uint8 { return &c.Mesh.DefaultTTL },
			"TTL of the bridge's messages; a message passes at most TTL-1 relays."),
		key("mesh.relay", boolean(), func(c *Config) *bool { return &c.Mesh.Relay },
			"Relay messages between nodes that are out of each other's range."),
		key("mesh.friend", boolean(), func(c *Config) *bool { return &c.Mesh.Friend },
			"Store messages for sleeping battery devices (Low Power nodes), for up to 16 of them."),
		key("mesh.network_transmit.count", transmissions, func(c *Config) *int { return &c.Mesh.NetworkTransmit.Count },
			"Total number of transmissions of each PDU of the bridge."),
		key("mesh.network_transmit.interval", gap, func(c *Config) *time.Duration { return &c.Mesh.NetworkTransmit.Interval },
			"Time between two of these transmissions; the controller adds up to 10ms at random."),
		key("mesh.relay_retransmit.count", transmissions, func(c *Config) *int { return &c.Mesh.RelayRetransmit.Count },
			"Total number of transmissions of each relayed PDU."),
		key("mesh.relay_retransmit.interval", gap, func(c *Config) *time.Duration { return &c.Mesh.RelayRetransmit.Interval },
			"Time between two of these transmissions."),
		key("mesh.provision.static_oob", staticOOB(), func(c *Config) *Secret { return &c.Mesh.Provision.StaticOOB },
			"Static OOB value for new devices that require one and have none of their own."),
		key("mesh.provision.allow_no_oob", boolean(), func(c *Config) *bool { return &c.Mesh.Provision.AllowNoOOB },
			"Provision devices without authentication if they allow it. An attacker in range can then obtain the keys."),
		key("mesh.provision.trust_anchors", text(), func(c *Config) *string { return &c.Mesh.Provision.TrustAnchors },
			"PEM file with the certificates that sign the certificates of devices; empty for none."),
		key("mesh.proxy.client", choice("auto", "on", "off"), func(c *Config) *string { return &c.Mesh.Proxy.Client },
			"Reach the network through a proxy: auto if nothing else of the network is heard, on whenever a proxy is in range."),
		key("mesh.proxy.connections", number(1, 4), func(c *Config) *int { return &c.Mesh.Proxy.Connections },
			"Number of proxies used at once. More of them reach farther but use more of the radio's time."),
		key("mesh.proxy.server", boolean(), func(c *Config) *bool { return &c.Mesh.Proxy.Server },
			"Allow phones that have the network's keys to use the bridge as their proxy."),

		key("mesh.key_refresh_patience", duration(0, 365*24*time.Hour, time.Second), func(c *Config) *time.Duration { return &c.Mesh.RefreshPatience },
			"How long a key refresh waits for devices that do not answer before it continues without them; 0s waits until a request excludes them."),

		key("store.dir", nonEmpty(), func(c *Config) *string { return &c.Store.Dir },
			"Directory for the keys, the nodes and their last states. Keep it safe: without it the network is lost."),

		key("firmware.dir", text(), func(c *Config) *string { return &c.Firmware.Dir },
			"Directory with firmware files for devices; requests name a file in it. Empty for none."),

		key("log.level", choice("trace", "debug", "info", "warn", "error"), func(c *Config) *string { return &c.Log.Level },
			"Log level: messages of this level and of more severe ones are logged."),
		key("log.format", choice("auto", "console", "json"), func(c *Config) *string { return &c.Log.Format },
			"Log format; auto is console on a terminal and json elsewhere."),

		key("http.listen", listener(), func(c *Config) *string { return &c.HTTP.Listen },
			"Listen address for metrics and health; empty for none."),
	}
}

// key makes the Key of one field of Config.
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
