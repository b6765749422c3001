package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// problems loads the configuration and returns one string per problem.
func problems(t *testing.T, in Input) []string {
	t.Helper()
	l, err := Load(in)
	if err == nil {
		t.Fatalf("it was accepted: %+v", l.Config)
	}
	var invalid *Invalid
	if !errors.As(err, &invalid) || l != nil {
		t.Fatalf("got %T, %v, want *Invalid and no configuration", err, l)
	}
	var lines []string
	for _, p := range invalid.Problems {
		if strings.Contains(p.String(), "\n") {
			t.Errorf("%q does not fit on a line", p)
		}
		if !strings.Contains(err.Error(), p.String()) {
			t.Errorf("%q is not in the error", p)
		}
		lines = append(lines, p.String())
	}
	return lines
}

func TestProblemsInTheFile(t *testing.T) {
	for name, test := range map[string]struct{ yaml, want string }{
		"unknown key":                {"mqtt:\n  urll: x\n", "mqtt.urll: unknown key; did you mean mqtt.url? (bridge.yaml:2)"},
		"unknown section":            {"mqt:\n  url: mqtt://x\n", "mqt.url: unknown key; did you mean mqtt.url? (bridge.yaml:2)"},
		"key without its section":    {"discovery_prefix: x\n", "discovery_prefix: unknown key; did you mean homeassistant.discovery_prefix? (bridge.yaml:1)"},
		"similar to nothing":         {"zzz: 1", "zzz: unknown key; config example lists all keys (bridge.yaml:1)"},
		"unknown section, empty":     {"zzz:", "zzz: unknown key; config example lists all keys (bridge.yaml:1)"},
		"key below a key":            {"mqtt: {url: {host: x, port: 1}}", "mqtt.url: expected mqtt://host:1883, or tcp, mqtts, ssl, tls, ws, wss instead of mqtt, got a section (bridge.yaml:1)"},
		"text in place of a section": {"mqtt: mqtt://x", "mqtt: expected a section with mqtt.url, mqtt.username, mqtt.password, mqtt.password_file, mqtt.client_id, mqtt.base_topic, mqtt.key_export, mqtt.connect_timeout, mqtt.event_expiry, mqtt.tls.ca, mqtt.tls.cert, mqtt.tls.key, mqtt.tls.insecure_skip_verify, mqtt.tls.server_name (bridge.yaml:1)"},
		"list in place of a section": {"hci: [hci0]", "hci: expected a section with hci.adapters, hci.wait, hci.capture, hci.capture_size (bridge.yaml:1)"},
		"no value":                   {"mesh:\n  name:\n", "mesh.name: expected non-empty text, got no value (remove the line to get the default) (bridge.yaml:2)"},
		"number as text":             {"mqtt: {username: 0123}", "mqtt.username: expected text, got 83; put it in quotes if it is text (bridge.yaml:1)"},
		"number as password":         {"mqtt: {password: 1234}", "mqtt.password: expected text, got a value that is not text; put it in quotes (bridge.yaml:1)"},
		"text as bool":               {"mesh: {relay: yes}", `mesh.relay: expected true or false, got "yes" (bridge.yaml:1)`},
		"fraction":                   {"mesh: {network_transmit: {count: 2.5}}", "mesh.network_transmit.count: expected a number from 1 to 8, got 2.5 (bridge.yaml:1)"},
		"text as number":             {"mesh: {network_transmit: {count: '2'}}", `mesh.network_transmit.count: expected a number from 1 to 8, got "2" (bridge.yaml:1)`},
		"out of range":               {"mesh: {network_transmit: {count: 9}}", "mesh.network_transmit.count: expected a number from 1 to 8, got 9 (bridge.yaml:1)"},
		"too large for a number":     {"mesh: {default_ttl: 99999999999999999999}", "mesh.default_ttl: expected 0, or a number from 2 to 127, got 1e+20 (bridge.yaml:1)"},
		"wraps around":               {"mesh: {default_ttl: 266}", "mesh.default_ttl: expected 0, or a number from 2 to 127, got 266 (bridge.yaml:1)"},
		"TTL 1":                      {"mesh: {default_ttl: 1}", "mesh.default_ttl: expected 0, or a number from 2 to 127, got 1 (bridge.yaml:1)"},
		"group address":              {"mesh: {address: 0xC000}", "mesh.address: expected a unicast address, 0x0001 to 0x7fff, got 0xc000 (bridge.yaml:1)"},
		"no address":                 {"mesh: {address: '0x0000'}", "mesh.address: expected a unicast address, 0x0001 to 0x7fff, got 0x0000 (bridge.yaml:1)"},
		"large address":              {"mesh: {address: 65537}", "mesh.address: expected a unicast address, 0x0001 to 0x7fff, got 0x10001 (bridge.yaml:1)"},
		"duration without unit":      {"mesh: {network_transmit: {interval: 20}}", "mesh.network_transmit.interval: expected a duration from 10ms to 320ms in steps of 10ms, got 20; a duration has a unit, such as 10ms (bridge.yaml:1)"},
		"duration between steps":     {"mesh: {network_transmit: {interval: 25ms}}", "mesh.network_transmit.interval: expected a duration from 10ms to 320ms in steps of 10ms, got 25ms (bridge.yaml:1)"},
		"text in place of a list":    {"hci: {adapters: hci0}", `hci.adapters: expected a list of hci0, 00:11:22:33:44:55, serial:/dev/ttyACM0?baud=1000000, tcp:host:port, unix:path, got "hci0" (bridge.yaml:1)`},
		"number in a list":           {"hci: {adapters: [0]}", "hci.adapters: expected a list of hci0, 00:11:22:33:44:55, serial:/dev/ttyACM0?baud=1000000, tcp:host:port, unix:path, got 0 in the list (bridge.yaml:1)"},
		"none of the words":          {"log: {level: loud}", `log.level: expected one of trace, debug, info, warn, error, got "loud" (bridge.yaml:1)`},
		"two documents":              {"log: {level: info}\n---\nlog: {level: info}", "bridge.yaml: expected one YAML document, got a second one after ---"},
		"key twice":                  {"mqtt: {url: mqtt://a}\nmqtt.url: mqtt://b\n", "bridge.yaml: expected each key once, got mqtt.url on line 1 and on line 2"},
		"a tab":                      {"mqtt:\n\turl: x", "bridge.yaml: expected YAML: yaml: line 2: found character that cannot start any token (perhaps a tab; YAML is indented with spaces)"},
		"not YAML":                   {"mqtt: [", "bridge.yaml: expected YAML: yaml: line 1: did not find expected node content"},
		"a list":                     {"- mqtt", "bridge.yaml: expected sections and keys, such as mqtt: with url: below it"},
		"text":                       {"mqtt", "bridge.yaml: expected sections and keys, such as mqtt: with url: below it"},
		"too large":                  {strings.Repeat("#", maxFile+1), "bridge.yaml: expected a YAML file of at most 1048576 octets, got 1048577"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := problems(t, input(t, test.yaml, nil)); !slices.Equal(got, []string{test.want}) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), test.want)
			}
		})
	}
}

