// Package fault gives the errors of requests and commands the codes that
// programs go by: "bad_value", "no_response", "busy". The text beside a code is
// for people.
//
//	err ──▶ Code(err) ──▶ {"status":"error","code":"no_response","error":"..."}
package fault

import (
	"context"
	"errors"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/watch"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/excerpt"
)

// Coder is an error that has a code.
type Coder interface {
	error
	Code() string
}

type coded struct {
	code string
	err  error
}

var _ Coder = (*coded)(nil)

func (e *coded) Error() string { return e.err.Error() }
func (e *coded) Unwrap() error { return e.err }
func (e *coded) Code() string  { return e.code }

// New makes an error with a code; format and args are those of fmt.Errorf.
func New(code, format string, args ...any) error {
	return &coded{code, fmt.Errorf(format, args...)}
}

// ErrRemoved ends what was under way with a device that was removed.
var ErrRemoved = errors.New("bridge: the device was removed")

// Code returns the code of an error: its own, or the one of the error of the
// mesh that it wraps; "failed" for any other.
func Code(err error) string {
	var own Coder
	var provisioning *provision.Failure
	var refused foundation.StatusError
	switch {
	case errors.As(err, &own):
		return own.Code()
	case errors.As(err, &provisioning):
		return string(provisioning.Code)
	case errors.Is(err, ErrRemoved):
		return "removed"
	case errors.As(err, &refused):
		return "refused" // by the node
	case Unanswered(err):
		return "no_response"
	case errors.Is(err, node.ErrProvisioning), errors.Is(err, node.ErrServerBusy), errors.Is(err, node.ErrTooManySessions), errors.Is(err, node.ErrQueueFull):
		return "busy"
	case errors.Is(err, provision.ErrValue):
		return "bad_value"
	case errors.Is(err, node.ErrNoProvisioning), errors.Is(err, provision.ErrNotAwaited):
		return "not_provisioning"
	case errors.Is(err, node.ErrNotSighted):
		return "not_sighted"
	case errors.Is(err, node.ErrNoAddresses):
		return "no_addresses"
	case Stopped(err):
		return "stopped"
	case errors.Is(err, watch.ErrTrouble):
		return "store_failed"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	default:
		return "failed"
	}
}

// Stopped reports whether something ended because the service stops.
func Stopped(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, node.ErrStopped)
}

// Unanswered reports whether a request ended because the node was silent.
func Unanswered(err error) bool {
	return errors.Is(err, node.ErrNoResponse) || errors.Is(err, node.ErrNotSent)
}

// Text is what people are told of an error: its own text, shortened, or why
// something was given up.
func Text(err error) string {
	if Code(err) == "stopped" {
		return "the bridge is being stopped"
	}
	return Clip(err.Error())
}

// MaxText is the longest text that Clip leaves whole, in octets.
const MaxText = 500

// Clip shortens a text that a payload may have made long.
func Clip(text string) string { return excerpt.Of(text, MaxText) }
