package bridge

import (
	"bytes"
	"errors"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/command"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
)

// byteOrderMark is what some editors and systems put before a text (RFC 8259, section
// 8.1, allows to ignore it).
const byteOrderMark = "\uFEFF"

// route gives a message of the broker to the part that it is for.
func (s *Service) route(m mqtt.Message) {
	m.Payload = bytes.TrimPrefix(m.Payload, []byte(byteOrderMark))
	if s.cfg.HomeAssistant.Enabled && m.Topic == s.cfg.HomeAssistant.StatusTopic {
		s.homeAssistant(m)
		return
	}
	if s.parts.echo.Take(m) {
		return
	}
	devices := s.host.Devices
	parsed, err := s.cfg.Topics.Parse(m.Topic, func(name string) bool { return devices.Find(name) != nil })
	if m.Retained && (parsed.Kind == 0 || parsed.Kind.Incoming()) {
		// It was written some time ago, for a state of things that is gone.
		s.parts.lists.Ignored()
		const ignored = "a retained command was ignored; publish commands without retain"
		if s.host.Publisher.Allow("retained", ignored+": "+m.Topic) {
			s.host.Log.Info().Str("topic", fault.Clip(m.Topic)).Msg(ignored)
		}
		return
	}
	switch {
	case errors.Is(err, topic.ErrUnknown):
		s.parts.commands.Unknown(parsed, m.Payload)
		return
	case err != nil:
		s.host.Publisher.Warn("", "the topic %s cannot be understood: %v", fault.Clip(m.Topic), err)
		return
	}
	switch parsed.Kind {
	case topic.Request:
		s.request(parsed.What, m.Payload)
	case topic.Set:
		command.Log(&s.host.Log, m.Topic, parsed.Name, m.Payload)
		s.parts.commands.Set(devices.Find(parsed.Name), parsed, m.Payload)
	case topic.Get:
		command.Log(&s.host.Log, m.Topic, parsed.Name, m.Payload)
		s.parts.commands.Get(devices.Find(parsed.Name), parsed, m.Payload)
	default:
		// One of our own, which a broad subscription of the broker brought back.
	}
}

// homeAssistant answers the start of Home Assistant, which forgets states that
// are not retained, with everything it needs.
func (s *Service) homeAssistant(m mqtt.Message) {
	if string(m.Payload) != "online" || m.Retained || !s.started {
		return // retained: it started before us and finds what we announce
	}
	s.host.Log.Info().Msg("Home Assistant has started")
	s.parts.lists.All()
	s.announce()
}