func TestSectionsMayBeEmpty(t *testing.T) {
	for _, yaml := range []string{"mqtt:\n#  url: mqtt://x\n", "mqtt: {tls: {}}\nmesh: {provision: }", "# nothing\n", "---\n", "null"} {
		mustLoad(t, input(t, yaml, nil))
	}
}

func TestProblemsInEnvironmentAndFlags(t *testing.T) {
	for name, test := range map[string]struct {
		environ []string
		flags   []string
		want    string
	}{
		"unknown variable":   {environ: []string{"BTMESH2MQTT_MQTT__URLL=x"}, want: "BTMESH2MQTT_MQTT__URLL: unknown variable; did you mean BTMESH2MQTT_MQTT__URL? (environment)"},
		"single underscore":  {environ: []string{"BTMESH2MQTT_MQTT_URL=x"}, want: "BTMESH2MQTT_MQTT_URL: unknown variable; did you mean BTMESH2MQTT_MQTT__URL? (environment)"},
		"lower case":         {environ: []string{"BTMESH2MQTT_mqtt__url=x"}, want: "BTMESH2MQTT_mqtt__url: unknown variable; did you mean BTMESH2MQTT_MQTT__URL? (environment)"},
		"nothing similar":    {environ: []string{"BTMESH2MQTT_=x"}, want: "BTMESH2MQTT_: unknown variable; config show lists all keys; write a dot as __ (environment)"},
		"bool in variable":   {environ: []string{"BTMESH2MQTT_MESH__RELAY=maybe"}, want: `mesh.relay: expected true or false, got "maybe" (BTMESH2MQTT_MESH__RELAY)`},
		"empty variable":     {environ: []string{"BTMESH2MQTT_MESH__RELAY="}, want: "mesh.relay: expected true or false, got nothing (BTMESH2MQTT_MESH__RELAY)"},
		"number in flag":     {flags: []string{"--mesh.network_transmit.count=many"}, want: `mesh.network_transmit.count: expected a number from 1 to 8, got "many" (--mesh.network_transmit.count)`},
		"huge number":        {flags: []string{"--mesh.default_ttl=4294967300"}, want: `mesh.default_ttl: expected 0, or a number from 2 to 127, got "4294967300" (--mesh.default_ttl)`},
		"address in flag":    {flags: []string{"--mesh.address=-1"}, want: "mesh.address: expected a unicast address, 0x0001 to 0x7fff, got 0x-001 (--mesh.address)"},
		"duration in flag":   {flags: []string{"--mesh.network_transmit.interval=20"}, want: `mesh.network_transmit.interval: expected a duration from 10ms to 320ms in steps of 10ms, got "20" (--mesh.network_transmit.interval)`},
		"empty list":         {flags: []string{"--hci.adapters="}, want: "hci.adapters: expected a list of hci0, 00:11:22:33:44:55, serial:/dev/ttyACM0?baud=1000000, tcp:host:port, unix:path, got nothing (--hci.adapters)"},
		"adapter twice":      {flags: []string{"--hci.adapters=hci0,hci0"}, want: `hci.adapters: expected a list of hci0, 00:11:22:33:44:55, serial:/dev/ttyACM0?baud=1000000, tcp:host:port, unix:path, got "hci0" twice (--hci.adapters)`},
		"control characters": {flags: []string{"--mesh.name=a\x1b[31mb"}, want: `mesh.name: expected non-empty text, got "a\x1b[31mb", which has control characters or is not UTF-8 (--mesh.name)`},
		"missing directory":  {flags: []string{"--store.dir="}, want: "store.dir: expected non-empty text, got nothing (--store.dir)"},
		"file not there":     {flags: []string{"--mqtt.username=u", "--mqtt.password_file=gone"}, want: "mqtt.password_file: expected a file with the password on one line: open gone: file does not exist (--mqtt.password_file)"},
		"file is empty":      {flags: []string{"--mqtt.username=u", "--mqtt.password_file=empty"}, want: "mqtt.password_file: expected a file with the password on one line: empty has other content (--mqtt.password_file)"},
		"certificates":       {flags: []string{"--mqtt.url=mqtts://x", "--mqtt.tls.ca=gone"}, want: "mqtt.tls.ca: expected a readable file: open gone: file does not exist (--mqtt.tls.ca)"},
		"static OOB":         {flags: []string{"--mesh.provision.static_oob=00112233"}, want: "mesh.provision.static_oob: expected 32 hexadecimal digits, or nothing, got 8 other characters (--mesh.provision.static_oob)"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := problems(t, input(t, "", test.environ, test.flags...)); !slices.Equal(got, []string{test.want}) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), test.want)
			}
		})
	}
}

