package translate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/excerpt"
)

// This file reads the values of commands as the features describe them.

// ErrAttribute is what the errors of Plan and Query are (errors.Is): the
// attribute is wrong, not the device.
var ErrAttribute = errors.New("translate: wrong attribute")

// attributeError is an ErrAttribute with a text for the user who sent the command.
type attributeError struct{ text string }

func (e *attributeError) Error() string { return e.text }

// Is implements the interface of errors.Is.
func (e *attributeError) Is(target error) bool { return target == ErrAttribute }

func wrongf(format string, args ...any) error {
	return &attributeError{fmt.Sprintf(format, args...)}
}

// Wrong is the error for an attribute of a command.
func Wrong(name, expected string, raw json.RawMessage) error {
	return wrongf("%s: expected %s, got %s", name, expected, clip(string(raw)))
}

// clip keeps an error message short, whatever arrived.
func clip(s string) string {
	const most = 60
	return excerpt.Of(s, most)
}

// read reads a value of a command. name is how the command calls the attribute.
func (f *Feature) read(name string, raw json.RawMessage) (any, error) {
	if f.Read != nil {
		return f.Read(name, raw)
	}
	switch f.Type {
	case TypeNumeric:
		within := Range{-math.MaxFloat64, math.MaxFloat64}
		if f.Range != nil {
			within = *f.Range
		}
		return readNumber(name, raw, within, f.Unit)
	case TypeBinary:
		return f.Binary.read(name, raw)
	case TypeEnum:
		var text string
		if json.Unmarshal(raw, &text) == nil && slices.Contains(f.Values, text) {
			return text, nil
		}
		return nil, Wrong(name, oneOf(f.Values), raw)
	case TypeText:
		var text *string
		if json.Unmarshal(raw, &text) == nil && text != nil {
			return *text, nil
		}
		return nil, Wrong(name, "a text", raw)
	case TypeList:
		if start := bytes.TrimSpace(raw); len(start) > 0 && start[0] == '[' {
			return raw, nil
		}
		return nil, Wrong(name, "a list", raw)
	default:
		if start := bytes.TrimSpace(raw); len(start) > 0 && start[0] == '{' {
			return raw, nil
		}
		return nil, Wrong(name, "an object", raw)
	}
}

// readNumber reads a number within limits. It accepts a number in quotes, which
// many templates yield.
func readNumber(name string, raw json.RawMessage, within Range, unit string) (float64, error) {
	text := raw
	var quoted string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &quoted) == nil {
		text = json.RawMessage(strings.TrimSpace(quoted))
	}
	n, err := strconv.ParseFloat(string(bytes.TrimSpace(text)), 64)
	// The comparison fails for what is not a number, too.
	if err != nil || !(n >= within.Min && n <= within.Max) {
		return 0, Wrong(name, within.inWords(unit), raw)
	}
	return n, nil
}

// inWords is the range in an error message.
func (r Range) inWords(unit string) string {
	if r.Max == math.MaxFloat64 {
		return "a number"
	}
	text := strconv.FormatFloat(r.Min, 'f', -1, 64) + " to " + strconv.FormatFloat(r.Max, 'f', -1, 64)
	switch unit {
	case "":
		return text
	case "K":
		return text + " kelvin"
	case "s":
		return text + " seconds"
	default:
		return text + " " + unit
	}
}

// read reads one of the two values, or Toggle. Letter case does not matter, and
// true and false, ON and OFF are accepted whatever the values are.
func (b Binary) read(name string, raw json.RawMessage) (any, error) {
	var v any
	if json.Unmarshal(raw, &v) == nil {
		if text, ok := v.(string); ok {
			v = strings.ToUpper(strings.TrimSpace(text))
		}
		switch {
		case v == nil:
		case v == true, v == "TRUE", v == wordOn, v == b.On:
			return b.On, nil
		case v == false, v == "FALSE", v == wordOff, v == b.Off:
			return b.Off, nil
		case v == b.Toggle && b.Toggle != "":
			return b.Toggle, nil
		}
	}
	values := []string{fmt.Sprint(b.On), fmt.Sprint(b.Off)}
	if b.Toggle != "" {
		values = append(values, b.Toggle)
	}
	return nil, Wrong(name, oneOf(values), raw)
}

// oneOf lists values in words: "ON, OFF or TOGGLE".
func oneOf(values []string) string {
	last := len(values) - 1
	if last < 1 {
		return strings.Join(values, "")
	}
	return strings.Join(values[:last], ", ") + " or " + values[last]
}

// seconds is a number of seconds as a duration.
func seconds(n float64) time.Duration { return time.Duration(math.Round(n * float64(time.Second))) }
