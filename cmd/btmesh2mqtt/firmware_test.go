package main

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFirmwareDirectoryIsNotLeft(t *testing.T) {
	outside := t.TempDir()
	dir := filepath.Join(outside, "firmware")
	for name, text := range map[string]string{"secret": "secret", "firmware/a.bin": "image", "firmware/deep/b.bin": "other"} {
		path := filepath.Join(outside, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	files, err := openFirmware(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a.bin": "image", "deep/b.bin": "other"} {
		f, err := files.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(f)
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"link", "../secret", "deep/../../secret", filepath.Join(outside, "secret"), "c.bin"} {
		if f, err := files.Open(name); err == nil {
			t.Errorf("%s was opened", name)
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestFirmwareDirectoryIsLookedAtBeforehand(t *testing.T) {
	if files, err := openFirmware(""); err != nil || files != fs.FS(nil) {
		t.Errorf("none: %v, %v", files, err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, file + "-missing"} {
		if _, err := openFirmware(dir); err == nil || !strings.Contains(err.Error(), "firmware.dir") {
			t.Errorf("%s: %v", dir, err)
		}
	}
}
