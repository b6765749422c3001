package translate

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Merge merges a newer command into one that has not been sent. The last value
// of each attribute counts. What a newer attribute makes meaningless is dropped:
// a brightness before OFF, an OFF before a brightness, a colour before a colour
// temperature, a transition whose attributes have all been replaced. A TOGGLE
// applies to what is waiting: ON and TOGGLE is OFF, and two of them are nothing
// at all. older may be nil and may be changed.
//
// Attributes of different suffixes do not affect each other. If both commands
// can be carried out, so can the result, or it is empty.
func Merge(older, newer map[string]json.RawMessage) map[string]json.RawMessage {
	if older == nil {
		older = map[string]json.RawMessage{}
	}
	newer = maps.Clone(newer)
	for _, suffix := range suffixes(newer) {
		applyToggle(older, newer, suffix)
		mergeLight(older, newer, suffix)
	}
	outlasts := func(name string) bool {
		_, replaced := newer[name]
		return !option(name) && !replaced
	}
	if !slices.ContainsFunc(slices.Collect(maps.Keys(older)), outlasts) {
		delete(older, optionTransition)
		delete(older, optionDelay)
	}
	maps.Copy(older, newer)
	for name := range older {
		if !option(name) {
			return older
		}
	}
	return map[string]json.RawMessage{}
}

func option(name string) bool { return name == optionTransition || name == optionDelay }

// suffixes lists the suffixes of the lights and switches that a command is for.
func suffixes(command map[string]json.RawMessage) []string {
	var all []string
	for name := range command {
		if suffix, ok := suffixOf(name); ok && !slices.Contains(all, suffix) {
			all = append(all, suffix)
		}
	}
	slices.Sort(all)
	return all
}

// suffixOf is what follows the name of an attribute of a light or a switch.
func suffixOf(name string) (string, bool) {
	for _, attribute := range []string{propState, propBrightness, propColorTemp, propColor} {
		suffix, ok := strings.CutPrefix(name, attribute)
		if ok && (suffix == "" || suffix[0] == '_' && strings.Trim(suffix[1:], "0123456789") == "") {
			return suffix, true
		}
	}
	return "", false
}

// word is the state that a command asks for, "" for none.
func word(command map[string]json.RawMessage, name string) string {
	raw, ok := command[name]
	if !ok {
		return ""
	}
	v, err := onOrOff().read(name, raw)
	if err != nil {
		return ""
	}
	w, _ := v.(string)
	return w
}

// turns is ON or OFF if a command surely ends so, TOGGLE or "" otherwise.
func turns(command map[string]json.RawMessage, suffix string) string {
	state := word(command, propState+suffix)
	raw, dims := command[propBrightness+suffix]
	_, colors := command[propColor+suffix]
	b, err := readNumber("", raw, Range{0, MaxBrightness}, "")
	switch {
	case state == wordOff, dims && err == nil && b == 0:
		return wordOff
	case state == wordToggle:
		return wordToggle
	case state == wordOn, dims, colors:
		return wordOn
	}
	return ""
}

func quoted(w string) json.RawMessage { return json.RawMessage(`"` + w + `"`) }

// applyToggle replaces a TOGGLE by the state that it leads to after what is
// waiting.
func applyToggle(older, newer map[string]json.RawMessage, suffix string) {
	if turns(newer, suffix) != wordToggle {
		return
	}
	state, brightness, color := propState+suffix, propBrightness+suffix, propColor+suffix
	drop := func(command map[string]json.RawMessage, names ...string) {
		for _, n := range names {
			delete(command, n)
		}
	}
	switch turns(older, suffix) {
	case wordOn:
		newer[state] = quoted(wordOff)
		drop(newer, brightness, color)
	case wordOff:
		newer[state] = quoted(wordOn)
	case wordToggle:
		// Twice is not at all. A brightness or a colour would switch it on.
		drop(newer, state, brightness, color)
		drop(older, state, brightness, color)
	}
}

// mergeLight takes out of older what newer makes meaningless for one light or switch.
func mergeLight(older, newer map[string]json.RawMessage, suffix string) {
	state, brightness := propState+suffix, propBrightness+suffix
	kelvin, color := propColorTemp+suffix, propColor+suffix
	before := turns(older, suffix)
	drop := func(names ...string) {
		for _, n := range names {
			delete(older, n)
		}
	}
	switch turns(newer, suffix) {
	case wordOff:
		drop(state, brightness, color)
	case wordOn:
		if before == wordOff || before == wordToggle {
			drop(state)
			if before == wordOff {
				drop(brightness)
			}
		}
	}
	if _, ok := newer[kelvin]; ok {
		if _, had := older[color]; had {
			drop(color)
			if before == wordOn {
				older[state] = quoted(wordOn) // a colour switches a light on, a colour temperature does not
			}
		}
	}
	if _, ok := newer[color]; ok {
		drop(kelvin)
	}
}
