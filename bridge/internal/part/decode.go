package part

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
)

// maxTransaction bounds a transaction, in octets of JSON.
const maxTransaction = 256

// Transaction finds the transaction in a payload. A payload that is no object
// has none; what it should have been says the reading that follows.
func Transaction(payload []byte) (json.RawMessage, error) {
	var in Common
	_ = json.Unmarshal(payload, &in)
	return in.Transaction, CheckTransaction(in.Transaction)
}

// CheckTransaction is an error for a transaction that is too long to be echoed.
func CheckTransaction(t json.RawMessage) error {
	if len(t) > maxTransaction {
		return fault.New("bad_transaction", "transaction: expected at most %d octets, got %d", maxTransaction, len(t))
	}
	return nil
}

// Common is in the payload of every request.
type Common struct {
	Transaction json.RawMessage `json:"transaction"`
}

// Decode reads the payload of a request strictly: a key that the request does
// not have is a mistake of who wrote it. An empty payload is an empty object.
func Decode(payload []byte, v any) error {
	if len(bytes.TrimSpace(payload)) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(payload))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fault.New("bad_json", "%w", Explain(err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fault.New("bad_json", "the payload cannot be read: expected one JSON object, got more behind it")
	}
	return nil
}

// Explain says what is wrong with a payload without the names of Go types.
func Explain(err error) error {
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind) && kind.Field == "":
		return fmt.Errorf("the payload cannot be read: expected a JSON object, got %s", kind.Value)
	case errors.As(err, &kind):
		return fmt.Errorf("%s: expected %s, got %s", kind.Field, words(kind.Type), kind.Value)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the payload cannot be read: it ends too early")
	}
	return fmt.Errorf("the payload cannot be read: %s", strings.TrimPrefix(err.Error(), "json: "))
}

func words(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Uint8:
		return fmt.Sprintf("a whole number from 0 to %d", math.MaxUint8)
	case reflect.Uint16:
		return fmt.Sprintf("a whole number from 0 to %d", math.MaxUint16)
	case reflect.Float64:
		return "a number"
	case reflect.Struct:
		return "an object"
	default:
		return "another value"
	}
}

// OfDevice is the payload of a request with nothing in it but a device.
type OfDevice struct {
	Common
	ID string `json:"id"`
}
