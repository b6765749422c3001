package main

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// lineQueue takes the lines of the log and never waits: whoever reads the log may have
// stopped reading, as a pager does, and the radio must not stop with it. Lines that find
// no room are dropped and counted, and the log says how many.
//
//	log ─ Write ─▶ queue ─▶ goroutine ─▶ stderr
type lineQueue struct {
	out     io.Writer
	lines   chan []byte
	dropped atomic.Uint64
	closing chan struct{}
	done    chan struct{}
}

const (
	// queuedLines is how many lines may wait.
	queuedLines = 8192
	// linesPatience is how long close waits for the reader of the log.
	linesPatience = time.Second
)

func newLineQueue(out io.Writer) *lineQueue {
	q := &lineQueue{out: out, lines: make(chan []byte, queuedLines), closing: make(chan struct{}), done: make(chan struct{})}
	go q.run()
	return q
}

// Write implements io.Writer. It takes whole lines and returns no error.
func (q *lineQueue) Write(line []byte) (int, error) {
	select {
	case q.lines <- append([]byte(nil), line...):
	default:
		q.dropped.Add(1)
	}
	return len(line), nil
}

func (q *lineQueue) run() {
	defer close(q.done)
	for {
		select {
		case line := <-q.lines:
			q.write(line)
		case <-q.closing:
			for {
				select {
				case line := <-q.lines:
					q.write(line)
				default:
					return
				}
			}
		}
	}
}

// write writes a line, and before it how many were dropped before.
func (q *lineQueue) write(line []byte) {
	if len(q.lines) == 0 {
		if n := q.dropped.Swap(0); n > 0 {
			fmt.Fprintf(q.out, "{\"level\":\"warn\",\"message\":\"%d lines of the log were dropped, because nobody read them\"}\n", n)
		}
	}
	_, _ = q.out.Write(line) // there is nobody to tell
}

// close writes what waits, but does not wait for a reader that has stopped reading.
func (q *lineQueue) close() {
	close(q.closing)
	late := time.NewTimer(linesPatience)
	defer late.Stop()
	select {
	case <-q.done:
	case <-late.C:
	}
}
