package generic_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
)

func TestTransitionTimeOf(t *testing.T) {
	for _, c := range []struct {
		d        time.Duration
		expected generic.TransitionTime
	}{
		{0, 0x00},
		{49 * time.Millisecond, 0x00},
		{50 * time.Millisecond, 0x01},
		{time.Second, 0x0A},
		{6200 * time.Millisecond, 0x3E},
		{6250 * time.Millisecond, 0x3E},
		{6700 * time.Millisecond, 0x47},
		{62 * time.Second, 0x7E},
		{63 * time.Second, 0x7E},
		{68 * time.Second, 0x87},
		{620 * time.Second, 0xBE},
		{20 * time.Minute, 0xC2},
		{generic.MaxTransition, 0xFE},
	} {
		if got, err := generic.TransitionTimeOf(c.d); err != nil || got != c.expected {
			t.Errorf("%s: expected %02x, got %02x, %v", c.d, uint8(c.expected), uint8(got), err)
		}
	}
	for _, d := range []time.Duration{-1, -time.Hour, generic.MaxTransition + 1, 1<<63 - 1} {
		if got, err := generic.TransitionTimeOf(d); !errors.Is(err, generic.ErrDuration) {
			t.Errorf("%s: got %s, %v", d, got, err)
		}
	}
}

func TestTransitionTimeRoundTrip(t *testing.T) {
	for i := range 256 {
		time := generic.TransitionTime(i)
		if !time.IsKnown() {
			if i&0x3F != 0x3F || time.Duration() != 0 || time.String() != "unknown" {
				t.Errorf("%02x: %s", i, time)
			}
			continue
		}
		again, err := generic.TransitionTimeOf(time.Duration())
		if err != nil || again.Duration() != time.Duration() {
			t.Errorf("%02x: %s became %s, %v", i, time, again, err)
		}
	}
}

func TestTransitionTimeIsNearest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, int64(generic.MaxTransition)).Draw(t, "duration"))
		got, err := generic.TransitionTimeOf(d)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 256 {
			other := generic.TransitionTime(i)
			if other.IsKnown() && (other.Duration()-d).Abs() < (got.Duration()-d).Abs() {
				t.Fatalf("%s: got %s, %s is nearer", d, got, other)
			}
		}
	})
}

func TestDelay(t *testing.T) {
	if got, err := generic.DelayOf(300 * time.Millisecond); err != nil || got != 60 || got.Duration() != 300*time.Millisecond {
		t.Errorf("%d, %v", got, err)
	}
	for _, d := range []time.Duration{-1, generic.MaxDelay + 1} {
		if got, err := generic.DelayOf(d); !errors.Is(err, generic.ErrDuration) {
			t.Errorf("%s: %d, %v", d, got, err)
		}
	}
}

func TestTransitionIsWholeOrAbsent(t *testing.T) {
	for _, c := range []struct {
		params   []byte
		expected error
	}{
		{[]byte{1, 0}, nil},
		{[]byte{1, 0, 0x0A}, access.ErrTruncated},
		{[]byte{1, 0, 0x0A, 1}, nil},
		{[]byte{1, 0, 0x0A, 1, 0}, access.ErrTrailing},
		{[]byte{1, 0, 0x3F, 1}, access.ErrProhibited},
		{[]byte{2, 0}, access.ErrProhibited},
	} {
		if err := access.Decode(c.params, new(generic.OnOffSet)); !errors.Is(err, c.expected) {
			t.Errorf("%x: %v", c.params, err)
		}
	}
}

func TestTransitionInJSON(t *testing.T) {
	for _, c := range []struct {
		json     string
		expected []byte
	}{
		{`{"onoff":true,"tid":5}`, []byte{0x82, 0x02, 1, 5}},
		{`{"onoff":true,"tid":5,"transition_time":2.5}`, []byte{0x82, 0x02, 1, 5, 25, 0}},
		{`{"onoff":0,"tid":5,"transition_time":60,"delay":0.1}`, []byte{0x82, 0x02, 0, 5, 0x7C, 20}},
	} {
		var m generic.OnOffSet
		if err := access.FromJSON([]byte(c.json), &m); err != nil {
			t.Errorf("%s: %v", c.json, err)
			continue
		}
		if got, err := access.Append(nil, &m); err != nil || !bytes.Equal(got, c.expected) {
			t.Errorf("%s: %x, %v", c.json, got, err)
		}
	}
	for _, in := range []string{
		`{"onoff":true,"tid":5,"transition_time":null}`, `{"onoff":true,"tid":5,"transition_time":-1}`,
		`{"onoff":true,"tid":5,"transition_time":37201}`, `{"onoff":true,"tid":5,"transition_time":1,"delay":2}`,
		`{"onoff":true,"tid":5,"transition_time":1,"delay":null}`, `{"onoff":true,"tid":5,"transition_time":1e300}`,
		`{"onoff":true,"tid":5,"delay":1}`,
	} {
		if err := access.FromJSON([]byte(in), new(generic.OnOffSet)); err == nil {
			t.Errorf("%s is read", in)
		}
	}
}
