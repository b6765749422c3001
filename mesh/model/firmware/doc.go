// Package firmware holds the Firmware Update and Firmware Distribution models
// (Mesh Device Firmware Update Model 1.0). A node has firmware images with
// identifiers; a new one is announced with metadata, comes as a BLOB (package
// blob), is verified by the node and then applied:
//
//	idle -> transfer active -> verifying -> verification succeeded -> applying
//
// An Updater leads a node through that. A Distributor does so for many nodes, with
// firmware that an Initiator uploads to it; it may be near to nodes that the
// initiator does not reach:
//
//	Initiator ── upload, start, how far? ──▶ Distributor ── Updater ──▶ UpdateServer of each node
//
// Messages are encrypted with an application key.
package firmware
