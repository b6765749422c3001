package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/excerpt"
)

// Bounds of a payload.
const (
	MaxPayload = 256 << 10 // octets
	MaxDepth   = 32        // objects and lists in each other
)

// Strict refuses a payload that one reader of JSON takes for something else than
// another, or that nobody sends by intention (RFC 8259, sections 4 and 8): a field that
// is there twice, text that is no Unicode, too many octets or levels. Payloads that are
// no JSON at all pass, except for those that are too large or no UTF-8: whoever reads
// them says what is wrong.
func Strict(payload []byte) error {
	switch {
	case len(payload) > MaxPayload:
		return fmt.Errorf("the payload cannot be read: expected at most %d octets, got %d", MaxPayload, len(payload))
	case !utf8.Valid(payload):
		return errors.New("the payload cannot be read: expected UTF-8, got other octets")
	case deep(payload):
		return fmt.Errorf("the payload cannot be read: expected at most %d objects and lists in each other, got more", MaxDepth)
	case !json.Valid(payload):
		return nil
	}
	r := reader{text: payload}
	return r.all()
}

// deep reports whether a text has too many levels, valid JSON or not.
func deep(text []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// reader goes through valid JSON.
type reader struct {
	text   []byte
	at     int
	levels []level
}

// level is an object or list that the reader is in.
type level struct {
	names  map[string]bool // nil for a list
	isName bool            // the next text is the name of a field
}

func (r *reader) all() error {
	for ; r.at < len(r.text); r.at++ {
		switch r.text[r.at] {
		case '{':
			r.levels = append(r.levels, level{names: map[string]bool{}, isName: true})
		case '[':
			r.levels = append(r.levels, level{})
		case '}', ']':
			r.levels = r.levels[:len(r.levels)-1]
		case ',':
			inside := &r.levels[len(r.levels)-1]
			inside.isName = inside.names != nil
		case '"':
			if err := r.quoted(); err != nil {
				return err
			}
		case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			if !r.number() {
				return errors.New("the payload cannot be read: expected numbers between -1.8e308 and 1.8e308, got another one")
			}
		}
	}
	return nil
}

// number goes to the end of a number. It reports whether others can read it: a larger
// one is an error to some of them, and infinite to others.
func (r *reader) number() bool {
	begin := r.at
	for r.at+1 < len(r.text) && strings.IndexByte("+-.eE0123456789", r.text[r.at+1]) >= 0 {
		r.at++
	}
	const bits = 64
	_, err := strconv.ParseFloat(string(r.text[begin:r.at+1]), bits)
	return err == nil
}

// quoted goes to the end of a text.
func (r *reader) quoted() error {
	begin := r.at
	for r.at++; r.text[r.at] != '"'; r.at++ {
		if r.text[r.at] != '\\' {
			continue
		}
		if r.at++; r.text[r.at] != 'u' {
			continue
		}
		if !r.unicode() {
			return errors.New(`the payload cannot be read: expected Unicode text, got half of a surrogate pair (\ud800 to \udfff)`)
		}
	}
	if len(r.levels) == 0 || !r.levels[len(r.levels)-1].isName {
		return nil
	}
	inside := &r.levels[len(r.levels)-1]
	inside.isName = false
	var name string
	if err := json.Unmarshal(r.text[begin:r.at+1], &name); err != nil {
		return err // never: it is a text
	}
	// Case does not distinguish fields either.
	if folded := strings.ToLower(name); !inside.names[folded] {
		inside.names[folded] = true
		return nil
	}
	const most = 80
	shown := strconv.Quote(excerpt.Of(name, most))
	if LooksLikeKey(name) {
		shown = "a field"
	}
	return fmt.Errorf("the payload cannot be read: expected each field once, got %s twice", shown)
}

// unicode reads the digits of \uXXXX, and of the second half of a pair. It reports
// whether they are a character.
func (r *reader) unicode() bool {
	const digits = 4
	first := r.hex(r.at + 1)
	r.at += digits
	switch {
	case first < 0xD800 || first > 0xDFFF:
		return true
	case first > 0xDBFF, r.at+2 >= len(r.text), r.text[r.at+1] != '\\', r.text[r.at+2] != 'u':
		return false
	}
	second := r.hex(r.at + 3)
	r.at += 2 + digits
	return second >= 0xDC00 && second <= 0xDFFF
}

// hex reads four digits, which are there.
func (r *reader) hex(at int) uint64 {
	const digits, base, bits = 4, 16, 16
	v, err := strconv.ParseUint(string(r.text[at:at+digits]), base, bits)
	if err != nil {
		return 0 // never: it is valid JSON
	}
	return v
}
