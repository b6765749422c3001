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
// 4.3.2). What it measures is told to it with Set; what has changed is
// published at once, and everything when the publication has a period. It has
// no settings and no cadence that could be set.
type Server struct {
	sensors []sensor
	source  Source
	group   *server.Group
	models  []access.Model
}

// Source measures at times of its own. It calls Server.Set.
type Source interface {
	// Deadline is when to measure next; zero for never.
	Deadline() time.Time
	// Measure is called at that time, and may be called before.
	Measure(now time.Time)
}

// sensor is one thing that is measured.
type sensor struct {
	Descriptor
	raw     []byte
	changed bool // and not published yet
}

// NewServer makes the models for sensors that have no values yet: a value that
// is not known has no octets.
func NewServer(descriptors ...Descriptor) *Server {
	s := &Server{}
	for _, d := range descriptors {
		s.sensors = append(s.sensors, sensor{Descriptor: d})
	}
	s.group = server.NewGroup(s)
	s.models = []access.Model{s.addServer(), s.addSetup()}
	return s
}

// SetSource sets who measures. Without one, values are told from outside.
func (s *Server) SetSource(source Source) { s.source = source }

// Models are the models in the order of the composition.
func (s *Server) Models() []access.Model { return s.models }

// Set tells a value of a property, raw octets as package property makes them.
// One that is the same as before is nothing to publish.
func (s *Server) Set(now time.Time, id property.ID, raw []byte) {
	if v := s.find(id); v != nil && !bytes.Equal(v.raw, raw) {
		v.raw = bytes.Clone(raw) // messages hold on to the one before
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
	// Of single values there are neither columns nor series: the answer is
	// the property alone (sections 4.2.16 and 4.2.18).
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

// changes is what has changed since it was last called, for that is when it
// is published.
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

// State implements server.Machine: values are measured anew.
func (s *Server) State() []byte { return nil }

// Restore implements server.Machine.
func (s *Server) Restore([]byte) error { return nil }

// PeriodOf is the Period nearest to a duration; 0, not applicable, for one that
// is not positive.
func PeriodOf(d time.Duration) Period {
	if d <= 0 {
		return 0
	}
	n := math.Round(math.Log(d.Seconds())/math.Log(1.1)) + 64
	return Period(min(max(n, 1), 253))
}
