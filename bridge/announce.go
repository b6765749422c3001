package bridge

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/homeassistant"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
)

// announce publishes everything that stands, after a start.
func (s *Service) announce() {
	for _, list := range []string{"info", "devices", "unprovisioned", "health"} {
		s.lists[list] = true
	}
	for _, m := range s.sorted() {
		s.discover(m)
		s.publishAvailability(m)
		s.publishState(m)
		s.sweep(m)
	}
}

// homeAssistant answers the start of Home Assistant, which forgets states that
// are not retained, with everything it needs.
func (s *Service) homeAssistant(m mqtt.Message) {
	if string(m.Payload) != "online" || m.Retained || !s.begun {
		return // retained: it started before us and finds what we announce
	}
	s.log.Info().Msg("Home Assistant has started")
	s.announce()
}

// publishLists publishes the bridge's own retained topics that have changed,
// once there is something to say.
func (s *Service) publishLists() {
	if !s.begun {
		return
	}
	for _, list := range slices.Sorted(maps.Keys(s.lists)) {
		var document any
		switch list {
		case "info":
			document = s.info()
		case "devices":
			document = s.deviceList()
		case "unprovisioned":
			document = s.foundList()
		case "health":
			document = s.health()
		}
		data, err := json.Marshal(document)
		if err != nil {
			s.complain("bridge/%s could not be written: %v", list, err)
			continue
		}
		s.publisher.Publish(s.cfg.Topics.Bridge(list), data, true)
	}
	clear(s.lists)
}

// event publishes something that happened to bridge/event.
func (s *Service) event(kind string, data map[string]any) {
	payload, err := json.Marshal(map[string]any{"type": kind, "data": data})
	if err != nil {
		s.complain("the event %s could not be written: %v", kind, err)
		return
	}
	const atMostOnce = 0
	s.publisher.Event(s.cfg.Topics.Bridge("event"), payload, atMostOnce)
}

// complain logs a warning, here and in bridge/logging.
func (s *Service) complain(format string, args ...any) { s.complainOf("", format, args...) }

// complainOf is complain about a device.
func (s *Service) complainOf(device, format string, args ...any) {
	text := clip(fmt.Sprintf(format, args...))
	e := s.log.Warn()
	if device != "" {
		e.Str("device", device)
	}
	e.Msg(text)
	payload, err := json.Marshal(map[string]string{"level": "warning", "message": text, "namespace": "bridge"})
	if err != nil {
		return // strings can always be written
	}
	const atMostOnce = 0
	s.publisher.Event(s.cfg.Topics.Bridge("logging"), payload, atMostOnce)
}

// discover publishes the device to Home Assistant.
func (s *Service) discover(m *managed) {
	if !s.cfg.HomeAssistant.Enabled || m.translator == nil {
		return
	}
	topic, payload, err := homeassistant.Discovery(s.cfg.HomeAssistant, s.cfg.Topics, m.record, m.translator.Features(), m.gone...)
	if err != nil {
		s.complainOf(m.record.Name, "%s could not be described to Home Assistant: %v", m.record.Name, err)
		return
	}
	s.retain(m, topic, payload)
}

// publishState publishes everything that the device reported. A device without
// a state, such as a button, has nothing but events.
func (s *Service) publishState(m *managed) {
	if m.translator == nil {
		return
	}
	topic := s.cfg.Topics.State(m.record.Name)
	attributes := s.withUpdate(m, m.translator.State())
	if len(attributes) == 0 {
		s.clear(m, topic) // of what it was before it was interviewed again
		return
	}
	data, err := json.Marshal(attributes)
	if err != nil {
		s.complainOf(m.record.Name, "the state of %s could not be written: %v", m.record.Name, err)
		return
	}
	s.retain(m, topic, data)
}

// publishAvailability says whether the device can be reached, once that is
// known.
func (s *Service) publishAvailability(m *managed) {
	if m.online == nil {
		return
	}
	s.retain(m, s.cfg.Topics.Availability(m.record.Name), stateDocument(*m.online))
}

// stateDocument is the payload of availability topics.
func stateDocument(online bool) []byte {
	if online {
		return []byte(`{"state":"online"}`)
	}
	return []byte(`{"state":"offline"}`)
}
