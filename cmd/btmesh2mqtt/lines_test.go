package main

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipe is a reader of the log that stops reading.
type pipe struct {
	mu   sync.Mutex
	hold chan struct{}
	got  bytes.Buffer
}

func (p *pipe) Write(b []byte) (int, error) {
	<-p.hold
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got.Write(b)
}

// The log holds up nobody when it is not read. It tells how much was lost, and does not
// hold up the end of the program either.
func TestLogThatNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pipe{hold: make(chan struct{})}
		q := newLineQueue(p)
		const more = 100
		began := time.Now()
		for i := range queuedLines + 1 + more { // one is being written
			fmt.Fprintf(q, "line %d\n", i)
			if i == 0 {
				synctest.Wait()
			}
		}
		q.close()
		if d := time.Since(began); d != linesPatience {
			t.Errorf("it took %s", d)
		}
		close(p.hold)
		synctest.Wait()
		got := p.got.String()
		if !strings.Contains(got, fmt.Sprintf("%d lines of the log were dropped", more)) {
			t.Errorf("the log ends with %q", got[max(0, len(got)-200):])
		}
		if n := strings.Count(got, "\n"); n != queuedLines+2 {
			t.Errorf("%d lines", n)
		}
	})
}

// What was logged before the end is there after it.
func TestLogIsComplete(t *testing.T) {
	var got bytes.Buffer
	q := newLineQueue(&got)
	const lines = 1000
	for i := range lines {
		fmt.Fprintf(q, "line %d\n", i)
	}
	q.close()
	if n := strings.Count(got.String(), "\n"); n != lines {
		t.Errorf("%d of %d lines", n, lines)
	}
}
