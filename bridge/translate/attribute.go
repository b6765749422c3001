package translate

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
)

// ErrAttribute is what the errors of Command and Query wrap: the attribute is
// wrong, not the device.
var ErrAttribute = errors.New("translate")

// wrong is the error for an attribute.
func wrong(name, expected string, raw json.RawMessage) error {
	return fmt.Errorf("%w: %s: expected %s, got %s", ErrAttribute, name, expected, clip(string(raw)))
}

// clip keeps an error message short, whatever somebody sent.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}

// readNumber reads a number between two limits. A number in quotes is good
// enough: that is what comes out of many a template.
func readNumber(name string, raw json.RawMessage, low, high float64, expected string) (float64, error) {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return 0, wrong(name, expected, raw)
	}
	n, ok := v.(float64)
	if text, isText := v.(string); isText {
		var err error
		n, err = strconv.ParseFloat(strings.TrimSpace(text), 64)
		ok = err == nil
	}
	// The comparison fails for what is not a number, too.
	if !ok || !(n >= low && n <= high) {
		return 0, wrong(name, expected, raw)
	}
	return n, nil
}

func readState(name string, raw json.RawMessage) (string, error) {
	var v any
	if json.Unmarshal(raw, &v) == nil {
		switch v := v.(type) {
		case bool:
			if v {
				return wordOn, nil
			}
			return wordOff, nil
		case string:
			switch word := strings.ToUpper(strings.TrimSpace(v)); word {
			case wordOn, wordOff, wordToggle:
				return word, nil
			case "TRUE":
				return wordOn, nil
			case "FALSE":
				return wordOff, nil
			}
		}
	}
	return "", wrong(name, "ON, OFF or TOGGLE", raw)
}

func readBrightness(name string, raw json.RawMessage) (int, error) {
	n, err := readNumber(name, raw, 0, MaxBrightness, "0 to 255")
	if n > 0 {
		return max(1, int(math.Round(n))), err // a little is not nothing
	}
	return 0, err
}

// readKelvin reads a colour temperature and moves it into what the lamp can
// do.
func (l *lamp) readKelvin(name string, raw json.RawMessage) (int, error) {
	expected := fmt.Sprintf("%d to %d kelvin", light.MinTemperature, light.MaxTemperature)
	n, err := readNumber(name, raw, float64(light.MinTemperature), float64(light.MaxTemperature), expected)
	if err != nil {
		return 0, err
	}
	return min(max(int(math.Round(n)), int(l.kelvinRange.Min)), int(l.kelvinRange.Max)), nil
}

const expectedColor = `{"h":0 to 360,"s":0 to 100} (or {"r","g","b"}, {"x","y"}, "#rrggbb")`

func readColor(name string, raw json.RawMessage) (Color, error) {
	refused := wrong(name, expectedColor, raw)
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return hexColor(text, refused)
	}
	var parts map[string]json.RawMessage
	if json.Unmarshal(raw, &parts) != nil || parts == nil {
		return Color{}, refused
	}
	// Each key may stand once, under one of its names.
	take := func(low, high float64, names ...string) (float64, bool, error) {
		for _, n := range names {
			if value, ok := parts[n]; ok {
				delete(parts, n)
				v, err := readNumber(name+"."+n, value, low, high, fmt.Sprintf("%g to %g", low, high))
				return v, true, err
			}
		}
		return 0, false, nil
	}
	spaces := []struct {
		limit float64
		names [][]string
		make  func(v []float64) (Color, bool)
	}{
		{0, [][]string{{"h", "hue"}, {"s", "saturation"}}, func(v []float64) (Color, bool) { return Color{v[0], v[1]}, true }},
		{255, [][]string{{"r"}, {"g"}, {"b"}}, func(v []float64) (Color, bool) { return rgbColor(v[0], v[1], v[2]) }},
		{1, [][]string{{"x"}, {"y"}}, func(v []float64) (Color, bool) { return xyColor(v[0], v[1]) }},
	}
	if value, ok := parts["hex"]; ok && len(parts) == 1 && json.Unmarshal(value, &text) == nil {
		return hexColor(text, refused)
	}
	for _, space := range spaces {
		var values []float64
		for i, names := range space.names {
			limit := space.limit
			if limit == 0 {
				limit = [2]float64{360, 100}[i]
			}
			v, there, err := take(0, limit, names...)
			if err != nil {
				return Color{}, err
			}
			if there {
				values = append(values, v)
			}
		}
		if len(values) == 0 {
			continue
		}
		if len(values) != len(space.names) || len(parts) > 0 {
			return Color{}, refused
		}
		if c, ok := space.make(values); ok {
			return c, nil
		}
		return Color{}, refused
	}
	return Color{}, refused
}

func hexColor(text string, refused error) (Color, error) {
	digits, ok := strings.CutPrefix(text, "#")
	v, err := strconv.ParseUint(digits, 16, 24)
	if !ok || err != nil || len(digits) != 6 {
		return Color{}, refused
	}
	c, ok := rgbColor(float64(v>>16), float64(v>>8&0xFF), float64(v&0xFF))
	if !ok {
		return Color{}, refused
	}
	return c, nil
}

// readTransition reads a time in seconds.
func readTransition(name string, raw json.RawMessage) (generic.TransitionTime, error) {
	n, err := readNumber(name, raw, 0, generic.MaxTransition.Seconds(), "0 to 37200 seconds")
	if err != nil {
		return 0, err
	}
	return transitionTime(time.Duration(math.Round(n * float64(time.Second))))
}

// transitionTime is a time in the coarsest steps that hold it exactly, or the
// nearest one if none does.
func transitionTime(d time.Duration) (generic.TransitionTime, error) {
	const mostSteps = 62
	for i, step := range []time.Duration{10 * time.Minute, 10 * time.Second, time.Second, 100 * time.Millisecond} {
		if n := d / step; n > 0 && n <= mostSteps && d%step == 0 {
			return generic.TransitionTime(3-i)<<6 | generic.TransitionTime(n), nil
		}
	}
	t, err := generic.TransitionTimeOf(d)
	if err == nil && t == 0 && d > 0 {
		t = 1 // at once is something else
	}
	return t, err
}

func readDelay(name string, raw json.RawMessage) (generic.Delay, error) {
	n, err := readNumber(name, raw, 0, generic.MaxDelay.Seconds(), "0 to 1.275 seconds")
	if err != nil {
		return 0, err
	}
	return generic.DelayOf(time.Duration(math.Round(n * float64(time.Second))))
}
