package friend_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/friend"
)

// FuzzParse decodes arbitrary octets as any message: no panic, and an accepted
// message is encoded unchanged except for reserved bits.
func FuzzParse(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1})
	f.Add(friend.Clear{LPN: 0x1201, LPNCounter: 7}.Append(nil))
	f.Add([]byte{0x00, 0x12, 0x34, 0x56, 0x78, 0x01})
	f.Add([]byte{0x32, 0x03, 0x08, 0xba, 0x07, 0x2f})
	f.Add([]byte{0x4b, 0x50, 0x05, 0x7e, 0x40, 0x00, 0x00, 0x01, 0x00, 0x00})
	f.Add([]byte{1, 0xC0, 0x00, 0x80, 0x01, 0xFF, 0xFF, 0xC0, 0x01, 0xC0, 0x02})
	f.Fuzz(func(t *testing.T, params []byte) {
		same := func(what string, err error, again, reserved []byte) {
			if err != nil {
				return
			}
			want := bytes.Clone(params)
			for i := range reserved {
				want[i] &^= reserved[i]
			}
			if !bytes.Equal(again, want) {
				t.Errorf("%s: encoded %x, decoded %x", what, again, params)
			}
		}
		poll, err := friend.ParsePoll(params)
		same("Poll", err, poll.Append(nil), nil)
		update, err := friend.ParseUpdate(params)
		same("Update", err, update.Append(nil), []byte{0xFC})
		request, err := friend.ParseRequest(0x1201, params)
		same("Request", err, request.Append(nil), []byte{0x80})
		offer, err := friend.ParseOffer(params)
		same("Offer", err, offer.Append(nil), nil)
		cleared, err := friend.ParseClear(params)
		same("Clear", err, cleared.Append(nil), nil)
		list, err := friend.ParseSubscriptions(params)
		same("Subscriptions", err, list.Append(nil), nil)
		confirm, err := friend.ParseSubscriptionConfirm(params)
		same("SubscriptionConfirm", err, confirm.Append(nil), nil)
	})
}

// FuzzRoles passes arbitrary input to both roles: opcode, origin, parameters,
// and elapsed time, in turn.
func FuzzRoles(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{3, 0, 10, 0x4b, 0x50, 0, 0, 50, 0, 0, 1, 0, 0, 20, 1, 1, 1, 0})
	f.Add([]byte{4, 0, 6, 0x32, 0x03, 0x08, 0xba, 0x07, 0x2f, 3, 2, 1, 6, 0, 0, 0, 0, 7, 1, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		now := time.Unix(1000, 0)
		role := friend.New(friend.Config{Node: &author{}, Address: own, Friendships: 2, Subscriptions: 4})
		low := friend.NewLowPower(friend.LowPowerConfig{
			Node: &author{}, Address: own, Jitter: func(low, _ time.Duration) time.Duration { return low },
		})
		low.Start(now)
		var out friend.Output
		take := func() byte {
			if len(data) == 0 {
				return 0
			}
			b := data[0]
			data = data[1:]
			return b
		}
		for len(data) > 0 {
			m := friend.Control{Opcode: take() % 12, Dst: own}
			where := take()
			if m.Opcode == friend.OpRequest {
				m.Dst = mesh.AllFriends
			}
			m.Src, m.Secured = sleeper+mesh.Address(where>>2), where&1 != 0
			n := min(int(take()%12), len(data))
			m.Params, data = data[:n], data[n:]
			role.Receive(now, &m, &out)
			low.Receive(now, &m, &out)
			role.Store(message(int(where), m.Src))
			now = now.Add(time.Duration(take()) * 10 * time.Millisecond)
			role.Tick(now, &out)
			low.Tick(now, &out)
			out.Reset()
			if len(role.Links(nil)) > 2 {
				t.Fatal("too many friendships")
			}
		}
	})
}
