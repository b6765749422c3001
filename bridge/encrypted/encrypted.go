// Package encrypted writes and reads exports and backups that only the holder of a
// passphrase or of a private key can read. The format is age (age-encryption.org/v1),
// so the age command reads the files as well:
//
//	passphrase ─ scrypt ─▶ file key ─▶ ChaCha20-Poly1305 ─▶ file, or text between
//	age1…      ─ X25519 ─▶    │                             -----BEGIN AGE ENCRYPTED FILE-----
//
// A file that was changed, cut off or made with another passphrase is not read at
// all: the output of [NewReader] is authenticated piece by piece, and a caller uses
// nothing of it before it has ended without an error.
package encrypted

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// MinPassphrase is how many characters a passphrase has at least. Whoever has the file
// can try passphrases without anybody noticing.
const MinPassphrase = 12

// maxPassphrase bounds what one request makes the program hash, in octets.
const maxPassphrase = 1024

// workFactor is the cost of one attempt at a passphrase, as log2 N of scrypt: 64 MiB
// of memory and about a second on a Raspberry Pi 3.
const workFactor = 16

// maxWorkFactor bounds what a foreign file can make the program spend: 1 GiB.
const maxWorkFactor = 20

// Errors of this package; use errors.Is.
var (
	ErrRecipient = errors.New("encrypted: expected a passphrase or an age public key")
	ErrClosed    = errors.New("encrypted: the file cannot be decrypted")
)

// Recipient says who can read a file: who knows the passphrase, or who has the private
// key of an age public key (age1…). The zero Recipient is everybody.
type Recipient struct {
	Passphrase string
	PublicKey  string
}

// IsZero reports whether there is neither a passphrase nor a public key.
func (r Recipient) IsZero() bool { return r == Recipient{} }

// Check says what is wrong with a recipient (wraps [ErrRecipient]). It never repeats
// the passphrase.
func (r Recipient) Check() error {
	_, err := r.recipient(false)
	return err
}

// recipient is the recipient for the library. A scrypt one is only made if it is
// needed.
func (r Recipient) recipient(use bool) (age.Recipient, error) {
	n := utf8.RuneCountInString(r.Passphrase)
	switch {
	case r.IsZero():
		return nil, fmt.Errorf("%w, got neither", ErrRecipient)
	case r.Passphrase != "" && r.PublicKey != "":
		return nil, fmt.Errorf("%w, got both", ErrRecipient)
	case r.PublicKey != "":
		key, err := publicKey(r.PublicKey)
		if err != nil {
			// The library's errors repeat what it was given, which may be a private key.
			return nil, fmt.Errorf("%w, such as age1 and 58 more characters; this is none", ErrRecipient)
		}
		return key, nil
	case !utf8.ValidString(r.Passphrase):
		return nil, fmt.Errorf("%w: the passphrase is not valid UTF-8", ErrRecipient)
	case n < MinPassphrase:
		return nil, fmt.Errorf("%w: the passphrase has %d characters, expected at least %d", ErrRecipient, n, MinPassphrase)
	case len(r.Passphrase) > maxPassphrase:
		return nil, fmt.Errorf("%w: the passphrase has %d octets, expected at most %d", ErrRecipient, len(r.Passphrase), maxPassphrase)
	case !use:
		return nil, nil
	}
	s, err := age.NewScryptRecipient(r.Passphrase)
	if err != nil {
		return nil, fmt.Errorf("encrypted: %w", err)
	}
	s.SetWorkFactor(workFactor)
	return s, nil
}

func publicKey(text string) (age.Recipient, error) {
	if key, err := age.ParseX25519Recipient(text); err == nil {
		return key, nil
	}
	return age.ParseHybridRecipient(text)
}

// NewWriter encrypts what is written to it. The file is complete when Close has
// returned without an error; w stays open.
func NewWriter(w io.Writer, to Recipient) (io.WriteCloser, error) {
	recipient, err := to.recipient(true)
	if err != nil {
		return nil, err
	}
	out, err := age.Encrypt(w, recipient)
	if err != nil {
		return nil, fmt.Errorf("encrypted: %w", err)
	}
	return out, nil
}

// Text encrypts data as text, for JSON documents. It takes some 64 MiB of memory for a
// passphrase, so one at a time is enough.
func Text(data []byte, to Recipient) (string, error) {
	var b bytes.Buffer
	text := armor.NewWriter(&b)
	w, err := NewWriter(text, to)
	if err != nil {
		return "", err
	}
	_, err = w.Write(data)
	if err := errors.Join(err, w.Close(), text.Close()); err != nil {
		return "", fmt.Errorf("encrypted: %w", err)
	}
	return b.String(), nil
}

// Identity opens files: with the passphrase, or with the private keys of an age
// identity file (AGE-SECRET-KEY-1…, one a line).
type Identity struct {
	Passphrase  string
	PrivateKeys string
}

// identities are those of the library.
func (i Identity) identities() ([]age.Identity, error) {
	var all []age.Identity
	if i.Passphrase != "" {
		s, err := age.NewScryptIdentity(i.Passphrase)
		if err != nil {
			return nil, fmt.Errorf("encrypted: %w", err)
		}
		s.SetMaxWorkFactor(maxWorkFactor)
		all = append(all, s)
	}
	if i.PrivateKeys != "" {
		keys, err := age.ParseIdentities(strings.NewReader(i.PrivateKeys))
		if err != nil {
			// The library's error may repeat a line of the file.
			return nil, errors.New("encrypted: expected an age identity file, with lines such as AGE-SECRET-KEY-1…")
		}
		all = append(all, keys...)
	}
	return all, nil
}

// NewReader reads a file that may be encrypted, as octets or as text, and returns its
// content. A file that is not encrypted is returned as it is. Errors, also those of
// reading on, wrap [ErrClosed] if the file is encrypted and cannot be opened.
func NewReader(r io.Reader, with Identity) (content io.Reader, wasEncrypted bool, err error) {
	in := bufio.NewReader(r)
	head, _ := in.Peek(len(armor.Header)) // a shorter file is none of ours, whatever the error
	isText := bytes.HasPrefix(head, []byte(armor.Header))
	if !isText && !bytes.HasPrefix(head, []byte("age-encryption.org/")) {
		return in, false, nil
	}
	identities, err := with.identities()
	if err != nil {
		return nil, true, err
	}
	if len(identities) == 0 {
		return nil, true, fmt.Errorf("%w without its passphrase or private key", ErrClosed)
	}
	var from io.Reader = in
	if isText {
		from = armor.NewReader(in)
	}
	content, err = age.Decrypt(from, identities...)
	var none *age.NoIdentityMatchError
	switch {
	case errors.As(err, &none):
		return nil, true, fmt.Errorf("%w: expected another passphrase or private key", ErrClosed)
	case err != nil:
		return nil, true, fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return authenticated{content}, true, nil
}

// authenticated names the error of a file that was changed or cut off.
type authenticated struct{ io.Reader }

func (a authenticated) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // io.EOF is never wrapped by a Reader
		err = fmt.Errorf("%w, it was changed or is not complete: %w", ErrClosed, err)
	}
	return n, err
}
