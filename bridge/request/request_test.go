package request_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/schema"
)

// outlet notes what came out.
type outlet struct {
	said []string
}

func (o *outlet) Reply(name string, transaction json.RawMessage, data any, err error) {
	code := ""
	var failed interface{ Code() string }
	if errors.As(err, &failed) {
		code = failed.Code() + ": "
	}
	text, _ := json.Marshal(data)
	o.said = append(o.said, fmt.Sprintf("%s %s %s %s%v", name, transaction, text, code, err))
}

func (o *outlet) Progress(r request.Report) {
	text, _ := json.Marshal(r)
	o.said = append(o.said, string(text))
}

func (o *outlet) Twice(name string) { o.said = append(o.said, name+" twice") }

func (o *outlet) expect(t *testing.T, want ...string) {
	t.Helper()
	if got := strings.Join(o.said, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nexpected\n%s", got, strings.Join(want, "\n"))
	}
	o.said = nil
}

type renameIn struct {
	From schema.Device `json:"from" doc:"the device" required:"true"`
	To   string        `json:"to" doc:"its new name" required:"true"`
}

type renameOut struct {
	From string `json:"from" doc:"the name it had"`
	To   string `json:"to" doc:"the name it has now"`
}

func rename() request.Definition {
	return request.Define(request.Meta{
		Name: "device/rename", Summary: "Give a device another name", Errors: []string{"name_taken"},
		Example: request.Example{In: `{"from":"plug","to":"socket"}`, Out: `{"from":"plug","to":"socket"}`},
	}, func(c *request.Call[renameOut], in renameIn) {
		if in.To == "lamp" {
			c.Answer(nil, taken{in.To})
			return
		}
		c.Answer(&renameOut{From: string(in.From), To: in.To}, nil)
	})
}

// taken is an error of a handler that has a code.
type taken struct{ name string }

func (t taken) Error() string { return fmt.Sprintf("to: another device is called %q", t.name) }
func (t taken) Code() string  { return "name_taken" }

// test is a request that is answered later.
type test struct {
	call *request.ProgressCall[testOut]
}

type testIn struct {
	Rounds int    `json:"rounds" doc:"how often" min:"1" max:"10" default:"3"`
	Key    string `json:"key" doc:"what to do it with" secret:"true"`
}

type testOut struct{}

func (p *test) definition() request.Definition {
	return request.DefineWithProgress(request.Meta{
		Name: "device/test", Summary: "Test a device", Details: "It blinks.", Duration: 90 * time.Second,
		Events: []string{"device_test"}, Example: request.Example{In: `{"rounds":2}`, Out: `{}`, NotRun: "it is a test"},
	}, func(c *request.ProgressCall[testOut], in testIn) {
		p.call = c
		c.Progress(request.Progress{Step: "blink", Done: 1, Total: in.Rounds})
	})
}

func TestTableHandles(t *testing.T) {
	slow := &test{}
	table, err := request.NewTable(slow.definition(), rename())
	if err != nil {
		t.Fatal(err)
	}
	o := &outlet{}
	table.Handle("device/rename", []byte(`{"from":"plug","to":"socket","transaction":7}`), o)
	o.expect(t, `device/rename 7 {"from":"plug","to":"socket"} <nil>`)
	table.Handle("device/rename", []byte(`{"from":"plug","to":"lamp"}`), o)
	o.expect(t, `device/rename  null name_taken: to: another device is called "lamp"`)
	table.Handle("device/rename", []byte(`{"from":"plug"}`), o)
	o.expect(t, `device/rename  null bad_value: to: expected a text`)
	table.Handle("device/rename", []byte(`{"name":"plug","transaction":"x"}`), o)
	o.expect(t, `device/rename "x" null bad_json: the payload cannot be read: unknown field "name"; expected from, to, transaction`)
	table.Handle("device/rename", []byte(`{"transaction":"`+strings.Repeat("z", 300)+`"}`), o)
	o.expect(t, `device/rename  null bad_transaction: transaction: expected at most 256 octets, got 302`)
	table.Handle("dance", []byte(`{"transaction":null}`), o)
	o.expect(t, `dance null null unknown_request: there is no request "dance"; expected one of device/rename, device/test`)

	table.Handle("device/test", []byte(`{"transaction":{"a":1}}`), o)
	o.expect(t, `{"done":1,"request":"device/test","step":"blink","total":3,"transaction":{"a":1}}`)
	slow.call.Fail(errors.New("it is dark"))
	slow.call.Progress(request.Progress{Done: 2})
	slow.call.Answer(&testOut{}, nil)
	o.expect(t, `device/test {"a":1} null it is dark`, `device/test twice`)
}

