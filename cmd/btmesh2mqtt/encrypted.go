package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/cdb"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/encrypted"
)

// cipher is the flags of the network commands about encryption. Passphrases and
// private keys come in files: the process list shows flags.
type cipher struct {
	passphraseFile string
	identityFile   string
	publicKey      string
}

// bindReading adds the flags of a command that reads an export or a backup.
func (c *cipher) bindReading(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.passphraseFile, "passphrase-file", "", "`file` with the passphrase of FILE on its first line, if FILE is encrypted")
	cmd.Flags().StringVar(&c.identityFile, "identity-file", "", "age identity `file` with the private key of FILE, if FILE is encrypted")
}

// bindWriting adds the flags of a command that writes one.
func (c *cipher) bindWriting(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.passphraseFile, "passphrase-file", "", "`file` with a passphrase on its first line that FILE is encrypted with")
	cmd.Flags().StringVar(&c.publicKey, "public-key", "", "age public `key` (age1…) that FILE is encrypted for")
}

// maxSecretFile bounds a file with a passphrase or private keys, in octets.
const maxSecretFile = 64 << 10

// passphrase reads the first line of the passphrase file, "" without one.
func (c *cipher) passphrase() (string, error) {
	if c.passphraseFile == "" {
		return "", nil
	}
	data, err := readBounded(c.passphraseFile, maxSecretFile)
	if err != nil {
		return "", fmt.Errorf("--passphrase-file: %w", err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	line = strings.TrimSuffix(line, "\r")
	if line == "" {
		return "", fmt.Errorf("--passphrase-file: expected the passphrase on the first line of %s, it is empty", c.passphraseFile)
	}
	return line, nil
}

// reader decrypts r if it was encrypted. path is its name for errors.
func (c *cipher) reader(r io.Reader, path string) (content io.Reader, was bool, err error) {
	var with encrypted.Identity
	if with.Passphrase, err = c.passphrase(); err != nil {
		return nil, false, err
	}
	if c.identityFile != "" {
		data, err := readBounded(c.identityFile, maxSecretFile)
		if err != nil {
			return nil, false, fmt.Errorf("--identity-file: %w", err)
		}
		with.PrivateKeys = string(data)
	}
	content, was, err = encrypted.NewReader(r, with)
	switch {
	case errors.Is(err, encrypted.ErrClosed) && with == encrypted.Identity{}:
		return nil, true, fmt.Errorf("%s is encrypted: expected --passphrase-file or --identity-file", path)
	case err != nil:
		return nil, was, fmt.Errorf("%s: %w", path, err)
	case !was && with != encrypted.Identity{}:
		return nil, false, fmt.Errorf("%s is not encrypted, although --passphrase-file or --identity-file is given: check that it is the file that you mean, and leave the flag out if it is", path)
	}
	return content, was, nil
}

// seekable is the content of a file, decrypted into memory if it was encrypted.
func (c *cipher) seekable(f *os.File, path string) (io.ReadSeeker, error) {
	content, was, err := c.reader(f, path)
	if err != nil {
		return nil, err
	}
	if !was {
		if _, err := f.Seek(0, io.SeekStart); err != nil { // its beginning was looked at
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return f, nil
	}
	data, err := readAll(content, path, cdb.MaxSize)
	return bytes.NewReader(data), err
}

// encrypting makes write encrypt its output if the flags say so, and returns a note
// about it for the user.
func (c *cipher) encrypting(write func(io.Writer) error) (_ func(io.Writer) error, note string, err error) {
	to := encrypted.Recipient{PublicKey: c.publicKey}
	if to.Passphrase, err = c.passphrase(); err != nil {
		return nil, "", err
	}
	if to.IsZero() {
		return write, "It contains all keys: protect it like the store.", nil
	}
	if err := to.Check(); err != nil {
		return nil, "", err
	}
	return func(w io.Writer) error {
		out, err := encrypted.NewWriter(w, to)
		if err != nil {
			return err
		}
		return errors.Join(write(out), out.Close())
	}, "It contains all keys and is encrypted (age).", nil
}
