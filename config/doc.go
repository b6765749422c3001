// Package config reads the configuration: defaults, then a YAML file, then the
// environment, then flags. Each layer overrides the previous ones.
//
//	key in YAML      mqtt:
//	                   url: mqtt://broker:1883
//	environment      BTMESH2MQTT_MQTT__URL=mqtt://broker:1883
//	flag             --mqtt.url mqtt://broker:1883
//
// One table (Keys) describes all keys. The flags, the names of the environment
// variables, the checks, the commented example and the listing of the effective
// configuration are derived from it, so they always agree.
//
// Nothing is ignored. An unknown key, a value of the wrong type and a value out
// of range are problems, and Load reports all of them at once. Passwords have a
// type that is never printed.
package config
