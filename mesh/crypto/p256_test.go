package crypto_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// order of P-256, the first number that is not a private key.
const order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"

func decode(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSecretAgrees: both sides compute the same secret.
func TestSecretAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.SliceOfN(rapid.Byte(), 1024, 1024).Draw(t, "seed")
		rand := bytes.NewReader(seed)
		a, errA := crypto.GenerateKeyPair(rand)
		b, errB := crypto.GenerateKeyPair(rand)
		if errA != nil || errB != nil {
			t.Skip("zeros, or eight draws beyond the order")
		}
		again, err := crypto.GenerateKeyPair(bytes.NewReader(seed))
		if err != nil || again.Public() != a.Public() {
			t.Fatal("the same random octets made another pair")
		}
		atA, errA := a.Secret(b.Public())
		atB, errB := b.Secret(a.Public())
		if errA != nil || errB != nil || atA != atB {
			t.Fatalf("secrets %x, %v and %x, %v", atA, errA, atB, errB)
		}
	})
}

// TestGenerateKeyPair: a draw that is not a private key is followed by another.
func TestGenerateKeyPair(t *testing.T) {
	good := bytes.Repeat([]byte{5}, 32)
	want, err := crypto.NewKeyPair([32]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	draws := append(append(make([]byte, 32), decode(t, order)...), good...)
	got, err := crypto.GenerateKeyPair(bytes.NewReader(draws))
	if err != nil || got.Public() != want.Public() {
		t.Errorf("pair after two bad draws: error %v", err)
	}
	if _, err := crypto.GenerateKeyPair(bytes.NewReader(draws[:64])); !errors.Is(err, io.EOF) {
		t.Errorf("error %v, want the reader's", err)
	}
	zeros := strings.NewReader(strings.Repeat("\x00", 1<<16))
	if _, err := crypto.GenerateKeyPair(zeros); err == nil {
		t.Error("a source of zeros made a key pair")
	}
}

// TestInvalidCurve (section 5.4.2.3): a public key off the curve is rejected,
// because using it would reveal the private key.
func TestInvalidCurve(t *testing.T) {
	pair, err := crypto.NewKeyPair([32]byte{31: 9})
	if err != nil {
		t.Fatal(err)
	}
	good := pair.Public()
	if _, err := pair.Secret(good); err != nil {
		t.Errorf("a point of the curve was rejected: %v", err)
	}
	bad := map[string]crypto.PublicKey{"zero": {}, "ones": crypto.PublicKey(bytes.Repeat([]byte{0xFF}, 64))}
	for name, i := range map[string]int{"other X": 5, "other Y": 60} {
		k := good
		k[i] ^= 1
		bad[name] = k
	}
	yZero := good
	clear(yZero[32:])
	bad["Y is zero, the usual attack"] = yZero
	for name, k := range bad {
		if secret, err := pair.Secret(k); !errors.Is(err, crypto.ErrPublicKey) || secret != [32]byte{} {
			t.Errorf("%s: secret %x, error %v", name, secret, err)
		}
	}
}

func TestNewKeyPair(t *testing.T) {
	last := [32]byte(decode(t, order))
	if _, err := crypto.NewKeyPair(last); err == nil {
		t.Error("the order is a private key")
	}
	last[31]--
	if _, err := crypto.NewKeyPair(last); err != nil {
		t.Errorf("the order minus 1 is not accepted as a private key: %v", err)
	}
	if _, err := crypto.NewKeyPair([32]byte{}); err == nil {
		t.Error("zero is a private key")
	}
}
