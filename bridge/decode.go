package bridge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"unicode/utf8"
)

// Limits of what comes from the broker and is kept or sent back.
const (
	maxTransaction = 256 // octets of JSON
	maxText        = 500 // octets of an error
)

// failure is why a request was not done: a word that programs can go by, and
// words for people.
type failure struct {
	code string
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func fail(code, format string, args ...any) error {
	return &failure{code, fmt.Errorf(format, args...)}
}

// transactionOf finds the transaction in a payload. A payload that is no object
// has none; what it should have been says the reading that follows.
func transactionOf(payload []byte) (json.RawMessage, error) {
	var in common
	_ = json.Unmarshal(payload, &in)
	return in.Transaction, checkTransaction(in.Transaction)
}

func checkTransaction(t json.RawMessage) error {
	if len(t) > maxTransaction {
		return fail("bad_transaction", "transaction: expected at most %d octets, got %d", maxTransaction, len(t))
	}
	return nil
}

// common is in the payload of every request.
type common struct {
	Transaction json.RawMessage `json:"transaction"`
}

// decode reads the payload of a request strictly: a key that the request does
// not have is a mistake of who wrote it. An empty payload is an empty object.
func decode(payload []byte, v any) error {
	if len(bytes.TrimSpace(payload)) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(payload))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fail("bad_json", "%w", explain(err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fail("bad_json", "the payload cannot be read: expected one JSON object, got more behind it")
	}
	return nil
}

// explain says what is wrong with a payload without the names of Go types.
func explain(err error) error {
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

// clip keeps what is said about a payload short, whatever the payload was.
func clip(text string) string {
	if len(text) <= maxText {
		return text
	}
	end := maxText
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "..."
}
