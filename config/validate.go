package config

import (
	"strings"
)

// Validate checks a complete configuration: each value, and values that depend
// on each other. It accesses no files. Load calls it; callers that build a
// Config themselves can use it.
func Validate(c *Config) []Problem {
	var problems []Problem
	report := func(key, message string) {
		problems = append(problems, Problem{Key: key, Message: message})
	}
	for _, k := range Keys() {
		if err := k.check(c); err != nil {
			report(k.Name, "expected "+k.Expect+", got "+err.Error())
		}
	}

	m := &c.MQTT
	if m.Password.IsSet() && m.PasswordFile != "" {
		report("mqtt.password_file", "mqtt.password is set too; remove one of them")
	}
	if m.Username == "" && (m.Password.IsSet() || m.PasswordFile != "") {
		report("mqtt.username", "expected a user name, because there is a password")
	}
	if (m.TLS.Cert == "") != (m.TLS.Key == "") {
		report("mqtt.tls.cert", "expected mqtt.tls.cert and mqtt.tls.key together, got one of them")
	}
	if m.TLS != (TLS{}) && !encrypted(m.URL) {
		report("mqtt.url", "expected mqtts, ssl, tls or wss, because a key below mqtt.tls is set")
	}
	if ha := &c.HomeAssistant; ha.Enabled {
		switch {
		case m.BaseTopic == ha.DiscoveryPrefix:
			report("mqtt.base_topic", "expected another topic than homeassistant.discovery_prefix, because Home Assistant would read states as discovery messages")
		case strings.HasPrefix(m.BaseTopic, ha.DiscoveryPrefix+"/"):
			report("mqtt.base_topic", "expected a topic that is not below homeassistant.discovery_prefix, because Home Assistant would read states as discovery messages")
		}
	}
	return problems
}
