package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// The remedy for a damaged store names the newest backup, encrypted or not.
func TestRemedyNamesTheNewestBackup(t *testing.T) {
	const (
		older     = "network-20260101-120000.000.backup"
		encrypted = "network-20260102-120000.000.backup.age"
		mark      = encrypted + ".restored" // of a restore, and no backup
		newest    = "network-20260103-120000.000.backup"
	)
	for _, test := range []struct {
		files         []string
		want, without string
	}{
		{nil, "network restore BACKUP --replace", "--passphrase-file"},
		{[]string{older}, older + " --replace", "--passphrase-file"},
		{[]string{encrypted}, encrypted + " --replace --passphrase-file FILE", mark},
		{[]string{older, encrypted, mark}, encrypted + " --replace --passphrase-file FILE", mark},
		{[]string{older, encrypted, mark, newest}, newest + " --replace", "--passphrase-file"},
	} {
		dir := t.TempDir()
		if err := os.Mkdir(backups(dir), 0o700); err != nil {
			t.Fatal(err)
		}
		for _, name := range test.files {
			if err := os.WriteFile(filepath.Join(backups(dir), name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		text := remedy(dir, fmt.Errorf("a test: %w", store.ErrDamaged)).Error()
		if !strings.Contains(text, test.want) || strings.Contains(text, test.without) {
			t.Errorf("with %v: expected %q and no %q in\n%s", test.files, test.want, test.without, text)
		}
	}
}
