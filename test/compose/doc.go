// Package compose tries docker-compose.yml: Mosquitto and the bridge come up in
// containers and find each other, and a lamp is switched through both.
package compose
