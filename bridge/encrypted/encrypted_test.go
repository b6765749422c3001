package encrypted_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/encrypted"
)

const passphrase = "correct horse battery"

// read decrypts all of a file.
func read(t *testing.T, file []byte, with encrypted.Identity) ([]byte, bool, error) {
	t.Helper()
	r, was, err := encrypted.NewReader(bytes.NewReader(file), with)
	if err != nil {
		return nil, was, err
	}
	data, err := io.ReadAll(r)
	return data, was, err
}

func octets(t *testing.T, data []byte, to encrypted.Recipient) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := encrypted.NewWriter(&b, to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What is encrypted for a passphrase or a public key is read with it, and with nothing
// else; a plain file is read as it is.
func TestRoundTrip(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	plain := bytes.Repeat([]byte("secret "), 20000)
	right := map[encrypted.Recipient]encrypted.Identity{
		{Passphrase: passphrase}:              {Passphrase: passphrase},
		{PublicKey: key.Recipient().String()}: {PrivateKeys: "# comment\n" + key.String() + "\n"},
	}
	wrong := []encrypted.Identity{{}, {Passphrase: "correct horse batterie"}, {PrivateKeys: other.String()}}
	for to, with := range right {
		text, err := encrypted.Text(plain, to)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range [][]byte{[]byte(text), octets(t, plain, to)} {
			if bytes.Contains(file, []byte("secret")) {
				t.Error("the content can be read")
			}
			got, was, err := read(t, file, with)
			if err != nil || !was || !bytes.Equal(got, plain) {
				t.Errorf("%d octets, encrypted %v, %v", len(got), was, err)
			}
			for _, with := range wrong {
				if _, was, err := read(t, file, with); !was || !errors.Is(err, encrypted.ErrClosed) {
					t.Errorf("%v: encrypted %v, error %v", with, was, err)
				}
			}
		}
	}
	for _, file := range []string{"", "{}", "age", strings.Repeat("x", 100)} {
		got, was, err := read(t, []byte(file), encrypted.Identity{})
		if err != nil || was || string(got) != file {
			t.Errorf("%q: got %q, encrypted %v, %v", file, got, was, err)
		}
	}
}

// A file that was changed or cut off anywhere is not read to its end.
func TestDamage(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	file := octets(t, []byte("secret"), encrypted.Recipient{PublicKey: key.Recipient().String()})
	with := encrypted.Identity{PrivateKeys: key.String()}
	const magic = len("age-encryption.org/")
	for i := magic; i < len(file); i++ {
		if got, _, err := read(t, file[:i], with); !errors.Is(err, encrypted.ErrClosed) {
			t.Errorf("%d of %d octets: got %q, %v", i, len(file), got, err)
		}
		changed := bytes.Clone(file)
		changed[i] ^= 1
		if got, _, err := read(t, changed, with); !errors.Is(err, encrypted.ErrClosed) {
			t.Errorf("octet %d changed: got %q, %v", i, got, err)
		}
	}
}

// A recipient that protects nothing is refused, without a word of what it was.
func TestRecipients(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []encrypted.Recipient{
		{},
		{Passphrase: "hunter2"},
		{Passphrase: strings.Repeat("hunter2", 1000)},
		{Passphrase: "hunter2-hunter2\xff"},
		{PublicKey: "hunter2"},
		{PublicKey: key.String()},
		{Passphrase: passphrase, PublicKey: key.Recipient().String()},
	} {
		err := to.Check()
		if !errors.Is(err, encrypted.ErrRecipient) {
			t.Errorf("%q, %q: %v", to.Passphrase, to.PublicKey, err)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), key.String()) {
			t.Errorf("the error shows the secret: %v", err)
		}
		if _, err := encrypted.Text(nil, to); !errors.Is(err, encrypted.ErrRecipient) {
			t.Errorf("%v", err)
		}
	}
	if _, _, err := read(t, []byte("age-encryption.org/v1\n"), encrypted.Identity{PrivateKeys: "hunter2"}); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("identity: %v", err)
	}
}
