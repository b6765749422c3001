package topic

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/excerpt"
)

// Limits of a friendly name. The number of segments is bounded because MQTT has
// no wildcard for "any number of levels, then set": [Topics.Filters] lists one
// filter per depth.
const (
	MaxNameLength   = 128 // octets of UTF-8
	MaxNameSegments = 4   // parts between slashes
)

// maxBaseLength keeps the longest topic far below MQTT's 65535 octets.
const maxBaseLength = 256

// Errors of this package; use errors.Is.
var (
	ErrName    = errors.New("not a valid friendly name")
	ErrBase    = errors.New("not a valid base topic")
	ErrForeign = errors.New("topic is not below the base topic")
	ErrUnknown = errors.New("no device or group of this name")
	ErrSyntax  = errors.New("topic is none that the bridge knows")
)

// CheckName says whether name can be a friendly name of a device or group, and
// if not, which rule it breaks (wraps [ErrName]).
func CheckName(name string) error {
	if err := checkPath(name, MaxNameLength); err != nil {
		return fmt.Errorf("%w: %q %w", ErrName, clip(name), err)
	}
	segments := strings.Split(name, "/")
	if len(segments) > MaxNameSegments {
		return fmt.Errorf("%w: %q has %d parts between slashes, %d are allowed",
			ErrName, name, len(segments), MaxNameSegments)
	}
	if segments[0] == bridgeSegment {
		return fmt.Errorf("%w: %q: the bridge's own topics are below %q, choose another name",
			ErrName, name, bridgeSegment)
	}
	for _, s := range segments {
		if reserved(s) {
			return fmt.Errorf("%w: %q: %q has a meaning in topics, choose another name",
				ErrName, name, s)
		}
	}
	return nil
}

// CheckElement says whether name can name an element inside a device: one
// segment that would be valid as a friendly name (wraps [ErrName]).
func CheckElement(name string) error {
	if strings.Contains(name, "/") {
		return fmt.Errorf("%w: element %q contains a slash, an element is one part of a topic", ErrName, clip(name))
	}
	return CheckName(name)
}

// checkBase says whether base can be the base topic (wraps [ErrBase]).
func checkBase(base string) error {
	if err := checkPath(base, maxBaseLength); err != nil {
		return fmt.Errorf("%w: %q %w", ErrBase, clip(base), err)
	}
	if base[0] == '$' {
		return fmt.Errorf("%w: %q: topics that start with $ belong to the broker", ErrBase, base)
	}
	return nil
}

// checkPath checks the rules for segments.
func checkPath(path string, maxLength int) error {
	switch {
	case path == "":
		return errors.New("is empty")
	case len(path) > maxLength:
		return fmt.Errorf("is %d octets long, %d are allowed", len(path), maxLength)
	case !utf8.ValidString(path):
		return errors.New("is not valid UTF-8")
	case strings.ContainsAny(path, "+#"):
		return errors.New("contains + or #, which are MQTT wildcards")
	case path[0] == '/' || path[len(path)-1] == '/':
		return errors.New("starts or ends with a slash")
	case strings.Contains(path, "//"):
		return errors.New("has two slashes in a row")
	}
	for segment := range strings.SplitSeq(path, "/") {
		if strings.TrimSpace(segment) != segment {
			return errors.New("has white space at an end or beside a slash")
		}
	}
	for _, r := range path {
		if unicode.IsControl(r) {
			return fmt.Errorf("contains the control character U+%04X", r)
		}
	}
	return nil
}

// reserved reports whether a segment has a meaning after a name.
func reserved(segment string) bool {
	switch segment {
	case setSegment, getSegment, availabilitySegment, eventSegment, messageSegment:
		return true
	}
	return false
}

// clip keeps an error message readable whatever was sent.
func clip(s string) string {
	const most = 80
	return excerpt.Of(s, most)
}
