package access

import (
	"strings"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// ResponseTo is the message that answers an acknowledged message (section
// 3.7.4.2), as far as the registry has it. It goes by the names, in which the
// specification is regular: "Config Model App Bind" is answered by "Config Model
// App Status", what is asked for with a "Get" by a "List" where there is one.
// Messages that answer, and unacknowledged ones, have no response.
func (r *Registry) ResponseTo(op mesh.Opcode) (Kind, bool) {
	asked, ok := r.ByOpcode(op)
	if !ok {
		return Kind{}, false
	}
	switch fold(asked.Name) {
	case "scene store", "scene delete":
		return r.ByName("Scene Register Status")
	case "generic delta set", "generic move set":
		return r.ByName("Generic Level Status")
	case "remote provisioning extended scan start":
		return r.ByName("Remote Provisioning Extended Scan Report")
	}
	words := strings.Fields(asked.Name)
	endings := []string{"Status", "List"}
	switch words[len(words)-1] {
	case "Unacknowledged", "Status", "List", "Report":
		return Kind{}, false
	case "Get":
		endings = []string{"List", "Status"}
	}
	// What is asked for is the beginning of the name: the longest that fits.
	for n := len(words); n > 0; n-- {
		for _, ending := range endings {
			if k, ok := r.ByName(strings.Join(words[:n], " ") + " " + ending); ok {
				return k, true
			}
		}
	}
	return Kind{}, false
}
