package sensor

import (
	"bytes"
	"math"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/property"
)

// Server is a Sensor Server (section 4.3.1) and its Setup Server (section
// 4.3.2). Set passes it the measured values. A change is published at once, and
// all values are published if the publication has a period. It has no settings,
// and its cadence cannot be set.
type Server struct {
	sensors []sensor
	source  Source
	group   *server.Group
	models  []access.Model
}

// Source measures at its own times. It calls Server.Set.
type Source interface {
	// Deadline is when to measure next; zero for never.
	Deadline() time.Time
	// Measure is called at that time, and may be called before.
	Measure(now time.Time)
}

// sensor is one measured quantity.
type sensor struct {
	Descriptor
	raw     []byte
	changed bool // and not published yet
}

// NewServer makes the models for sensors without values: an unknown value has
// no octets.
func NewServer(descriptors ...Descriptor) *Server {
	s := &Server{}
	for _, d := range descriptors {
		s.sensors = append(s.sensors, sensor{Descriptor: d})
	}
	s.group = server.NewGroup(s)
	s.models = []access.Model{s.addServer(), s.addSetup()}
	return s
}

// SetSource sets the source of measurements. Without one, values are set from
// outside.
func (s *Server) SetSource(source Source) { s.source = source }

// Models returns the models in the order of the composition.
func (s *Server) Models() []access.Model { return s.models }

// Set sets the value of a property, as raw octets from package property. An
// unchanged value is not published.
func (s *Server) Set(now time.Time, id property.ID, raw []byte) {
	if v := s.find(id); v != nil && !bytes.Equal(v.raw, raw) {
		v.raw = bytes.Clone(raw) // messages may still use the previous slice
		v.changed = true
		s.group.Changed(now)
	}
}

func (s *Server) find(id property.ID) *sensor {
	for i := range s.sensors {
		if s.sensors[i].PropertyID == id {
			return &s.sensors[i]
		}
	}
	return nil
}

func (s *Server) addServer() access.Model {
	m := s.group.Add(ServerID, s.changes)
	m.Periodic(func(time.Time) access.Message { return s.all() })

	var get Get
	m.Get(&get, func(time.Time) access.Message {
		if !get.HasPropertyID {
			return s.all()
		}
		status := &Status{SensorData: []Data{{PropertyID: get.PropertyID}}}
		if v := s.find(get.PropertyID); v != nil {
			status.SensorData[0].RawValue = v.raw
		}
		return status
	})
	var descriptor DescriptorGet
	m.Get(&descriptor, func(time.Time) access.Message {
		status := &DescriptorStatus{}
		for i := range s.sensors {
			if d := s.sensors[i].Descriptor; !descriptor.HasPropertyID || d.PropertyID == descriptor.PropertyID {
				status.Descriptors = append(status.Descriptors, d)
			}
		}
		if descriptor.HasPropertyID && len(status.Descriptors) == 0 {
			status.Missing = descriptor.PropertyID
		}
		return status
	})
	// Single values have neither columns nor series: the answer is only the
	// property (sections 4.2.16 and 4.2.18).
	var column ColumnGet
	m.Get(&column, func(time.Time) access.Message {
		return &ColumnStatus{PropertyID: column.PropertyID, RawColumn: column.RawValueX}
	})
	var series SeriesGet
	m.Get(&series, func(time.Time) access.Message { return &SeriesStatus{PropertyID: series.PropertyID} })
	return m
}

func (s *Server) addSetup() access.Model {
	m := s.group.Add(SetupServerID, nil)
	var cadence CadenceGet
	m.Get(&cadence, func(time.Time) access.Message { return &CadenceStatus{PropertyID: cadence.PropertyID} })
	var setCadence CadenceSet
	m.Set(&setCadence, OpCadenceSetUnacknowledged, accept, func(time.Time) access.Message {
		return &CadenceStatus{PropertyID: setCadence.PropertyID}
	})
	var settings SettingsGet
	m.Get(&settings, func(time.Time) access.Message {
		return &SettingsStatus{SensorPropertyID: settings.SensorPropertyID}
	})
	var setting SettingGet
	m.Get(&setting, func(time.Time) access.Message {
		return &SettingStatus{SensorPropertyID: setting.SensorPropertyID, SensorSettingPropertyID: setting.SensorSettingPropertyID}
	})
	var set SettingSet
	m.Set(&set, OpSettingSetUnacknowledged, accept, func(time.Time) access.Message {
		return &SettingStatus{SensorPropertyID: set.SensorPropertyID, SensorSettingPropertyID: set.SensorSettingPropertyID}
	})
	return m
}

// accept answers a request that changes nothing, because there is nothing to
// change.
func accept(time.Time) bool { return true }

func (s *Server) all() *Status {
	status := &Status{}
	for i := range s.sensors {
		status.SensorData = append(status.SensorData, Data{s.sensors[i].PropertyID, s.sensors[i].raw})
	}
	return status
}

// changes returns what has changed since its last call, because it is called
// for publishing.
func (s *Server) changes(time.Time) access.Message {
	status := &Status{}
	for i := range s.sensors {
		if v := &s.sensors[i]; v.changed {
			v.changed = false
			status.SensorData = append(status.SensorData, Data{v.PropertyID, v.raw})
		}
	}
	return status
}

// Deadline implements server.Machine.
func (s *Server) Deadline() time.Time {
	if s.source == nil {
		return time.Time{}
	}
	return s.source.Deadline()
}

// Advance implements server.Machine.
func (s *Server) Advance(now time.Time) {
	if s.source != nil {
		s.source.Measure(now)
	}
}

// State implements server.Machine: values are measured again.
func (s *Server) State() []byte { return nil }

// Restore implements server.Machine.
func (s *Server) Restore([]byte) error { return nil }

// PeriodOf returns the Period nearest to a duration; 0, not applicable, for one
// that is not positive.
func PeriodOf(d time.Duration) Period {
	if d <= 0 {
		return 0
	}
	n := math.Round(math.Log(d.Seconds())/math.Log(1.1)) + 64
	return Period(min(max(n, 1), 253))
}