// TestAllAtOnce has an error in each layer and one between values.
func TestAllAtOnce(t *testing.T) {
	yaml := "mqtt:\n  urll: x\n  client_id: 7\nmesh:\n  relay: 1\nlog:\n  levle: info\n"
	environ := []string{"BTMESH2MQTT_NOTHING=1", "BTMESH2MQTT_LOG__LEVEL=quiet"}
	got := problems(t, input(t, yaml, environ, "--http.listen=80", "--mqtt.base_topic=homeassistant"))
	for _, key := range []string{
		"mqtt.urll:", "mqtt.client_id:", "mesh.relay:", "log.levle:", "BTMESH2MQTT_NOTHING:", "log.level:", "http.listen:", "mqtt.base_topic:",
	} {
		if !slices.ContainsFunc(got, func(p string) bool { return strings.HasPrefix(p, key) }) {
			t.Errorf("%s is not reported", key)
		}
	}
	if len(got) != 8 {
		t.Errorf("%d problems, want 8:\n%s", len(got), strings.Join(got, "\n"))
	}
}

// TestAValueThatIsOverriddenIsCheckedToo finds errors that would only appear
// once the flag is omitted.
func TestAValueThatIsOverriddenIsCheckedToo(t *testing.T) {
	got := problems(t, input(t, "log: {level: loud}", nil, "--log.level=info"))
	if len(got) != 1 || !strings.Contains(got[0], "bridge.yaml:1") {
		t.Errorf("got %q", got)
	}
}

