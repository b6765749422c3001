// Package service tests the program as users run it: the binary, started with
// arguments, between a broker and a virtual radio. The packages below it, such
// as the MQTT session, have their own tests.
package service
