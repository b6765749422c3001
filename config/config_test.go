package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/spf13/pflag"
)

// input builds an Input from the text of a YAML file, of the environment and of
// the flags.
func input(t *testing.T, yaml string, environ []string, flags ...string) Input {
	t.Helper()
	set := pflag.NewFlagSet("test", pflag.ContinueOnError)
	BindFlags(set)
	if err := set.Parse(flags); err != nil {
		t.Fatalf("flags: %v", err)
	}
	in := Input{Environ: environ, Flags: set, ReadFile: func(path string) ([]byte, error) {
		switch path {
		case "bridge.yaml":
			return []byte(yaml), nil
		case "password":
			return []byte("from the file\r\n"), nil
		case "marked":
			return []byte("\uFEFFfrom the file\n"), nil
		case "empty":
			return []byte("\n"), nil
		case "ca.pem", "cert.pem", "key.pem":
			return []byte("PEM"), nil
		}
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}}
	if yaml != "" {
		in.File = "bridge.yaml"
	}
	return in
}

func mustLoad(t *testing.T, in Input) *Loaded {
	t.Helper()
	l, err := Load(in)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestDefaults(t *testing.T) {
	l := mustLoad(t, Input{})
	if !reflect.DeepEqual(l.Config, Default()) {
		t.Errorf("got %+v, want the defaults %+v", l.Config, Default())
	}
	for _, k := range Keys() {
		if l.IsSet(k.Name) {
			t.Errorf("%s counts as set: %v", k.Name, l.Origin(k.Name))
		}
	}
}

// TestKeysCoverEveryField changes each field of Config that has a key, and
// checks that no other field exists.
func TestKeysCoverEveryField(t *testing.T) {
	var walk func(prefix string, v reflect.Value) []string
	walk = func(prefix string, v reflect.Value) []string {
		if v.Kind() != reflect.Struct || v.Type() == reflect.TypeFor[Secret]() {
			return []string{prefix}
		}
		var leaves []string
		for i := range v.NumField() {
			leaves = append(leaves, walk(prefix+"."+v.Type().Field(i).Name, v.Field(i))...)
		}
		return leaves
	}
	leaves := walk("Config", reflect.ValueOf(Config{}))
	if len(leaves) != len(Keys()) {
		t.Errorf("%d fields for %d keys: %v", len(leaves), len(Keys()), leaves)
	}
	names := make(map[string]bool)
	for _, k := range Keys() {
		if names[k.Name] || names[k.Env()] {
			t.Errorf("%s is there twice", k.Name)
		}
		names[k.Name], names[k.Env()] = true, true
		if k.Usage == "" || k.Expect == "" || k.Type == "" || strings.ContainsAny(k.Usage+k.Expect, "\n`") {
			t.Errorf("%s lacks a text, or has one that does not fit on a line: %+v", k.Name, k)
		}
		var c Config
		d := Default()
		k.set(&c, k.get(&d))
		if !reflect.DeepEqual(k.get(&c), k.get(&d)) {
			t.Errorf("%s: set and get disagree", k.Name)
		}
		if err := k.check(&d); err != nil {
			t.Errorf("the default of %s is refused: %v", k.Name, err)
		}
	}
}

// other has, for each key, a value that is not the default, as text for a flag
// and as YAML.
func other() map[string]struct{ text, yaml, value string } {
	return map[string]struct{ text, yaml, value string }{
		"mqtt.url":                       {"mqtts://broker:8883", "mqtts://broker:8883", "mqtts://broker:8883"},
		"mqtt.username":                  {"me", `"0123"`, ""},
		"mqtt.password":                  {"p#w: '\"", `"p#w: '\""`, `p#w: '"`},
		"mqtt.password_file":             {"password", "password", "password"},
		"mqtt.client_id":                 {"second", "second", "second"},
		"mqtt.base_topic":                {"home/mesh", "home/mesh", "home/mesh"},
		"mqtt.connect_timeout":           {"2m", "2m0s", "2m0s"},
		"mqtt.event_expiry":              {"1s", "1h", ""},
		"mqtt.key_export":                {"plain", "plain", "plain"},
		"mqtt.tls.ca":                    {"ca.pem", "ca.pem", "ca.pem"},
		"mqtt.tls.cert":                  {"cert.pem", "cert.pem", "cert.pem"},
		"mqtt.tls.key":                   {"key.pem", "key.pem", "key.pem"},
		"mqtt.tls.insecure_skip_verify":  {"true", "true", "true"},
		"mqtt.tls.server_name":           {"name", "name", "name"},
		"homeassistant.enabled":          {"false", "false", "false"},
		"homeassistant.discovery_prefix": {"ha", "ha", "ha"},
		"homeassistant.status_topic":     {"ha/status", "ha/status", "ha/status"},
		"hci.adapters":                   {"hci1, tcp:localhost:9000", "[hci1, \"tcp:localhost:9000\"]", "[hci1 tcp:localhost:9000]"},
		"hci.wait":                       {"false", "false", "false"},
		"hci.capture":                    {"/tmp/air.btsnoop", "air.btsnoop", ""},
		"hci.capture_size":               {"1", "65536", ""},
		"mesh.name":                      {"Küche", "Küche", "Küche"},
		"mesh.address":                   {"0x7fff", "0x7fff", "32767"},
		"mesh.default_ttl":               {"127", "127", "127"},
		"mesh.relay":                     {"0", "false", "false"},
		"mesh.friend":                    {"0", "false", "false"},
		"mesh.network_transmit.count":    {"8", "8", "8"},
		"mesh.network_transmit.interval": {"320ms", "0.32s", "320ms"},
		"mesh.relay_retransmit.count":    {"1", "1", "1"},
		"mesh.relay_retransmit.interval": {"10ms", "10ms", "10ms"},
		"mesh.key_refresh_patience":      {"72h", "4320m", "72h0m0s"},
		"mesh.provision.static_oob":      {strings.Repeat("0f", 16), strings.Repeat("aB", 16), ""},
		"mesh.provision.allow_no_oob":    {"false", "false", "false"},
		"mesh.provision.trust_anchors":   {"a.pem", "a.pem", "a.pem"},
		"mesh.proxy.client":              {"off", "off", "off"},
		"mesh.proxy.connections":         {"4", "4", "4"},
		"mesh.proxy.server":              {"true", "true", "true"},
		"store.dir":                      {"/data", "/data", "/data"},
		"firmware.dir":                   {"/firmware", "/firmware", "/firmware"},
		"log.level":                      {"trace", "trace", "trace"},
		"log.format":                     {"json", "json", "json"},
		"http.listen":                    {":8080", "\"[::1]:8080\"", ""},
	}
}

// TestEveryKeyFromEveryLayer gives each key, alone, in each of the layers.
func TestEveryKeyFromEveryLayer(t *testing.T) {
	// Some keys need company; it comes from the environment.
	company := map[string][]string{
		"mqtt.password":      {"BTMESH2MQTT_MQTT__USERNAME=me"},
		"mqtt.password_file": {"BTMESH2MQTT_MQTT__USERNAME=me"},
		"mqtt.tls.cert":      {"BTMESH2MQTT_MQTT__TLS__KEY=key.pem"},
		"mqtt.tls.key":       {"BTMESH2MQTT_MQTT__TLS__CERT=cert.pem"},
	}
	values := other()
	for _, k := range Keys() {
		v, ok := values[k.Name]
		if !ok {
			t.Errorf("no value for %s", k.Name)
			continue
		}
		environ := company[k.Name]
		if strings.HasPrefix(k.Name, "mqtt.tls.") {
			environ = append(environ, "BTMESH2MQTT_MQTT__URL=mqtts://broker")
		}
		for name, test := range map[string]struct {
			in   Input
			want Origin
		}{
			"nested YAML": {input(t, nested(k.Name, v.yaml), environ), Origin{FromFile, fmt.Sprintf("bridge.yaml:%d", 1+strings.Count(k.Name, "."))}},
			"dotted YAML": {input(t, k.Name+": "+v.yaml, environ), Origin{FromFile, "bridge.yaml:1"}},
			"environment": {input(t, "", append(environ[:len(environ):len(environ)], k.Env()+"="+v.text)), Origin{FromEnvironment, k.Env()}},
			"flag":        {input(t, "", environ, "--"+k.Name+"="+v.text), Origin{FromFlag, "--" + k.Name}},
		} {
			t.Run(k.Name+" "+name, func(t *testing.T) {
				l, err := Load(test.in)
				if err != nil {
					t.Fatal(err)
				}
				defaults := Default()
				got := k.get(&l.Config)
				if reflect.DeepEqual(got, k.get(&defaults)) {
					t.Errorf("it kept the default %v", got)
				}
				if text, isSecret := got.(Secret); isSecret {
					got = text.Reveal()
				}
				if v.value != "" && fmt.Sprint(got) != v.value {
					t.Errorf("got %v, want %s", got, v.value)
				}
				if l.Origin(k.Name) != test.want {
					t.Errorf("origin %v, want %v", l.Origin(k.Name), test.want)
				}
			})
		}
	}
}

func nested(name, value string) string {
	var b strings.Builder
	parts := strings.Split(name, ".")
	for i, part := range parts {
		fmt.Fprintf(&b, "%s%s:", strings.Repeat("  ", i), part)
		if i < len(parts)-1 {
			b.WriteByte('\n')
		}
	}
	return b.String() + " " + value + "\n"
}

func TestLaterLayersOverride(t *testing.T) {
	yaml := "mqtt:\n  base_topic: file\n  client_id: file\n  username: file\nhci:\n  adapters: [hci1, hci2]\n"
	environ := []string{"HOME=/", "BTMESH2MQTT_MQTT__CLIENT_ID=env", "BTMESH2MQTT_MQTT__USERNAME=env", "OTHER_BTMESH2MQTT_X=1"}
	l := mustLoad(t, input(t, yaml, environ, "--mqtt.username", "flag", "--hci.adapters=hci3", "--hci.adapters=hci4,hci5"))
	got := []string{l.Config.Store.Dir, l.Config.MQTT.BaseTopic, l.Config.MQTT.ClientID, l.Config.MQTT.Username}
	if want := []string{"store", "file", "env", "flag"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if want := []string{"hci3", "hci4", "hci5"}; !reflect.DeepEqual(l.Config.HCI.Adapters, want) {
		t.Errorf("got adapters %v, want %v", l.Config.HCI.Adapters, want)
	}
}

func TestPasswordFile(t *testing.T) {
	l := mustLoad(t, input(t, "", nil, "--mqtt.username=me", "--mqtt.password_file=password"))
	if got := l.Config.MQTT.Password.Reveal(); got != "from the file" {
		t.Errorf("password %q", got)
	}
	if got := l.Origin("mqtt.password"); got != (Origin{FromFlag, "--mqtt.password_file"}) {
		t.Errorf("origin %v", got)
	}
}

// Some editors begin a text file with a byte-order mark.
func TestByteOrderMark(t *testing.T) {
	l := mustLoad(t, input(t, "\uFEFFmqtt:\n  username: me\n  password_file: marked\n", nil))
	if m := l.Config.MQTT; m.Username != "me" || m.Password.Reveal() != "from the file" {
		t.Errorf("user %q, password %q", m.Username, m.Password.Reveal())
	}
}

func TestCredentialsLeaveTheURL(t *testing.T) {
	l := mustLoad(t, input(t, "mqtt: {url: 'mqtt://me:p%40ss%2F@broker:1883'}", nil))
	m := l.Config.MQTT
	if m.URL != "mqtt://broker:1883" || m.Username != "me" || m.Password.Reveal() != "p@ss/" {
		t.Errorf("got %q, %q, %q", m.URL, m.Username, m.Password.Reveal())
	}
	if l.Origin("mqtt.password") != (Origin{FromFile, "bridge.yaml:1"}) {
		t.Errorf("origin %v", l.Origin("mqtt.password"))
	}
}

func TestExampleLoadsAsTheDefaults(t *testing.T) {
	var example bytes.Buffer
	if err := WriteExample(&example); err != nil {
		t.Fatal(err)
	}
	l := mustLoad(t, input(t, example.String(), nil))
	if !reflect.DeepEqual(l.Config, Default()) {
		t.Errorf("got %+v, want %+v from\n%s", l.Config, Default(), &example)
	}
	for _, k := range Keys() {
		if l.Origin(k.Name).Layer != FromFile {
			t.Errorf("%s is not in the example", k.Name)
		}
		if !strings.Contains(example.String(), k.Usage) {
			t.Errorf("the example does not say what %s is for", k.Name)
		}
	}
}

const hidden = "correct horse"

func TestWriteHidesSecrets(t *testing.T) {
	in := input(t, "", []string{"BTMESH2MQTT_MQTT__URL=ws://me:" + strings.ReplaceAll(hidden, " ", "%20") + "@broker/mqtt"},
		"--mesh.provision.static_oob="+strings.Repeat("5e", 16))
	var b bytes.Buffer
	if err := mustLoad(t, in).Write(&b); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	for _, secret := range []string{hidden, "correct%20horse", "5e5e"} {
		if strings.Contains(got, secret) {
			t.Errorf("%q is shown:\n%s", secret, got)
		}
	}
	for _, line := range []string{
		`  url: ws://broker/mqtt                      # environment BTMESH2MQTT_MQTT__URL`,
		`  password: "(hidden)"                       # environment BTMESH2MQTT_MQTT__URL`,
		`    static_oob: "(hidden)"                   # flag --mesh.provision.static_oob`,
		`  adapters: [hci0]                           # default`,
	} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("no line %q in\n%s", line, got)
		}
	}
}

