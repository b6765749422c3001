package commission

import (
	"context"
	"errors"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

// directAttempts is how often a message that is not relayed is sent.
const directAttempts = 4

// direct sends messages with TTL 0 to a node in reach of the bridge's own radio. Nobody
// relays them, nor the answers, which have TTL 0 as well (section 3.7.4.2): with many
// nodes that relay, this is most of the air that a message uses. Once the node does not
// answer, it gets that message and all others with the TTL that they have.
type direct struct {
	Requester
	far bool // it did not answer
}

// Request implements Requester.
func (d *direct) Request(ctx context.Context, r node.Request) (node.Response, error) {
	if d.far {
		return d.Requester.Request(ctx, r)
	}
	near := r
	near.TTL, near.Attempts = 0, directAttempts
	response, err := d.Requester.Request(ctx, near)
	if !errors.Is(err, node.ErrNoResponse) && !errors.Is(err, node.ErrNotSent) || ctx.Err() != nil {
		return response, err
	}
	d.far = true
	return d.Requester.Request(ctx, r)
}
