// Package request describes the requests that can be made to the bridge: what
// each is called, what it takes and gives, how long that may take and how it can
// fail. The description and the handler stand together in a [Definition]; a
// [Table] holds the definitions of all parts of the bridge.
//
//	B/bridge/request/NAME ─ payload ─▶ Table.Handle ─ decoded ─▶ handler of the part
//	                                                                │ now or later
//	B/bridge/response/NAME ◀─ Outlet.Reply ◀────────── Call.Answer ◀┤
//	B/bridge/event         ◀─ Outlet.Progress ◀─ ProgressCall.Progress
//
// Everything else is derived from the definition: the reading of a payload with
// its errors, what a log may show of it, the JSON Schemas for forms and clients,
// and the reference page. Any front end can use the table: MQTT, a page, a
// command line.
//
// A request is defined with the types of its input and output (see package schema
// for the tags):
//
//	type RenameIn struct {
//		From schema.Device `json:"from" doc:"the device" required:"true"`
//		To   string        `json:"to" doc:"its new name" required:"true"`
//	}
//	type RenameOut struct {
//		From string `json:"from" doc:"the name it had"`
//		To   string `json:"to" doc:"the name it has now"`
//	}
//
//	request.Define(request.Meta{
//		Name:    "device/rename",
//		Summary: "Give a device another name",
//		Errors:  []string{"unknown_device", "name_taken"},
//		Example: request.Example{In: `{"from":"plug","to":"kitchen/plug"}`},
//	}, func(c *request.Call[RenameOut], in RenameIn) { ... c.Answer(&RenameOut{...}, nil) })
//
// # Progress
//
// A client of Zigbee2MQTT takes the first response for the outcome, so there is
// exactly one. What a long request has done so far is an event instead:
//
//	B/bridge/event {"data":{"done":2,"request":"X","step":"verify","total":3,"transaction":7},"type":"request_progress"}
package request
