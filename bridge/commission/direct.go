package commission

import (
	"context"
	"errors"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

// maxMisses is how many messages in a row a node may leave without an answer before it
// counts as out of reach. Each of them has had all its attempts: where many transmissions
// collide, relaying too early makes more of them.
const maxMisses = 2

// Direct sends messages with TTL 0 to a node in reach of the bridge's own radio. Nobody
// relays them, nor the answers, which have TTL 0 as well (section 3.7.4.2): with many
// nodes that relay, relaying is most of the air that a message uses. A message that is
// not answered is sent again with the TTL that it has, and after two of them in a row so
// are all others.
type Direct struct {
	Requester
	misses int
}

// Request implements Requester.
func (d *Direct) Request(ctx context.Context, r node.Request) (node.Response, error) {
	if d.misses >= maxMisses {
		return d.Requester.Request(ctx, r)
	}
	near := r
	near.TTL = 0
	response, err := d.Requester.Request(ctx, near)
	missed := errors.Is(err, node.ErrNoResponse) || errors.Is(err, node.ErrNotSent)
	if !missed || ctx.Err() != nil {
		d.misses = 0
		return response, err
	}
	d.misses++
	return d.Requester.Request(ctx, r)
}
