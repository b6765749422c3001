package config

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"
)

func TestValidate(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Config)
		want   string // the key of the only problem, or ""
	}{
		"defaults":                      {func(*Config) {}, ""},
		"base topic is the prefix":      {func(c *Config) { c.MQTT.BaseTopic = "homeassistant" }, "mqtt.base_topic"},
		"base topic below the prefix":   {func(c *Config) { c.MQTT.BaseTopic = "homeassistant/light" }, "mqtt.base_topic"},
		"base topic only looks like it": {func(c *Config) { c.MQTT.BaseTopic = "homeassistant2" }, ""},
		"discovery disabled":            {func(c *Config) { c.MQTT.BaseTopic, c.HomeAssistant.Enabled = "homeassistant", false }, ""},
		"password without user":         {func(c *Config) { c.MQTT.Password = NewSecret("x") }, "mqtt.username"},
		"password file without user":    {func(c *Config) { c.MQTT.PasswordFile = "x" }, "mqtt.username"},
		"password and file":             {func(c *Config) { c.MQTT = with(c.MQTT, "u", "x", "x") }, "mqtt.password_file"},
		"user alone":                    {func(c *Config) { c.MQTT.Username = "u" }, ""},
		"certificate without key":       {func(c *Config) { c.MQTT.URL, c.MQTT.TLS.Cert = "mqtts://x", "x" }, "mqtt.tls.cert"},
		"key without certificate":       {func(c *Config) { c.MQTT.URL, c.MQTT.TLS.Key = "mqtts://x", "x" }, "mqtt.tls.cert"},
		"TLS without encryption":        {func(c *Config) { c.MQTT.TLS.CA = "x" }, "mqtt.url"},
		"trusting all, without TLS":     {func(c *Config) { c.MQTT.TLS.InsecureSkipVerify = true }, "mqtt.url"},
		"TLS over WebSocket":            {func(c *Config) { c.MQTT.URL, c.MQTT.TLS.CA = "wss://x", "x" }, ""},
		"empty configuration":           {func(c *Config) { c.Mesh.Name = "" }, "mesh.name"},
		"no adapter":                    {func(c *Config) { c.HCI.Adapters = nil }, "hci.adapters"},
		"no transmission":               {func(c *Config) { c.Mesh.NetworkTransmit.Count = 0 }, "mesh.network_transmit.count"},
	} {
		t.Run(name, func(t *testing.T) {
			c := Default()
			test.change(&c)
			got := Validate(&c)
			if test.want == "" && len(got) != 0 || test.want != "" && (len(got) != 1 || got[0].Key != test.want) {
				t.Errorf("got %v, want one for %q", got, test.want)
			}
		})
	}
}

func with(m MQTT, user, password, file string) MQTT {
	m.Username, m.Password, m.PasswordFile = user, NewSecret(password), file
	return m
}

