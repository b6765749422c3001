package access_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/catalog"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/clock"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/scene"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/scheduler"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/sensor"
)

func allMessages(t *testing.T) *access.Registry {
	t.Helper()
	r, err := access.NewRegistry(catalog.Messages(), generic.Messages(), light.Messages(), sensor.Messages(),
		scene.Messages(), scheduler.Messages(), clock.Messages())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const nothing = "nothing"

// irregular lists the messages whose response is not their name with the last
// word replaced by Status.
var irregular = map[string]string{
	"Config NetKey Add":                                   "Config NetKey Status",
	"Config NetKey Get":                                   "Config NetKey List",
	"Config AppKey Delete":                                "Config AppKey Status",
	"Config AppKey Get":                                   "Config AppKey List",
	"Config Node Reset":                                   "Config Node Reset Status",
	"Config SIG Model App Get":                            "Config SIG Model App List",
	"Config Vendor Model App Get":                         "Config Vendor Model App List",
	"Config SIG Model Subscription Get":                   "Config SIG Model Subscription List",
	"Config Vendor Model Subscription Get":                "Config Vendor Model Subscription List",
	"Config Model Publication Virtual Address Set":        "Config Model Publication Status",
	"Config Model Subscription Delete All":                "Config Model Subscription Status",
	"Config Model Subscription Virtual Address Add":       "Config Model Subscription Status",
	"Config Model Subscription Virtual Address Delete":    "Config Model Subscription Status",
	"Config Model Subscription Virtual Address Overwrite": "Config Model Subscription Status",
	"Generic Delta Set":                                   "Generic Level Status",
	"Generic Move Set":                                    "Generic Level Status",
	"Scene Store":                                         "Scene Register Status",
	"Scene Delete":                                        "Scene Register Status",
	"Remote Provisioning Extended Scan Start":             "Remote Provisioning Extended Scan Report",
	"Remote Provisioning PDU Send":                        nothing, // the result is reported separately
	"Forwarding Table Dependents Get":                     "Forwarding Table Dependents Get Status",
	"Bridged Subnets Get":                                 "Bridged Subnets List",
	"Bridging Table Get":                                  "Bridging Table List",
}

// Every message has the response that the specification gives it, or none.
func TestResponses(t *testing.T) {
	r := allMessages(t)
	for kind := range r.All() {
		words := strings.Fields(kind.Name)
		last := words[len(words)-1]
		want := irregular[kind.Name]
		switch {
		case want == nothing:
			want = ""
		case want != "", slices.Contains([]string{"Status", "List", "Unacknowledged", "Report"}, last):
		default:
			want = strings.TrimSuffix(kind.Name, last) + "Status"
		}
		got, ok := r.ResponseTo(kind.Opcode)
		if ok != (want != "") || got.Name != want {
			t.Errorf("%s is answered by %q, expected %q", kind.Name, got.Name, want)
		}
	}
	if k, ok := r.ResponseTo(mesh.VendorOpcode(1, 0x05F1)); ok {
		t.Errorf("an unknown message is answered by %s", k.Name)
	}
}

func TestNear(t *testing.T) {
	r := allMessages(t)
	for name, want := range map[string]string{
		"Generic OnOf Get":        "Generic OnOff Get",
		"onoff set":               "Generic OnOff Set",
		"get hsl light":           "Light HSL Get",
		"config net key add":      "Config NetKey Add",
		"Config_Compositon":       "Config Composition Data Get",
		"SCENE RECAL":             "Scene Recall",
		"x":                       "",
		"":                        "",
		"\xff\xfe":                "",
		strings.Repeat("z", 5000): "",
	} {
		got := r.Near(name, 3)
		if len(got) > 3 || want == "" && len(got) > 0 || want != "" && !slices.Contains(got, want) {
			t.Errorf("near %.40q: %q, expected %q", name, got, want)
		}
	}
}
