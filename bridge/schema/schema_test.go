package schema_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/schema"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

type inner struct {
	Method string `json:"method" enum:"none,static,output" doc:"how"`
	Static string `json:"static" doc:"value on the device" secret:"true"`
	Size   uint8  `json:"size" min:"0" max:"8" expect:"1 to 8 digits or characters"`
}

type input struct {
	UUID    mesh.UUID       `json:"uuid" doc:"the device"`
	ID      schema.Device   `json:"id" doc:"another device"`
	Time    float64         `json:"time" min:"0" max:"3600" unit:"seconds" default:"60" doc:"how long"`
	TTL     int             `json:"ttl" min:"0" max:"127" default:"127"`
	Count   uint8           `json:"count"`
	Force   bool            `json:"force"`
	NetKey  *mesh.KeyIndex  `json:"net_key" doc:"the subnet"`
	List    []schema.Device `json:"list" most:"2" unit:"devices"`
	Inner   inner           `json:"inner"`
	Value   json.RawMessage `json:"value" types:"string,number"`
	What    string          `json:"what" enum:"a,b,c"`
	private int             //nolint:unused // it must not be seen
}

func describe[T any](t *testing.T, d schema.Direction) *schema.Type {
	t.Helper()
	described, err := schema.For[T](d)
	if err != nil {
		t.Fatal(err)
	}
	return described
}

