// Package faultfs has file systems for tests of the store (package disk). It is
// for tests only.
//
//	Memory     in memory; can lose power: unsynced writes are lost, kept or torn
//	Injector   on another file system, such as the disk: fails or waits on request
//
// An Injector under a whole service makes its store fail at run time:
//
//	files := faultfs.OnDisk()
//	s, err := disk.Open(dir, disk.Options{Files: files})
//	files.Fail(func(c faultfs.Call) error {
//		if c.Op.Writes() {
//			return syscall.ENOSPC
//		}
//		return nil
//	})
//
// A function that waits makes the store slow; nil makes it work again. The
// database uses the file system of the machine itself, so each of its steps
// (open, read, commit, ...) is one call here, and an error takes the place of
// the step.
package faultfs
