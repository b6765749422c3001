package crypto

import (
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// Key is a 128-bit key: a NetKey, AppKey or device key, or one derived from
// them. It is never printed: fmt, JSON, YAML and loggers that honour their
// interfaces show a redaction. Only Reveal returns it.
type Key [16]byte

// ErrKey says that a text is not a key. The error never contains the text.
var ErrKey = errors.New("crypto: key: expected 32 hexadecimal digits")

const redacted = "[key]"

// ParseKey parses 32 hexadecimal digits. Otherwise it returns ErrKey with the
// length of the text.
func ParseKey(s string) (Key, error) {
	var k Key
	if len(s) != hex.EncodedLen(len(k)) {
		return Key{}, fmt.Errorf("%w, got %d characters", ErrKey, len(s))
	}
	if _, err := hex.Decode(k[:], []byte(s)); err != nil {
		// The error of encoding/hex contains a character of the key.
		return Key{}, fmt.Errorf("%w, got another character", ErrKey)
	}
	return k, nil
}

// NewKey draws a key from rand.
func NewKey(rand io.Reader) (Key, error) {
	var k Key
	if _, err := io.ReadFull(rand, k[:]); err != nil {
		return Key{}, fmt.Errorf("crypto: key: expected 16 random octets: %w", err)
	}
	return k, nil
}

// Reveal returns a copy of the octets, for storing the key or sending it to a
// node. There is no other way to get them.
func (k Key) Reveal() []byte { return append([]byte(nil), k[:]...) }

// Equal compares in constant time.
func (k Key) Equal(other Key) bool { return subtle.ConstantTimeCompare(k[:], other[:]) == 1 }

// IsZero reports whether the key is not set.
func (k Key) IsZero() bool { return k.Equal(Key{}) }

// String returns a redaction.
func (k Key) String() string { return redacted }

// GoString returns a redaction.
func (k Key) GoString() string { return redacted }

// Format writes a redaction for every verb, including %x and %d.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText returns a redaction.
func (k Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON returns a redaction.
func (k Key) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
