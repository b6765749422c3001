package main

import (
	"bytes"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/config"
)

func TestDemoSaysHowToReachTheBroker(t *testing.T) {
	for name, test := range map[string]struct {
		url, user string
		own       bool
		want      string
	}{
		"its own":       {url: "mqtt://" + demoBroker, own: true, want: ""},
		"here":          {url: "mqtt://localhost:1883", want: " -h localhost -p 1883"},
		"elsewhere":     {url: "mqtt://broker", want: " -h broker"},
		"with password": {url: "mqtt://broker:1884", user: "bob", want: " -h broker -p 1884 -u bob -P PASSWORD"},
	} {
		t.Run(name, func(t *testing.T) {
			c := config.Default()
			c.MQTT.URL, c.MQTT.Username, c.MQTT.Password = test.url, test.user, config.NewSecret("hunter2")
			d := &demo{config: &c, ownBroker: test.own}
			if got := d.options(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestBarOffTheTerminalIsLines(t *testing.T) {
	var b bytes.Buffer
	bar := newBar(&b, "Provisioning", 2)
	bar.step("demo_plug")
	bar.step("demo_lamp")
	want := "Provisioning [....................] 0 of 2\n" +
		"Provisioning [##########..........] 1 of 2 demo_plug\n" +
		"Provisioning [####################] 2 of 2 demo_lamp\n\n"
	if b.String() != want {
		t.Errorf("got %q", &b)
	}
}
