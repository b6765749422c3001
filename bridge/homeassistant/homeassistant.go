// Package homeassistant describes devices to Home Assistant: MQTT discovery,
// one retained document per device.
//
//	PREFIX/device/btmesh_UUID/config
//	{"device":{…},"origin":{…},"availability":[…],
//	 "components":{"light":{"platform":"light","unique_id":"btmesh_UUID_0_light",…}}}
//
// The components are derived from the features of a device, which package
// translate describes independently of Home Assistant. Platform chooses the
// platform by type and access of a feature, and platform.go has the classes by
// its name.
//
//	numeric, published            sensor          numeric, settable   number
//	binary, published             binary_sensor   binary, settable    switch
//	enum or text, published       sensor          enum, settable      select
//	composite "light", "switch"   light, switch   text, settable      text
//	event                         event
//
// The identity of a device and its entities comes from the UUID, the element
// and the key of the feature, never from a name or an address: a rename keeps
// the history of an entity.
package homeassistant

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

// Options is the configuration of discovery.
type Options struct {
	Enabled     bool
	Prefix      string // discovery prefix
	StatusTopic string // where Home Assistant announces its start
	Version     string // of this program
}

// project is the address that Home Assistant shows for more information.
const project = "https://github.com/btmesh2mqtt/btmesh2mqtt"

// document is the payload. Home Assistant refuses a document with any other key
// at this level.
type document struct {
	Device           deviceBlock                `json:"device"`
	Origin           originBlock                `json:"origin"`
	Availability     []availability             `json:"availability"`
	AvailabilityMode string                     `json:"availability_mode"`
	Components       map[string]json.RawMessage `json:"components"`
}

type deviceBlock struct {
	Identifiers  []string `json:"identifiers"`
	Name         string   `json:"name"`
	Manufacturer string   `json:"manufacturer,omitempty"`
	Model        string   `json:"model,omitempty"`
	ModelID      string   `json:"model_id,omitempty"`
	SerialNumber string   `json:"serial_number,omitempty"`
	HWVersion    string   `json:"hw_version,omitempty"`
}

type originBlock struct {
	Name      string `json:"name"`
	SWVersion string `json:"sw_version,omitempty"`
	Support   string `json:"support_url"`
}

type availability struct {
	Topic    string `json:"topic"`
	Template string `json:"value_template"`
}

// Topic is where the document of a device is published.
func Topic(o Options, r *device.Record) string {
	return o.Prefix + "/device/" + identifier(r) + "/config"
}

func identifier(r *device.Record) string { return "btmesh_" + r.UUID.String() }

// Discovery returns the topic and the document of a device with these features.
//
// former are features that the device had before and may have no longer, for
// instance before an interview. Home Assistant removes the entity of a component
// that has only a platform, and keeps the entity of a missing component. A
// feature in both lists is described as usual. The document with the removed
// components may stay retained until the next one is published.
func Discovery(o Options, t topic.Topics, r *device.Record, features []translate.Feature, former ...translate.Feature) (string, []byte, error) {
	const template = "{{ value_json.state }}"
	d := document{
		Device:           describe(r),
		Origin:           originBlock{Name: "btmesh2mqtt", SWVersion: o.Version, Support: project},
		AvailabilityMode: "all",
		Availability: []availability{
			{Topic: t.BridgeState(), Template: template},
			{Topic: t.Availability(r.Name), Template: template},
		},
		Components: map[string]json.RawMessage{},
	}
	b := builder{topics: t, record: r, main: mainFeature(features)}
	components := map[string]any{}
	for i := range former {
		if p := Platform(&former[i]); p != "" {
			components[former[i].Key] = gone{p}
		}
	}
	for i := range features {
		if features[i].Event {
			b.events++
		}
	}
	for i := range features {
		c, err := b.component(&features[i])
		if err != nil {
			return "", nil, err
		}
		components[features[i].Key] = c
	}
	for key, c := range components {
		data, err := encode(c)
		if err != nil {
			return "", nil, fmt.Errorf("homeassistant: %s: %s: %w", r.Name, key, err)
		}
		d.Components[key] = data
	}
	data, err := json.Marshal(d)
	if err != nil {
		return "", nil, fmt.Errorf("homeassistant: %s: %w", r.Name, err)
	}
	return Topic(o, r), data, nil
}

// describe describes the device itself.
func describe(r *device.Record) deviceBlock {
	d := deviceBlock{Identifiers: []string{identifier(r)}, Name: r.Name, SerialNumber: r.UUID.String()}
	if c := r.Composition; c != nil {
		d.Manufacturer = manufacturer(c.CompanyID)
		d.Model = fmt.Sprintf("Bluetooth Mesh product 0x%04X", c.ProductID)
		d.ModelID = fmt.Sprintf("%04x:%04x", uint16(c.CompanyID), c.ProductID)
		d.HWVersion = fmt.Sprintf("0x%04X", c.VersionID)
	}
	return d
}

// mainFeature is the key of the one light or switch of the device, "" if there
// are several or none. It gets the name of the device.
func mainFeature(features []translate.Feature) string {
	main := ""
	for i := range features {
		f := &features[i]
		if p := Platform(f); f.Category != translate.Main || p != platformLight && p != platformSwitch {
			continue
		}
		if main != "" {
			return ""
		}
		main = f.Key
	}
	return main
}

// slug turns a name into a part of an entity identifier.
func slug(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
			continue
		}
		if s := b.String(); s != "" && !strings.HasSuffix(s, "_") {
			b.WriteByte('_')
		}
	}
	return strings.TrimSuffix(b.String(), "_")
}
