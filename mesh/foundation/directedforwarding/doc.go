// Package directedforwarding holds the Directed Forwarding Configuration models
// (Mesh Protocol 1.1.1, chapter 4): messages and server. The server keeps, for
// each subnet, whether and how the node forwards along paths, and the paths of
// its forwarding table that a client fixed.
//
//	forwarding table: | path origin range | path target range or destination |
//	                  | dependent origins | dependent targets | bearers |
//
// The states have no effect: the node finds no paths (mesh/directed has the
// control messages). A device lists this server only when it acts on the states.
package directedforwarding
