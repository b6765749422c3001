package vm

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// questions are commands of QEMU's monitor that say where a guest hangs: what
// each CPU is at, and which interrupts wait.
func questions() []string {
	return []string{"info status", "info cpus", "info registers -a", "info pic", "info lapic 0", "info lapic 1"}
}

// examine asks QEMU's monitor (QMP, JSON lines on a Unix socket) about the guest
// and returns the answers as text, with whatever went wrong in it: a guest that
// hangs may have an emulator that hangs.
func examine(socket string) string {
	const patience = 10 * time.Second // an emulator answers in milliseconds, or never
	conn, err := net.DialTimeout("unix", socket, patience)
	if err != nil {
		return fmt.Sprintf("QEMU's monitor does not answer: %v\n", err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience)) // a Unix socket has deadlines
	var text strings.Builder
	if err := ask(conn, &text); err != nil {
		fmt.Fprintf(&text, "QEMU's monitor: %v\n", err)
	}
	return text.String()
}

// ask asks the questions and writes the answers.
func ask(conn io.ReadWriter, text io.Writer) error {
	in, out := json.NewDecoder(conn), json.NewEncoder(conn)
	var greeting struct {
		QMP *struct{} `json:"QMP"`
	}
	if err := in.Decode(&greeting); err != nil {
		return fmt.Errorf("waiting for its greeting: %w", err)
	}
	if greeting.QMP == nil {
		return errors.New("it does not greet as QMP does")
	}
	if _, err := execute(in, out, "qmp_capabilities", nil); err != nil {
		return err
	}
	for _, question := range questions() {
		answer, err := execute(in, out, "human-monitor-command", map[string]string{"command-line": question})
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(text, "(qemu) %s\n%s\n", question, strings.ReplaceAll(answer, "\r", "")) // it is a strings.Builder
	}
	return nil
}

// execute sends a command and waits for what it returns; events come between.
func execute(in *json.Decoder, out *json.Encoder, command string, arguments map[string]string) (string, error) {
	request := map[string]any{"execute": command}
	if arguments != nil {
		request["arguments"] = arguments
	}
	if err := out.Encode(request); err != nil {
		return "", fmt.Errorf("sending %s: %w", command, err)
	}
	for {
		var answer struct {
			Return json.RawMessage `json:"return"`
			Error  *struct {
				Description string `json:"desc"`
			} `json:"error"`
		}
		if err := in.Decode(&answer); err != nil {
			return "", fmt.Errorf("waiting for the answer to %s: %w", command, err)
		}
		if answer.Error != nil {
			return "", fmt.Errorf("%s: %s", command, answer.Error.Description)
		}
		if answer.Return != nil {
			var said string
			_ = json.Unmarshal(answer.Return, &said) // what is no text is an empty object
			return said, nil
		}
	}
}

// TestMonitor talks with a monitor that tells an event at the wrong time and
// knows no second CPU.
func TestMonitor(t *testing.T) {
	ours, theirs := net.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() { _ = theirs.Close() }()
		in := json.NewDecoder(theirs)
		_, _ = io.WriteString(theirs, `{"QMP": {"version": {}, "capabilities": []}}`+"\n")
		for {
			var request struct {
				Execute   string
				Arguments struct {
					CommandLine string `json:"command-line"`
				}
			}
			if in.Decode(&request) != nil {
				return
			}
			answer := `{"return": {}}`
			switch request.Arguments.CommandLine {
			case "info status":
				answer = `{"event": "RESET", "data": {}}` + "\n" + `{"return": "VM status: running\r\n"}`
			case "info lapic 1":
				answer = `{"error": {"class": "GenericError", "desc": "no such CPU"}}`
			}
			_, _ = io.WriteString(theirs, answer+"\n")
		}
	}()
	var text strings.Builder
	err := ask(ours, &text)
	_ = ours.Close()
	<-ended
	if err == nil || !strings.Contains(err.Error(), "no such CPU") {
		t.Errorf("got the error %v", err)
	}
	if !strings.HasPrefix(text.String(), "(qemu) info status\nVM status: running\n") || !strings.Contains(text.String(), "info lapic 0") {
		t.Errorf("got %q", text.String())
	}
	if text := examine("/nonexistent/monitor"); !strings.Contains(text, "does not answer") {
		t.Errorf("without a socket: %q", text)
	}
}
