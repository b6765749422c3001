package vm

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/test/keep"
)

// captureLine begins a line by which a file comes out of the guest: its name,
// and a piece of it, gzip in base64.
const captureLine = "guest: file "

// handOver has files come out of the guest if the test fails, after what writes
// them has ended: it is called before that begins.
func handOver(t *testing.T, paths ...string) {
	t.Helper()
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		for _, path := range paths {
			content, err := os.ReadFile(path)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				t.Error(err)
				continue
			}
			var packed bytes.Buffer
			w := gzip.NewWriter(&packed)
			_, err = w.Write(content)
			if err = errors.Join(err, w.Close()); err != nil {
				t.Error(err)
			}
			const piece = 750 // 1000 characters
			for octets := range slices.Chunk(packed.Bytes(), piece) {
				fmt.Println(captureLine + filepath.Base(path) + " " + base64.StdEncoding.EncodeToString(octets))
			}
		}
	})
}

// files is what came out of the guest: packed, by test and name.
type files map[string]map[string][]byte

// take takes a line of the guest's and reports whether it is part of a file.
func (f files) take(test, line string) bool {
	text, ok := strings.CutPrefix(line, captureLine)
	if !ok {
		return false
	}
	name, piece, _ := strings.Cut(text, " ")
	octets, err := base64.StdEncoding.DecodeString(piece)
	if err != nil {
		return false // it is shown with the rest
	}
	if f[test] == nil {
		f[test] = map[string][]byte{}
	}
	f[test][name] = append(f[test][name], octets...)
	return true
}

// keep puts the files of a test aside when t fails.
func (f files) keep(t *testing.T, test string) {
	t.Helper()
	for name, packed := range f[test] {
		keep.Data(t, name, func() ([]byte, error) {
			r, err := gzip.NewReader(bytes.NewReader(packed))
			if err != nil {
				return nil, err
			}
			return io.ReadAll(r)
		})
	}
}
