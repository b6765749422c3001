package bridge

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/adapters"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/availability"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/backup"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/command"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/damage"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/devicestate"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/echo"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/events"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/friendship"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/heartbeat"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/interview"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/ivupdate"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/keyrefresh"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/lists"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/meshsend"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/noderefresh"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/provisioning"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/records"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/removal"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/security"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/storage"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/subnet"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/unprovisioned"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/update"
)

// Who gives what a part needs of another one.
var (
	_ availability.Commands      = (*command.Part)(nil)
	_ availability.Interviews    = (*interview.Part)(nil)
	_ command.Availability       = (*availability.Part)(nil)
	_ command.States             = (*devicestate.Part)(nil)
	_ devicestate.Updates        = (*update.Part)(nil)
	_ friendship.Availability    = (*availability.Part)(nil)
	_ heartbeat.Availability     = (*availability.Part)(nil)
	_ interview.Availability     = (*availability.Part)(nil)
	_ interview.Commands         = (*command.Part)(nil)
	_ interview.KeyRefreshes     = (*keyrefresh.Part)(nil)
	_ interview.States           = (*devicestate.Part)(nil)
	_ lists.Unprovisioned        = (*unprovisioned.Part)(nil)
	_ noderefresh.Commands       = (*command.Part)(nil)
	_ noderefresh.Interviews     = (*interview.Part)(nil)
	_ provisioning.Interviews    = (*interview.Part)(nil)
	_ provisioning.Unprovisioned = (*unprovisioned.Part)(nil)
	_ removal.Commands           = (*command.Part)(nil)
	_ removal.KeyRefreshes       = (*keyrefresh.Part)(nil)
	_ subnet.Commands            = (*command.Part)(nil)
	_ subnet.Interviews          = (*interview.Part)(nil)
	_ subnet.KeyRefreshes        = (*keyrefresh.Part)(nil)
	_ update.States              = (*devicestate.Part)(nil)
)

// parts is the table of parts, and those that the Service itself needs.
type parts struct {
	table        []part.Part
	adapters     *adapters.Part
	records      *records.Part
	commands     *command.Part
	provisioning *provisioning.Part
	lists        *lists.Part
	storage      *storage.Part
	echo         *echo.Part
}

// newParts makes the parts and gives each the others that it needs. dropped counts
// the events that found the bridge busy.
func newParts(h *part.Host, cfg *Config, dropped func() uint64, more []func(*part.Host) part.Part) *parts {
	radios := adapters.New(h, cfg.Adapters)
	h.Radio = radios
	recs := records.New(h)
	h.Records = recs
	states := devicestate.New(h, cfg.HomeAssistant)
	reach := availability.New(h, cfg.Silence)
	commands := command.New(h, states, reach)
	updates := update.New(h, states, cfg.Firmware)
	refreshes := keyrefresh.New(h, cfg.RefreshPatience)
	interviews := interview.New(h, reach, states, commands, refreshes)
	unprov := unprovisioned.New(h, cfg.Adapters)
	oob := provisioning.Config{StaticOOB: cfg.StaticOOB, RequireOOB: cfg.RequireOOB, TrustAnchors: cfg.TrustAnchors}
	prov := provisioning.New(h, oob, interviews, unprov)
	about := lists.Config{Version: cfg.Version, Network: cfg.Network, Adapters: cfg.Adapters, Dropped: dropped}
	ls := lists.New(h, about, unprov)
	stored := storage.New(h)
	watch := echo.New(h, echo.Config{Version: cfg.Version, Lists: lists.Names(), Session: cfg.Broker}, states, reach)
	states.Connect(updates)
	reach.Connect(commands, interviews)

	// The order is the one in which the parts get events, messages and ticks. A
	// message is a sign of life first, then a reason to try a sleeping device with
	// new keys, then an answer to an update, and last of all a state.
	table := []part.Part{
		radios,
		events.New(h),
		security.New(h),
		recs,
		reach,
		removal.New(h, refreshes, commands),
		refreshes,
		updates,
		states,
		commands,
		interviews,
		unprov,
		prov,
		noderefresh.New(h, interviews, commands),
		subnet.New(h, refreshes, commands, interviews),
		ivupdate.New(h),
		friendship.New(h, reach),
		heartbeat.New(h, reach),
		meshsend.New(h),
		backup.New(h, cfg.Store, backup.Config{Network: cfg.Network, Dir: cfg.Backups, Keys: cfg.KeyExport}),
		stored,
		damage.New(h, cfg.StoreFindings),
		watch,
		ls,
	}
	for _, add := range more {
		table = append(table, add(h))
	}
	recs.Connect(table)
	ls.Connect(table)
	return &parts{
		table: table, adapters: radios, records: recs, commands: commands, provisioning: prov, lists: ls,
		storage: stored, echo: watch,
	}
}
