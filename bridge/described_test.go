package bridge_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/schema"
)

// descriptions holds the descriptions of requests and documents from the code.
type descriptions struct {
	requests *request.Table
	topics   map[string]document.Topic
	events   map[string]*schema.Type
}

var described = sync.OnceValues(func() (*descriptions, error) {
	d := &descriptions{topics: map[string]document.Topic{}, events: map[string]*schema.Type{}}
	var err error
	if d.requests, err = bridge.Requests(); err != nil {
		return nil, err
	}
	topics, err := document.Topics()
	if err != nil {
		return nil, err
	}
	for _, t := range topics {
		d.topics[t.Name] = t
	}
	kinds, err := document.Events()
	if err != nil {
		return nil, err
	}
	for _, k := range kinds {
		d.events[k.Name] = k.Type
	}
	return d, nil
})

// checkPublished compares everything that was published with its description.
// Every test calls it at its end.
func (w *world) checkPublished() {
	w.t.Helper()
	d, err := described()
	if err != nil {
		w.t.Fatal(err)
	}
	w.out.mu.Lock()
	defer w.out.mu.Unlock()
	for _, m := range w.out.all[w.out.checked:] {
		if err := d.check(m.topic, []byte(m.payload)); err != "" {
			w.t.Errorf("%s: %s\n%.2000s", m.topic, err, m.payload)
		}
	}
	w.out.checked = len(w.out.all)
}

// check returns what is wrong with a payload, empty for nothing.
func (d *descriptions) check(topic string, payload []byte) string {
	name, ours := strings.CutPrefix(topic, "b/")
	if !ours {
		return "" // defined by Home Assistant
	}
	if request, ok := strings.CutPrefix(name, "bridge/response/"); ok {
		return d.checkResponse(request, payload)
	}
	if name == "bridge/event" {
		return d.checkEvent(payload)
	}
	t, ok := d.topics["B/"+name]
	if !ok {
		t = d.topics["B/N"]
		for _, suffix := range []string{"/availability", "/set/response", "/event", "/message"} {
			if strings.HasSuffix(name, suffix) {
				t = d.topics["B/N"+suffix]
			}
		}
	}
	items := []json.RawMessage{payload}
	if t.List {
		if err := json.Unmarshal(payload, &items); err != nil {
			return err.Error()
		}
	}
	for _, item := range items {
		if err := t.Type.Validate(item); err != nil {
			return err.Error()
		}
	}
	return ""
}

func (d *descriptions) checkEvent(payload []byte) string {
	var e struct {
		Type string          `json:"type"`
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(payload, &e); err != nil {
		return err.Error()
	}
	t := d.events[e.Type]
	if t == nil {
		return "no description of this event"
	}
	if err := t.Validate(e.Data); err != nil {
		return err.Error()
	}
	return ""
}

func (d *descriptions) checkResponse(name string, payload []byte) string {
	var r struct {
		Status, Code string
		Data         json.RawMessage
	}
	if err := json.Unmarshal(payload, &r); err != nil {
		return err.Error()
	}
	if err := d.topics["B/bridge/response/X"].Type.Validate(payload); err != nil {
		return err.Error()
	}
	definition, known := d.requests.Lookup(name)
	switch {
	case !known && r.Code != request.Unknown && r.Code != request.BadTransaction:
		return "unknown request"
	case !known:
	case r.Status == "error" && !definition.CanFail(r.Code):
		return "the description does not name the code " + r.Code
	case r.Status == "ok":
		if err := definition.OutputType().Validate(r.Data); err != nil {
			return "data: " + err.Error()
		}
	}
	return ""
}

// The examples must be valid payloads and outputs of the requests.
func TestExamplesMatchTheDescriptions(t *testing.T) {
	d, err := described()
	if err != nil {
		t.Fatal(err)
	}
	codes := document.Codes()
	for _, name := range d.requests.Names() {
		definition, _ := d.requests.Lookup(name)
		if err := definition.InputType().Validate([]byte(definition.Example.In)); err != nil {
			t.Errorf("%s: the example %s: %v", name, definition.Example.In, err)
		}
		if err := definition.Check([]byte(definition.Example.In)); err != nil {
			t.Errorf("%s: the example %s: %v", name, definition.Example.In, err)
		}
		if out := definition.Example.Out; out != "" {
			if err := definition.OutputType().Validate([]byte(out)); err != nil {
				t.Errorf("%s: the example %s: %v", name, out, err)
			}
		}
		if code := definition.Example.Error; code != "" && !definition.CanFail(code) {
			t.Errorf("%s: the description does not name the code %s of the example", name, code)
		}
		for _, event := range definition.Events {
			if d.events[event] == nil {
				t.Errorf("%s: no event %q is described", name, event)
			}
		}
		for _, code := range definition.Errors {
			if codes[code] == "" {
				t.Errorf("%s: the code %q is not explained", name, code)
			}
		}
		for line := range strings.Lines(definition.InputType().Markdown() + definition.OutputType().Markdown()) {
			if strings.HasSuffix(line, "|  |\n") {
				t.Errorf("%s: a field has no meaning: %s", name, line)
			}
		}
		if _, err := json.Marshal(definition.Input()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
