// Package homeassistant describes devices to Home Assistant: MQTT discovery,
// one retained document per device.
package homeassistant

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

// Options is the configuration of discovery.
type Options struct {
	Enabled     bool
	Prefix      string // discovery prefix
	StatusTopic string // where Home Assistant says that it has started
	Version     string // of this program
}

// Discovery is the topic and the document of a device.
func Discovery(o Options, t topic.Topics, r *device.Record, things []translate.Thing) (string, []byte, error) {
	panic("not built yet")
}
