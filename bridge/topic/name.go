package topic

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/excerpt"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
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
	if err := checkWords(name); err != nil {
		return err
	}
	if first, _, _ := strings.Cut(name, "/"); identifies(first) {
		// Topics and requests take these in place of a name.
		return fmt.Errorf("%w: %q: %q can be the address or the UUID of a device, choose another name", ErrName, name, first)
	}
	return nil
}

// CheckElement says whether name can name an element inside a device: one
// segment that would be valid as a friendly name, or digits (wraps [ErrName]).
func CheckElement(name string) error {
	if strings.Contains(name, "/") {
		return fmt.Errorf("%w: element %q contains a slash, an element is one part of a topic", ErrName, clip(name))
	}
	return checkWords(name)
}

// checkWords checks a name by itself (wraps [ErrName]).
func checkWords(name string) error {
	if err := checkPath(name, MaxNameLength); err != nil {
		return fmt.Errorf("%w: %q %w", ErrName, clip(name), err)
	}
	if err := checkCharacters(name); err != nil {
		return fmt.Errorf("%w: %q %w", ErrName, clip(name), err)
	}
	segments := strings.Split(name, "/")
	if len(segments) > MaxNameSegments {
		return fmt.Errorf("%w: %q has %d parts between slashes, %d are allowed",
			ErrName, name, len(segments), MaxNameSegments)
	}
	if strings.EqualFold(segments[0], bridgeSegment) {
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

// checkCharacters refuses what a person cannot see, or cannot tell from something
// else: two names that look alike would be two devices, and a name that turns the
// writing direction around hides what is behind it.
func checkCharacters(name string) error {
	for _, r := range name {
		switch {
		case invisible(r):
			return fmt.Errorf("contains U+%04X, which is not visible", r)
		case r == utf8.RuneError:
			return errors.New("contains U+FFFD, which stands for a character that could not be read")
		case !unicode.IsPrint(r): // control, format, private use, unassigned, white space but U+0020
			return fmt.Errorf("contains U+%04X, which is not a visible character", r)
		}
	}
	if !norm.NFC.IsNormalString(name) {
		return fmt.Errorf("is not in Unicode normalization form C; expected %q", clip(norm.NFC.String(name)))
	}
	for segment := range strings.SplitSeq(name, "/") {
		before := ' '
		for i, r := range segment {
			if before == ' ' && unicode.IsMark(r) {
				return fmt.Errorf("contains U+%04X, a combining character, without a character to combine it with", r)
			}
			if i == 0 && r == '$' {
				return errors.New("contains a part that starts with $, which stands for topics of the broker")
			}
			before = r
		}
	}
	return nil
}

// invisible reports whether a character that counts as a letter, mark or symbol shows
// nothing.
func invisible(r rune) bool {
	const brailleBlank, objectReplacement = '\u2800', '\uFFFC'
	return unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) ||
		r == brailleBlank || r == objectReplacement
}

// identifies reports whether a segment has the form of an address or a UUID.
func identifies(segment string) bool {
	if _, err := mesh.ParseUUID(segment); err == nil {
		return true
	}
	digits, ok := strings.CutPrefix(strings.ToLower(segment), "0x")
	return ok && digits != "" && strings.Trim(digits, "0123456789abcdef") == ""
}

// Fold is a form that names have in common which a person can hardly tell apart: it
// knows neither case nor the forms of compatibility characters.
func Fold(name string) string {
	return norm.NFKC.String(strings.ToLower(strings.ToUpper(norm.NFKC.String(name))))
}

// Repair makes a valid name of one that is not, as similar as possible, for names that
// come from elsewhere. It returns "" if nothing is left of it.
func Repair(name string) string {
	name = norm.NFC.String(strings.ToValidUTF8(name, ""))
	name = strings.Map(func(r rune) rune {
		switch {
		case r == '+' || r == '#':
			return '_'
		case invisible(r) || r == utf8.RuneError || !unicode.IsPrint(r):
			return -1
		}
		return r
	}, name)
	var segments []string
	for segment := range strings.SplitSeq(name, "/") {
		segment = strings.TrimFunc(segment, unicode.IsSpace)
		segment = strings.TrimLeftFunc(segment, func(r rune) bool { return unicode.IsMark(r) || r == '$' || r == ' ' })
		if reserved(segment) || len(segments) == 0 && strings.EqualFold(segment, bridgeSegment) {
			segment += "_"
		}
		if segment != "" {
			segments = append(segments, segment)
		}
	}
	if len(segments) > MaxNameSegments {
		last := strings.Join(segments[MaxNameSegments-1:], "_")
		segments = append(segments[:MaxNameSegments-1], last)
	}
	if len(segments) > 0 && identifies(segments[0]) {
		segments[0] = "device_" + segments[0]
	}
	name = strings.Join(segments, "/")
	for len(name) > MaxNameLength {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	if name = norm.NFC.String(name); CheckName(name) != nil {
		return ""
	}
	return name
}

// reserved reports whether a segment has a meaning after a name, in whatever case.
func reserved(segment string) bool {
	switch strings.ToLower(segment) {
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
