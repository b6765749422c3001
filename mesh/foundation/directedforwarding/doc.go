// Package directedforwarding implements the Directed Forwarding Configuration
// models (Mesh Protocol 1.1.1, chapter 4): messages and server. For each subnet
// the server holds the directed forwarding states and the fixed paths of the
// forwarding table that a client has added.
//
//	forwarding table: | path origin range | path target range or destination |
//	                  | dependent origins | dependent targets | bearers |
//
// The states have no effect: the node does not discover paths (mesh/directed
// has the control messages). A device lists this server only if it acts on the
// states.
package directedforwarding
