package upgrade

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// how says which part of a value may change in an update.
type how int

const (
	exact how = iota // nothing may change, but an object may get more members
	shape            // the value may change, its type may not; null fits every type
	free             // everything may change
)

// varies lists everything that may differ, by the kind of the document and the
// path in it. The first line that matches counts. A "*" matches any one member
// or item. Add a line only for something that changes by itself, never because
// the program now behaves differently.
var varies = []struct {
	path string
	how  how
	why  string
}{
	{"discovery/origin/sw_version", shape, "the version of the program"},
	{"info/version", shape, "the version of the program"},
	{"info/go", shape, "the version of Go"},
	{"info/platform", shape, "the machine"},
	{"info/adapters/*/kind", shape, "what the demo's virtual controller can do"},
	{"info/adapters/*/sent", shape, "a counter since the start"},
	{"info/adapters/*/received", shape, "a counter since the start"},
	{"info/adapters/*/resets", shape, "a counter since the start"},
	{"info/adapters/*/dropped", shape, "a counter since the start"},
	{"info/network/seq_left_percent", shape, "every start uses some"},
	{"info/network/iv/hours_in_state", shape, "a time"},
	{"info/network/iv/change_possible", shape, "depends on the time"},
	{"info/scan", free, "a scan ends with the program"},
	{"health/heartbeats", free, "heard since the start"},
	{"health", shape, "counters and times since the start"},
	{"unprovisioned/*", free, "who is in reach now"},
	{"bridge_state", shape, "offline when the program ended, online now"},
	{"state", shape, "what the devices report now; the demo's are off after a restart"},
	{"network/timestamp", shape, "the time of the export"},
	{"network/netKeys/*/timestamp", shape, "the time of the export"},
	// v0-2026-11 exported subnet 0 and AppKey 0 for every device, whichever
	// keys it had. sameNetwork compares the exported keys with bridge/devices.
	{"network/nodes/*/netKeys", free, "exported wrongly by v0-2026-11"},
	{"network/nodes/*/appKeys", free, "exported wrongly by v0-2026-11"},
	{"network/nodes/*/elements/*/models/*/bind", free, "exported wrongly by v0-2026-11"},
	{"network/nodes/*/elements/*/models/*/publish/index", free, "exported wrongly by v0-2026-11"},
}

// freedom looks up a path in varies.
func freedom(at string) how {
	parts := strings.Split(at, "/")
	for _, v := range varies {
		pattern := strings.Split(v.path, "/")
		if len(pattern) > len(parts) {
			continue
		}
		if ok, err := path.Match(v.path, strings.Join(parts[:len(pattern)], "/")); err == nil && ok {
			return v.how
		}
	}
	return exact
}

// identities are the members that identify the items of a list, in the order in
// which they are tried.
var identities = []string{"uuid", "UUID", "unique_id", "topic", "property", "index", "id", "modelId", "net_key", "address", "ivIndex"}

// differences lists what of old is missing or changed in now. at is the kind of
// the document, followed by the path.
func differences(at string, old, now any) []string {
	switch allowed := freedom(at); {
	case allowed == free:
		return nil
	case allowed == shape && (old == nil || now == nil):
		return nil
	case fmt.Sprintf("%T", old) != fmt.Sprintf("%T", now):
		return []string{fmt.Sprintf("%s: was %v and is %v", at, old, now)}
	case allowed == shape && !isContainer(old):
		return nil
	}
	var list []string
	switch old := old.(type) {
	case map[string]any:
		now := now.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(old)) {
			below := at + "/" + name
			if value, ok := now[name]; ok {
				list = append(list, differences(below, old[name], value)...)
			} else if freedom(below) != free {
				list = append(list, fmt.Sprintf("%s is gone; it was %v", below, old[name]))
			}
		}
	case []any:
		list = itemDifferences(at, old, now.([]any))
	default:
		if old != now {
			list = []string{fmt.Sprintf("%s: was %v and is %v", at, old, now)}
		}
	}
	return list
}

func isContainer(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return true
	}
	return false
}

// itemDifferences compares lists by the identity of their items, or in order if
// they have none.
func itemDifferences(at string, old, now []any) []string {
	key := identityOf(old)
	if key == "" {
		if len(old) != len(now) && freedom(at) == exact {
			return []string{fmt.Sprintf("%s: was %v and is %v", at, old, now)}
		}
		var list []string
		for i := range min(len(old), len(now)) {
			list = append(list, differences(fmt.Sprintf("%s/%d", at, i), old[i], now[i])...)
		}
		return list
	}
	var list []string
	found := map[any]any{}
	for _, item := range now {
		members, _ := item.(map[string]any)
		id := members[key]
		if _, twice := found[id]; twice {
			list = append(list, fmt.Sprintf("%s: %v is there twice", at, id))
		}
		found[id] = item
	}
	for _, item := range old {
		id := item.(map[string]any)[key]
		below := at + "/" + strings.ReplaceAll(fmt.Sprint(id), "/", "_")
		if other, ok := found[id]; ok {
			list = append(list, differences(below, item, other)...)
		} else if freedom(below) != free {
			list = append(list, fmt.Sprintf("%s is gone", below))
		}
	}
	return list
}

