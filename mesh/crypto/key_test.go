package crypto_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

const secret = "0123456789abcdeffedcba9876543210"

func mustKey(t testing.TB) crypto.Key {
	t.Helper()
	k, err := crypto.ParseKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestKeyDoesNotPrint: whatever careless code does with a key, alone or inside
// something, no octet of it is printed.
func TestKeyDoesNotPrint(t *testing.T) {
	k := mustKey(t)
	holder := struct {
		Name string
		Key  crypto.Key
		Ptr  *crypto.Key
		List []crypto.Key
		Map  map[string]crypto.Key
	}{"x", k, &k, []crypto.Key{k}, map[string]crypto.Key{"k": k}}

	var printed []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%o", "%b", "%T", "%032x"} {
		printed = append(printed, fmt.Sprintf(verb, k), fmt.Sprintf(verb, &k), fmt.Sprintf(verb, holder))
	}
	text, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	logger := zerolog.New(&log)
	logger.Info().Interface("key", k).Stringer("s", k).Any("holder", holder).Msg("")
	plain, err := k.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	direct, err := k.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	printed = append(printed, string(plain), string(direct), string(text), log.String(), fmt.Sprint(k), fmt.Errorf("with %w and %v", errors.New("x"), k).Error())

	octets, err := hex.DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range printed {
		if strings.Contains(out, string(octets[:4])) {
			t.Errorf("%q shows octets of the key", out)
		}
		low := strings.ToLower(out)
		for _, leak := range []string{secret, "0123", "01 23", "1, 35", "1 35", "0x1, 0x23", "[1,35"} {
			if strings.Contains(low, leak) {
				t.Errorf("%q shows part of the key", out)
			}
		}
	}
}

func TestKeyPairDoesNotPrint(t *testing.T) {
	pair, err := crypto.NewKeyPair([32]byte{31: 7})
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s"} {
		if got := fmt.Sprintf(verb, pair); got != "[key]" {
			t.Errorf("%s prints %q", verb, got)
		}
	}
}

func TestParseKey(t *testing.T) {
	k := mustKey(t)
	if got := hex.EncodeToString(k.Reveal()); got != secret {
		t.Errorf("parsed %s, want %s", got, secret)
	}
	k.Reveal()[0] = 0xFF
	if k[0] != 0x01 {
		t.Error("Reveal gives the key itself, not a copy")
	}
	for _, text := range []string{"", secret[:31], secret + "0", strings.Repeat("g", 32), "0x" + secret[:30]} {
		got, err := crypto.ParseKey(text)
		if !errors.Is(err, crypto.ErrKey) || !got.IsZero() {
			t.Errorf("ParseKey(%q): error %v, zero key %v", text, err, got.IsZero())
		}
	}
	// A key with a typing error is still mostly the key.
	_, err := crypto.ParseKey(secret[:31] + "g")
	if err == nil || strings.Contains(err.Error(), secret[:8]) || strings.Contains(err.Error(), "'g'") {
		t.Errorf("error %v", err)
	}
}

func TestNewKey(t *testing.T) {
	k, err := crypto.NewKey(bytes.NewReader(bytes.Repeat([]byte{7}, 20)))
	if err != nil || !bytes.Equal(k.Reveal(), bytes.Repeat([]byte{7}, 16)) {
		t.Errorf("key %x, error %v", k.Reveal(), err)
	}
	if _, err := crypto.NewKey(bytes.NewReader(make([]byte, 15))); err == nil {
		t.Error("15 random octets made a key")
	}
	broken := errors.New("broken")
	if _, err := crypto.NewKey(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("error %v, want the reader's", err)
	}
}

func TestKeyEqual(t *testing.T) {
	k := mustKey(t)
	other := k
	if !k.Equal(other) || k.IsZero() || !(crypto.Key{}).IsZero() {
		t.Error("a key does not equal its copy, or IsZero is true")
	}
	for i := range other {
		other[i] ^= 0x80
		if k.Equal(other) {
			t.Errorf("keys that differ in octet %d are equal", i)
		}
		other[i] ^= 0x80
	}
}
