package schema_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/schema"
)

// FuzzPayload reads any payload: what Decode takes matches the ranges, errors are
// short and without names of Go types, and what Redact shows is JSON without the
// secret.
func FuzzPayload(f *testing.F) {
	const secret = "canary"
	for _, payload := range []string{
		``, `{}`, `[]`, `{"time":1}`, `{"Time":-1}`, `{"inner":{"static":"canary"}}`, `{"inner":"canary"}`, `{"INNER":{"Static":"canary"}}`,
		`{"list":["canary"]}`, `{"uuid":"00000000000000000000000000000001","net_key":1}`, `{"a":{"inner":{"static":"canary"}}}`, "\xff", `{"time":1e400}`,
	} {
		f.Add([]byte(payload))
	}
	d, err := schema.For[input](schema.In)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		var in input
		err := d.Decode(payload, &in, "transaction")
		switch {
		case err != nil:
			if text := err.Error(); len(text) > len(payload)+1000 || strings.Contains(text, "schema_test") {
				t.Errorf("error %q", text)
			}
		case in.Time < 0 || in.Time > 3600 || in.TTL < 0 || in.TTL > 127 || in.Inner.Size > 8 || len(in.List) > 2:
			t.Errorf("took %+v", in)
		}
		shown := d.Redact(payload)
		if shown != nil && !json.Valid(shown) {
			t.Errorf("shows %q", shown)
		}
		// The secret may be shown where it is no secret: in another field of the
		// right type.
		var fields map[string]json.RawMessage
		if json.Unmarshal(shown, &fields) == nil && bytes.Contains(fields["inner"], []byte(secret)) &&
			!bytes.Contains(fields["inner"], []byte(`"method":`)) {
			t.Errorf("shows %s", shown)
		}
	})
}