func TestTableRedacts(t *testing.T) {
	table, err := request.NewTable((&test{}).definition())
	if err != nil {
		t.Fatal(err)
	}
	for payload, want := range map[string]string{
		`{"rounds":2,"key":"s","transaction":5}`:             `{"rounds":2,"transaction":5}`,
		`{"transaction":"a"}`:                                `{"transaction":"a"}`,
		`{"transaction":"00112233445566778899aabbccddeeff"}`: ``,
		`{"key":"s"}`: ``,
	} {
		if got := string(table.Redact("device/test", []byte(payload))); got != want {
			t.Errorf("%s: got %s, expected %s", payload, got, want)
		}
	}
	if got := table.Redact("dance", []byte(`{"rounds":2}`)); got != nil {
		t.Errorf("of an unknown request %s is shown", got)
	}
}

func TestWrongDefinitionsAreReported(t *testing.T) {
	nothing := func(*request.Call[struct{}], struct{}) {}
	_, err := request.NewTable(
		request.Define(request.Meta{Name: "Scan", Summary: "s"}, nothing),
		request.Define(request.Meta{Name: "a"}, nothing),
		request.Define(request.Meta{Name: "b", Summary: "s", Errors: []string{"Not good"}}, nothing),
		request.Define(request.Meta{Name: "c", Summary: "s"}, nothing),
		request.Define(request.Meta{Name: "c", Summary: "s"}, nothing),
		request.Define(request.Meta{Name: "d", Summary: "s"}, func(*request.Call[struct{}], struct{ A int }) {}),
	)
	for _, want := range []string{`"Scan": name`, `"a": summary`, `"b": errors`, `"c" is defined twice`, `"d": schema`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, expected %s", err, want)
		}
	}
}

func TestSchemasAndMarkdown(t *testing.T) {
	table, err := request.NewTable((&test{}).definition(), rename())
	if err != nil {
		t.Fatal(err)
	}
	d, ok := table.Lookup("device/test")
	if !ok || !d.Progress || strings.Join(d.Secrets(), "") != "key" || !d.CanFail("bad_json") || d.CanFail("busy") {
		t.Errorf("definition %+v", d)
	}
	in, err := json.Marshal(d.Input())
	if err != nil || !strings.Contains(string(in), `"transaction":`) || !strings.Contains(string(in), `"writeOnly":true`) {
		t.Errorf("input %s, %v", in, err)
	}
	const want = "### device/rename\n\nGive a device another name. The answer comes at once.\n\nRequest:\n\n" +
		"| field | value | meaning |\n|---|---|---|\n" +
		"| `from` | text: the name, UUID or address of a device | the device; required |\n" +
		"| `to` | text | its new name; required |\n" +
		"\n`data` of the response:\n\n| field | value | meaning |\n|---|---|---|\n" +
		"| `from` | text | the name it had |\n| `to` | text | the name it has now |\n" +
		"\nErrors:\n\n| code | meaning |\n|---|---|\n| `name_taken` | taken |\n" +
		"\nExample:\n\n<!-- publish: btmesh2mqtt/bridge/request/device/rename -->\n```json\n{\"from\":\"plug\",\"to\":\"socket\"}\n```\n" +
		"\nThe answer:\n\n<!-- shows: btmesh2mqtt/bridge/response/device/rename -->\n```json\n" +
		"{\"status\":\"ok\",\"data\":{\"from\":\"plug\",\"to\":\"socket\"}}\n```\n\n" +
		"### device/test\n\nTest a device. The answer usually comes within 90 seconds. " +
		"Meanwhile there are events of type `device_test`, `request_progress`.\n\nIt blinks.\n\nRequest:\n\n" +
		"| field | value | meaning |\n|---|---|---|\n" +
		"| `rounds` | whole number, 1 to 10 | how often; default `3` |\n| `key` | text | what to do it with; secret |\n" +
		"\nExample:\n\n<!-- not run: it is a test -->\n```json\n{\"rounds\":2}\n```\n" +
		"\nThe answer:\n\n<!-- not run: it is a test -->\n```json\n{\"status\":\"ok\",\"data\":{}}\n```\n\n"
	got, err := table.Markdown(map[string]string{"name_taken": "taken"})
	if err != nil || got != want {
		t.Errorf("got %v\n%s\nexpected\n%s", err, got, want)
	}
	if _, err := table.Markdown(nil); err == nil || !strings.Contains(err.Error(), "name_taken") {
		t.Errorf("an error without an explanation: %v", err)
	}
}
