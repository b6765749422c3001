package storage_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/disk"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/faultfs"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/filesystem"
)

// operations are the calls of a store at run time that can fail.
func operations() []faultfs.Op {
	return []faultfs.Op{
		faultfs.OfDatabase(filesystem.StepCommit), faultfs.OpWrite, faultfs.OpSync, // of every store
		faultfs.OpOpen, faultfs.OpCreate, faultfs.OpRename, faultfs.OpSyncDir, // of a journal that is written anew
	}
}

// anew are the operations that come only when a sync has failed.
func anew(op faultfs.Op) bool {
	return op == faultfs.OpOpen || op == faultfs.OpCreate || op == faultfs.OpRename || op == faultfs.OpSyncDir
}

// Each operation of the store fails with each error of a file system. The bridge answers
// all commands and requests: they succeed, or name the store, the cause and the remedy.
// What bridge/health says agrees with bridge/logging. When the fault goes, all works
// again by itself, and the store opens with what was confirmed.
func TestEveryFaultAtEveryOperation(t *testing.T) {
	for name, fault := range map[string]struct {
		err    error
		remedy string
	}{
		"EIO":       {syscall.EIO, "kernel log"},
		"ENOSPC":    {syscall.ENOSPC, "free some space"},
		"read-only": {syscall.EROFS, "mount its file system for writing"},
	} {
		for _, op := range operations() {
			t.Run(name+" "+string(op), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					h := build(t)
					defer h.stop()
					var hits atomic.Int64
					h.files.Fail(func(c faultfs.Call) error {
						if c.Op == faultfs.OpSync && anew(op) && strings.HasSuffix(c.Path, "replay.journal") {
							return &os.PathError{Op: string(c.Op), Path: c.Path, Err: fault.err}
						}
						if c.Op != op {
							return nil
						}
						hits.Add(1)
						return &os.PathError{Op: string(c.Op), Path: c.Path, Err: fault.err}
					})
					h.exercise(fault.remedy)
					if hits.Load() == 0 {
						t.Fatal("the operation did not come up")
					}
					h.expectTrouble("failing", fault.remedy)
					h.files.Fail(nil)
					h.expectRecovery()
				})
			})
		}
	}
}

// exercise uses everything that needs the store, for a while.
func (h *house) exercise(remedy string) {
	h.t.Helper()
	for i := range 10 {
		began := time.Now()
		for name, answer := range map[string]string{
			"command":     h.command(),
			"rename":      h.request("device/rename", fmt.Sprintf(`{"from":"plug","to":"other%d"}`, i)),
			"rename back": h.request("device/rename", fmt.Sprintf(`{"from":"other%d","to":"plug"}`, i)),
			"interview":   h.request("device/interview", `{"id":"plug"}`),
		} {
			if !strings.Contains(answer, `"status":"ok"`) && (!strings.Contains(answer, h.dir) || !strings.Contains(answer, remedy)) {
				h.t.Errorf("%s: %s", name, answer)
			}
		}
		if d := time.Since(began); d > 2*time.Minute {
			h.t.Errorf("the answers took %s", d)
		}
		time.Sleep(time.Second)
	}
}

// expectTrouble expects that health and logging say what is wrong with the store.
func (h *house) expectTrouble(state, remedy string) {
	h.t.Helper()
	got, text := h.health()
	if got != state || !strings.Contains(text, h.dir) || !strings.Contains(text, remedy) {
		h.t.Errorf("health says %s: %q", got, text)
	}
	logged := strings.Join(h.take("b/bridge/logging"), "\n")
	if !strings.Contains(logged, `"level":"error"`) || !strings.Contains(logged, h.dir) || !strings.Contains(logged, remedy) {
		h.t.Errorf("logged %s", logged)
	}
	if h.store.Trouble() == nil {
		h.t.Error("healthz would say that the store works")
	}
}

