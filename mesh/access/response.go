package access

import (
	"strings"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// ResponseTo returns the message that answers an acknowledged message (section
// 3.7.4.2), if the registry has it. It uses the names, which are regular in the
// specification: "Config Model App Status" answers "Config Model App Bind", and
// a "List", if there is one, answers a "Get". Responses and unacknowledged
// messages have no response.
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
	// The subject is the beginning of the name: the longest that matches.
	for n := len(words); n > 0; n-- {
		for _, ending := range endings {
			if k, ok := r.ByName(strings.Join(words[:n], " ") + " " + ending); ok {
				return k, true
			}
		}
	}
	return Kind{}, false
}
