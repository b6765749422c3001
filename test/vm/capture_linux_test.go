package vm

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
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
			lines, err := pack(filepath.Base(path), content)
			if err != nil {
				t.Error(err)
			}
			for _, line := range lines {
				fmt.Println(line)
			}
		}
	})
}

// pack makes lines of a file.
func pack(name string, content []byte) ([]string, error) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	var lines []string
	const piece = 750 // 1000 characters
	for octets := range slices.Chunk(packed.Bytes(), piece) {
		lines = append(lines, captureLine+name+" "+base64.StdEncoding.EncodeToString(octets))
	}
	return lines, nil
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
		keep.Data(t, name, func() ([]byte, error) { return unpack(packed) })
	}
}

func unpack(packed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// TestFilesComeOut sends two files over a line that carries other things, too.
func TestFilesComeOut(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	f, want := files{}, map[string][]byte{"air.btsnoop": make([]byte, 5000), "empty": {}}
	_, _ = random.Read(want["air.btsnoop"]) // it never fails
	for name, content := range want {
		lines, err := pack(name, content)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines {
			if !f.take("TestA/part", line) || len(line) > 1100 {
				t.Errorf("%d characters that are part of no file: %.40s", len(line), line)
			}
		}
	}
	for _, line := range []string{"", "--- PASS", captureLine + "air.btsnoop ***"} {
		if f.take("TestA/part", line) {
			t.Errorf("%q is taken for part of a file", line)
		}
	}
	for name, content := range want {
		if got, err := unpack(f["TestA/part"][name]); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: %d octets came out, %v", name, len(got), err)
		}
	}
}
