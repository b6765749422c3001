package commission

import (
	"context"
	"errors"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// AddNetKey takes a node into a further subnet (section 4.3.2.31).
func AddNetKey(ctx context.Context, r Requester, peer state.Peer, index mesh.KeyIndex, key crypto.Key) error {
	return changeNetKey(ctx, r, peer, index, &configuration.NetKeyAdd{NetKeyIndex: index, NetKey: key})
}

// DeleteNetKey takes a node out of a subnet; the AppKeys of the subnet go with
// it (section 4.3.2.33).
func DeleteNetKey(ctx context.Context, r Requester, peer state.Peer, index mesh.KeyIndex) error {
	return changeNetKey(ctx, r, peer, index, &configuration.NetKeyDelete{NetKeyIndex: index})
}

func changeNetKey(ctx context.Context, r Requester, peer state.Peer, index mesh.KeyIndex, m access.Message) error {
	status, err := ask(ctx, r, server(peer), m, func(s *configuration.NetKeyStatus) bool { return s.NetKeyIndex == index })
	if err == nil {
		err = status.Status.Err()
	}
	if err != nil {
		return fmt.Errorf("commission: NetKey %d of %s: %w", index, peer.Address, err)
	}
	return nil
}

// AddAppKey gives a node an AppKey (section 4.3.2.37).
func AddAppKey(ctx context.Context, r Requester, peer state.Peer, net, index mesh.KeyIndex, key crypto.Key) error {
	return changeAppKey(ctx, r, peer, net, index,
		&configuration.AppKeyAdd{NetKeyIndex: net, AppKeyIndex: index, AppKey: key})
}

// ReplaceAppKey gives a node an AppKey. If the node has another key with this index,
// that one is taken from it first, with its bindings and the publications that use it.
func ReplaceAppKey(ctx context.Context, r Requester, peer state.Peer, net, index mesh.KeyIndex, key crypto.Key) error {
	err := AddAppKey(ctx, r, peer, net, index, key)
	if !isStored(err) {
		return err
	}
	if err := DeleteAppKey(ctx, r, peer, net, index); err != nil {
		return err
	}
	return AddAppKey(ctx, r, peer, net, index, key)
}

// isStored reports whether a node has another key with an index.
func isStored(err error) bool {
	var refused foundation.StatusError
	return errors.As(err, &refused) && refused.Status == foundation.KeyIndexAlreadyStored
}

// DeleteAppKey takes an AppKey from a node, and what uses it (section 4.3.2.39).
func DeleteAppKey(ctx context.Context, r Requester, peer state.Peer, net, index mesh.KeyIndex) error {
	return changeAppKey(ctx, r, peer, net, index,
		&configuration.AppKeyDelete{NetKeyIndex: net, AppKeyIndex: index})
}

func changeAppKey(ctx context.Context, r Requester, peer state.Peer, net, index mesh.KeyIndex, m access.Message) error {
	status, err := ask(ctx, r, server(peer), m, func(s *configuration.AppKeyStatus) bool {
		return s.NetKeyIndex == net && s.AppKeyIndex == index
	})
	if err == nil {
		err = status.Status.Err()
	}
	if err != nil {
		return fmt.Errorf("commission: AppKey %d of %s: %w", index, peer.Address, err)
	}
	return nil
}
