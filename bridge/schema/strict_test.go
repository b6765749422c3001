package schema_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/schema"
)

func TestStrict(t *testing.T) {
	for _, good := range []string{
		``, `{}`, `null`, `1`, `"x"`, `{"a":1,"b":{"a":1},"c":[{"a":1},{"a":2}]}`, `{"a":"\ud83d\ude00","b":"😀","c":"\\ud800","d":"\u00e9"}`,
		`{"a":"{\"a\":1,\"a\":2}"}`, `{`, `ON`, `{"a":1}x`, `["a","a"]`, strings.Repeat("[", 32) + strings.Repeat("]", 32),
		`{"a":"` + strings.Repeat("[", 100) + `"}`, `{"a":"\"[[[["}`, `{"a":[-1.5e3,0,1e308,1e-999,18446744073709551616]}`, `{"a":NaN}`,
	} {
		if err := schema.Strict([]byte(good)); err != nil {
			t.Errorf("%.100s: %v", good, err)
		}
	}
	for bad, says := range map[string]string{
		`{"a":1,"a":2}`:               `"a" twice`,
		`{"a":1,"A":2}`:               `"A" twice`,
		`{"a":1,"\u0061":2}`:          `"a" twice`,
		`{"x":[{"a":1,"b":2,"a":3}]}`: `"a" twice`,
		`{"a":{"b":1,"b":1}}`:         `"b" twice`,
		`{"` + strings.Repeat("ab", 20) + `":1,"` + strings.Repeat("ab", 20) + `":1}`: "a field twice",
		`"\ud800"`:               "surrogate",
		`{"a":[1,1e999]}`:        "numbers",
		`-1e400`:                 "numbers",
		strings.Repeat("9", 400): "numbers",
		`"\ud800x"`:              "surrogate",
		`"\ude00\ud83d"`:         "surrogate",
		`"\ud83d\ud83d"`:         "surrogate",
		`"\ud83d\n"`:             "surrogate",
		`{"\udfff":1}`:           "surrogate",
		"{\"a\":\"\xff\"}":       "UTF-8",
		"\xff":                   "UTF-8",
		strings.Repeat("[", 33):  "in each other",
		strings.Repeat("[", 33) + strings.Repeat("]", 33):           "in each other",
		strings.Repeat(`{"a":`, 33) + "1" + strings.Repeat("}", 33): "in each other",
		`"` + strings.Repeat("x", 1<<20) + `"`:                      "262144 octets",
	} {
		err := schema.Strict([]byte(bad))
		if err == nil || !strings.Contains(err.Error(), says) || len(err.Error()) > 300 {
			t.Errorf("%.100s: error %v, expected one that says %s", bad, err, says)
		}
	}
}

// What passes and is JSON means the same when it is written and read again.
func FuzzStrict(f *testing.F) {
	for _, seed := range []string{`{"a":1,"b":[true,null,"\ud83d\ude00"]}`, `{"a":1,"a":2}`, `"\ud800"`, `[[[]]]`, `{"\\":"\""}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if schema.Strict(payload) != nil || !json.Valid(payload) {
			return
		}
		var v any
		if err := json.Unmarshal(payload, &v); err != nil {
			return // a number that is too large
		}
		again, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(again), `\ufffd`) && !strings.Contains(strings.ToLower(string(payload)), `\ufffd`) && !strings.Contains(string(payload), "\uFFFD") {
			t.Errorf("%q lost a character: %q", payload, again)
		}
		if schema.Strict(again) != nil && len(again) <= schema.MaxPayload {
			t.Errorf("%q passes, and %q does not", payload, again)
		}
	})
}
