package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/filesystem"
)

// This file reads files without waiting for ever. What a user names may be a named pipe,
// which waits for a writer, a device, or a file on a network share that has gone away.

// filePatience is how long a file may take that is read at start.
const filePatience = 10 * time.Second

// readFile is os.ReadFile for regular files. It gives up after some seconds.
func readFile(path string) ([]byte, error) {
	const most = 64 << 20 // far more than any file that is read at start
	return within("reading "+path, func() ([]byte, error) { return readBounded(path, most) })
}

// readBounded reads a regular file up to a maximum size.
func readBounded(path string, most int64) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only
	return readAll(f, path, most)
}

// readAll reads up to a maximum size; path is for errors.
func readAll(r io.Reader, path string, most int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("%s: expected at most %d octets, got more", path, most)
	}
	return data, nil
}

// openRegular opens a file for reading. It opens nothing but a regular file: opening a
// device can have effects, and a named pipe waits.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if err := regular(path, info); err != nil {
		return nil, err
	}
	return onlyRegular(path, func() (*os.File, error) { return os.OpenFile(path, os.O_RDONLY|filesystem.NonBlocking, 0) })
}

// onlyRegular opens a file and closes it again if it is something else by now.
func onlyRegular(path string, open func() (*os.File, error)) (*os.File, error) {
	f, err := open()
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = regular(path, info)
	}
	if err != nil {
		_ = f.Close() // nothing was read
		return nil, err
	}
	return f, nil
}

// regular returns an error unless something is a regular file.
func regular(path string, info fs.FileInfo) error {
	mode := info.Mode()
	what := "something else"
	switch {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		what = "a directory"
	case mode&fs.ModeNamedPipe != 0:
		what = "a named pipe"
	case mode&fs.ModeDevice != 0:
		what = "a device"
	case mode&fs.ModeSocket != 0:
		what = "a socket"
	}
	return fmt.Errorf("%s: expected a regular file, got %s", path, what)
}

// within returns what f returns, or an error when that takes too long. Then f is left
// behind: nothing can interrupt it.
func within[T any](what string, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	ended := make(chan result, 1)
	go func() {
		value, err := f()
		ended <- result{value, err}
	}()
	late := time.NewTimer(filePatience)
	defer late.Stop()
	select {
	case r := <-ended:
		return r.value, r.err
	case <-late.C:
		var none T
		return none, fmt.Errorf("%s has not ended within %s; check the disk or the network share that it is on", what, filePatience)
	}
}
