package topic

import (
	"fmt"
	"strings"
)

// Kind is what a topic is for.
type Kind uint8

// The kinds of topics. The zero Kind is none of them.
const (
	State        Kind = iota + 1 // B/NAME
	Set                          // B/NAME/set, with Element and Attribute if present
	Get                          // B/NAME/get, with Element if present
	SetResponse                  // B/NAME/set/response
	Availability                 // B/NAME/availability
	Event                        // B/NAME/event
	Message                      // B/NAME/message
	Request                      // B/bridge/request/WHAT
	Response                     // B/bridge/response/WHAT
	Bridge                       // B/bridge/WHAT
)

// String names the kind for logs.
func (k Kind) String() string {
	//exhaustive:enforce
	switch k {
	case State:
		return "state"
	case Set:
		return "set"
	case Get:
		return "get"
	case SetResponse:
		return "set response"
	case Availability:
		return "availability"
	case Event:
		return "event"
	case Message:
		return "message"
	case Request:
		return "request"
	case Response:
		return "response"
	case Bridge:
		return "bridge"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Incoming reports whether the bridge reads topics of this kind. It writes all others.
func (k Kind) Incoming() bool { return k == Set || k == Get || k == Request }

// Parsed is a topic taken apart. Fields that the kind does not have are empty.
type Parsed struct {
	Kind      Kind
	Name      string // friendly name, as the known function accepted it
	Element   string // B/NAME/ELEMENT/set
	Attribute string // B/NAME/set/ATTRIBUTE
	What      string // rest after B/bridge/, B/bridge/request/ or B/bridge/response/
}

// Parse takes a topic apart. known says whether a device or group of a name (or
// any other identifier that the caller accepts in its place) exists.
//
// The longest known name wins: with devices "a" and "a/b", B/a/b/set is a
// command for "a/b", never for the element "b" of "a".
//
// Errors wrap [ErrForeign], [ErrUnknown] (well formed, but nothing of that name;
// Parsed still holds Kind and the Name that was looked for) or [ErrSyntax].
func (t Topics) Parse(topic string, known func(name string) bool) (Parsed, error) {
	path, ok := strings.CutPrefix(topic, t.prefix)
	if !ok || t.prefix == "" {
		return Parsed{}, fmt.Errorf("topic: %w: %q, base %q", ErrForeign, clip(topic), t.Base())
	}
	if path == bridgeSegment || strings.HasPrefix(path, bridgeSegment+"/") {
		return parseBridge(topic, strings.TrimPrefix(path[len(bridgeSegment):], "/"))
	}
	p, rest := splitVerb(path)
	if err := p.locate(rest, known); err != nil {
		return p, fmt.Errorf("topic: %w: %q", err, clip(topic))
	}
	return p, nil
}

// parseBridge handles what follows B/bridge/.
func parseBridge(topic, what string) (Parsed, error) {
	p := Parsed{Kind: Bridge, What: what}
	if first, rest, found := strings.Cut(what, "/"); found {
		switch first {
		case requestSegment:
			p = Parsed{Kind: Request, What: rest}
		case responseSegment:
			p = Parsed{Kind: Response, What: rest}
		}
	}
	if p.What == "" {
		return Parsed{}, fmt.Errorf("topic: %w: %q ends too early", ErrSyntax, clip(topic))
	}
	return p, nil
}

// splitVerb recognises the words after the name and returns what is before
// them. Words of the grammar cannot be segments of a name, so looking from the
// end is safe.
func splitVerb(path string) (p Parsed, rest string) {
	before, last := cutLast(path)
	if name, verb := cutLast(before); verb == setSegment {
		if last == responseSegment {
			return Parsed{Kind: SetResponse}, name
		}
		return Parsed{Kind: Set, Attribute: last}, name
	}
	switch last {
	case setSegment:
		return Parsed{Kind: Set}, before
	case getSegment:
		return Parsed{Kind: Get}, before
	case availabilitySegment:
		return Parsed{Kind: Availability}, before
	case eventSegment:
		return Parsed{Kind: Event}, before
	case messageSegment:
		return Parsed{Kind: Message}, before
	}
	return Parsed{Kind: State}, path
}

// locate finds the name in path, and the element behind it where there is one.
func (p *Parsed) locate(path string, known func(string) bool) error {
	if path == "" {
		return fmt.Errorf("%w (no name before the last part)", ErrSyntax)
	}
	p.Name = path
	if known(path) {
		return nil
	}
	if name, element := cutLast(path); name != "" && (p.Kind == Set || p.Kind == Get) {
		if CheckElement(element) == nil && known(name) {
			p.Name, p.Element = name, element
			return nil
		}
	}
	return fmt.Errorf("%w: %q", ErrUnknown, clip(path))
}

// cutLast splits off the last segment; before is empty if there is only one.
func cutLast(path string) (before, last string) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path
	}
	return path[:i], path[i+1:]
}