func TestDecode(t *testing.T) {
	d := describe[input](t, schema.In)
	var in input
	payload := `{"uuid":"00000000-0000-0000-0000-000000000007","time":5,"inner":{"method":"static","static":"00"},"list":["a","b"],` +
		`"net_key":4095,"what":"","force":null,"TRANSACTION":[1]}`
	if err := d.Decode([]byte(payload), &in, "transaction"); err != nil {
		t.Fatal(err)
	}
	if in.UUID != (mesh.UUID{15: 7}) || in.Time != 5 || in.TTL != 127 || in.Inner.Static != "00" || len(in.List) != 2 || *in.NetKey != 4095 {
		t.Errorf("got %+v", in)
	}
	for _, empty := range []string{"", " \n", "{}"} {
		in = input{}
		if err := d.Decode([]byte(empty), &in); err != nil || in.Time != 60 {
			t.Errorf("%q: %+v, %v", empty, in, err)
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	d := describe[input](t, schema.In)
	tests := []struct {
		payload string
		value   bool // a value that is not allowed, not wrong JSON
		says    string
	}{
		{`{`, false, "the payload cannot be read: it ends too early"},
		{`[]`, false, "the payload cannot be read: expected a JSON object, got array"},
		{`7`, false, "the payload cannot be read: expected a JSON object, got number"},
		{`{} {}`, false, "the payload cannot be read: expected one JSON object, got more behind it"},
		{`{}]`, false, "the payload cannot be read: expected one JSON object, got more behind it"},
		{"\xff", false, "the payload cannot be read: invalid character"},
		{"\ufeff{}", false, "the payload cannot be read: invalid character"},
		{`{"times":1}`, false, `the payload cannot be read: unknown field "times"`},
		{`{"inner":{"times":1}}`, false, `unknown field "times"`},
		{`{"inner":{"times":1},"timed":1}`, false, `unknown field "times"`},
		{`{"time":"1"}`, false, "time: expected a number, got string"},
		{`{"time":1e999}`, false, "time: expected a number, got number 1e999"},
		{`{"count":256}`, false, "count: expected a whole number from 0 to 255, got number 256"},
		{`{"net_key":70000}`, false, "net_key: expected a whole number from 0 to 65535, got number 70000"},
		{`{"ttl":1.5}`, false, "ttl: expected a whole number, got number 1.5"},
		{`{"force":1}`, false, "force: expected true or false, got number"},
		{`{"inner":1}`, false, "inner: expected an object, got number"},
		{`{"inner":{"static":1}}`, false, "inner.static: expected a text, got number"},
		{`{"list":"a"}`, false, "list: expected a list, got string"},
		{`{"id":7}`, false, "id: expected a text, got number"},
		{`{"uuid":7}`, false, "uuid: expected 32 hexadecimal digits, got number"},
		{`{"uuid":"12"}`, false, "the payload cannot be read: uuid: expected 32 hexadecimal digits"},
		{`{"time":-1}`, true, "time: expected 0 to 3600 seconds, got -1"},
		{`{"time":3601}`, true, "time: expected 0 to 3600 seconds, got 3601"},
		{`{"time":1e6}`, true, "time: expected 0 to 3600 seconds, got 1e+06"},
		{`{"TIME":-1}`, true, "time: expected 0 to 3600 seconds, got -1"},
		{`{"time":1,"Time":-1}`, true, "time: expected 0 to 3600 seconds, got -1"},
		{`{"ttl":128}`, true, "ttl: expected 0 to 127, got 128"},
		{`{"net_key":4096}`, true, "net_key: expected 0 to 4095, got 4096"},
		{`{"list":["a","b","c"]}`, true, "list: expected at most 2 devices, got 3"},
		{`{"inner":{"method":"telepathy"}}`, true, `inner.method: expected none, static or output, got "telepathy"`},
		{`{"what":"00112233445566778899aabbccddeeff"}`, true, `what: expected a, b or c, got another text`},
		{`{"inner":{"size":9}}`, true, "inner.size: expected 1 to 8 digits or characters, got 9"},
		{`{"what":"` + strings.Repeat("y", 1000) + `"}`, true, `what: expected a, b or c, got "` + strings.Repeat("y", 500) + `..."`},
	}
	for _, tt := range tests {
		var in input
		err := d.Decode([]byte(tt.payload), &in)
		var value *schema.ValueError
		if err == nil || errors.As(err, &value) != tt.value || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "Go ") {
			t.Errorf("%.60s: got %v, expected %s", tt.payload, err, tt.says)
		}
	}
}

func TestRequired(t *testing.T) {
	d := describe[struct {
		ID   schema.Device `json:"id" required:"true"`
		What string        `json:"what" enum:"a,b" required:"true"`
		To   string        `json:"to" required:"handler"`
	}](t, schema.In)
	for payload, says := range map[string]string{
		`{"what":"a","to":"x"}`:          "id: expected the name, UUID or address of a device",
		`{"id":"","what":"a","to":"x"}`:  "id: expected the name, UUID or address of a device",
		`null`:                           "the payload cannot be read: expected a JSON object, got null",
		`{"id":null,"what":"a"}`:         "id: expected the name, UUID or address of a device",
		`{"ID":"x","WHAT":"c"}`:          `what: expected a or b, got "c"`,
		`{"id":"x"}`:                     "what: expected a or b",
		`{"id":"x","what":"a"}`:          "", // the handler says it
		`{"id":"x","what":"a","to":"b"}`: "",
	} {
		got := ""
		if err := d.Decode([]byte(payload), &struct{ ID, What, To string }{}); err != nil {
			got = err.Error()
		}
		if got != says {
			t.Errorf("%s: got %q, expected %q", payload, got, says)
		}
	}
	data, err := json.Marshal(d.Schema())
	if err != nil || !strings.Contains(string(data), `"required":["id","what","to"]`) || strings.Contains(string(data), "handler") {
		t.Errorf("%s, %v", data, err)
	}
}

func TestRedact(t *testing.T) {
	d := describe[input](t, schema.In)
	const key = "00112233445566778899aabbccddeeff"
	for payload, want := range map[string]string{
		`{"time":5,"inner":{"method":"none","static":"` + key + `"}}`: `{"inner":{"method":"none"},"time":5}`,
		`{"inner":"` + key + `"}`:                                     ``,
		`{"time":"` + key + `"}`:                                      ``,
		`{"what":"` + key + `"}`:                                      ``,
		`{"what":"x` + key + `y"}`:                                    ``,
		`{"static":"` + key + `"}`:                                    ``,
		`{"force":{"inner":"` + key + `"}}`:                           ``,
		`{"list":["a",{"b":"` + key + `"},"c"]}`:                      `{"list":["a","c"]}`,
		`{"value":"` + key + `"}`:                                     ``,
		`{"uuid":"` + key + `","id":"` + key + `"}`:                   `{"id":"` + key + `","uuid":"` + key + `"}`,
		`{"uuid":"` + key + key + `","time":5}`:                       `{"time":5}`, // too long for a UUID
		`{"what":"` + strings.Repeat("y", 501) + `","force":true}`:    `{"force":true}`,
		`[{"time":1}]`:                                                ``, `{`: ``, ``: ``, `"` + key + `"`: ``,
	} {
		if got := string(d.Redact([]byte(payload))); got != want {
			t.Errorf("%s: got %s, expected %s", payload, got, want)
		}
	}
	if got := strings.Join(d.Secrets(), " "); got != "inner.static" {
		t.Errorf("secrets: %s", got)
	}
}

type output struct {
	Name   string                `json:"name" doc:"what it is called"`
	Index  *int                  `json:"index" doc:"null while it is not known"`
	Since  time.Time             `json:"since"`
	Left   *float64              `json:"left,omitempty" unit:"percent"`
	Parts  []struct{ inner }     `json:"parts"`
	ByName map[string]*nestedOut `json:"by_name,omitempty"`
	Model  mesh.ModelID          `json:"model"`
	Any    json.RawMessage       `json:"any,omitempty" doc:"a|b"`
}

type nestedOut struct {
	Hops uint8 `json:"hops"`
}

func TestSchema(t *testing.T) {
	d := describe[output](t, schema.Out)
	left := 1.5
	data, err := json.Marshal(output{
		Left: &left, Parts: []struct{ inner }{{}}, ByName: map[string]*nestedOut{"x": {3}}, Model: mesh.VendorModel(5, 1), Any: []byte("7"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, good := range []string{string(data), strings.Replace(string(data), `{`, `{"later":1,`, 1)} {
		if err := d.Validate([]byte(good)); err == nil {
			t.Errorf("%s: method is empty, which is none of its values", good)
		}
		good = strings.Replace(good, `"method":""`, `"method":"none"`, 1)
		if err := d.Validate([]byte(good)); err != nil {
			t.Errorf("%s: %v", good, err)
		}
		for from, to := range map[string]string{
			`"name":""`: `"name":null`, `"index":null`: `"index":"1"`, `"hops":3`: `"hops":300`, `"model":"0005`: `"model":"x`, `"left":1.5`: `"left":null`,
		} {
			bad := strings.Replace(good, from, to, 1)
			if bad == good || d.Validate([]byte(bad)) == nil {
				t.Errorf("%s is valid", bad)
			}
		}
	}
	text, err := json.Marshal(d.Schema())
	if err != nil || !strings.Contains(string(text), schema.Draft) {
		t.Errorf("%s, %v", text, err)
	}
	const want = `| field | value | meaning |
|---|---|---|
| ` + "`name`" + ` | text | what it is called |
| ` + "`index`" + ` | null or whole number | null while it is not known |
| ` + "`since`" + ` | time, RFC 3339 |  |
| ` + "`left`" + ` | number (percent) |  |
| ` + "`parts`" + ` | list |  |
| ` + "`parts[].method`" + ` | ` + "`none`, `static`, `output`" + ` | how |
| ` + "`parts[].static`" + ` | text | value on the device; secret |
| ` + "`parts[].size`" + ` | whole number, 0 to 8 |  |
| ` + "`by_name`" + ` | object |  |
| ` + "`by_name.*.hops`" + ` | whole number |  |
| ` + "`model`" + ` | text: a model as four hexadecimal digits, or company:model |  |
| ` + "`any`" + ` | any JSON | a\|b |
`
	if got := d.Markdown(); got != want {
		t.Errorf("got\n%s\nexpected\n%s", got, want)
	}
}

func TestWrongTypesAreRefused(t *testing.T) {
	for name, err := range map[string]error{
		"channel": second(schema.For[struct{ A chan int }](schema.In)),
		"no name": second(schema.For[struct{ A int }](schema.In)),
		"min": second(schema.For[struct {
			A int `json:"a" min:"x"`
		}](schema.In)),
		"default": second(schema.For[struct {
			A string `json:"a" default:"x"`
		}](schema.In)),
		"required": second(schema.For[struct {
			A int `json:"a" required:"yes"`
		}](schema.In)),
		"marshaler": second(schema.For[struct {
			A marshaler `json:"a"`
		}](schema.In)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

type marshaler struct{}

func (marshaler) MarshalJSON() ([]byte, error) { return nil, nil }

func second(_ *schema.Type, err error) error { return err }
