package service

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/test/observer"
)

// Any message can be sent to any device of the demo, with an AppKey or the
// device key, unsegmented or segmented, and to all of them.
func TestMessagesByHand(t *testing.T) {
	t.Parallel()
	url := localBroker(t)
	demo := start(t, "demo", "--mqtt.url", url, "--log.level", "debug", "--log.format", "json")
	demo.ready()
	o := observer.Start(t, url, nil)
	for _, tt := range []struct{ payload, want string }{
		{
			`{"dst":"demo_plug","message":"Generic OnOff Set","fields":{"onoff":true,"tid":200}}`,
			`{"status":"ok","data":{"acknowledged":true,"response":{"message":"Generic OnOff Status","hex":"01","fields":{"present_onoff":true}}}}`,
		},
		{
			`{"dst":"demo_plug","opcode":"0x8201"}`,
			`{"status":"ok","data":{"message":"Generic OnOff Get","response":{"opcode":"8204","fields":{"present_onoff":true}}}}`,
		},
		{
			`{"dst":"demo_lamp","key":"device","message":"Config Composition Data Get","fields":{"page":0}}`,
			`{"status":"ok","data":{"response":{"message":"Config Composition Data Status","fields":{"page":0}}}}`,
		},
		{
			`{"dst":"0xffff","message":"Generic OnOff Get"}`,
			`{"status":"ok","data":{"dst":"0xffff","acknowledged":false}}`,
		},
		{
			`{"dst":"demo_plug","message":"Light HSL Get","attempts":1,"timeout":10}`,
			`{"status":"error","code":"no_response","data":{"name":"demo_plug"}}`,
		},
	} {
		mark := o.Mark()
		o.Send(base+"bridge/request/mesh/send", tt.payload)
		o.Next(mark, base+"bridge/response/mesh/send", tt.want)
	}
	o.AwaitLast(base+"demo_plug", `{"state":"ON"}`)
}
