package request

import "encoding/json"

// Outlet is where the outcome of a request goes; the bridge is one. It says where
// the methods of a Call may be called: that of the bridge in the bridge's loop.
type Outlet interface {
	// Reply gives the outcome. Data is a pointer to the output, or nil for none;
	// it is shown with both outcomes. The transaction is nil for none.
	Reply(name string, transaction json.RawMessage, data any, err error)
	// Progress tells how far a request is.
	Progress(r Report)
	// Twice says that a handler has answered a request again. Only the first
	// answer counts.
	Twice(name string)
}

// Progress is how far a request is.
type Progress struct {
	Step  string // what is being done, a word for programs
	Done  int    // steps, or another measure, up to Total
	Total int    // 0: not known
}

// EventProgress is the type of the event on B/bridge/event that a [Report] is
// published as.
const EventProgress = "request_progress"

// Report is the progress of a request as it is published, the data of the event
// [EventProgress].
type Report struct {
	Done        int             `json:"done" doc:"how much of total is done"`
	Request     string          `json:"request" doc:"name of the request"`
	Step        string          `json:"step,omitempty" doc:"what is being done"`
	Total       int             `json:"total,omitempty" doc:"how much there is to do; left out when that is not known"`
	Transaction json.RawMessage `json:"transaction,omitempty" doc:"transaction of the request"`
}

// EventType is the type of the event.
func (Report) EventType() string { return EventProgress }

// Answer gives the outcome of a request, once. Out is shown with both outcomes;
// nil for nothing. It is [Call.Answer] for those who need no more of a call.
type Answer[Out any] func(out *Out, err error)

// Call is a request on its way to its answer. It is not for several goroutines: a
// handler that works elsewhere comes back to the loop to answer.
type Call[Out any] struct {
	name        string
	transaction json.RawMessage
	outlet      Outlet
	answered    bool
}

// Answer gives the outcome: now, or later when the work is done. Out is shown with
// both outcomes; nil for nothing.
func (c *Call[Out]) Answer(out *Out, err error) {
	if c.answered {
		c.outlet.Twice(c.name)
		return
	}
	c.answered = true
	var data any // a nil *Out in an any would not be nil
	if out != nil {
		data = out
	}
	c.outlet.Reply(c.name, c.transaction, data, err)
}

// Fail ends the request with an error and nothing else.
func (c *Call[Out]) Fail(err error) { c.Answer(nil, err) }

// Name is what the request is called.
func (c *Call[Out]) Name() string { return c.name }

// Transaction is the JSON that the sender wants back; nil for none.
func (c *Call[Out]) Transaction() json.RawMessage { return c.transaction }

// ProgressCall is a call that can tell how far it is.
type ProgressCall[Out any] struct{ Call[Out] }

// Progress tells how far the request is. After the answer there is nothing to
// tell any more.
func (c *ProgressCall[Out]) Progress(p Progress) {
	if c.answered {
		return
	}
	c.outlet.Progress(Report{Request: c.name, Transaction: c.transaction, Step: p.Step, Done: p.Done, Total: p.Total})
}
