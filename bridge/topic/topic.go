package topic

import "strings"

// Segments of the grammar.
const (
	bridgeSegment       = "bridge"
	setSegment          = "set"
	getSegment          = "get"
	availabilitySegment = "availability"
	eventSegment        = "event"
	messageSegment      = "message"
	responseSegment     = "response"
	requestSegment      = "request"
)

// Topics builds and parses the topics below one base topic. The zero value is
// not usable; see [New]. It is immutable and safe for concurrent use.
type Topics struct {
	prefix string // base and a slash
}

// New checks the base topic (wraps [ErrBase]). It may contain slashes, as in
// "home/mesh".
func New(base string) (Topics, error) {
	if err := checkBase(base); err != nil {
		return Topics{}, err
	}
	return Topics{prefix: base + "/"}, nil
}

// Base is the base topic.
func (t Topics) Base() string { return strings.TrimSuffix(t.prefix, "/") }

// State is the retained topic of the whole state of a device or group.
func (t Topics) State(name string) string { return t.prefix + name }

// Set takes commands for a device or group.
func (t Topics) Set(name string) string { return t.prefix + name + "/" + setSegment }

// SetAttribute takes commands for one attribute, as in B/lamp/set/brightness.
func (t Topics) SetAttribute(name, attribute string) string {
	return t.Set(name) + "/" + attribute
}

// Get takes queries for a device or group.
func (t Topics) Get(name string) string { return t.prefix + name + "/" + getSegment }

// SetElement takes commands for one element of a device.
func (t Topics) SetElement(name, element string) string {
	return t.prefix + name + "/" + element + "/" + setSegment
}

// SetResponse carries the outcome of a command that had a transaction.
func (t Topics) SetResponse(name string) string { return t.Set(name) + "/" + responseSegment }

// Availability is the retained topic that says whether a device can be reached.
func (t Topics) Availability(name string) string {
	return t.prefix + name + "/" + availabilitySegment
}

// Event carries what a button or switch did.
func (t Topics) Event(name string) string { return t.prefix + name + "/" + eventSegment }

// Message carries mesh messages for which there is no translation.
func (t Topics) Message(name string) string { return t.prefix + name + "/" + messageSegment }

// Bridge is a topic of the bridge itself: Bridge("state"), Bridge("info").
func (t Topics) Bridge(what string) string { return t.prefix + bridgeSegment + "/" + what }

// BridgeState is the topic of the birth and the will.
func (t Topics) BridgeState() string { return t.Bridge("state") }

// Request is the topic of a request to the bridge, as in "device/rename".
func (t Topics) Request(what string) string {
	return t.Bridge(requestSegment) + "/" + what
}

// Response is the topic on which the request of the same name is answered.
func (t Topics) Response(what string) string {
	return t.Bridge(responseSegment) + "/" + what
}

// Segments is how many segments a name has.
func Segments(name string) int { return strings.Count(name, "/") + 1 }

// OwnFilters lists subscriptions that bring back what the bridge itself, or somebody
// else, publishes to the topics of the bridge and to the availability of
// devices with names of up to some segments. Lists are the retained topics below
// B/bridge.
func (t Topics) OwnFilters(segments int, lists ...string) []string {
	filters := []string{t.BridgeState(), t.Bridge("echo")}
	for _, list := range lists {
		filters = append(filters, t.Bridge(list))
	}
	path := t.prefix + "+"
	for range segments {
		filters = append(filters, path+"/"+availabilitySegment)
		path += "/+"
	}
	return filters
}

// Filters lists the subscriptions that catch every request, and every command and
// query for names of up to some segments, and little else. (An MQTT 3.1.1 client
// receives what it publishes itself, so B/# would bring back every state.)
func (t Topics) Filters(segments int) []string {
	filters := []string{t.Request("#")}
	path := t.prefix + "+"
	for range segments + 1 { // one more for the element
		filters = append(filters, path+"/"+setSegment, path+"/"+setSegment+"/+", path+"/"+getSegment)
		path += "/+"
	}
	return filters
}
