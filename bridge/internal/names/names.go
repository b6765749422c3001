// Package names compares the friendly names of devices: two devices must have names
// whose topics do not meet, and which a person can tell apart.
//
//	plug    B/plug     B/plug/set     B/plug/0/set     B/plug/switch/set
//	plug/0                            B/plug/0/set  ◀─ the same topic
//
// Package topic checks one name by itself.
package names

import (
	"strings"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

// Meet reports whether devices with these names would have topics in common: they are
// the same, or one of them is an element of the other.
func Meet(a, b string) bool { return a == b || elementOf(a, b) || elementOf(b, a) }

// elementOf reports whether a topic of element is one of an element of device.
func elementOf(element, device string) bool {
	of, ok := deviceOf(element)
	return ok && of == device
}

// Alike reports whether a person can hardly tell two names apart, or their topics meet
// but for case and the forms of characters.
func Alike(a, b string) bool { return Meet(topic.Fold(a), topic.Fold(b)) }

// Similar makes a valid name that is as similar as possible to one that is not valid or
// not free. It returns "" if there is none.
func Similar(name string, free func(string) bool) string {
	name = topic.Repair(name)
	if name == "" || free(name) {
		return name
	}
	if i := strings.LastIndexByte(name, '/'); i > 0 {
		// It is an element of another device.
		if joined := topic.Repair(name[:i] + "_" + name[i+1:]); joined != "" && free(joined) {
			return joined
		}
	}
	return ""
}

// Set is names that are taken. It finds out about a name without looking at all of
// them. The zero Set is empty.
type Set struct {
	names    map[string]int
	elements map[string]int // by name of a device: how many of the names meet its topics
}

// Add takes a name, once more if it is taken.
func (s *Set) Add(name string) {
	if s.names == nil {
		s.names, s.elements = map[string]int{}, map[string]int{}
	}
	count(s.names, name, 1)
	if device, ok := deviceOf(name); ok {
		count(s.elements, device, 1)
	}
}

// Remove gives a name back that was taken.
func (s *Set) Remove(name string) {
	count(s.names, name, -1)
	if device, ok := deviceOf(name); ok {
		count(s.elements, device, -1)
	}
}

// Meets reports whether a name meets one that is taken.
func (s *Set) Meets(name string) bool {
	device, ok := deviceOf(name)
	return s.names[name] > 0 || s.elements[name] > 0 || ok && s.names[device] > 0
}

// deviceOf is the name of the device, should there be one, that has an element with
// these topics.
func deviceOf(name string) (device string, ok bool) {
	i := strings.LastIndexByte(name, '/')
	if i < 0 || !translate.NamesElement(name[i+1:]) {
		return "", false
	}
	return name[:i], true
}

func count(in map[string]int, name string, by int) {
	if in[name] += by; in[name] <= 0 {
		delete(in, name)
	}
}
