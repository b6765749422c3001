package generic

import (
	"errors"
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// TransitionTime is a duration in one octet (section 3.1.3): a number of steps
// in the low six bits, their resolution in the high two. The Remaining Time of
// a status has the same form.
//
//	| Number of Steps 6 | Step Resolution 2: 100 ms, 1 s, 10 s, 10 min |
type TransitionTime uint8

// UnknownTime is an unknown time; it can be reported but not set. All
// resolutions of 0x3F steps have the same meaning.
const UnknownTime TransitionTime = maxSteps + 1

// MaxTransition is the longest time of a TransitionTime.
const MaxTransition = maxSteps * 10 * time.Minute

const maxSteps = 0x3E

// ErrDuration is returned for a duration that does not fit.
var ErrDuration = errors.New("generic: duration out of range")

func resolution(code uint8) time.Duration {
	return [4]time.Duration{100 * time.Millisecond, time.Second, 10 * time.Second, 10 * time.Minute}[code&3]
}

// TransitionTimeOf returns the time nearest to d, in the finest possible
// resolution. The error wraps ErrDuration if d is negative or more than
// MaxTransition.
func TransitionTimeOf(d time.Duration) (TransitionTime, error) {
	if d < 0 || d > MaxTransition {
		return 0, fmt.Errorf("%w: expected 0 to %s for a transition, got %s", ErrDuration, MaxTransition, d)
	}
	var nearest TransitionTime
	for code := range uint8(4) {
		r := resolution(code)
		steps := min((d+r/2)/r, maxSteps)
		if t := TransitionTime(code<<6 | uint8(steps)); code == 0 || (t.Duration()-d).Abs() < (nearest.Duration()-d).Abs() {
			nearest = t
		}
	}
	return nearest, nil
}

// IsKnown reports whether t is a known time.
func (t TransitionTime) IsKnown() bool { return t&0x3F <= maxSteps }

// Duration returns the time, 0 if it is unknown.
func (t TransitionTime) Duration() time.Duration {
	if !t.IsKnown() {
		return 0
	}
	return time.Duration(t&0x3F) * resolution(uint8(t>>6))
}

// String returns the time in the format of time.Duration.
func (t TransitionTime) String() string {
	if !t.IsKnown() {
		return "unknown"
	}
	return t.Duration().String()
}

// Visit visits the octet; in JSON it is a number of seconds, null if unknown.
func (t *TransitionTime) Visit(c *access.Codec, name string) {
	if c.Octets() {
		c.Uint8(name, (*uint8)(t))
		return
	}
	seconds, known := t.Duration().Seconds(), t.IsKnown()
	c.Decimal(name, &seconds, &known)
	if !c.Reading() || c.Err() != nil {
		return
	}
	if !known {
		*t = UnknownTime
		return
	}
	c.Require(seconds >= 0 && seconds <= MaxTransition.Seconds(), name, "0 to 37200 seconds")
	if c.Err() == nil {
		var err error
		if *t, err = TransitionTimeOf(time.Duration(seconds * float64(time.Second))); err != nil {
			c.Fail(err)
		}
	}
}

// Delay is how long a receiver waits before it acts, in steps of 5 ms (section
// 3.2.1.2, Delay field).
type Delay uint8

const delayStep = 5 * time.Millisecond

// MaxDelay is the longest delay.
const MaxDelay = 0xFF * delayStep

// DelayOf returns the delay nearest to d. The error wraps ErrDuration.
func DelayOf(d time.Duration) (Delay, error) {
	if d < 0 || d > MaxDelay {
		return 0, fmt.Errorf("%w: expected 0 to %s for a delay, got %s", ErrDuration, MaxDelay, d)
	}
	return Delay((d + delayStep/2) / delayStep), nil
}

// Duration returns the delay as a duration.
func (d Delay) Duration() time.Duration { return time.Duration(d) * delayStep }

func (d *Delay) visit(c *access.Codec, name string) {
	if c.Octets() {
		c.Uint8(name, (*uint8)(d))
		return
	}
	seconds, known := d.Duration().Seconds(), true
	if c.Reading() && !c.Has(name) {
		*d = 0
		return
	}
	c.Decimal(name, &seconds, &known)
	if c.Reading() && c.Err() == nil {
		c.Require(known && seconds >= 0 && seconds <= MaxDelay.Seconds(), name, "0 to 1.275 seconds")
		*d = Delay(seconds/delayStep.Seconds() + 0.5)
	}
}

// Transition is the pair of optional fields at the end of messages that set a
// state. Without it a server uses its Default Transition Time.
//
//	[ Transition Time 8 | Delay 8 ]
type Transition struct {
	Present bool
	Time    TransitionTime
	Delay   Delay
}

// Fields visits the fields. An unknown time is prohibited.
func (t *Transition) Fields(c *access.Codec) {
	if !c.Optional("transition_time", &t.Present) {
		return
	}
	t.Time.Visit(c, "transition_time")
	c.Require(t.Time.IsKnown(), "transition_time", "a known time")
	t.Delay.visit(c, "delay")
}
