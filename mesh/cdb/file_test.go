package cdb_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/cdb"
)

// read reads a database node by node.
func read(data []byte) (*cdb.Database, error) {
	f, err := cdb.Open(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	d := *f.Head()
	for range 2 { // it can be read again
		d.Nodes = nil
		if err := f.Nodes(func(n *cdb.Node) error { d.Nodes = append(d.Nodes, *n); return nil }); err != nil {
			return nil, err
		}
	}
	return &d, nil
}

// agree checks that a database is read and written in the same way node by node
// and at once.
func agree(t *testing.T, data []byte) {
	t.Helper()
	whole, wrong := cdb.Parse(data)
	d, err := read(data)
	if (err == nil) != (wrong == nil) {
		t.Fatalf("node by node: %v\nat once: %v\n%s", err, wrong, data)
	}
	if err != nil {
		var problems cdb.Problems
		if !errors.As(err, &problems) {
			t.Errorf("the error is %v", err)
		}
		return
	}
	out, err := whole.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w, err := cdb.NewWriter(&b, d)
	if err != nil {
		t.Fatal(err)
	}
	for i := range d.Nodes {
		if err := w.Add(&d.Nodes[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil || !bytes.Equal(b.Bytes(), out) {
		t.Errorf("%v\nnode by node %s\nat once %s", err, &b, out)
	}
}

func TestNodeByNode(t *testing.T) {
	data := file(t)
	for name, octets := range map[string][]byte{
		"as it is":       data,
		"wrapped":        []byte(`{"meshNetwork":` + string(data) + `}`),
		"wrapped text":   []byte(`{"meshNetwork":"x"}`),
		"wrapped twice":  []byte(`{"meshNetwork":{"meshNetwork":` + string(data) + `}}`),
		"and another":    []byte(strings.Replace(string(data), "{", `{"meshNetwork":{"nodes":[7,{}]},`, 1)),
		"more after it":  append(bytes.Clone(data), "{}"...),
		"an end":         data[:len(data)/2],
		"unknown fields": []byte(strings.Replace(string(data), "{", `{"color":{"deep":[[[{"nodes":[1]}]]]},`, 1)),
		"no nodes":       changed(t, func(n map[string]any) { delete(n, "nodes") }),
		"nodes as text":  changed(t, func(n map[string]any) { n["nodes"] = "x" }),
		"nodes as null":  changed(t, func(n map[string]any) { n["nodes"] = nil }),
		"nodes as object": changed(t, func(n map[string]any) {
			n["nodes"] = map[string]any{"0": map[string]any{}}
		}),
		"empty nodes": changed(t, func(n map[string]any) { n["nodes"] = []any{} }),
		"no node":     changed(t, func(n map[string]any) { n["nodes"].([]any)[1] = 7 }),
		"an address twice": changed(t, func(n map[string]any) {
			at(n, "nodes", 0).(map[string]any)["unicastAddress"] = "0006"
		}),
		"nothing": {}, "null": []byte("null"), "a list": []byte("[]"), "deep": bytes.Repeat([]byte("["), 20000),
	} {
		t.Run(name, func(t *testing.T) { agree(t, octets) })
	}
}

// TestSameProblems checks that the problems of nodes are those of Parse.
func TestSameProblems(t *testing.T) {
	for name, change := range map[string]func(n map[string]any){
		"fields": func(n map[string]any) {
			delete(n, "meshName")
			at(n, "nodes", 1).(map[string]any)["cid"] = 89
		},
		"rules": func(n map[string]any) {
			at(n, "nodes", 0).(map[string]any)["unicastAddress"] = "0006"
			at(n, "nodes", 1, "elements", 1).(map[string]any)["index"] = 3
		},
	} {
		data := changed(t, change)
		_, wrong := cdb.Parse(data)
		if _, err := read(data); !reflect.DeepEqual(err, wrong) {
			t.Errorf("%s: got %v\nwant %v", name, err, wrong)
		}
	}
}

// TestNodesInAnyOrder reads a file whose nodes come before the keys that they
// refer to.
func TestNodesInAnyOrder(t *testing.T) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(file(t), &fields); err != nil {
		t.Fatal(err)
	}
	first := append([]byte(`{"nodes":`), fields["nodes"]...)
	for name, value := range fields {
		if name != "nodes" {
			first = append(append(append(first, `,"`+name+`":`...), value...), '\n')
		}
	}
	agree(t, append(first, '}'))
}

// FuzzNodeByNode reads arbitrary files in both ways.
func FuzzNodeByNode(f *testing.F) {
	f.Add(file(f))
	f.Add([]byte(`{"meshNetwork":{"nodes":[]},"nodes":[{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.Count(data, []byte("nodes")) > 1 || bytes.Contains(data, []byte(`\u`)) || bytes.Count(data, []byte("meshNetwork")) > 1 {
			return // a field that is there twice is an error node by node
		}
		agree(t, data)
	})
}
