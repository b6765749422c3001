// Package compose tests docker-compose.yml: Mosquitto and the bridge start in
// containers and find each other, and a lamp is switched through both.
package compose
