package vm

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
	"golang.org/x/sys/unix"
)

// helperVariable makes the test binary another process that opens the adapter
// it names, says how that went and holds it until its input ends.
const helperVariable = "BTMESH2MQTT_VM_OPEN"

// Words of a helper.
const (
	wordHeld    = "held"
	wordRefused = "refused"
)

// help is the helper's side.
func help(spec string) int {
	tr, err := transport.Open(context.Background(), spec)
	if err != nil {
		kind := "other"
		for name, sentinel := range sentinels() {
			if errors.Is(err, sentinel) {
				kind = name
			}
		}
		fmt.Println(wordRefused, kind, err)
		return 0
	}
	address, err := converse(tr)
	if err != nil {
		fmt.Println(wordRefused, "talk", err)
		return 0
	}
	fmt.Println(wordHeld, address)
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := tr.Close(); err != nil {
		fmt.Println(wordRefused, "close", err)
		return 1
	}
	return 0
}

func sentinels() map[string]error {
	return map[string]error{
		"permission": transport.ErrPermission, "busy": transport.ErrBusy,
		"missing": transport.ErrNoAdapter, "kernel": transport.ErrNoBluetooth,
	}
}

// helper is another process.
type helper struct {
	cmd   *exec.Cmd
	stdin io.Closer
	said  string
}

// rights is what a helper may do.
type rights struct {
	user uint32
	caps []uintptr
}

var (
	superuser = rights{}
	nobody    = rights{user: 65534}
	service   = rights{user: 65534, caps: []uintptr{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW}}
)

// give makes a program run with these rights.
func (r rights) give(cmd *exec.Cmd) {
	if r.user != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Credential:  &syscall.Credential{Uid: r.user, Gid: r.user},
			AmbientCaps: r.caps,
		}
	}
}

// start runs a helper until it has said how opening went.
func start(t *testing.T, spec string, r rights) *helper {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), helperVariable+"="+spec)
	cmd.Stderr = os.Stderr
	r.give(cmd)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h := &helper{cmd: cmd, stdin: in}
	t.Cleanup(h.kill)
	h.said, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the helper said %q, %v", h.said, err)
	}
	h.said = strings.TrimSpace(h.said)
	return h
}

// leave ends the helper properly.
func (h *helper) leave(t *testing.T) {
	t.Helper()
	_ = h.stdin.Close()
	if err := h.cmd.Wait(); err != nil {
		t.Errorf("the helper: %v", err)
	}
}

// kill ends it with SIGKILL.
func (h *helper) kill() {
	if h.cmd.ProcessState == nil {
		_ = h.cmd.Process.Kill()
		_ = h.cmd.Wait()
	}
}
