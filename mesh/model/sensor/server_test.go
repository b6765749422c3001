package sensor_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/sensor"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server/servertest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/property"
)

const (
	temperature = property.PresentAmbientTemperature
	motion      = property.MotionSensed
	absent      = property.PeopleCount
)

func TestSensorServer(t *testing.T) {
	descriptors := []sensor.Descriptor{
		{PropertyID: temperature, SamplingFunction: sensor.ArithmeticMean, UpdateInterval: 64},
		{PropertyID: motion},
	}
	s := sensor.NewServer(descriptors...)
	b := servertest.New(t, s.Models()...)
	data := func(id property.ID, raw ...byte) sensor.Data { return sensor.Data{PropertyID: id, RawValue: raw} }
	expect := func(what string, got access.Message, want access.Message) {
		t.Helper()
		// Compare octets, because an empty and a nil slice encode to the same
		// octets.
		g, errGot := access.Append(nil, got)
		w, errWant := access.Append(nil, want)
		if errGot != nil || errWant != nil || !reflect.DeepEqual(g, w) {
			t.Errorf("%s: got %+v, want %+v", what, got, want)
		}
	}
	status := func(d ...sensor.Data) access.Message { return &sensor.Status{SensorData: d} }

	expect("before a value", b.Send(&sensor.Get{}), status(data(temperature), data(motion)))
	b.Context(b.Models[0], func(ctx access.Context) {
		s.Set(ctx.Now(), temperature, []byte{40})
		s.Set(ctx.Now(), absent, []byte{1, 0})
	})
	expect("all", b.Send(&sensor.Get{}), status(data(temperature, 40), data(motion)))
	expect("one", b.Send(&sensor.Get{HasPropertyID: true, PropertyID: temperature}), status(data(temperature, 40)))
	expect("one that is not there", b.Send(&sensor.Get{HasPropertyID: true, PropertyID: absent}), status(data(absent)))
	expect("descriptors", b.Send(&sensor.DescriptorGet{}), &sensor.DescriptorStatus{Descriptors: descriptors})
	expect("descriptor", b.Send(&sensor.DescriptorGet{HasPropertyID: true, PropertyID: motion}), &sensor.DescriptorStatus{Descriptors: descriptors[1:]})
	expect("no descriptor", b.Send(&sensor.DescriptorGet{HasPropertyID: true, PropertyID: absent}), &sensor.DescriptorStatus{Missing: absent})
	expect("column", b.Send(&sensor.ColumnGet{PropertyID: temperature, RawValueX: []byte{1}}), &sensor.ColumnStatus{PropertyID: temperature, RawColumn: []byte{1}})
	expect("series", b.Send(&sensor.SeriesGet{PropertyID: temperature}), &sensor.SeriesStatus{PropertyID: temperature})
	expect("cadence", b.Send(&sensor.CadenceGet{PropertyID: temperature}), &sensor.CadenceStatus{PropertyID: temperature})
	expect("settings", b.Send(&sensor.SettingsGet{SensorPropertyID: temperature}), &sensor.SettingsStatus{SensorPropertyID: temperature})
	expect("setting", b.Send(&sensor.SettingSet{SensorPropertyID: temperature, SensorSettingPropertyID: 3, SensorSettingRaw: []byte{1}}),
		&sensor.SettingStatus{SensorPropertyID: temperature, SensorSettingPropertyID: 3})

	// Only changes are published; everything for the period.
	b.Publications()
	for _, raw := range []byte{40, 41, 41} {
		b.Context(b.Models[0], func(ctx access.Context) { s.Set(ctx.Now(), temperature, []byte{raw}) })
	}
	b.Context(b.Models[0], func(ctx access.Context) {
		s.Set(ctx.Now(), motion, []byte{200})
		s.Set(ctx.Now(), temperature, []byte{42})
	})
	b.Periodic(b.Models[0])
	want := []access.Message{
		status(data(temperature, 41)),
		status(data(temperature, 42), data(motion, 200)),
		status(data(temperature, 42), data(motion, 200)),
	}
	got := b.Publications()
	if len(got) != len(want) {
		t.Fatalf("%d publications, want %d", len(got), len(want))
	}
	for i := range want {
		expect("publication", got[i].Message, want[i])
	}
}

// clock measures every minute.
type clock struct {
	*sensor.Server
	next  time.Time
	count byte
}

func (c *clock) Deadline() time.Time { return c.next }

func (c *clock) Measure(now time.Time) {
	if !now.Before(c.next) {
		c.next = now.Add(time.Minute)
		c.count++
		c.Set(now, motion, []byte{c.count})
	}
}

func TestSensorServerMeasures(t *testing.T) {
	s := sensor.NewServer(sensor.Descriptor{PropertyID: motion})
	c := &clock{Server: s, next: time.Unix(0, 0)}
	s.SetSource(c)
	b := servertest.New(t, s.Models()...)
	b.Pass(10*time.Minute + time.Second)
	if p := b.Publications(); len(p) != 11 || c.count != 11 {
		t.Errorf("%d measurements, %d publications, want 11 of each", c.count, len(p))
	}
	if b.Wakes != 11 {
		t.Errorf("woken %d times", b.Wakes)
	}
}

func TestPeriodOf(t *testing.T) {
	for _, d := range []time.Duration{10 * time.Millisecond, time.Second, time.Minute, 24 * time.Hour} {
		back, ok := sensor.PeriodOf(d).Duration()
		if !ok || back < d*95/100 || back > d*105/100 {
			t.Errorf("%s became %s", d, back)
		}
	}
	if sensor.PeriodOf(0) != 0 || sensor.PeriodOf(-time.Second) != 0 {
		t.Error("a zero duration became a period")
	}
	if p := sensor.PeriodOf(1<<63 - 1); p > 253 {
		t.Errorf("a very long time became the special value %d", p)
	}
}
