// Package firmware contains the Firmware Update and Firmware Distribution
// models (Mesh Device Firmware Update Model 1.0). A node has firmware images
// with identifiers. A new image is announced with metadata, transferred as a
// BLOB (package blob), verified by the node and then applied:
//
//	idle -> transfer active -> verifying -> verification succeeded -> applying
//
// An Updater takes one node through these phases. A Distributor does so for
// many nodes, with firmware that an Initiator uploads to it; it may be close to
// nodes that the initiator does not reach:
//
//	Initiator ── upload, start, how far? ──▶ Distributor ── Updater ──▶ UpdateServer of each node
//
// Messages are encrypted with an application key.
package firmware