// TestKinds lists what single keys accept and reject.
func TestKinds(t *testing.T) {
	for _, test := range []struct {
		key       string
		good, bad string // separated by spaces
		extraGood []string
		extraBad  []string
	}{
		{
			key:      "mqtt.url",
			good:     "mqtt://h tcp://h:1 mqtts://h:8883 ssl://h tls://h ws://h/mqtt wss://h:443/a/b?c=d MQTT://h mqtt://[::1]:1883 mqtt://1.2.3.4 mqtt://h/ mqtt://u:p@h",
			bad:      "h h:1883 mqtt: mqtt:// mqtt://:1883 http://h mqtt//h mqtt://h:0 mqtt://h:65536 mqtt://h:x mqtt://h: mqtt://h/topic mqtt://h?x=1 mqtt://h#x unix:///x mqtt://u:p@ mqtt://[::1 mqtt:h:1883",
			extraBad: []string{"", " mqtt://h", "mqtt://h h", "mqtt://\x00"},
		},
		{
			key:      "mqtt.base_topic",
			good:     "a a/b Küche/mesh a/$b a-b_c.d",
			bad:      "/ /a a/ + a/+/b a/# # a+b a#b $SYS/a",
			extraBad: []string{"", "a\x00b", "a\nb", "\xff", strings.Repeat("a", 1025)},
		},
		{key: "homeassistant.status_topic", good: "hass/status", bad: "hass/+ #", extraBad: []string{""}},
		{
			key:      "hci.adapters",
			good:     "hci0 hci12 00:11:22:aa:BB:cc serial:/dev/ttyACM0 serial:/dev/ttyACM0?baud=1000000 serial:COM3 tcp:host:1234 tcp:[::1]:1234 unix:/run/hci.sock unix:hci.sock hci0,hci1",
			bad:      "hci hcix 0 usb:0 serial: tcp: tcp:host tcp:host:0 tcp::1234 unix: 00:11:22:33:44 00:11:22:33:44:5g hci0,hci0 hci0,,hci1 hci0,",
			extraBad: []string{"", "unix:a\x00b"},
		},
		{
			key:  "mesh.address",
			good: "1 0x0001 0x7FFF 32767", bad: "0 0x8000 -1 x 1.5 0x", extraBad: []string{""},
		},
		{key: "mesh.default_ttl", good: "0 2 127 0x10", bad: "1 128 255 -2 ten"},
		{
			key:  "mesh.network_transmit.interval",
			good: "10ms 20ms 0.1s 320ms", bad: "0 0s 5ms 15ms 330ms -10ms 1h 20 fast",
		},
		{key: "mesh.relay", good: "true false 1 0", bad: "yes no on 2"},
		{key: "mesh.friend", good: "true false 1 0", bad: "yes no on 2"},
		{
			key:       "mesh.provision.static_oob",
			good:      "00112233445566778899aabbccddeeff 00112233445566778899AABBCCDDEEFF",
			extraGood: []string{""}, bad: "0 0011 zz112233445566778899aabbccddeeff 00112233445566778899aabbccddeeff00",
		},
		{key: "mesh.proxy.client", good: "auto on off", bad: "true yes AUTO 1", extraBad: []string{""}},
		{key: "mesh.proxy.connections", good: "1 4", bad: "0 5 -1 one"},
		{key: "log.format", good: "auto console json", bad: "text JSON", extraBad: []string{""}},
		{
			key:  "http.listen",
			good: ":8080 127.0.0.1:80 [::1]:80 localhost:65535", extraGood: []string{""}, bad: "8080 localhost :0 :65536 :http 127.0.0.1: http://x:80",
		},
	} {
		k := find(t, test.key)
		for _, text := range append(strings.Fields(test.good), test.extraGood...) {
			if _, err := k.fromText(text); err != nil {
				t.Errorf("%s: %q was refused: got %v", k.Name, text, err)
			}
		}
		for _, text := range append(strings.Fields(test.bad), test.extraBad...) {
			if v, err := k.fromText(text); err == nil {
				t.Errorf("%s: %q was accepted as %v", k.Name, text, v)
			}
		}
	}
}

func find(t *testing.T, name string) Key {
	t.Helper()
	for _, k := range Keys() {
		if k.Name == name {
			return k
		}
	}
	t.Fatalf("no key %s", name)
	return Key{}
}

// FuzzLoad reads arbitrary YAML files. An accepted file must be valid, and the
// listing of the effective configuration must be YAML that loads as the same
// configuration (except for secrets).
func FuzzLoad(f *testing.F) {
	var example bytes.Buffer
	if err := WriteExample(&example); err != nil {
		f.Fatal(err)
	}
	f.Add(example.Bytes())
	for _, yaml := range []string{
		"", "null", "mqtt: {url: 'mqtt://me:pw@h'}", "mqtt.url: x", "mqtt: &a {x: *a}", "? {a: b}\n: c", "1: 2\ntrue: 3\n? [x]\n: 4",
		"a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]", "<<: {mqtt: {url: mqtt://h}}", "mesh: {name: !!binary aGk=}", "mesh: {name: 2001-01-01}",
		"log: {level: .nan}\nhttp: {listen: ~}", "\xff\xfe", "%YAML 9.9\n---\n", "hci:\n- adapters: [hci0]\n", "hci: {adapters: [tcp:a:1, unix:b]}",
		"mesh: {name: \"a # b: 'c' \\\" \\\\\"}",
	} {
		f.Add([]byte(yaml))
	}
	load := func(b []byte) (*Loaded, error) {
		return Load(Input{File: "f.yaml", ReadFile: func(path string) ([]byte, error) {
			if path == "f.yaml" {
				return b, nil
			}
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
		}})
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := load(b)
		if err != nil {
			if err.Error() == "" {
				t.Fatal("an error without a text")
			}
			return
		}
		if p := Validate(&l.Config); len(p) > 0 {
			t.Fatalf("accepted, but %v", p)
		}
		var written bytes.Buffer
		if err := l.Write(&written); err != nil {
			t.Fatal(err)
		}
		// A hidden secret is not a static OOB value, and a user name without a
		// password is allowed.
		l.Config.Mesh.Provision.StaticOOB, l.Config.MQTT.Password = Secret{}, Secret{}
		text := strings.NewReplacer(`static_oob: "(hidden)"`, `static_oob: ""`, `password: "(hidden)"`, `password: ""`).Replace(written.String())
		again, err := load([]byte(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		for _, k := range Keys() {
			if got, want := k.yaml(k.get(&again.Config)), k.yaml(k.get(&l.Config)); got != want {
				t.Fatalf("%s is %s after writing %s", k.Name, got, want)
			}
		}
	})
}
