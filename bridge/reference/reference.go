// Package reference writes the page about the MQTT API, docs/mqtt-api.md, and the
// same for programs, with JSON Schemas, docs/mqtt-api.json. All of it comes from the
// descriptions in the code: the requests of the bridge (package request) and what it
// publishes (package document). A test fails when a file is not what the code says;
// with -update it writes both.
package reference

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
)

// Page is the whole page, in Markdown.
func Page(requests *request.Table) (string, error) {
	var b strings.Builder
	b.WriteString(introduction)
	if err := topics(&b); err != nil {
		return "", err
	}
	if err := events(&b); err != nil {
		return "", err
	}
	b.WriteString(asking)
	for _, name := range requests.Names() {
		fmt.Fprintf(&b, "- [%s](#%s)\n", name, Anchor(name))
	}
	text, err := requests.Markdown(document.Codes())
	if err != nil {
		return "", err
	}
	b.WriteString("\n" + text)
	codes(&b)
	return strings.TrimRight(b.String(), "\n") + "\n", nil
}

const introduction = `<!-- Generated from the code: go test ./bridge/reference -update -->
# MQTT API

This page for programs, with JSON Schemas: [mqtt-api.json](mqtt-api.json).

` + "`B`" + ` is the base topic (` + "`mqtt.base_topic`, `btmesh2mqtt`" + ` unless configured otherwise), ` + "`N`" + ` the friendly name of
a device. All payloads are JSON. Publish commands and requests without the retain flag: the bridge ignores retained ones,
because nobody knows how old they are.

## Commands

| topic | payload |
|---|---|
| ` + "`B/N/set`" + ` | attributes, ` + "`" + `{"state":"ON","brightness":128,"transition":2}` + "`" + ` |
| ` + "`B/N/set/ATTRIBUTE`" + ` | the value of one attribute, ` + "`ON`" + ` |
| ` + "`B/N/ELEMENT/set`" + ` | attributes of one element |
| ` + "`B/N/get`" + ` | attributes to ask for, ` + "`" + `{"brightness":""}` + "`" + `; empty for all |
| ` + "`B/bridge/request/X`" + ` | the request X, see [Requests](#requests) |

With a ` + "`transaction`" + ` in the payload of a command its outcome is published on ` + "`B/N/set/response`" + `.

## What the bridge publishes

`

const asking = `## Requests

A request is published to ` + "`B/bridge/request/X`" + ` and answered once on ` + "`B/bridge/response/X`" + `. Any request may have a
` + "`transaction`" + `, any JSON of at most 256 octets, which is sent back. An empty payload is the same as ` + "`{}`" + `. A field that the
request does not have is an error. Long requests tell with events on ` + "`B/bridge/event`" + ` how far they are.

`

// topics describes what is published.
func topics(b *strings.Builder) error {
	all, err := document.Topics()
	if err != nil {
		return err
	}
	b.WriteString("| topic | QoS | payload |\n|---|---|---|\n")
	for _, t := range all {
		quality := fmt.Sprint(t.QoS)
		if t.Retained {
			quality += ", retained"
		}
		fmt.Fprintf(b, "| [`%s`](#%s) | %s | %s |\n", t.Name, Anchor(t.Name), quality, t.Meaning)
	}
	b.WriteString("| [`B/bridge/event`](#bbridgeevent) | 0 | What happens, see there |\n\n")
	for _, t := range all {
		fmt.Fprintf(b, "### %s\n\n%s.", t.Name, t.Meaning)
		if t.List {
			b.WriteString(" A list of:")
		}
		b.WriteString("\n\n" + t.Type.Markdown() + "\n")
	}
	return nil
}

// events describes the events of the bridge.
func events(b *strings.Builder) error {
	all, err := document.Events()
	if err != nil {
		return err
	}
	b.WriteString("### B/bridge/event\n\nWhat happens: `{\"data\":{...},\"type\":\"...\"}`, with these types.\n\n")
	for _, k := range all {
		fmt.Fprintf(b, "#### %s\n\n%s. `data`:\n\n%s\n", k.Name, k.Meaning, k.Type.Markdown())
	}
	return nil
}

// codes lists all codes of errors.
func codes(b *strings.Builder) {
	b.WriteString("## Codes of errors\n\n| code | meaning |\n|---|---|\n")
	all := document.Codes()
	for _, code := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(b, "| `%s` | %s |\n", code, all[code])
	}
}

// Anchor is the link that Markdown makes of a heading.
func Anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_', r == '-':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		case r == ' ':
			return '-'
		default:
			return -1
		}
	}, heading)
}