// identityOf returns the first member that all items have with different
// values.
func identityOf(items []any) string {
	for _, key := range identities {
		seen := map[any]bool{}
		for _, item := range items {
			members, ok := item.(map[string]any)
			id := members[key]
			if !ok || id == nil || isContainer(id) || seen[id] {
				break
			}
			seen[id] = true
		}
		if len(seen) == len(items) && len(items) > 0 {
			return key
		}
	}
	return ""
}

// documents maps topics to payloads.
type documents map[string]json.RawMessage

func (d documents) value(topic string) (v any) {
	_ = json.Unmarshal(d[topic], &v) // if it is not JSON, nil differs from everything
	return v
}

// listed is the part of a device in bridge/devices that the test needs.
type listed struct {
	UUID      string `json:"uuid"`
	Name      string `json:"friendly_name"`
	Interview string `json:"interview_state"`
	NetKeys   []int  `json:"net_keys"`
	AppKeys   []int  `json:"app_keys"`
	Exposes   []struct {
		Type string `json:"type"`
	} `json:"exposes"`
}

func (d documents) devices() (list []listed) {
	_ = json.Unmarshal(d[base+"bridge/devices"], &list) // on failure the list is empty, which is a difference
	return list
}

// kind returns the kind of the document on a topic, for the paths in varies, or
// "" if the topic belongs to no listed device.
func (d documents) kind(topic string) string {
	if strings.HasPrefix(topic, discovery) {
		return "discovery"
	}
	if topic == base+"bridge/state" {
		return "bridge_state"
	}
	if of, ok := strings.CutPrefix(topic, base+"bridge/"); ok {
		return of
	}
	for _, device := range d.devices() {
		switch topic {
		case base + device.Name:
			return "state"
		case base + device.Name + "/availability":
			return "availability"
		}
	}
	return ""
}

const discovery = "homeassistant/"

// compare lists how the topics of a broker differ from those of the fixture.
// The bridge and devices that the fixture does not have may have more topics.
func (f *fixture) compare(now documents) []string {
	old := documents(f.retained)
	var list []string
	for _, topic := range slices.Sorted(maps.Keys(old)) {
		kind := old.kind(topic)
		switch {
		case kind == "":
			list = append(list, fmt.Sprintf("%s belongs to no device of the fixture", topic))
		case now[topic] == nil:
			list = append(list, fmt.Sprintf("%s is gone", topic))
		default:
			for _, difference := range differences(kind, old.value(topic), now.value(topic)) {
				list = append(list, topic+": "+difference)
			}
		}
	}
	return append(list, f.surplus(now)...)
}

// surplus lists topics that the fixture does not have and that should not
// exist: remains of an old name, and duplicates of a device or an entity.
func (f *fixture) surplus(now documents) []string {
	var list []string
	uuids, names := map[string]bool{}, map[string]bool{}
	for _, device := range documents(f.retained).devices() {
		uuids[device.UUID] = true
	}
	for _, device := range now.devices() {
		names[device.Name] = true
		for _, removed := range f.Removed {
			if device.UUID == removed.String() {
				list = append(list, fmt.Sprintf("%s was removed and is there again", removed))
			}
		}
	}
	entities := map[string]string{}
	for _, topic := range slices.Sorted(maps.Keys(now)) {
		if strings.HasPrefix(topic, discovery) {
			list = append(list, entityProblems(topic, now[topic], entities)...)
		}
		if f.retained[topic] != nil || strings.HasPrefix(topic, base+"bridge/") {
			continue
		}
		if strings.HasPrefix(topic, discovery) {
			for uuid := range uuids {
				if strings.Contains(topic, uuid) {
					list = append(list, fmt.Sprintf("%s is another document of a device that has one", topic))
				}
			}
			continue
		}
		if !belongs(topic, names) {
			list = append(list, fmt.Sprintf("%s belongs to no device", topic))
		}
	}
	return list
}

// belongs reports whether a topic belongs to a device.
func belongs(topic string, names map[string]bool) bool {
	for name := range names {
		if rest, ok := strings.CutPrefix(topic, base+name); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

// entityProblems adds the entities of a discovery document to the known ones,
// and lists duplicates.
func entityProblems(topic string, payload json.RawMessage, known map[string]string) []string {
	var document struct {
		Components map[string]struct {
			Platform string `json:"platform"`
			UniqueID string `json:"unique_id"`
		} `json:"components"`
	}
	if err := json.Unmarshal(payload, &document); err != nil {
		return []string{fmt.Sprintf("%s: %v", topic, err)}
	}
	var list []string
	for key, c := range document.Components {
		if c.UniqueID == "" {
			continue // Home Assistant removes the entity
		}
		entity := c.Platform + " " + c.UniqueID // Home Assistant's identity of an entity
		if other, twice := known[entity]; twice {
			list = append(list, fmt.Sprintf("%s: %s is the entity %s, which stands in %s, too", topic, key, entity, other))
		}
		known[entity] = topic
	}
	return list
}
