package echo

import (
	"hash/maphash"
	"slices"
	"time"
)

// maxPending is how many values of a topic may be on their way. The session has at
// most a window of them unacknowledged; others it leaves out.
const maxPending = 64

// value is what is known of a topic of the bridge. Payloads are kept as hashes.
type value struct {
	seed    maphash.Seed
	current uint64   // what the broker has, as far as is known
	pending []uint64 // published and not heard yet, the newest last
	newest  uint64
	cleared bool // the newest is nothing at all
	answer
}

// patience is how long an answer may take.
const patience = 10 * time.Second

// answer is whether something that was published has been heard.
type answer struct {
	since time.Time // when it was published; zero if nothing is waited for
}

// await begins to wait, unless something is waited for already.
func (a *answer) await(now time.Time) {
	if a.since.IsZero() {
		a.since = now
	}
}

// late reports whether it should have been heard by now. connected is since when
// there is a connection, after which everything is published again.
func (a answer) late(now, connected time.Time) bool {
	since := a.since
	if since.Before(connected) {
		since = connected
	}
	return !a.since.IsZero() && now.Sub(since) >= patience
}

func newValue() *value { return &value{seed: maphash.MakeSeed()} }

// own notes what the bridge publishes.
func (v *value) own(payload []byte) {
	v.newest = maphash.Bytes(v.seed, payload)
	v.cleared = len(payload) == 0
	if len(v.pending) == maxPending {
		v.pending = slices.Delete(v.pending, 0, 1)
	}
	v.pending = append(v.pending, v.newest)
}

// matches reports whether a value that was heard is ours. Those that were published
// before it have been left out by the session or are known already.
func (v *value) matches(payload []byte) bool {
	hash := maphash.Bytes(v.seed, payload)
	if i := slices.Index(v.pending, hash); i >= 0 {
		v.pending = slices.Delete(v.pending, 0, i+1)
		v.current, v.since = hash, time.Time{}
		return true
	}
	if hash == v.newest {
		v.current, v.since, v.pending = hash, time.Time{}, nil
		return true
	}
	return hash == v.current // once more
}

// gone reports whether the topic was cleared, and is clear.
func (v *value) gone() bool { return v.cleared && v.current == v.newest && len(v.pending) == 0 }
