package config

import (
	"strings"
)

// Validate checks a configuration without looking at anything else: each value
// by itself, and those that must fit together. Load calls it; other makers of
// a Config can.
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
		report("mqtt.password_file", "mqtt.password is given too; keep one of the two")
	}
	if m.Username == "" && (m.Password.IsSet() || m.PasswordFile != "") {
		report("mqtt.username", "expected a user name, because there is a password")
	}
	if (m.TLS.Cert == "") != (m.TLS.Key == "") {
		report("mqtt.tls.cert", "expected together with mqtt.tls.key, got one of the two")
	}
	if m.TLS != (TLS{}) && !encrypted(m.URL) {
		report("mqtt.url", "expected mqtts, ssl, tls or wss, because a key below mqtt.tls is given")
	}
	if ha := &c.HomeAssistant; ha.Enabled {
		switch {
		case m.BaseTopic == ha.DiscoveryPrefix:
			report("mqtt.base_topic", "expected another topic than homeassistant.discovery_prefix, because states would be taken for announcements")
		case strings.HasPrefix(m.BaseTopic, ha.DiscoveryPrefix+"/"):
			report("mqtt.base_topic", "expected a topic that is not below homeassistant.discovery_prefix, because states would be taken for announcements")
		}
	}
	return problems
}