func TestFileThatCannotBeRead(t *testing.T) {
	in := input(t, "", nil)
	in.File = "gone.yaml"
	want := "gone.yaml: expected a readable YAML file: open gone.yaml: file does not exist"
	if got := problems(t, in); !slices.Equal(got, []string{want}) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestProblemsDoNotShowPasswords puts a password in every place where one is
// allowed, together with an error.
func TestProblemsDoNotShowPasswords(t *testing.T) {
	const password = "hunter2"
	var inputs []Input
	for _, u := range []string{
		"mqtt://me:hunter2@", "mqtt://me:hunter2@broker:port", "mqtt://me:hunter2#@broker", "http://me:hunter2@broker",
		"mqtt://me:hunter2/@broker", "mqtt://me:hunter2%zz@broker", "mqtt://me:\x01hunter2@broker", "me:hunter2@broker",
		"mqtt://me:hunter2@broker/topic", "mqtt://me:hunter2 @broker",
	} {
		inputs = append(inputs, input(t, "", nil, "--mqtt.url="+u), input(t, "mqtt: {url: '"+strings.ReplaceAll(u, "\x01", "")+"'}", []string{"BTMESH2MQTT_MQTT__URL=" + u}))
	}
	for _, yaml := range []string{
		"mqtt: {password: *hunter2}", "mqtt: {password: [hunter2]}", "mqtt: {password: {hunter2: 1}}", "mqtt: hunter2",
		"mqtt:\n  password: @hunter2", "mqtt:\n  password: %hunter2", "mqtt:\n  password: hunter2: x", "mqtt: {password: hunter2",
		"mqtt:\n  password: !hunter2 x", "mqtt: {password: \"hunter2\"\"}", "mesh: {provision: {static_oob: hunter2}}",
		"mqtt: {password: hunter2}", "mqtt: {url: 'mqtt://me:hunter2@x', password: hunter2}", "mqtt: {password: \"hunter2\\u0000\"}",
	} {
		inputs = append(inputs, input(t, yaml, nil))
	}
	inputs = append(inputs, input(t, "", []string{"BTMESH2MQTT_PASSWORD=hunter2"}))
	for _, in := range inputs {
		_, err := Load(in)
		if err == nil {
			t.Errorf("accepted: %+v", in)
			continue
		}
		if strings.Contains(err.Error(), password) || strings.Contains(fmt.Sprintf("%+v", err), password) {
			t.Errorf("the password is in: %v", err)
		}
	}
}

func TestNearest(t *testing.T) {
	candidates := []string{"mqtt.url", "mqtt.username", "log.level"}
	for name, want := range map[string]string{
		"mqtt.url": "mqtt.url", "mqtt.ulr": "mqtt.url", "MQTT.URL": "mqtt.url", "mqtt.user_name": "mqtt.username",
		"log.lvl": "log.level", "": "", "zebra": "", strings.Repeat("mqtt.url", 1000): "",
	} {
		if got := Nearest(name, candidates); got != want {
			t.Errorf("Nearest(%.20q) = %q, want %q", name, got, want)
		}
	}
	for _, d := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2}} {
		if got := distance(d.a, d.b); got != d.want || distance(d.b, d.a) != d.want {
			t.Errorf("distance(%q, %q) = %d, want %d", d.a, d.b, got, d.want)
		}
	}
}
