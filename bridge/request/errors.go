package request

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/schema"
)

// Codes of errors that any request can end with. They need not be listed in
// Meta.Errors.
const (
	BadJSON        = "bad_json"        // the payload is not the JSON of the request
	BadValue       = "bad_value"       // a field has a value that is not allowed
	BadTransaction = "bad_transaction" // the transaction is too long
	Unknown        = "unknown_request" // there is no such request
	Failed         = "failed"          // an error that has no code of its own
	Stopped        = "stopped"         // the service ends
	StoreFailed    = "store_failed"    // the store does not work, and the request needs it
	NotStored      = "not_stored"      // what was changed is in effect, but not in the store
)

// Error is why a payload was refused: a code that programs can go by, and text for
// people. Handlers give errors of any type; where they have a code, they have this
// method too.
type Error struct {
	code string
	err  error
}

func (e *Error) Error() string { return e.err.Error() }

func (e *Error) Unwrap() error { return e.err }

// Code is one of the codes above.
func (e *Error) Code() string { return e.code }

func refuse(code, format string, args ...any) error {
	return &Error{code, fmt.Errorf(format, args...)}
}

// MaxTransaction is the largest transaction, in octets of JSON. It is sent back,
// so a sender must not make the bridge store or send more than this.
const MaxTransaction = 256

// transactionKey is the field that any request may have.
const transactionKey = "transaction"

// TransactionOf finds the transaction in a payload. A payload that is no object
// has none: reading it fails afterwards and says what is wrong.
func TransactionOf(payload []byte) (json.RawMessage, error) {
	var in struct {
		Transaction json.RawMessage `json:"transaction"`
	}
	_ = json.Unmarshal(payload, &in) // reported when the payload is read
	return in.Transaction, CheckTransaction(in.Transaction)
}

// CheckTransaction says whether a transaction is too long to be sent back.
func CheckTransaction(t json.RawMessage) error {
	if len(t) > MaxTransaction {
		return refuse(BadTransaction, "transaction: expected at most %d octets, got %d", MaxTransaction, len(t))
	}
	return nil
}

// decoding gives an error of package schema its code.
func decoding(err error) error {
	var value *schema.ValueError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &value):
		return &Error{BadValue, err}
	default:
		return &Error{BadJSON, err}
	}
}
