// Package config reads the configuration: defaults, then a YAML file, then the
// environment, then flags, each overriding what came before.
//
//	key in YAML      mqtt:
//	                   url: mqtt://broker:1883
//	environment      BTMESH2MQTT_MQTT__URL=mqtt://broker:1883
//	flag             --mqtt.url mqtt://broker:1883
//
// All keys stand in one table (Keys), from which the flags, the names of the
// environment variables, the checks, the commented example and the listing of
// the effective configuration are made; none of them can go stale.
//
// Nothing is ignored: an unknown key, a value of the wrong type, a value out
// of range are problems, and Load reports all of them at once. Passwords are
// of a type that does not print.
package config
