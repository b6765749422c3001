package translate

import (
	"bytes"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// sameAnswers is how often a device has to report the same until it is believed
// that it will not do exactly what it was told: a light may have limits of its
// own. A publication from before the command comes twice at most.
const sameAnswers = 3

// answer decides which status answers a message that sets something. A status
// does not say which message it belongs to: the late answer to a repeat of the
// command before, or what the device published meanwhile, look alike. So an
// answer is a status that confirms what was asked for, or one that comes
// sameAnswers times in a row.
type answer struct {
	confirms func(params []byte) bool
	last     []byte
	times    int
}

func (a *answer) accept(params []byte) bool {
	if a.confirms(params) {
		return true
	}
	if !bytes.Equal(params, a.last) {
		a.last, a.times = slices.Clone(params), 0
	}
	a.times++
	return a.times >= sameAnswers
}

// Confirm is a Step.Confirms that decodes the status into an S and lets match
// compare it with what was asked for.
func Confirm[S any, P interface {
	*S
	access.Message
}](match func(s *S) bool,
) func(params []byte) bool {
	return func(params []byte) bool {
		var s S
		return access.Decode(params, P(&s)) == nil && match(&s)
	}
}

// goal is the target of a status that has one, else the present value.
func goal[T any](hasTarget bool, target, present T) T {
	if hasTarget {
		return target
	}
	return present
}