func TestSecretDoesNotPrint(t *testing.T) {
	s := NewSecret(hidden)
	c := Config{MQTT: MQTT{Password: s}}
	encoded, err := json.Marshal(map[string]any{"a": s, "b": &s, "c": c})
	if err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	logger := zerolog.New(&logged)
	logger.Info().Interface("i", c).Stringer("s", s).Any("a", s).Msgf("%v", s)
	texts := []string{string(encoded), logged.String(), fmt.Sprint(errors.Join(fmt.Errorf("%w: %v", fs.ErrExist, s)))}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%10.3s"} {
		texts = append(texts, fmt.Sprintf(verb, s), fmt.Sprintf(verb, &s), fmt.Sprintf(verb, c), fmt.Sprintf(verb, []Secret{s}))
	}
	for _, text := range texts {
		for _, form := range []string{hidden, "cor", fmt.Sprintf("%x", "cor"), fmt.Sprintf("%X", "cor"), "[99 111"} {
			if strings.Contains(text, form) {
				t.Errorf("%q shows the secret", text)
			}
		}
		if !strings.Contains(text, "hidden") {
			t.Errorf("%q does not show that there is one", text)
		}
	}
	if s.Reveal() != hidden || !s.IsSet() || (Secret{}).IsSet() || (Secret{}).String() != "" {
		t.Error("Reveal, IsSet or String of the empty secret are wrong")
	}
}
