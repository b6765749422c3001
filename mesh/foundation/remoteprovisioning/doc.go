// Package remoteprovisioning holds the messages of the Remote Provisioning
// models (Mesh Protocol 1.1.1, section 4.3.4). A client lets a node near a new
// device scan for it and carry the provisioning PDUs; package mesh/remote has
// both models.
//
//	client ◀── mesh messages ──▶ server ◀── PB-ADV or PB-GATT ──▶ new device
//
//	scan:  Scan Start ──▶  ◀── Scan Status, then Scan Report for each device
//	link:  Link Open  ──▶  ◀── Link Status, then Link Report
//	PDUs:  PDU Send   ──▶  ◀── PDU Outbound Report;  ◀── PDU Report
package remoteprovisioning
