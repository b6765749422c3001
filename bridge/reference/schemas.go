package reference

import (
	"encoding/json"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/schema"
)

// API is what the page says, for programs: forms, clients in other languages.
type API struct {
	Requests map[string]Request      `json:"requests"` // by name
	Topics   map[string]Topic        `json:"topics"`   // by topic, with B and N
	Events   map[string]*schema.JSON `json:"events"`   // of data, by type
	Codes    map[string]string       `json:"codes"`    // of errors, with their meaning
}

// Request describes a request.
type Request struct {
	Summary  string       `json:"summary"`
	Seconds  float64      `json:"seconds"` // until the answer, usually; 0 for at once
	Events   []string     `json:"events,omitempty"`
	Errors   []string     `json:"errors,omitempty"`  // beside those of any request
	Secrets  []string     `json:"secrets,omitempty"` // fields of the input
	Progress bool         `json:"progress,omitempty"`
	Input    *schema.JSON `json:"input"`
	Output   *schema.JSON `json:"output"` // data of a response without an error
}

// Topic describes a topic that the bridge publishes to.
type Topic struct {
	Meaning  string       `json:"meaning"`
	QoS      byte         `json:"qos"`
	Retained bool         `json:"retained"`
	List     bool         `json:"list,omitempty"` // the schema is that of the items
	Schema   *schema.JSON `json:"schema"`
}

// Describe makes the description.
func Describe(requests *request.Table) (*API, error) {
	api := &API{
		Requests: map[string]Request{}, Topics: map[string]Topic{}, Events: map[string]*schema.JSON{}, Codes: document.Codes(),
	}
	for _, name := range requests.Names() {
		d, _ := requests.Lookup(name)
		api.Requests[name] = Request{
			Summary: d.Summary, Seconds: d.Duration.Seconds(), Events: d.Events, Errors: d.Errors, Secrets: d.Secrets(),
			Progress: d.Progress, Input: d.Input(), Output: d.Output(),
		}
	}
	topics, err := document.Topics()
	if err != nil {
		return nil, err
	}
	for _, t := range topics {
		api.Topics[t.Name] = Topic{Meaning: t.Meaning, QoS: t.QoS, Retained: t.Retained, List: t.List, Schema: t.Type.Schema()}
	}
	events, err := document.Events()
	if err != nil {
		return nil, err
	}
	for _, k := range events {
		api.Events[k.Name] = k.Type.Schema()
	}
	return api, nil
}

// Schemas is the description as JSON, docs/mqtt-api.json.
func Schemas(requests *request.Table) ([]byte, error) {
	api, err := Describe(requests)
	if err != nil {
		return nil, err
	}
	data, err := json.MarshalIndent(api, "", " ")
	if err != nil {
		return nil, fmt.Errorf("reference: %w", err)
	}
	return append(data, '\n'), nil
}
