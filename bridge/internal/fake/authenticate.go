package fake

import (
	"context"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/remoteprovisioning"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Shown is the value that a device with output OOB shows.
const Shown = "4711"

// Offer lists the authentication methods of a device.
func (n *Network) Offer(uuid mesh.UUID, c provision.Capabilities) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.offers[uuid] = c
}

// How describes the last provisioning of a device.
func (n *Network) How(uuid mesh.UUID) node.Provision {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.how[uuid]
}

// authenticate is the part of a provisioning that involves the user. It returns
// when the value is given or the provisioning is cancelled.
func (n *Network) authenticate(ctx context.Context, p node.Provision) error {
	n.mu.Lock()
	offer, ok := n.offers[p.UUID]
	n.mu.Unlock()
	if !ok {
		return nil
	}
	auth, err := p.Policy.Choose(&offer)
	if err != nil {
		return err
	}
	prompt := &provision.Prompt{Method: auth.Method, Action: auth.Action, Size: auth.Size}
	step := provision.OOBWanted
	switch auth.Method {
	case provision.OutputOOB:
	case provision.InputOOB:
		step, prompt.Value = provision.OOBShown, Shown
	default:
		return nil
	}
	input := make(chan string)
	n.mu.Lock()
	n.inputs[p.UUID] = input
	n.mu.Unlock()
	defer func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.inputs, p.UUID)
	}()
	n.Report(node.ProvisioningStep{UUID: p.UUID, Step: string(step), Prompt: prompt})
	select {
	case value, ok := <-input:
		switch {
		case !ok:
			return &provision.Failure{Code: provision.FailAborted, Reason: "cancelled"}
		case value != Shown:
			return &provision.Failure{Code: provision.FailConfirmation, Reason: "another value"}
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ProvisioningInput passes the value to a provisioning that waits for one.
func (n *Network) ProvisioningInput(_ context.Context, uuid mesh.UUID, value string) error {
	n.mu.Lock()
	input := n.inputs[uuid]
	n.mu.Unlock()
	if input == nil {
		return node.ErrNoProvisioning
	}
	if value == "" {
		return provision.ErrValue
	}
	input <- value
	return nil
}

// CancelProvisioning ends a provisioning that waits for a value.
func (n *Network) CancelProvisioning(_ context.Context, uuid mesh.UUID, _ string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	input := n.inputs[uuid]
	if input == nil {
		return node.ErrNoProvisioning
	}
	delete(n.inputs, uuid)
	close(input)
	return nil
}

// Refresh gives a node new addresses if the procedure asks for it. Everything
// else stays the same.
func (n *Network) Refresh(ctx context.Context, r node.Refresh) (state.Peer, error) {
	if err := wait(ctx, Joining); err != nil {
		return state.Peer{}, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	d := n.holder(r.Address)
	if d == nil {
		return state.Peer{}, node.ErrUnknownServer
	}
	if err := n.refused[d.UUID]; err != nil {
		return state.Peer{}, err
	}
	if r.Procedure == remoteprovisioning.RefreshNodeAddress {
		n.join(d)
	}
	return d.peer(n.DeviceKey), nil
}
