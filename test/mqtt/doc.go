// Package mqtt tests the bridge's MQTT session against a real Mosquitto.
package mqtt
