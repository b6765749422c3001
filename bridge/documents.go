package bridge

import (
	"encoding/json"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/homeassistant"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

type infoDocument struct {
	Version  string      `json:"version"`
	Go       string      `json:"go"`
	Platform string      `json:"platform"`
	Adapters []Adapter   `json:"adapters"`
	Network  networkInfo `json:"network"`
	Scan     scanInfo    `json:"scan"`
}

type networkInfo struct {
	Name         string          `json:"name"`
	UUID         mesh.UUID       `json:"uuid"`
	Address      mesh.Address    `json:"primary_address"`
	IVIndex      *mesh.IVIndex   `json:"iv_index"` // null while it is not known
	IVUpdate     bool            `json:"iv_update"`
	SequenceLeft float64         `json:"seq_left_percent"`
	NetKeys      []mesh.KeyIndex `json:"net_keys"`
	AppKeys      []mesh.KeyIndex `json:"app_keys"`
	IV           ivInfo          `json:"iv"`
	Subnets      []subnetInfo    `json:"subnets"`
	KeyRefresh   *refreshInfo    `json:"key_refresh,omitempty"` // of the one that is under way
}

type scanInfo struct {
	Active bool       `json:"active"`
	Until  *time.Time `json:"until,omitempty"`
}

func (s *Service) info() infoDocument {
	const all = float64(mesh.MaxSequenceNumber) + 1
	doc := infoDocument{
		Version:  s.cfg.Version,
		Go:       runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Adapters: s.adapters(),
		Network: networkInfo{
			Name:         s.cfg.Network,
			UUID:         s.summary.UUID,
			Address:      s.summary.Address,
			IVIndex:      &s.summary.IVIndex,
			IVUpdate:     s.summary.IVUpdate,
			SequenceLeft: float64(int(float64(s.summary.SequenceLeft)/all*1000)) / 10,
			NetKeys:      s.summary.NetKeys,
			AppKeys:      s.summary.AppKeys,
			IV:           s.ivInfo(),
			Subnets:      s.subnetList(),
			KeyRefresh:   s.refreshStatus(),
		},
	}
	if s.summary.IVIndexUnknown {
		doc.Network.IVIndex = nil
	}
	if until := s.scanUntil; !until.IsZero() {
		until = until.UTC().Truncate(time.Second)
		doc.Scan = scanInfo{Active: true, Until: &until}
	}
	// An empty list is a list.
	if doc.Network.NetKeys == nil {
		doc.Network.NetKeys = []mesh.KeyIndex{}
	}
	if doc.Network.AppKeys == nil {
		doc.Network.AppKeys = []mesh.KeyIndex{}
	}
	return doc
}

type healthDocument struct {
	Time     time.Time `json:"time"`
	Memory   uint64    `json:"memory_bytes"` // that the program got from the system
	Adapters []Adapter `json:"adapters"`
	Mesh     any       `json:"mesh"`
	Ignored  int       `json:"retained_commands_ignored"`

	Heartbeats map[string]*heartbeatDocument `json:"heartbeats,omitempty"`
}

func (s *Service) health() healthDocument {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return healthDocument{
		Time:     time.Now().UTC().Truncate(time.Second),
		Memory:   memory.Sys,
		Adapters: s.adapters(),
		Mesh: map[string]any{
			"missed":   s.summary.Missed,
			"unsent":   s.summary.Unsent,
			"counters": snakes(s.summary.Counters),
		},
		Ignored: s.ignored,

		Heartbeats: s.heartbeats(),
	}
}

// adapters lists the radios; an empty list is [], not null.
func (s *Service) adapters() []Adapter { return append([]Adapter{}, s.cfg.Adapters()...) }

// snakes is a struct of counters as JSON with keys_like_this: the mesh stack
// has no opinion about documents.
func snakes(counters any) any {
	data, err := json.Marshal(counters)
	var v any
	if err != nil || json.Unmarshal(data, &v) != nil {
		return nil
	}
	return renamed(v)
}

func renamed(v any) any {
	fields, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := make(map[string]any, len(fields))
	for name, value := range fields {
		out[snake(name)] = renamed(value)
	}
	return out
}

// snake turns BadMIC into bad_mic.
func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 && !unicode.IsUpper(rune(name[i-1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

type deviceDocument struct {
	UUID      mesh.UUID         `json:"uuid"`
	Address   mesh.Address      `json:"address"`
	Name      string            `json:"friendly_name"`
	Interview device.Interview  `json:"interview_state"`
	Joined    time.Time         `json:"joined"`
	CID       *mesh.CompanyID   `json:"cid,omitempty"`
	PID       *uint16           `json:"pid,omitempty"`
	VID       *uint16           `json:"vid,omitempty"`
	Features  map[string]bool   `json:"features,omitempty"`
	Elements  []elementDocument `json:"elements"`
	Exposes   []exposeDocument  `json:"exposes"`
	Skipped   []string          `json:"skipped,omitempty"`
	// LeftBehind: the device has old keys and has to be provisioned again.
	LeftBehind bool            `json:"left_behind,omitempty"`
	NetKeys    []mesh.KeyIndex `json:"net_keys"`
	AppKeys    []mesh.KeyIndex `json:"app_keys"`

	Friendship *friendshipDocument `json:"friendship,omitempty"` // with the bridge
}

type elementDocument struct {
	Index    int             `json:"index"`
	Address  mesh.Address    `json:"address"`
	Location uint16          `json:"location"`
	Models   []modelDocument `json:"models"`
}

type modelDocument struct {
	ID   mesh.ModelID `json:"id"`
	Name string       `json:"name,omitempty"`
}

type exposeDocument struct {
	Type     string   `json:"type"`
	Property string   `json:"property"`
	Element  int      `json:"element"`
	Unit     string   `json:"unit,omitempty"`
	Features []string `json:"features,omitempty"`
	Values   []string `json:"values,omitempty"`
}

func (s *Service) deviceList() []deviceDocument {
	list := make([]deviceDocument, 0, len(s.devices))
	for _, m := range s.sorted() {
		doc := m.document()
		doc.Friendship = s.friendship(m)
		list = append(list, doc)
	}
	return list
}

func (m *managed) document() deviceDocument {
	r := m.record
	doc := deviceDocument{
		UUID:      r.UUID,
		Address:   r.Address,
		Name:      r.Name,
		Interview: r.Interview,
		Joined:    r.Joined,
		Elements:  []elementDocument{},
		Exposes:   []exposeDocument{},
		Skipped:   r.Skipped,

		LeftBehind: r.LeftBehind,
		NetKeys:    append([]mesh.KeyIndex{r.NetKey}, r.NetKeys...),
		AppKeys:    append([]mesh.KeyIndex{r.AppKey}, r.AppKeys...),
	}
	if c := r.Composition; c != nil {
		doc.CID, doc.PID, doc.VID = &c.CompanyID, &c.ProductID, &c.VersionID
		doc.Features = map[string]bool{
			"relay":  c.Features&configuration.FeatureRelay != 0,
			"proxy":  c.Features&configuration.FeatureProxy != 0,
			"friend": c.Features&configuration.FeatureFriend != 0,
			"lpn":    c.Features&configuration.FeatureLowPower != 0,
		}
		for i, e := range c.Elements {
			element := elementDocument{Index: i, Address: r.Address + mesh.Address(i), Location: e.Location, Models: []modelDocument{}}
			for _, id := range e.Models {
				element.Models = append(element.Models, modelDocument{ID: id, Name: foundation.ModelName(id)})
			}
			doc.Elements = append(doc.Elements, element)
		}
	}
	if m.translator != nil {
		for _, f := range m.translator.Features() {
			doc.Exposes = append(doc.Exposes, expose(&f))
		}
	}
	return doc
}

func expose(f *translate.Feature) exposeDocument {
	doc := exposeDocument{Type: homeassistant.Platform(f), Property: f.Property, Element: f.Element, Unit: f.Unit, Values: f.Values}
	if f.Property == "" && len(f.Parts) > 0 {
		doc.Property = f.Parts[0].Property
	}
	for _, part := range f.Parts {
		if f.Name == "light" && part.Access&translate.Settable != 0 {
			doc.Features = append(doc.Features, part.Name+part.Suffix)
		}
	}
	return doc
}

// foundList lists the unprovisioned devices; an empty list is [], not null.
func (s *Service) foundList() []*foundDevice {
	list := slices.AppendSeq(make([]*foundDevice, 0, len(s.found)), maps.Values(s.found))
	slices.SortFunc(list, func(a, b *foundDevice) int { return slices.Compare(a.UUID[:], b.UUID[:]) })
	return list
}
