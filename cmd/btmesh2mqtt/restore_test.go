package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/archive"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/disk"
)

// A backup that cannot be used leaves the store alone that it was to replace: the next
// attempt needs its replay list and its sequence numbers.
func TestBackupThatCannotBeUsed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s, err := disk.Open(dir, disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	backup := filepath.Join(t.TempDir(), "net.backup")
	var b bytes.Buffer
	if err := archive.Write(&b, s, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(backup, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	before := names(t, dir)
	var out, errs bytes.Buffer
	a := newApp(nil, &out, &errs)
	if code := a.execute(t.Context(), []string{"network", "restore", backup, "--replace", "--store.dir", dir}); code != exitFailed {
		t.Errorf("exit code %d: %s", code, &errs)
	}
	if !strings.Contains(errs.String(), "the backup has no sequence reserve") {
		t.Errorf("got %s", &errs)
	}
	if after := names(t, dir); !slices.Equal(before, after) {
		t.Errorf("the store had %v, and has %v", before, after)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}