// expectRecovery expects that everything works again, with nothing done for it.
func (h *house) expectRecovery() {
	h.t.Helper()
	h.until("a store that works again", func() bool { state, _ := h.health(); return state == "ok" })
	if logged := strings.Join(h.take("b/bridge/logging"), "\n"); !strings.Contains(logged, "works again") {
		h.t.Errorf("logged %s", logged)
	}
	if err := h.store.Trouble(); err != nil {
		h.t.Error(err)
	}
	for name, answer := range map[string]string{
		"command": h.command(),
		"rename":  h.request("device/rename", `{"from":"plug","to":"last"}`),
	} {
		if !strings.Contains(answer, `"status":"ok"`) {
			h.t.Errorf("%s: %s", name, answer)
		}
	}
	h.stop()
	again, err := disk.Open(h.dir, disk.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	defer again.Close()
	if r, err := again.Get(device.Table, plugUUID.String()); err != nil || !strings.Contains(string(r), `"last"`) {
		h.t.Errorf("the store has %s, %v", r, err)
	}
	if found := again.Findings(); len(found) > 0 {
		h.t.Errorf("the store was damaged: %v", found)
	}
}

// An operation of the store takes five seconds each time, or hangs. Commands and requests
// are answered, health and logging say why they fail, and all works again when the disk
// does. This runs in real time: who waits for a lock of the store is not idle for a
// bubble.
func TestSlowAndHangingDisk(t *testing.T) {
	all := together{t: t}
	defer all.running.Wait()
	for _, op := range []faultfs.Op{faultfs.OfDatabase(filesystem.StepCommit), faultfs.OpWrite, faultfs.OpSync} {
		for _, hangs := range []bool{false, true} {
			all.run(fmt.Sprintf("%s hangs %t", op, hangs), func(t *testing.T) {
				h := build(t)
				defer h.stop()
				back := make(chan struct{})
				release := sync.OnceFunc(func() { h.files.Fail(nil); close(back) })
				defer release()
				h.files.Fail(func(c faultfs.Call) error {
					if c.Op != op {
						return nil
					}
					late := time.NewTimer(5 * time.Second)
					defer late.Stop()
					select {
					case <-back:
					case <-late.C:
						if hangs {
							<-back
						}
					}
					return nil
				})
				h.command()
				h.request("device/rename", `{"from":"plug","to":"socket"}`)
				h.until("trouble in bridge/health", func() bool { state, _ := h.health(); return state == "slow" })
				h.expectTrouble("slow", "check the disk")
				if hangs {
					h.command()
					h.request("device/rename", `{"from":"socket","to":"plug"}`)
				}
				release()
				h.until("a store that works again", func() bool { state, _ := h.health(); return state == "ok" })
				h.request("device/rename", `{"from":"socket","to":"plug"}`) // unless it is already
				h.expectRecovery()
			})
		}
	}
}

// together is subtests that run at the same time, however few processors there are: all
// of them wait most of the time.
type together struct {
	t       *testing.T
	running sync.WaitGroup
}

func (g *together) run(name string, f func(t *testing.T)) { g.running.Go(func() { g.t.Run(name, f) }) }

// The bridge stops although its disk hangs.
func TestStopWhileTheDiskHangs(t *testing.T) {
	all := together{t: t}
	defer all.running.Wait()
	for _, op := range []faultfs.Op{faultfs.OfDatabase(filesystem.StepCommit), faultfs.OpWrite, faultfs.OpSync} {
		all.run(string(op), func(t *testing.T) {
			h := build(t)
			back := make(chan struct{})
			defer close(back)
			h.files.Fail(func(c faultfs.Call) error {
				if c.Op == op {
					<-back
				}
				return nil
			})
			h.svc.Handle(mqtt.Message{Topic: "b/bridge/request/device/rename", Payload: []byte(`{"from":"plug","to":"socket"}`)})
			h.svc.Handle(mqtt.Message{Topic: "b/socket/set", Payload: []byte(`{"state":"TOGGLE"}`)})
			h.until("trouble", func() bool { return h.store.Trouble() != nil })
			h.stop() // without the disk
		})
	}
}
