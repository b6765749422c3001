// Package remoteprovisioning holds the messages of the Remote Provisioning
// models (Mesh Protocol 1.1.1, section 4.3.4). A client uses a node near a new
// device to scan for it and to transfer the provisioning PDUs. Package
// mesh/remote has both models.
//
//	client ◀── mesh messages ──▶ server ◀── PB-ADV or PB-GATT ──▶ new device
//
//	scan:  Scan Start ──▶  ◀── Scan Status, then Scan Report for each device
//	link:  Link Open  ──▶  ◀── Link Status, then Link Report
//	PDUs:  PDU Send   ──▶  ◀── PDU Outbound Report;  ◀── PDU Report
package remoteprovisioning
