package commission

import (
	"context"
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Requester sends an acknowledged message and waits for the answer; *node.Node
// is one.
type Requester interface {
	Request(ctx context.Context, r node.Request) (node.Response, error)
}

// message is a pointer to a message type, so that ask can make one.
type message[T any] interface {
	*T
	access.Message
}

// ask sends m and returns the answer of type T. accept tells whether an answer
// belongs to m; nil takes any.
func ask[T any, M message[T]](ctx context.Context, r Requester, to destination, m access.Message, accept func(M) bool) (M, error) {
	answer := M(new(T))
	response, err := request(ctx, r, to, m, answer.Opcode(), func(params []byte) bool {
		status := M(new(T))
		return access.Decode(params, status) == nil && (accept == nil || accept(status))
	})
	if err != nil {
		return nil, err
	}
	if err := access.Decode(response.Params, answer); err != nil {
		return nil, fmt.Errorf("commission: the answer of %s: %w", to.address, err)
	}
	return answer, nil
}

// request sends m and returns the first answer with an opcode that accept takes.
func request(
	ctx context.Context, r Requester, to destination, m access.Message, respond mesh.Opcode, accept func(params []byte) bool,
) (node.Response, error) {
	payload, err := access.Append(nil, m)
	if err != nil {
		return node.Response{}, err
	}
	return r.Request(ctx, node.Request{
		Dst:      to.address,
		NetKey:   to.netKey,
		Key:      to.key,
		TTL:      mesh.DefaultTTL,
		Payload:  payload,
		Respond:  respond,
		Wait:     to.wait,
		Attempts: to.attempts,
		Accept:   accept,
	})
}

// destination is an element and the key that messages to it are encrypted with.
type destination struct {
	address mesh.Address
	netKey  mesh.KeyIndex
	key     transport.Key
	wait    time.Duration // for the answer; 0 for the default

	attempts int // at most; 0 for the default
}
